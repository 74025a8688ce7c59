"""A row a file: what became of it, sortable, and quick for thousands."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QSize,
    QSortFilterProxyModel,
    Qt,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStyledItemDelegate,
    QTableView,
)

from napari_shiftseg.gui.batch.run import in_widget_words
from napari_shiftseg.gui.parts.text_boxes import plainly
from napari_shiftseg.text import figure_text, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QResizeEvent
    from qtpy.QtWidgets import QStyleOptionViewItem

    from napari_shiftseg.batch.order import BatchRow


WAITING, RUNNING = "waiting", "running"
SAID = {
    WAITING: "waiting", RUNNING: "▶ now", "done": "✓ done", "skipped": "✓ before",
    "failed": "✗ failed",
}  # fmt: skip
DONE = "done", "skipped"
NOT_DEFINED = "–"
DIGITS = 4  # of an area, as the page tells it
ROLES = Qt.ItemDataRole
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
ROOM = 14  # pixels of a column beside what it holds: edges, and the mark of sorting
LEAST_ROWS = 6  # that are seen at once
PADDING = "QHeaderView::section, QTableView::item { padding: 1px 3px; }"
TABLE_TIP = (
    "A row a file. A click on a heading sorts; a double click on a row opens its image "
    "and its labels"
)


@dataclass(frozen=True)
class Column:
    """One of the table.

    Attributes
    ----------
    title, tip : str
        Above it, and what it means.
    widest : str
        What it has room for; the first one takes what is left, too.
    value : callable
        Takes a row that ended; returns a number, or nan where it has none.
    """

    title: str
    tip: str
    widest: str
    value: Callable[[BatchRow], float] | None = None
    digits: int = 0


COLUMNS = (
    Column("image", "The image, below the folder of its condition", "well…02"),
    Column(
        "status", "What became of it; before: done in an earlier run, with the same "
        "settings; mended: saved back from Mend. The tip of a cell says why one "
        "failed", "✎ mended",
    ),
    Column("objects", "How many were found", "99,999", lambda row: row.objects),
    Column(
        "area", "Median area of its objects, in pixels; where the image says how large "
        "a pixel is, the tip of a cell says it in µm²", "99,999",
        lambda row: row.median_area,
    ),
    Column(
        "sure", "Confidence: how sure it is that its objects are right, the mean, 0 to "
        "1", "0.99", lambda row: row.confidence, 2,
    ),
    Column("s", "Seconds it took", "99.9", lambda row: row.seconds, 1),
    Column("condition", "The first sub-folder", "control"),
)  # fmt: skip
NAME, STATUS, AREA, SURE, CONDITION = 0, 1, 3, 4, 6
MENDED = "✎ mended"
WIDEST_CONDITION = 110  # pixels
UNITS = {"median_area_um2": "µm²", "median_volume_um3": "µm³"}


@dataclass
class FileState:
    """A file of a batch, and what became of it so far."""

    name: str
    status: str = WAITING
    row: BatchRow | None = None

    @property
    def condition(self) -> str:
        """The first folder that it lies in; empty: in none."""
        return self.name.rpartition("/")[0].partition("/")[0]

    @property
    def own_name(self) -> str:
        """What is left of its name below the condition."""
        return self.name.removeprefix(f"{self.condition}/")

    @property
    def said(self) -> str:
        """What became of it, in a word."""
        is_mended = self.row is not None and self.row.is_mended
        return MENDED if is_mended and self.status in DONE else SAID[self.status]


class FileModel(QAbstractTableModel):
    """What the table shows: files in the order of the batch, and their figures."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[FileState] = []
        self._at: dict[str, int] = {}

    def begin(self, names: Sequence[str], rows: Sequence[BatchRow]) -> None:
        """Show files in place of those shown; those without a row wait."""
        known = {row.name: row for row in rows}
        self.beginResetModel()
        self.files = [FileState(name) for name in names]
        self._at = {name: at for at, name in enumerate(names)}
        for file in self.files:
            file.row = known.get(file.name)
            file.status = WAITING if file.row is None else file.row.status
        self.endResetModel()

    def take(self, row: BatchRow) -> None:
        """Show what became of a file."""
        self._change(row.name, row.status, row)

    def run(self, name: str) -> None:
        """Show that a file is being worked on."""
        at = self._at.get(name)
        if at is not None and self.files[at].status == WAITING:
            self._change(name, RUNNING, None)

    def rest(self) -> None:
        """Show that nothing is being worked on."""
        for file in self.files:
            if file.status == RUNNING:
                self._change(file.name, WAITING, None)

    def _change(self, name: str, status: str, row: BatchRow | None) -> None:
        at = self._at.get(name)
        if at is None:
            at = self._at[name] = len(self.files)
            self.beginInsertRows(QModelIndex(), at, at)
            self.files.append(FileState(name))
            self.endInsertRows()
        self.files[at].status, self.files[at].row = status, row
        self.dataChanged.emit(self.index(at, 0), self.index(at, len(COLUMNS) - 1))

    # What Qt asks

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many files there are."""
        return 0 if parent is not None and parent.isValid() else len(self.files)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many columns there are."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = ROLES.DisplayRole
    ) -> Any:
        """Return the title of a column, and what it means."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = COLUMNS[section]
        if role == ROLES.TextAlignmentRole:
            return LEFT if column.value is None else RIGHT
        known = {ROLES.DisplayRole: column.title, ROLES.ToolTipRole: column.tip}
        return known.get(role)

    def data(self, index: QModelIndex, role: int = ROLES.DisplayRole) -> Any:
        """Return a cell: its text, its tooltip, or by what it is sorted."""
        file, column = self.files[index.row()], COLUMNS[index.column()]
        if role == ROLES.DisplayRole:
            return _text(file, index.column(), column)
        if role == ROLES.UserRole:
            return _rank(file, index.column(), column)
        if role == ROLES.TextAlignmentRole:
            return LEFT if column.value is None else RIGHT
        if role == ROLES.ToolTipRole:
            return _tip(file, index.column(), column)
        return None


