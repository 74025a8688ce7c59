"""Objects coloured by a column of their table: area, intensity, confidence, class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import ComboBox
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap, ensure_colormap

from napari_shiftseg.gui.parts.layout import is_open
from napari_shiftseg.gui.parts.object_features import INDEX, has_table
from napari_shiftseg.gui.parts.result_layers import USUAL, WIDE, result_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from numpy.typing import NDArray

OBJECTS = "object"  # each in a colour of its own
BY = "by "  # a column: how the colours are called
MOST = 60_000  # the largest label; napari takes 2¹⁶ colours
ENDS = (2, 98)  # percentiles that are the ends of the scale
SCALE = "viridis"  # told apart by the colour-blind, too
UNKNOWN = (0.5, 0.5, 0.5, 1.0)  # objects without a value
TOOLTIP = (
    "Colour the objects by a column of their table: dark is low, yellow is high (2nd "
    "to 98th percentile), grey is not known."
)


class ColourBy(ComboBox):
    """Shown while there are labels with a table: what their colours say.

    It is of the selected layer, else of the latest run, and follows its table.

    Parameters
    ----------
    viewer : Viewer
    latest : callable
        Returns the labels of the latest run, or None.
    failed : callable
        Takes the words of an error.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        latest: Callable[[], Labels | None],
        failed: Callable[[str], None],
    ) -> None:
        self._failed = failed
        self._layers, self._latest = viewer.layers, latest
        self._usual: dict[Any, tuple[str, Any]] = {}  # by what layers are known by
        super().__init__(label="Colour by", choices=[OBJECTS], tooltip=TOOLTIP)
        self.changed.connect(self._colour)
        for happened in (
            viewer.layers.selection.events.active,
            viewer.layers.events.removed,
        ):
            happened.connect(self.offer)

    def offer(self) -> None:
        """Show what there is to colour by."""
        if not is_open(self.native):
            return
        layer = self._labels()
        self.visible = layer is not None
        if layer is None:
            return
        chosen, _ = self._known(layer)
        with self.changed.blocked():
            columns = [name for name in layer.features if name != INDEX]
            self.choices = [OBJECTS, *columns]
            self.value = chosen if chosen in columns else OBJECTS

    def _labels(self) -> Labels | None:
        """Return the labels that are meant."""
        for layer in (self._layers.selection.active, self._latest()):
            if isinstance(layer, Labels) and has_table(layer):
                return layer
        return None

    def _known(self, layer: Labels) -> tuple[str, Any]:
        """Return what colours say now, and the usual ones."""
        named = str(layer.colormap.name).removeprefix(BY)
        if named != layer.colormap.name:  # of a widget that was closed
            unknown = named, result_labels()
        else:
            unknown = OBJECTS, layer.colormap
        return self._usual.get(layer.unique_id, unknown)

    def _colour(self, column: str) -> None:
        layer = self._labels()
        if layer is None:
            return
        _, usual = self._known(layer)
        try:
            colours = usual if column == OBJECTS else coloured_by(layer, column)
        except ValueError as error:
            self._failed(str(error))
            self.offer()
            return
        if layer.unique_id not in self._usual:
            layer.events.features.connect(self._follow)
        self._usual[layer.unique_id] = column, usual
        layer.colormap = colours

    def _follow(self, event: Any) -> None:
        """Colour objects by a table that has changed."""
        if not is_open(self.native):
            return
        layer = event.source
        column, usual = self._usual[layer.unique_id]
        if column in layer.features and layer.features[INDEX].max() <= MOST:
            layer.colormap = coloured_by(layer, column)
        elif column != OBJECTS:
            self._usual[layer.unique_id] = OBJECTS, usual
            layer.colormap = usual
        self.offer()


def coloured_by(layer: Labels, column: str) -> CyclicLabelColormap:
    """Return colours of objects that say what a column of their table holds.

    Parameters
    ----------
    layer : Labels
        With a table.
    column : str
        Numbers, yes and no, or words.

    Raises
    ------
    ValueError
        If an object has too large a number for a colour of its own.
    """
    labels = layer.features[INDEX].to_numpy()
    most = int(labels.max(initial=0))
    if most > MOST:
        raise ValueError(
            f"objects are coloured by a column up to the number {MOST:,}, but there is "
            f"one of the number {most:,}"
        )
    colours = np.tile(np.array(UNKNOWN, np.float32), (max(most + 1, WIDE), 1))
    colours[0] = 0
    colours[labels] = _colours(layer.features[column].to_numpy())
    return CyclicLabelColormap(colors=colours, name=f"{BY}{column}")


def _colours(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return a colour for each value, (n, 4)."""
    if values.dtype.kind not in "bfiu":
        words, place = np.unique(values.astype(str), return_inverse=True)
        own = USUAL[1 + np.arange(len(words)) % (len(USUAL) - 1)]
        return np.where((words == "")[:, None], UNKNOWN, own)[place].astype(np.float32)
    numbers = values.astype(float)
    known = np.isfinite(numbers)
    found = np.tile(np.array(UNKNOWN, np.float32), (len(numbers), 1))
    if known.any():
        low, high = np.percentile(numbers[known], ENDS)
        share = np.clip((numbers[known] - low) / ((high - low) or 1), 0, 1)
        found[known] = ensure_colormap(SCALE).map(share)
    return found
