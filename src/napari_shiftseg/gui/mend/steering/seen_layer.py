"""A steered layer as it is seen: its colours, and why a frame of it is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.gui.mend.steering.kept_colours import COLOURS, KeptColours

if TYPE_CHECKING:
    import numpy as np
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame
    from napari_shiftseg.gui.mend.steering.seen_steps import SeenFrame
    from napari_shiftseg.interaction.editing.positions import Point


class SeenLayer:
    """Lets the frame that is shown have its own colours.

    Parameters
    ----------
    layer : Labels

    Attributes
    ----------
    colours : KeptColours
    """

    def __init__(self, layer: Labels) -> None:
        self.colours = COLOURS.setdefault(layer, KeptColours())
        self._layer = layer
        self._of: Point | None = None
        self._why_none: dict[Point, str] = {}

    def keep(self, seen: SeenFrame, is_shown: bool) -> None:
        """Take a frame whose labels were written, and refresh the layer."""
        position = seen.frame.position
        self.colours.keep(position, seen.colours)
        self._why_none[position] = seen.why_none
        if is_shown:
            self._of = position
            self.refresh(seen.colours)
        else:
            self._layer.refresh()

    def refresh(self, colours: NDArray[np.float32]) -> None:
        """Refresh the layer, with colours of the frame shown, (colours + 1, 4)."""
        if not self.colours.show(self._layer, colours):
            self._layer.refresh()

    def go_to(self, position: Point, frame: SteeredFrame | None) -> None:
        """Learn which frame is shown, and how it was clustered last, if it was."""
        if frame is not None and position != self._of:
            self._of = position
            number = len(frame.objects.mode_of) - 1
            self.colours.show(self._layer, self.colours.of(position, number))

    def why_none(self, frame: SteeredFrame | None) -> str:
        """Return what made all objects of a frame go; "" where there are some."""
        if frame is None or len(frame.mending.frame.boxes):
            return ""
        found = len(frame.objects.mode_of) - 1
        why = self._why_none[frame.position]
        return why or f"edits took the {found:,} found away"