def _text(file: FileState, at: int, column: Column) -> str:
    if at == NAME:
        return visible(file.own_name)
    if at == CONDITION:
        return visible(file.condition)
    if at == STATUS:
        return file.said
    value = _value(file, column)
    if value is None:
        return NOT_DEFINED if file.row is not None else ""
    if column.digits:
        return f"{value:,.{column.digits}f}"
    return figure_text(value, DIGITS)


def _tip(file: FileState, at: int, column: Column) -> str | None:
    """Return what is said of a cell: all of a name, reasons, a size in units."""
    if column.value is None:
        row = file.row
        reasons = () if row is None else (row.error, *row.notes, *row.decided)
        further = [visible(in_widget_words(said)) for said in reasons if said]
        return plainly("\n".join([visible(file.name), *further]))
    if at != AREA or file.row is None:
        return None
    known = file.row.in_units
    for name, unit in UNITS.items():
        if name in known and not isnan(known[name]):
            return f"{figure_text(known[name], DIGITS)} {unit}"
    return None


def _value(file: FileState, column: Column) -> float | None:
    """Return a figure of a file; None: it has none, or it is not known."""
    if file.row is None or column.value is None or file.status == "failed":
        return None
    value = column.value(file.row)
    return None if isnan(value) else value


def _rank(file: FileState, at: int, column: Column) -> Any:
    """Return by what a cell is sorted; no figure comes before all figures."""
    if column.value is None:
        return file.name if at == NAME else _text(file, at, column)
    value = _value(file, column)
    return float("-inf") if value is None else float(value)


class NameDelegate(QStyledItemDelegate):
    """Leaves out the middle of a name that is too long."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Prepare how a cell is drawn."""
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideMiddle


class FileTable(QTableView):
    """Shows a `FileModel`; one row can be selected.

    Attributes
    ----------
    files : FileModel
    """

    def __init__(self) -> None:
        super().__init__()
        self.files = FileModel()
        self._conditions: set[str] = set()
        self._sorted = QSortFilterProxyModel()
        self._sorted.setSourceModel(self.files)
        self._sorted.setSortRole(ROLES.UserRole)
        self.setModel(self._sorted)
        self.setToolTip(TABLE_TIP)
        self.setStyleSheet(PADDING)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        for at in (NAME, CONDITION):
            self.setItemDelegateForColumn(at, NameDelegate(self))
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self._lay_out()

    @property
    def selected(self) -> FileState | None:
        """The file of the selected row."""
        rows = self.selectionModel().selectedRows()
        return self.file_at(rows[0]) if rows else None

    def file_at(self, index: QModelIndex) -> FileState:
        """Return the file of a row that is shown."""
        row: int = self._sorted.mapToSource(index).row()
        return self.files.files[row]

    def select(self, name: str) -> None:
        """Select the row of a file, if it has one."""
        for row in range(self._sorted.rowCount()):
            if self.file_at(self._sorted.index(row, 0)).name == name:
                self.selectRow(row)
                return

    def _lay_out(self) -> None:
        """Give numbers the room they need, and names what is left."""
        header, metrics = self.horizontalHeader(), self.fontMetrics()
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 6)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(10)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        header.setHighlightSections(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        policy = QSizePolicy.Policy
        self.setSizePolicy(policy.Expanding, policy.Expanding)
        header.moveSection(CONDITION, 0)
        for at in (SURE, CONDITION):
            self.setColumnHidden(at, True)
        self.setMinimumHeight((LEAST_ROWS + 1) * (metrics.height() + 6))

    def sizeHint(self) -> QSize:
        """Return the least height: it takes what others leave."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Follow the width, and the font that the theme sets."""
        self._share_out()
        super().resizeEvent(event)

    def _share_out(self) -> None:
        widths = self._widths()
        shown = [w for at, w in enumerate(widths) if not self.isColumnHidden(at)]
        least = sum(shown) + self.verticalScrollBar().sizeHint().width()
        if self.minimumWidth() != least:
            self.setMinimumWidth(least)
        for at, width in enumerate(widths):
            if at != NAME:
                self.horizontalHeader().resizeSection(at, width)

    def _widths(self) -> list[int]:
        """Return the pixels that each column needs."""
        wide = self.fontMetrics().horizontalAdvance
        widths = [max(wide(c.title), wide(c.widest)) + ROOM for c in COLUMNS]
        names = [wide(name) + ROOM for name in self._conditions]
        widths[CONDITION] = min(max([widths[CONDITION], *names]), WIDEST_CONDITION)
        return widths

    def take(self, row: BatchRow) -> None:
        """Show what became of a file; the confidence, where that of one is known.

        Parameters
        ----------
        row : BatchRow
        """
        self.files.take(row)
        if not isnan(row.confidence) and self.isColumnHidden(SURE):
            self.setColumnHidden(SURE, False)
            self._share_out()

    def begin(self, names: Sequence[str], rows: Sequence[BatchRow] = ()) -> None:
        """Show files in place of those shown.

        Parameters
        ----------
        names : sequence of str
        rows : sequence of BatchRow
            What became of some of them; the others wait.
        """
        self.setColumnHidden(SURE, all(isnan(row.confidence) for row in rows))
        self.files.begin(names, rows)
        self._conditions = {file.condition for file in self.files.files} - {""}
        self.setColumnHidden(CONDITION, not self._conditions)
        self._share_out()
