"""Which colour of an RGB image is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox

from napari_shiftseg.gui.source import COLOURS

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_shiftseg.gui.choices import LayerChoice


class ColourChoice(ComboBox):
    """Grey, or one of the three colours; shown while a colour image is chosen.

    Parameters
    ----------
    image : LayerChoice
    """

    def __init__(self, image: LayerChoice) -> None:
        super().__init__(
            choices=COLOURS, label="Colour",
            tooltip="What is read of the colours: their luminance, or one of them, "
            "where a stain has a colour of its own.",
        )  # fmt: skip
        image.changed.connect(self.follow)
        self.follow(image.value)

    def follow(self, image: Image | None) -> None:
        """Be seen beside an image that has colours."""
        self.visible = image is not None and image.rgb
