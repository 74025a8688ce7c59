"""A layer that a tool makes once and hides between two uses, until it is laid down."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels, Layer

PAUSE = 60  # milliseconds, in which a canvas is drawn
_WAITING: deque[tuple[napari.Viewer, Layer]] = deque()


class OwnLayer:
    """At most one layer in the viewer, which the user may remove.

    It goes with the labels that it was made for.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Layer | None = None
        self._of: Labels | None = None
        viewer.layers.events.removed.connect(self._follow_labels)

    @property
    def is_there(self) -> bool:
        """Whether there is such a layer, and the user has not removed it."""
        return self._layer is not None and self._layer in self._viewer.layers

    def hide(self) -> None:
        """Show it no more."""
        if self.is_there:
            self._layer.visible = False

    def lay_down(self) -> None:
        """Take the layer away soon, if there is one: its tool was laid down."""
        if self.is_there:
            self._layer.visible = False
            remove_soon(self._viewer, self._layer)
        self._layer = self._of = None

    def remove(self) -> None:
        """Take the layer away, if there is one."""
        if self.is_there:
            self._viewer.layers.remove(self._layer)
        self._layer = self._of = None

    def _follow_labels(self, event: Any) -> None:
        if event.value is self._of and self._layer is not None:
            remove_soon(self._viewer, self._layer)
            self._layer = self._of = None


def remove_soon(viewer: napari.Viewer, layer: Layer) -> None:
    """Take a layer away when the viewer has done what it is at.

    It may be removing several layers, and this one among them. And the canvas must be
    drawn between two removals, or napari 0.9 may fall with some drivers.
    """
    _WAITING.append((viewer, layer))
    if len(_WAITING) == 1:
        QTimer.singleShot(PAUSE, _remove_next)


def _remove_next() -> None:
    viewer, layer = _WAITING.popleft()
    if _WAITING:
        QTimer.singleShot(PAUSE, _remove_next)
    if layer in viewer.layers:
        viewer.layers.remove(layer)
