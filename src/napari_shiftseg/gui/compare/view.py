"""What a comparison shows: canvases, table of figures, plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, PushButton
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QBrush, QColor, QFontMetrics
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_shiftseg.gui.compare.canvases import (
    GREY,
    LayerSwitches,
    LinkedCanvases,
    SeamTour,
)
from napari_shiftseg.gui.compare.layers import seam_mark
from napari_shiftseg.gui.parts.layout import ControlRow
from napari_shiftseg.gui.parts.plot import Plot
from napari_shiftseg.gui.parts.result_layers import run_name
from napari_shiftseg.gui.parts.text_boxes import wrapped_label
from napari_shiftseg.gui.parts.viewer import region_in_view
from napari_shiftseg.metrics.metric import rows
from napari_shiftseg.networks.properties import own_seams
from napari_shiftseg.report.figures_of_merit import (
    IS_REFERENCE,
    NO_TRUTH,
    NOT_DEFINED,
    Judgement,
    cell,
    judgements,
    untiled_cell,
    why_not_defined,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtGui import QResizeEvent

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.compare.run import CompareOutcome, WholePass
    from napari_shiftseg.gui.parts.result_layers import LayerTuple
    from napari_shiftseg.metrics.metric import Metric
    from napari_shiftseg.metrics.splits import Seam
    from napari_shiftseg.pipeline.comparison import Comparison


def side_names(comparison: Comparison) -> tuple[str, str]:
    """Return how both sides are named: ``naive 20``, ``cropped 16``; ``blended``."""
    left, right = comparison.naive.result.plan, comparison.cropped.result.plan
    known = comparison.left
    return run_name(left) if known == "naive" else known, run_name(right)


BETTER = " ✓"
BEYOND = "✓ marks the side that is better by more than chance."
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
        font = self.font()
        font.setPixelSize(FONT)
        names.setDefaultSectionSize(int(QFontMetrics(font).height()) + PADDING)
        self.setToolTip(
            "What the tile borders do; hold the pointer over a name or a figure"
        )
        self._explain_the_mark()
        self._dimmed = False
        for number, metric in enumerate(self._metrics):
            self.verticalHeaderItem(number).setToolTip(metric.meaning)

    def show_comparison(self, comparison: Comparison) -> None:
        """Show these figures in place of those shown."""
        sides = comparison.naive, comparison.cropped
        names = side_names(comparison)
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
        self.legend = QLabel("✓ better")
        self.legend.setToolTip(BEYOND)
        corner = QVBoxLayout(self.findChild(QAbstractButton))
        corner.setContentsMargins(3, 0, 3, 0)
        corner.addWidget(self.legend)

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
        is_missing = text in (NOT_DEFINED, NO_TRUTH, IS_REFERENCE)
        if is_missing:
            text = why_not_defined(metric, figures)
            reason = f"{NOT_DEFINED.capitalize()}: {text}."
        elif text.endswith(BETTER):
            reason = f"{BEYOND} {reason}"
        item = QTableWidgetItem(text)
        item.setToolTip(f"{reason} {metric.meaning}".strip())
        item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        item.setData(Qt.ItemDataRole.UserRole, is_missing)
        self._colour(item)
        self.setItem(number, column, item)

    def _colour(self, item: QTableWidgetItem | None) -> None:
        if item is not None:
            is_grey = self._dimmed or item.data(Qt.ItemDataRole.UserRole)
            item.setForeground(QBrush(QColor(GREY)) if is_grey else QBrush())


CROPPED, WHOLE = "cropped", "whole, in view"
OUTDATED = "These results are of earlier settings: press Compare again."
TIPS = {
    "Seam profile": "How much the embedding changes at every offset in the tile",
    "Window sweep": "Which sizes of naive tiles make seams",
}


class ComparisonView(QWidget):
    """Naive left, cropped or whole right; layer switches that act on both.

    Parameters
    ----------
    theme : str
        Of the napari viewer.
    want_whole : callable
        Called when the right side is to show one pass over what is in view.

    Attributes
    ----------
    compared : CompareOutcome or None
        What is shown, if anything is.
    """

    def __init__(self, theme: str, want_whole: Callable[[], None]) -> None:
        super().__init__()
        self._want_whole = want_whole
        self.compared: CompareOutcome | None = None
        self._is_whole = False
        self.canvases = LinkedCanvases("naive", "cropped")
        self.outdated = wrapped_label(OUTDATED, "warning", visible=False)
        self.switches = LayerSwitches()
        self.right = ComboBox(
            choices=(CROPPED, WHOLE), value=CROPPED, label="right:",
            tooltip="What the right canvas shows; whole: what is in view, predicted in "
            "one pass without tiles",
        )  # fmt: skip
        self.tour = SeamTour(self._show_all)
        self.table = FigureTable()
        self.profile = Plot(theme)
        self.save_button = PushButton(
            text="Save plot…", tooltip="PNG or SVG: the picture; CSV: the figures"
        )
        self.report_button = PushButton(
            text="Report…", tooltip="Write figures, pictures and plots into a folder"
        )
        self.tabs = QTabWidget()
        self.tabs.addTab(self.table, "Figures")
        self._plots: dict[QWidget, Plot] = {}
        self.add_plot_tab(self.profile, self.profile, "Seam profile")
        self._lay_out()
        self.switches.toggled.connect(self.canvases.set_visible)
        self.right.changed.connect(self._change_right)
        self.tabs.currentChanged.connect(self._offer_to_save)
        self.save_button.changed.connect(
            lambda: self._plots[self.tabs.currentWidget()].ask_where_to_save()
        )
        self._offer_to_save()
        self.set_theme(theme)

    def _lay_out(self) -> None:
        rows = [self.switches, ControlRow(self.tour, self.right, labels=True)]
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.outdated.native)
        column.addWidget(self.canvases, stretch=1)
        for row in rows:
            column.addWidget(row.native)
        corner = ControlRow(self.save_button, self.report_button)
        corner.native.setStyleSheet("QPushButton { padding: 1px 6px; }")  # tabs are low
        self.tabs.setCornerWidget(corner.native)
        self._rows = [*rows, corner]  # magicgui widgets live as long as they are held
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.setChildrenCollapsible(False)
        parts.addWidget(upper)
        parts.addWidget(self.tabs)
        parts.setStretchFactor(0, 1)  # the tabs keep the height of the table
        parts.setStretchFactor(1, 0)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(parts)

    def sizeHint(self) -> QSize:
        """Return the least size: it takes the room that is left, and no more."""
        return self.minimumSizeHint()

    def add_plot_tab(self, tab: QWidget, plot: Plot, title: str) -> None:
        """Add a tab with a plot that can be saved.

        Parameters
        ----------
        tab : QWidget
        plot : Plot
            In the tab, or the tab itself.
        title : str
            Of the tab, one of `TIPS`.
        """
        self._plots[tab] = plot
        number = self.tabs.addTab(tab, title)
        self.tabs.setTabToolTip(number, TIPS[title])
        plot.drawn.connect(self._offer_to_save)

    def _offer_to_save(self) -> None:
        plot = self._plots.get(self.tabs.currentWidget())
        self.save_button.enabled = plot is not None and not plot.is_empty

    def show_comparison(self, compared: CompareOutcome) -> None:
        """Show a comparison in place of the one before."""
        before, self.compared = self.compared, compared
        comparison = compared.comparison
        self._is_whole, self.right.value = False, CROPPED
        self.switches.explain(compared.common)
        for pane, name, layers in zip(
            self.canvases.panes, side_names(comparison),
            (compared.naive, compared.cropped), strict=True,
        ):  # fmt: skip
            pane.show_layers(name, self._as_switched(layers))
        self.canvases.unmark()
        if before is None or not compared.task.shows_the_same(before.task):
            self.canvases.reset_view()
        self.table.show_comparison(comparison)
        cutting = comparison.naive.cutting
        self.tour.begin(cutting, lambda seam: self._visit(seam, compared))
        self._draw_profile(compared)

    def region_in_view(self, compared: CompareOutcome) -> Region:
        """Return the pixels that the right canvas shows, of those compared.

        Raises
        ------
        ValueError
            If none of them is in view.
        """
        pane = self.canvases.right
        plan = compared.comparison.cropped.result.plan
        shown = region_in_view(pane.layer("image"), pane.model, plan.shape.ndim)
        region = tuple(  # the image shown begins where the compared region does
            (max(start + first, first), min(stop + first, last))
            for (start, stop), (first, last) in zip(shown, plan.region, strict=True)
        )
        if any(start >= stop for start, stop in region):
            raise ValueError("nothing that was compared is in view: move it into view")
        return region

    def set_outdated(self, outdated: bool) -> None:
        """Mark what is shown as that of an earlier setting, or no longer."""
        self.outdated.visible = outdated
        self.table.set_dimmed(outdated)
        for pane in self.canvases.panes:
            pane.set_dimmed(outdated)

    def settle(self) -> None:
        """Say what the right side shows, where it could not show the other."""
        if not self._is_whole:
            self.right.value = CROPPED

    def show_whole(self, whole: WholePass, compared: CompareOutcome) -> None:
        """Show one pass over a region on the right, if that is still wanted.

        Parameters
        ----------
        whole : WholePass
        compared : CompareOutcome
            Of which it is a part.
        """
        if self.right.value == WHOLE:
            self._show_right(whole.title, whole.layers, compared, is_whole=True)

    def _show_right(
        self,
        title: str,
        layers: list[LayerTuple],
        compared: CompareOutcome,
        is_whole: bool,
    ) -> None:
        self._is_whole = is_whole
        self.switches.explain(compared.common, is_whole)
        self.canvases.right.show_layers(title, self._as_switched(layers))

    def set_theme(self, theme: str) -> None:
        """Take the theme of the napari viewer."""
        self.canvases.set_theme(theme)
        for plot in self._plots.values():
            plot.set_theme(theme)

    def _as_switched(self, layers: list[LayerTuple]) -> list[LayerTuple]:
        """Return layers that are visible as the switches say."""
        return [
            (data, how | {"visible": self.switches.shows(how["name"])}, of)
            for data, how, of in layers
        ]

    def _draw_profile(self, compared: CompareOutcome) -> None:
        from napari_shiftseg.report.figures_of_merit import profile_table
        from napari_shiftseg.report.plots import draw_profile

        comparison = compared.comparison
        marked = own_seams(compared.model.config) is not None
        self.profile.show_plot(
            lambda figure, colours: draw_profile(figure, comparison, colours, marked),
            lambda: profile_table(comparison),
        )

    def _change_right(self, state: str) -> None:
        compared = self.compared
        if compared is None:
            self.right.value = CROPPED
            return
        if state == WHOLE:
            self._want_whole()
        elif self._is_whole:
            title = run_name(compared.comparison.cropped.result.plan)
            self._show_right(title, compared.cropped, compared, is_whole=False)

    def _show_all(self) -> None:
        self.canvases.unmark()
        self.canvases.reset_view()

    def _visit(self, seam: Seam, compared: CompareOutcome) -> None:
        self.switches.boxes["label outlines"].value = True  # the pieces
        result = compared.comparison.naive.result
        self.canvases.mark(seam_mark(seam, result, compared.task.source))
