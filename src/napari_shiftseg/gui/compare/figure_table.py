"""The figures of a comparison as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import LineEdit
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QBrush, QColor, QFontMetrics
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QGraphicsOpacityEffect,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_shiftseg.geometry.window import parse_windows, window_text
from napari_shiftseg.gui.compare.canvases import GREY
from napari_shiftseg.gui.compare.run import CompareTask, SweepOutcome, sweep_run
from napari_shiftseg.gui.parts.note import dress, wrapped_label
from napari_shiftseg.gui.parts.plot import Plot
from napari_shiftseg.gui.parts.result_layers import run_name
from napari_shiftseg.gui.parts.run_panel import RunPanel
from napari_shiftseg.metrics.metric import rows
from napari_shiftseg.report.figures_of_merit import (
    NOT_DEFINED,
    Judgement,
    cell,
    judgements,
    untiled_cell,
    why_not_defined,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from qtpy.QtGui import QResizeEvent

    from napari_shiftseg.metrics.metric import Metric
    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.pipeline.sweep import SweepPoint
    from napari_shiftseg.progress import Progress


OUTDATED = "Of an earlier setting: press Sweep again."
FADED = 0.4  # opacity of what is of an earlier setting


class SweepPanel(QWidget):
    """Windows to try, a button that tries them, and the plot of what comes out.

    Parameters
    ----------
    task : callable
        Returns what is to be segmented, or raises ValueError.
    changed : callable
        Called whenever a sweep has begun or has ended.
    theme : str
        Of the napari viewer.
    """

    def __init__(
        self, task: Callable[[], CompareTask], changed: Callable[[], None], theme: str
    ) -> None:
        super().__init__()
        self._task = task
        self._swept: CompareTask | None = None
        self._offered = ""
        self.points: list[SweepPoint] = []
        self.windows = LineEdit(
            label="Tile sizes",
            tooltip="Windows to try, in pixels: 16, 20, 24 or, one value an axis, "
            "24x96x96, 32x96x96",
        )
        self.panel = RunPanel(
            self._steps,
            self._finished,
            changed,
            caption="Sweep",
            progressed=self._take_point,
            beside=[self.windows],
            tooltip="Predict the image with naive tiles of each of these sizes",
        )
        self.plot = Plot(theme)
        self.outdated = wrapped_label(OUTDATED)
        dress(self.outdated, "warning")
        self.outdated.visible = False
        self._fades = [_fade(part) for part in (self.plot, self.panel.result.native)]
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.panel.native)
        column.addWidget(self.outdated.native)
        column.addWidget(self.plot, stretch=1)

    def offer(self, windows: Sequence[tuple[int, ...]]) -> None:
        """Suggest windows for another model, unless the user chose some."""
        is_untouched = self.windows.value == self._offered
        self._offered = ", ".join(window_text(window) for window in windows)
        if is_untouched:
            self.windows.value = self._offered

    def _steps(self) -> Generator[Progress, None, SweepOutcome]:
        windows = parse_windows(self.windows.value)
        self._swept, self.points = self._task(), []
        self.panel.cancelled = (
            f"{self._swept.name}: cancelled, the points found so far are shown."
        )
        return sweep_run(self._swept, windows)

    def points_of(self, task: CompareTask) -> list[SweepPoint]:
        """Return the points, if they are of this image and model; else none."""
        same = self._swept is not None and self._swept.is_of_the_same_region(task)
        return self.points if same else []

    def mark_outdated(self, task: CompareTask | None) -> None:
        """Mark the points as those of another task than this one, or no longer."""
        of_it = [] if task is None else self.points_of(task)
        self.outdated.visible = outdated = self.points != of_it
        for fade in self._fades:
            fade.setEnabled(outdated)

    def _take_point(self, progress: Progress) -> None:
        point = getattr(progress, "point", None)
        if point is not None:
            self.points.append(point)
            self._draw()

    def _finished(self, swept: SweepOutcome) -> tuple[str, str]:
        self.points = swept.points
        self._draw()
        return swept.said, "note"

    def _draw(self) -> None:
        from napari_shiftseg.report.figures_of_merit import sweep_table
        from napari_shiftseg.report.plots import draw_sweep

        points = list(self.points)
        self.plot.show_plot(
            lambda figure, colours: draw_sweep(figure, points, colours),
            lambda: sweep_table(points),
        )


def _fade(part: QWidget) -> QGraphicsOpacityEffect:
    """Return what shows a widget pale while it is enabled; it is not yet."""
    fade = QGraphicsOpacityEffect(part)
    fade.setOpacity(FADED)
    fade.setEnabled(False)
    part.setGraphicsEffect(fade)
    return fade


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
        self._metrics = rows()
        super().__init__(len(self._metrics), 3)
        self.setStyleSheet(STYLE)
        self.setVerticalHeaderLabels([metric.title for metric in self._metrics])
        self.setHorizontalHeaderLabels(["naive", "cropped", "untiled"])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        names = self.verticalHeader()
        names.setMinimumSectionSize(1)
        names.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        names.setDefaultSectionSize(self._row_height())
        self.setToolTip("What the tile borders do; rest on a name or a figure")
        self._explain_the_mark()
        self._dimmed = False
        for number, metric in enumerate(self._metrics):
            self.verticalHeaderItem(number).setToolTip(metric.meaning)

    def show_comparison(self, comparison: Comparison) -> None:
        """Show these figures in place of those shown."""
        sides = [comparison.naive, comparison.cropped]
        names = [run_name(side.result.plan) for side in sides]
        self.setHorizontalHeaderLabels([*names, "untiled"])
        naive, cropped = figures = [side.figures() for side in sides]
        judged = judgements(comparison)
        for number, metric in enumerate(self._metrics):
            about = judged.get(metric.name, Judgement())
            for column, (name, of) in enumerate(zip(SIDES, figures, strict=True)):
                mark = BETTER if about.better == name else ""
                text = cell(of[metric.name]) + mark
                self._write(number, column, metric, text, of, about.reason)
            self._write(number, 2, metric, untiled_cell(metric, naive, cropped), naive)

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
        judged = (metric.better is not None for metric in self._metrics)
        item = self.item(list(judged).index(True), 0)
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
        return int(QFontMetrics(font).height()) + PADDING

    def _write(
        self,
        number: int,
        column: int,
        metric: Metric,
        text: str,
        figures: Mapping[str, Any],
        reason: str = "",
    ) -> None:
        """Write a figure, or in grey why there is none; the tip says what it tells."""
        first, is_missing = reason, text == NOT_DEFINED
        if is_missing:
            text = why_not_defined(metric, figures)
            first = f"{NOT_DEFINED.capitalize()}: {text}."
        if text.endswith(BETTER):
            first = f"{BEYOND} {reason}"
        tooltip = " ".join(filter(None, [first, metric.meaning]))
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
