"""The figures of a comparison as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

from napari_shiftseg.gui.layers import run_name
from napari_shiftseg.report.figures_of_merit import (
    ROWS,
    better_side,
    cell,
    untiled_cell,
)

if TYPE_CHECKING:
    from napari_shiftseg.pipeline.comparison import Comparison

BETTER = " ✓"


class FigureTable(QTableWidget):
    """Figures of naive, cropped and untiled prediction, the better side marked."""

    def __init__(self) -> None:
        super().__init__(len(ROWS), 3)
        self.setVerticalHeaderLabels([row.title.strip() for row in ROWS])
        self.setHorizontalHeaderLabels(["naive", "cropped", "untiled"])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 4)
        for number, row in enumerate(ROWS):
            self.verticalHeaderItem(number).setToolTip(row.tooltip)

    def show_comparison(self, comparison: Comparison) -> None:
        """Show these figures in place of those shown."""
        sides = [comparison.naive, comparison.cropped]
        names = [run_name(side.result.plan) for side in sides]
        self.setHorizontalHeaderLabels([*names, "untiled"])
        naive, cropped = (side.figures() for side in sides)
        for number, row in enumerate(ROWS):
            better = better_side(row, naive, cropped)
            texts = [
                cell(figures[row.key]) + BETTER * (better == name)
                for name, figures in (("naive", naive), ("cropped", cropped))
            ]
            texts.append(untiled_cell(row, naive, cropped))
            for column, text in enumerate(texts):
                self.setItem(number, column, _item(text, row.tooltip))


def _item(text: str, tooltip: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setToolTip(tooltip)
    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
    return item
