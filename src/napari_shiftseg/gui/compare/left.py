"""Whose tiles the left canvas shows: naive ones, or those of another library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox

from napari_shiftseg.gui.parts.layout import ControlRow

if TYPE_CHECKING:
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.pipeline.sides import Left

NAIVE: Left = "naive"
WIDTH = 180  # pixels: normalised by tile
TOOLTIP = (
    "Tiles on the left. naive: no more than the tile size is read. blended: they "
    "overlap by a half and are averaged, as MONAI and nnU-Net do. declared halo: as "
    "bioimageio.core does, with the halo that the package declares. normalised by "
    "tile: on the grid, but the grey values of each are scaled by themselves"
)


class LeftChoice(ControlRow):
    """A list of the ways to tile a network that was made elsewhere; else hidden."""

    def __init__(self) -> None:
        self._choice = ComboBox(
            choices=[NAIVE], value=NAIVE, label="Left", tooltip=TOOLTIP
        )
        self._choice.max_width = WIDTH
        super().__init__(self._choice, labels=True)
        self.visible = False

    @property
    def way(self) -> Left:
        """What is chosen."""
        chosen: Left = self._choice.value
        return chosen

    @way.setter
    def way(self, way: Left) -> None:
        self._choice.value = way

    def checked(self, config: NetworkConfig, settings: Settings) -> Left:
        """Return what is chosen, if it goes with the model and the settings.

        Parameters
        ----------
        config : NetworkConfig
        settings : Settings

        Raises
        ------
        ValueError
            If it does not.
        """
        way = self.way
        if way != NAIVE:
            from napari_shiftseg.pipeline.libraries import check_also

            check_also([way], config, settings)
        return way

    @property
    def ways(self) -> tuple[Left, ...]:
        """What can be chosen."""
        return tuple(self._choice.choices)

    def follow(self, config: NetworkConfig) -> None:
        """Offer what there is for a model; what is chosen stays if it has it.

        Parameters
        ----------
        config : NetworkConfig
        """
        from napari_shiftseg.pipeline.libraries import ways_of  # loads much

        ways = ways_of(config) if config.is_foreign else ()
        self._choice.choices = [NAIVE, *(way for way in ways if way != "blended 0.25")]
        self.visible = len(self.ways) > 1
