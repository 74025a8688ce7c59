"""Whether the user is drawing on a layer with napari's own tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.layers import Labels

STILL_MODES = ("pan_zoom", "transform", "pick")


class DragWatch:
    """Knows whether a stroke of napari's brush, fill or eraser is under way.

    Until it ends, napari tells nobody about it, and forgets it if its history is reset.

    Parameters
    ----------
    layer : Labels
    ended : callable
        Called when a stroke has ended and napari has told of it.

    Attributes
    ----------
    is_drawing : bool
    """

    def __init__(self, layer: Labels, ended: Callable[[], None]) -> None:
        self.is_drawing = False
        self._layer, self._ended = layer, ended
        layer.mouse_drag_callbacks.append(self._drag)

    def stop(self) -> None:
        """Let the layer alone."""
        self.is_drawing = False
        if self._drag in self._layer.mouse_drag_callbacks:
            self._layer.mouse_drag_callbacks.remove(self._drag)

    def _drag(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        if str(layer.mode) in STILL_MODES:
            return
        self.is_drawing = True
        yield
        while event.type == "mouse_move":
            yield
        self.is_drawing = False
        QTimer.singleShot(0, self._ended)
