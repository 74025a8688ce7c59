"""Whether the planes of a stack are linked: a box and the overlap it takes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox

from napari_shiftseg.clustering.linking import LINK_THRESHOLD
from napari_shiftseg.gui.parts.layout import ControlRow, control_of
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.pipeline.glossary import terms
from napari_shiftseg.pipeline.series import linked_axis
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_shiftseg.networks.config import NetworkConfig


LEAST = 0.01  # overlap
TEXT = {True: "Link planes", False: "Link frames"}  # by whether they are planes
TOOLTIP = {
    True: "Objects of neighbouring planes that overlap are one object. The number of "
    "objects is then that of cells, and 3-D shows cells.\nTicked by itself unless the "
    "image says that its first axis is time.",
    False: "An object keeps its number from frame to frame, as far as it overlaps "
    "itself: a first step to tracks, for a tracker to go on from.",
}


class LinkChoice(ControlRow):
    """Shown where the image is a stack: whether its planes are linked, and how.

    What is usual for an image is chosen by itself, see `linked_axis`; what the user
    chooses stays until the image is another.
    """

    def __init__(self) -> None:
        self.box = CheckBox(text=TEXT[True], tooltip=TOOLTIP[True])
        self.threshold = control_of(terms(Settings)["link_threshold"])
        self.threshold.native.setDecimals(2)
        self.threshold.min, self.threshold.value = LEAST, LINK_THRESHOLD
        self._image: Image | None = None
        self._usual = False
        super().__init__(self.box, self.threshold, label="Stack")
        self.visible = False
        self.box.changed.connect(self._take)

    def follow(
        self, image: Image | None, config: NetworkConfig, is_in_view: bool
    ) -> None:
        """Learn what is segmented next.

        Parameters
        ----------
        image : Image or None
        config : NetworkConfig
            Of the model.
        is_in_view : bool
            Whether only the frame that is shown is.
        """
        source = None if image is None else LayerSource.of(image)
        leading = 0 if source is None else len(source.shape) - config.ndim
        is_stack = source is not None and prod(source.shape[: max(leading, 0)]) > 1
        self.visible = is_stack and not is_in_view
        if source is None or not is_stack:
            self._image = None
            return
        usual = linked_axis(None, source.names, leading, config.ndim) is not None
        self.box.text, self.box.tooltip = TEXT[usual], TOOLTIP[usual]
        if image is not self._image or usual is not self._usual:
            self._image, self._usual = image, usual
            self.box.value = usual
        self._take()

    def settings(self) -> dict[str, Any]:
        """Return what is chosen, as keywords of `Settings`; None where it is usual."""
        chosen = bool(self.box.value)
        asked = None if self._image is None or chosen is self._usual else chosen
        return {"link_planes": asked, "link_threshold": self.threshold.value}

    def restore(self, image: Image, settings: Settings) -> None:
        """Show the settings of an earlier run of an image.

        Parameters
        ----------
        image : Image
        settings : Settings
        """
        asked = settings.link_planes
        self._image = image
        self.box.value = self._usual if asked is None else asked
        self.threshold.value = settings.link_threshold

    def _take(self) -> None:
        self.threshold.enabled = bool(self.box.value)
