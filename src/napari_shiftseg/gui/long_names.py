"""Names of layers in narrow lists: what tells them apart stays to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QStyle, QStyleOptionComboBox, QStylePainter, QToolTip

from napari_shiftseg.gui.plain_text import plainly

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QComboBox

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
