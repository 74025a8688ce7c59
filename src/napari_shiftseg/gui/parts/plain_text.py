"""Plain text in Qt: no markup of foreign names, and lines that fit a screen."""

from __future__ import annotations

from html import escape
from textwrap import fill
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolTip,
    QWidget,
)

from napari_shiftseg.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QComboBox


LINE = 80  # characters of a tooltip


def plainly(text: str) -> str:
    """Write a text so that Qt shows it as it is.

    Tooltips, notifications and message boxes guess whether a text is rich; a name such
    as ``<img src=...>`` would be obeyed.

    Parameters
    ----------
    text : str
        That a name from a file, a layer or an error stands in.

    Returns
    -------
    str
        The same where Qt takes it for plain.
    """
    text = visible(text, "\n\t")
    if not Qt.mightBeRichText(text):
        return text
    return f'<span style="white-space: pre-wrap">{escape(text)}</span>'


def break_tooltips(widget: QWidget) -> None:
    """Break the lines of the tooltips in a widget; Qt breaks no plain text."""
    for part in widget.findChildren(QWidget):
        tip = part.toolTip()
        if not Qt.mightBeRichText(tip):
            part.setToolTip("\n".join(fill(line, LINE) for line in tip.split("\n")))


SEPARATOR = " · "  # between image, kind and run in the name of a layer
CUT = "…"
MOST_WIDTH = 600  # pixels of an open list
LIST_MARGIN = 40  # pixels beside the names of an open list


def shortened(name: str, fits: Callable[[str], bool]) -> str:
    """Return a name, or as much of it as fits, cut in its middle.

    Its last part, after the last " · ", tells the runs on one image apart: it stays
    whole where it can, then as much of the beginning as there is room for.

    Parameters
    ----------
    name : str
    fits : callable
        Whether there is room for a text; what is shorter fits, too.

    Returns
    -------
    str
        No more than "…" where nothing fits.
    """
    if fits(name):
        return name
    last = len(name.rpartition(SEPARATOR)[2]) if SEPARATOR in name else 0
    for letters in range(len(name) - 1, 0, -1):
        behind = min(letters, max(last, letters // 2))
        text = name[: letters - behind].rstrip() + CUT + name[len(name) - behind :]
        if fits(text):
            return text
    return CUT


class LongNames(QObject):
    """Cuts what a closed list shows so that it tells; a tooltip shows all of it.

    Parameters
    ----------
    box : QComboBox
    """

    def __init__(self, box: QComboBox) -> None:
        super().__init__(box)
        self._box = box
        box.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        box.installEventFilter(self)

    @property
    def shown(self) -> str:
        """What the closed list shows."""
        option = self._option()
        part = QStyle.SubControl.SC_ComboBoxEditField
        kind = QStyle.ComplexControl.CC_ComboBox
        room = self._box.style().subControlRect(kind, option, part, self._box).width()
        return shortened(option.currentText, lambda text: self._width(text) <= room)

    def widen(self) -> None:
        """Make the list, when it is open, as wide as its names; to be called anew."""
        box = self._box
        names = [box.itemText(row) for row in range(box.count())]
        for row, name in enumerate(names):
            box.setItemData(row, plainly(name), Qt.ItemDataRole.ToolTipRole)
        widest = max(map(self._width, names), default=0)
        box.view().setMinimumWidth(min(widest + LIST_MARGIN, MOST_WIDTH))

    def eventFilter(self, box: QObject, event: QEvent) -> bool:
        """Paint the name, and tell all of it; leave to Qt what fits."""
        if event.type() not in (QEvent.Type.Paint, QEvent.Type.ToolTip):
            return False
        name, shown = self._box.currentText(), self.shown
        if name == shown:
            return False
        if event.type() == QEvent.Type.Paint:
            self._paint(shown)
        else:
            about = "\n".join(filter(None, [name, self._box.toolTip()]))
            QToolTip.showText(event.globalPos(), plainly(about), self._box)
        return True

    def _paint(self, text: str) -> None:
        option = self._option()
        option.currentText = text
        painter = QStylePainter(self._box)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _option(self) -> QStyleOptionComboBox:
        option = QStyleOptionComboBox()
        self._box.initStyleOption(option)
        return option

    def _width(self, text: str) -> int:
        return int(self._box.fontMetrics().horizontalAdvance(text))
