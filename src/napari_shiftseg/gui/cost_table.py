"""What each window costs, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
)

from napari_shiftseg.geometry.cost import COLUMNS, Cost, cheapest

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_ROWS = 9  # shown at once; more are scrolled
MOST_WIDTH = 640  # pixels that are asked for; beyond, columns are scrolled
LONG_TIME = "  ≈ 99 min  "  # room that is kept for it
PADDING = "QHeaderView::section, QTableView::item { padding: 1px 3px; }"


class CostTable(QTableWidget):
    """One row a window, the cheapest in bold."""

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self.setHorizontalHeaderLabels(list(COLUMNS))
        for number, tooltip in enumerate(COLUMNS.values()):
            self.horizontalHeaderItem(number).setToolTip(tooltip)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setToolTip("What tiles of each size cost; in bold the cheapest")
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setMinimumSectionSize(10)
        self.setStyleSheet(PADDING)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        policy = QSizePolicy.Policy
        self.setSizePolicy(policy.Expanding, policy.Fixed)

    def show_costs(self, costs: Sequence[Cost]) -> None:
        """Show these in place of those shown."""
        best = cheapest(costs)
        self.setRowCount(len(costs))
        for row, cost in enumerate(costs):
            for column, text in enumerate(cost.cells()):
                self.setItem(row, column, _item(text, bold=cost is best))
        self._fit()

    def texts(self) -> list[list[str]]:
        """Return what is shown, row by row."""
        columns = range(self.columnCount())
        return [
            [self.item(row, column).text() for column in columns]
            for row in range(self.rowCount())
        ]

    def _fit(self) -> None:
        """Take the size of the rows and columns, up to a limit."""
        header, scroll_bar = self.horizontalHeader(), self.verticalScrollBar()
        rows = range(min(self.rowCount(), MOST_ROWS))
        height = sum(self.rowHeight(row) for row in rows)
        widths = [
            max(self.sizeHintForColumn(column), header.sectionSizeHint(column))
            for column in range(self.columnCount())
        ]
        widths[-1] = max(widths[-1], self.fontMetrics().horizontalAdvance(LONG_TIME))
        around = scroll_bar.sizeHint().width() + 2 * self.frameWidth()
        self.setFixedHeight(height + header.sizeHint().height() + around)
        self.setMinimumWidth(min(sum(widths) + around, MOST_WIDTH))
        modes = QHeaderView.ResizeMode
        # what stretches shrinks too, where room is short
        has_room = sum(widths) + around <= MOST_WIDTH
        header.setSectionResizeMode(
            len(widths) - 1, modes.Stretch if has_room else modes.ResizeToContents
        )


def _item(text: str, bold: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    font = item.font()
    font.setBold(bold)
    item.setFont(font)
    return item
