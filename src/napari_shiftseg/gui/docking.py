"""Docks as tabs: side by side in a column, two of them outgrow a small screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QSize, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from qtpy.QtWidgets import QWidget

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


class WhenUndocked(QObject):
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
