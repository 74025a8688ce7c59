"""Docks as tabs: side by side in a column, two of them outgrow a small screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QSize, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow
from superqt.utils import qdebounced

from napari_shiftseg.gui.parts.source import frame_in_view, region_in_view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari
    from napari.layers import Labels, Layer
    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.mend.widget import MendWidget
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.relabelling.relabel import Kept


def shown_part(
    viewer: napari.Viewer, layer: Labels, kept: Kept
) -> tuple[Point, Region | None]:
    """Return the frame that is shown, and its pixels that are in view.

    Returns
    -------
    tuple of int
        Position on the leading axes.
    tuple of (int, int) or None
        Pixels of the image, one plane of a volume that is shown plane by plane; None
        if nothing of it is in view.
    """
    frame = frame_in_view(layer, viewer.dims, layer.ndim - kept.ndim)
    try:
        region = region_in_view(layer, viewer.dims, kept.ndim)
    except ValueError:  # it has been moved out of the view
        return frame, None
    at = frame_in_view(layer, viewer.dims, layer.ndim)[-kept.ndim :]
    displayed = {axis - viewer.dims.ndim + kept.ndim for axis in viewer.dims.displayed}
    return frame, tuple(
        (start + o, stop + o) if axis in displayed else (x + o, x + o + 1)
        for axis, ((start, stop), x, o) in enumerate(
            zip(region, at, kept.offset, strict=True)
        )
    )


def bring_into_view(viewer: napari.Viewer, layer: Layer, pixel: Sequence[int]) -> None:
    """Move sliders and camera to a pixel of a layer, unless the canvas shows it.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : Layer
    pixel : sequence of int
        One value an axis of the layer.
    """
    dims, camera = viewer.dims, viewer.scene.camera
    at = np.array(dims.point, dtype=float)
    at[dims.ndim - layer.ndim :] = layer.data_to_world(pixel)  # it has the last axes
    for axis in dims.not_displayed:
        dims.set_point(axis, at[axis])
    shown = at[list(dims.displayed)]
    centre = np.array(camera.center)
    half = np.array(viewer.canvas.size) / camera.zoom / 2
    away = np.abs(shown - centre[-len(shown) :])
    if (away[-2:] > half).any():
        camera.center = (*centre[: -len(shown)], *shown)


SETTLED = 150  # milliseconds without a movement


class ViewWatch:
    """Calls back when camera and sliders have stopped moving.

    Only when the canvas has been drawn does a layer know which part of it is shown.

    Parameters
    ----------
    viewer : napari.Viewer
    owner : QWidget
        That the watch ends with.
    moved : callable

    Attributes
    ----------
    settled : callable
        Waits until nothing moves, and calls `moved`.
    """

    def __init__(
        self, viewer: napari.Viewer, owner: QWidget, moved: Callable[[], None]
    ) -> None:
        self._owner = owner
        self.settled = qdebounced(moved, timeout=SETTLED, parent=owner)
        for events in (viewer.scene.camera.events, viewer.dims.events):
            events.connect(self._move)

    def _move(self) -> None:
        if isalive(self._owner):
            self.settled()


MARK = "napari-shiftseg"


def opened(viewer: napari.Viewer, name: str) -> Any:
    """Open one of our widgets, by the name of its menu, or bring it to the front."""
    dock, widget = viewer.window.add_plugin_dock_widget(MARK, name, tabify=True)
    dock.show()
    dock.raise_()
    return widget


def found(viewer: napari.Viewer, name: str) -> Any:
    """Return one of our widgets that is open, by the name of its menu; None: it is not.

    It stays where it is.
    """
    for title, widget in viewer.window.dock_widgets.items():
        inner = getattr(widget, "native", widget)
        if title.startswith(name) and isalive(inner) and inner.property(MARK):
            return widget
    return None


def follow_segment(viewer: napari.Viewer, follow: Callable[..., None]) -> None:
    """Let a widget that is being opened take what Segment has, if that is open."""
    segment = found(viewer, "Segment")
    if segment is not None:
        follow(segment.form, opening=True)


def dock_of(widget: QWidget) -> QDockWidget | None:
    """Return the dock that holds a widget, if one does."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent


class OneTabGroup(QObject):
    """Makes a tab of a widget's dock, beside the docks of others that have this.

    napari's menus put every dock below the one before, and the window grows; the dock
    is moved, and the window shrinks again, when the widget is first shown.

    Parameters
    ----------
    widget : QWidget
        Of the dock; not docked yet.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._before: QSize | None = None  # of the window, without the dock
        widget.setProperty(MARK, True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Join the others at the first show."""
        if event.type() == QEvent.Type.ParentChange:
            self._follow(watched.parent())
        elif event.type() == QEvent.Type.Show and watched is self._widget:
            watched.removeEventFilter(self)
            self._join()
        return False

    def _follow(self, parent: QObject | None) -> None:
        """Wait until the dock is put into a window."""
        if isinstance(parent, QDockWidget):
            parent.installEventFilter(self)
        elif isinstance(parent, QMainWindow) and self._before is None:
            self._before = parent.size()

    def _join(self) -> None:
        own, window = dock_of(self._widget), self._widget.window()
        if own is not None:
            own.removeEventFilter(self)
        if own is None or not isinstance(window, QMainWindow):
            return
        for dock in window.findChildren(QDockWidget):
            if dock is not own and _is_ours(dock) and not dock.isFloating():
                window.tabifyDockWidget(dock, own)
                own.show()
                own.raise_()
                QTimer.singleShot(0, self._shrink)  # when the docks have been laid out
                return

    def _shrink(self) -> None:
        window = self._widget.window()
        if self._before is not None and not window.isMaximized():
            window.resize(self._before)


class UndockWatch(QObject):
    """Calls back once, when a widget is taken out of its dock: that was closed.

    The widget itself lives on as long as Python holds it.

    Parameters
    ----------
    widget : QWidget
        Not docked yet.
    undocked : callable
    """

    def __init__(self, widget: QWidget, undocked: Callable[[], None]) -> None:
        super().__init__(widget)
        self._undocked, self._was_docked = undocked, False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget into its dock and out of it."""
        if event.type() == QEvent.Type.ParentChange:
            if watched.parent() is not None:
                self._was_docked = True
            elif self._was_docked:
                watched.removeEventFilter(self)
                self._undocked()
        return False


def _is_ours(dock: QDockWidget) -> bool:
    inner = dock.widget()
    return inner is not None and bool(inner.property(MARK))


def open_mend(viewer: napari.Viewer, labels: Labels) -> MendWidget:
    """Open the Mend widget on labels that a run made, or bring it to the front."""
    mend: MendWidget = opened(viewer, "Mend")
    viewer.layers.selection.active = labels
    mend.result.value = labels
    return mend
