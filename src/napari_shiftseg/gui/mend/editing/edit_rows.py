"""Rows of edits: those that do not stand in the labels look it, colour or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QBrush, QPalette
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QSizePolicy

from napari_shiftseg.gui.plain_text import plainly

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent
    from qtpy.QtWidgets import QListWidgetItem

    from napari_shiftseg.gui.mend.editing.edit_status import Status

LEAST_ROWS = 4
DELETE_KEYS = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
FAINT = 0.5  # opacity of a row that is left out


class EditRows(QListWidget):
    """A list of which several rows can be selected.

    Attributes
    ----------
    delete_pressed : Signal
        Emitted when the Delete key is pressed in the list.
    """

    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        policy = QSizePolicy.Policy
        self.setSizePolicy(policy.Expanding, policy.Expanding)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)

    def sizeHint(self) -> QSize:
        """Return a height to scroll in; the list takes what room is left."""
        height = LEAST_ROWS * self.fontMetrics().lineSpacing() + 2 * self.frameWidth()
        return QSize(super().sizeHint().width(), height)

    def minimumSizeHint(self) -> QSize:
        """Return the same height."""
        return QSize(super().minimumSizeHint().width(), self.sizeHint().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the Delete key for ours."""
        if event.key() in DELETE_KEYS:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def show_status(
        self, item: QListWidgetItem, text: str, status: Status | None
    ) -> None:
        """Write a row: as it is, or what became of its edit.

        One that is left out is faint and slanted, one that is overruled struck through.
        """
        item.setText(text if status is None else f"{text} · {status.mark}")
        item.setToolTip("" if status is None else plainly(status.reason))
        is_out = status is not None and not status.is_made
        font = self.font()
        font.setStrikeOut(status is not None and status.is_made)
        font.setItalic(is_out)
        item.setFont(font)
        item.setData(Qt.ItemDataRole.ForegroundRole, self._faint if is_out else None)

    @property
    def _faint(self) -> QBrush:
        self.ensurePolished()  # else the colours are not yet those of the theme
        colour = self.palette().color(QPalette.ColorRole.Text)
        colour.setAlphaF(FAINT)
        return QBrush(colour)
