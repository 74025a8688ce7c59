"""Asking before edits are lost with the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow, QMessageBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget


class AskBeforeClosing(QObject):
    """Holds the window of a widget open while the user thinks about unsaved edits.

    Parameters
    ----------
    widget : QWidget
        Not in its window yet.
    unsaved : callable
        Returns how many edits are unsaved.
    save : callable
        Saves them; returns whether it did.
    """

    def __init__(
        self,
        widget: QWidget,
        unsaved: Callable[[], int],
        save: Callable[[], bool],
    ) -> None:
        super().__init__(widget)
        self._widget, self._unsaved, self._save = widget, unsaved, save
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask, where there is something to lose; True keeps the window."""
        if watched is self._widget:
            if event.type() in (QEvent.Type.ParentChange, QEvent.Type.Show):
                QTimer.singleShot(0, self._find_window)  # when the dock is in it
            return False
        if event.type() != QEvent.Type.Close or not self._unsaved():
            return False
        answer = self.ask(watched, self._unsaved())
        buttons = QMessageBox.StandardButton
        if answer == buttons.Discard or (answer == buttons.Save and self._save()):
            return False
        event.ignore()
        return True

    def _find_window(self) -> None:
        window = self._widget.window() if isalive(self._widget) else None
        if isinstance(window, QMainWindow):
            self._widget.removeEventFilter(self)
            window.removeEventFilter(self)
            window.installEventFilter(self)

    @staticmethod
    def ask(window: QMainWindow, number: int) -> QMessageBox.StandardButton:
        """Ask the user; returns Save, Discard or Cancel."""
        buttons = QMessageBox.StandardButton
        edits = f"{number} edit{'s' * (number > 1)}"
        return QMessageBox.question(
            window,
            "Unsaved edits",
            f"{edits} of the labels are not saved. Save them before closing?",
            buttons.Save | buttons.Discard | buttons.Cancel,
            buttons.Save,
        )
