"""Asking before edits are lost with the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_error, show_info
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow, QMessageBox

from napari_shiftseg.geometry.words import number_of
from napari_shiftseg.gui.mend.editing.edit_files import EditFiles
from napari_shiftseg.gui.plain_text import plainly

if TYPE_CHECKING:
    import napari
    from qtpy.QtWidgets import QWidget


class AskBeforeClosing(QObject):
    """Holds a viewer's window open while the user thinks about unsaved edits.

    It lives as long as the window, so that it asks when the dock was closed, too.

    Parameters
    ----------
    window : QMainWindow
        Of the viewer.
    viewer : napari.Viewer
    """

    def __init__(self, window: QMainWindow, viewer: napari.Viewer) -> None:
        super().__init__(window)
        self._files = EditFiles(viewer, _notify)
        window.installEventFilter(self)

    def eventFilter(self, window: QObject, event: QEvent) -> bool:
        """Ask, where there is something to lose; True keeps the window."""
        if event.type() != QEvent.Type.Close or not self._files.unsaved:
            return False
        answer = self.ask(window, self._question)
        buttons = QMessageBox.StandardButton
        if answer == buttons.Discard:
            return False
        if answer == buttons.Save and self._files.save_unsaved():
            return False
        event.ignore()
        return True

    @property
    def _question(self) -> str:
        edits = number_of(self._files.number_unsaved, "unsaved edit")
        names = ", ".join(f"“{layer.name}”" for layer in self._files.unsaved)
        return f"{edits} of {names}. Save before closing?"

    @staticmethod
    def ask(window: QMainWindow, question: str) -> QMessageBox.StandardButton:
        """Ask the user; returns Save, Discard or Cancel."""
        buttons = QMessageBox.StandardButton
        return QMessageBox.question(
            window,
            "Unsaved edits",
            plainly(question),
            buttons.Save | buttons.Discard | buttons.Cancel,
            buttons.Save,
        )


class AskOnceDocked(QObject):
    """Lets the window ask before it closes, from when a widget is first docked in it.

    Parameters
    ----------
    widget : QWidget
        Not in its window yet.
    viewer : napari.Viewer
    """

    def __init__(self, widget: QWidget, viewer: napari.Viewer) -> None:
        super().__init__(widget)
        self._widget, self._viewer = widget, viewer
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget into its window."""
        if event.type() in (QEvent.Type.ParentChange, QEvent.Type.Show):
            QTimer.singleShot(0, self._find_window)  # when the dock is in it
        return False

    def _find_window(self) -> None:
        window = self._widget.window() if isalive(self._widget) else None
        if isinstance(window, QMainWindow):
            self._widget.removeEventFilter(self)
            if window.findChild(AskBeforeClosing) is None:
                AskBeforeClosing(window, self._viewer)


def _notify(text: str, kind: str) -> None:
    """Tell the user where no widget of ours may be open."""
    (show_error if kind == "error" else show_info)(plainly(text))
