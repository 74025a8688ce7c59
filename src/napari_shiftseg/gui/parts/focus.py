"""Which control keys go to: a ring around it, and the order in which Tab goes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QPainter, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLayout,
    QLineEdit,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 2  # pixels, around the control


class FocusRing(QWidget):
    """A frame around that part of a widget that has the focus; napari draws none.

    It is not shown where the mouse has put the focus: there one knows.

    Parameters
    ----------
    rows : QWidget
        Whose parts are followed.
    """

    def __init__(self, rows: QWidget) -> None:
        super().__init__(rows)
        self._rows = rows
        self._of: QWidget | None = None
        self._watched: list[QWidget] = []
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        QApplication.instance().focusChanged.connect(self._follow)

    def _follow(self, _: QWidget | None, now: QWidget | None) -> None:
        if not isalive(self) or not isalive(self._rows):
            return
        for part in self._watched:
            if isalive(part):
                part.removeEventFilter(self)
        is_ours = now is not None and self._rows.isAncestorOf(now)
        by_mouse = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        self._of = now if is_ours and not by_mouse else None
        self.setVisible(self._of is not None)
        self._watched = self._up_from(self._of)
        for part in self._watched:
            part.installEventFilter(self)
        self._place()

    def _up_from(self, part: QWidget | None) -> list[QWidget]:
        """Return a part and what holds it within the rows: all of these may move it."""
        found: list[QWidget] = []
        while part is not None and part is not self._rows:
            found.append(part)
            part = part.parentWidget()
        return found

    def _place(self) -> None:
        part = self._of
        if part is None:
            return
        corner = part.mapTo(self._rows, part.rect().topLeft())
        around = part.rect().translated(corner)
        self.setGeometry(around.adjusted(-WIDTH, -WIDTH, WIDTH, WIDTH))
        self.raise_()

    def eventFilter(self, part: QObject, event: QEvent) -> bool:
        """Follow the control that is framed, and what holds it.

        Parameters
        ----------
        part : QObject
        event : QEvent
        """
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize):
            self._place()
        elif event.type() == QEvent.Type.Hide:
            self.hide()
        return False

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the frame, in the colour of the theme's text."""
        if self._of is None or not isalive(self._of):
            return
        painter = QPainter(self)
        painter.setPen(QPen(self._of.palette().color(QPalette.ColorRole.Text), WIDTH))
        inner = WIDTH // 2
        painter.drawRect(self.rect().adjusted(inner, inner, -inner, -inner))
        painter.end()


WHOLE = QComboBox, QAbstractSpinBox, QLineEdit, QAbstractItemView  # parts do not count


def order_tabs(rows: QWidget) -> None:
    """Let Tab go from control to control as they lie; Qt goes as they were made.

    Parameters
    ----------
    rows : QWidget
        All of whose layouts are filled.
    """
    for one, following in pairwise(_controls(rows)):
        QWidget.setTabOrder(one, following)


def _controls(widget: QWidget) -> Iterator[QWidget]:
    """Return what takes keys in a widget, as it is laid out."""
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield widget
    if isinstance(widget, WHOLE):
        return
    laid_out = widget.layout()
    if laid_out is not None:
        parts = _widgets(laid_out)
    else:
        parts = [part for part in widget.children() if isinstance(part, QWidget)]
    for part in parts:
        if not part.isWindow():
            yield from _controls(part)


def _widgets(layout: QLayout) -> list[QWidget]:
    """Return the widgets of a layout, those of layouts in it at their place."""
    found: list[QWidget] = []
    for number in range(layout.count()):
        item = layout.itemAt(number)
        if item.widget() is not None:
            found.append(item.widget())
        elif item.layout() is not None:
            found += _widgets(item.layout())
    return found
