"""Waiting for the view to stand still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from qtpy.QtWidgets import QWidget

SETTLED = 150  # milliseconds without a movement


class ViewWatch(QTimer):
    """Calls back when camera and sliders have stopped moving.

    Only when the canvas has been drawn does a layer know which part of it is shown.

    Parameters
    ----------
    viewer : napari.Viewer
    owner : QWidget
        That the watch ends with.
    moved : callable
    """

    def __init__(
        self, viewer: napari.Viewer, owner: QWidget, moved: Callable[[], None]
    ) -> None:
        super().__init__(owner)
        self.setSingleShot(True)
        self.setInterval(SETTLED)
        self.timeout.connect(moved)
        for events in (viewer.scene.camera.events, viewer.dims.events):
            events.connect(self._restart)

    def _restart(self) -> None:
        if isalive(self):
            self.start()
