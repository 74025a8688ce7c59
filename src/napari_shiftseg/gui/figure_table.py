"""The figures of a comparison as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QBrush, QColor, QFontMetrics
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from napari_shiftseg.gui.canvases import GREY
from napari_shiftseg.gui.layers import run_name
from napari_shiftseg.report.figures_of_merit import (
    NOT_DEFINED,
    ROWS,
    Judgement,
    cell,
    judgements,
    untiled_cell,
    why_not_defined,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QResizeEvent

    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.report.figures_of_merit import Row

FIRST = next(number for number, row in enumerate(ROWS) if row.better is not None)
BETTER = " ✓"
LEGEND = "✓ better"
BEYOND = "✓ marks the side that is better beyond what chance gives."
FONT = 10  # pixels: all rows are to be seen on a small screen
PADDING = 3  # pixels of a row, above and below its text together
SIDES = "naive", "cropped"
STYLE = f"""
QTableView, QHeaderView::section, QLabel {{ font-size: {FONT}px; }}
QHeaderView::section, QTableView::item {{ padding: 0px 3px; }}
"""


class FigureTable(QTableWidget):
    """Figures of naive, cropped and untiled prediction, the better side marked."""

    def __init__(self) -> None:
        super().__init__(len(ROWS), 3)
        self.setStyleSheet(STYLE)
        self.setVerticalHeaderLabels([row.title for row in ROWS])
        self.setHorizontalHeaderLabels(["naive", "cropped", "untiled"])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        rows = self.verticalHeader()
        rows.setMinimumSectionSize(1)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self._row_height())
        self.setToolTip("What the tile borders do; rest on a name or a figure")
        self._explain_the_mark()
        self._dimmed = False
        for number, row in enumerate(ROWS):
            self.verticalHeaderItem(number).setToolTip(row.tooltip)

    def show_comparison(self, comparison: Comparison) -> None:
        """Show these figures in place of those shown."""
        sides = [comparison.naive, comparison.cropped]
        names = [run_name(side.result.plan) for side in sides]
        self.setHorizontalHeaderLabels([*names, "untiled"])
        naive, cropped = figures = [side.figures() for side in sides]
        judged = judgements(comparison)
        for number, row in enumerate(ROWS):
            about = judged.get(row.key, Judgement())
            for column, (name, of) in enumerate(zip(SIDES, figures, strict=True)):
                mark = BETTER if about.better == name else ""
                text = cell(of[row.key]) + mark
                self._write(number, column, row, text, of, about.reason)
            self._write(number, 2, row, untiled_cell(row, naive, cropped), naive)

    def set_dimmed(self, dimmed: bool) -> None:
        """Show the figures grey, or as they are."""
        self._dimmed = dimmed
        for row in range(self.rowCount()):
            for column in range(self.columnCount()):
                self._colour(self.item(row, column))

    def sizeHint(self) -> QSize:
        """Return the size at which no row is hidden."""
        height = self.horizontalHeader().sizeHint().height()
        height += self.verticalHeader().length() + 2 * self.frameWidth()
        return QSize(super().sizeHint().width(), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Begin with the first figure that is judged, where not all are to be seen."""
        super().resizeEvent(event)
        item = self.item(FIRST, 0)
        if item is not None:
            self.scrollToItem(item, QAbstractItemView.ScrollHint.PositionAtTop)

    def _explain_the_mark(self) -> None:
        """Write a legend into the corner of the headers, where it takes no room."""
        self.legend = QLabel(LEGEND)
        self.legend.setToolTip(BEYOND)
        corner = QVBoxLayout(self.findChild(QAbstractButton))
        corner.setContentsMargins(3, 0, 3, 0)
        corner.addWidget(self.legend)

    def _row_height(self) -> int:
        font = self.font()
        font.setPixelSize(FONT)
        return QFontMetrics(font).height() + PADDING

    def _write(
        self,
        number: int,
        column: int,
        row: Row,
        text: str,
        figures: Mapping[str, Any],
        reason: str = "",
    ) -> None:
        """Write a figure, or in grey why there is none; the tip says what it tells."""
        first, is_missing = reason, text == NOT_DEFINED
        if is_missing:
            text = why_not_defined(row, figures)
            first = f"{NOT_DEFINED.capitalize()}: {text}."
        if text.endswith(BETTER):
            first = f"{BEYOND} {reason}"
        tooltip = " ".join(filter(None, [first, row.tooltip]))
        item = QTableWidgetItem(text)
        item.setToolTip(tooltip)
        item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        item.setData(Qt.ItemDataRole.UserRole, is_missing)
        self._colour(item)
        self.setItem(number, column, item)

    def _colour(self, item: QTableWidgetItem | None) -> None:
        if item is not None:
            is_grey = self._dimmed or item.data(Qt.ItemDataRole.UserRole)
            item.setForeground(QBrush(QColor(GREY)) if is_grey else QBrush())
