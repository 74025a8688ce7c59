"""What a comparison shows: two canvases, the seams, the figures and the plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox, PushButton
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QSplitter, QTabWidget, QVBoxLayout, QWidget

from napari_shiftseg.gui.compare.canvases import LayerSwitches, LinkedCanvases
from napari_shiftseg.gui.compare.figure_table import FigureTable
from napari_shiftseg.gui.compare.layers import seam_mark
from napari_shiftseg.gui.parts.note import dress, wrapped_label
from napari_shiftseg.gui.parts.plot import Plot
from napari_shiftseg.gui.parts.result_layers import run_name
from napari_shiftseg.gui.parts.rows import ControlRow
from napari_shiftseg.gui.parts.source import region_in_view
from napari_shiftseg.networks.properties import own_seams
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.compare.run import CompareOutcome, WholePass
    from napari_shiftseg.gui.parts.result_layers import LayerTuple
    from napari_shiftseg.metrics.splits import Seam


NARROW = 32  # pixels of a button with one sign


class SeamTour(ControlRow):
    """Buttons that go through the seams that cut an object.

    Parameters
    ----------
    show_all : callable
        Called when all is to be seen again.
    """

    def __init__(self, show_all: Callable[[], None]) -> None:
        self._visit: Callable[[Seam], None] = lambda _: None
        self._seams: Sequence[Seam] = ()
        self._at = -1
        self.all = PushButton(text="⤢", tooltip="Show all")
        self.previous = PushButton(text="◂", tooltip="Previous seam")
        self.next = PushButton(
            text="Next worst seam ▸",
            tooltip="Go to the next tile border that cuts an object which the right "
            "side leaves whole, the most harmful first",
        )
        self.text = wrapped_label()
        super().__init__(self.all, self.previous, self.next, self.text)
        for small in (self.all, self.previous):
            small.native.setMaximumWidth(NARROW)
        self._show_all = show_all
        self.all.changed.connect(self._leave)
        self.previous.changed.connect(lambda: self._go(self._at - 1))
        self.next.changed.connect(lambda: self._go(self._at + 1))
        self.all.enabled = False
        self._enable()

    def begin(self, seams: Sequence[Seam], visit: Callable[[Seam], None]) -> None:
        """Take other seams, ranked, and what shows one; none is visited yet."""
        self._seams, self._visit, self._at = seams, visit, -1
        self.all.enabled = True
        self._count()
        self._enable()

    def _count(self) -> None:
        number = len(self._seams)
        self.text.value = (
            f"{number:,} tile borders cut objects" if number > 1
            else "1 tile border cuts objects" if number
            else "no object is cut by seams"
        )  # fmt: skip

    def _leave(self) -> None:
        """Show all again: there is no frame to speak of."""
        self._count()
        self._show_all()

    def _go(self, at: int) -> None:
        self._at = at
        seam = self._seams[at]
        cut = number_of(len(seam.cuts), "object")
        self.text.value = f"seam {at + 1} of {len(self._seams):,}: {cut} cut (green)"
        self._enable()
        self._visit(seam)

    def _enable(self) -> None:
        self.previous.enabled = self._at > 0
        self.next.enabled = self._at + 1 < len(self._seams)


CROPPED, WHOLE = "cropped", "whole, in view"
OUTDATED = "Of an earlier setting: press Compare again."
TIPS = {
    "Seam profile": "How much the embedding changes at every offset in the tile",
    "Window sweep": "Naive tiles of many sizes: at which there are seams",
}
AXES = "planes", "rows", "columns"


class ComparisonView(QWidget):
    """Naive left, cropped or whole right; layer switches that act on both.

    Parameters
    ----------
    theme : str
        Of the napari viewer.
    want_whole : callable
        Called when the right side is to show one pass over what is in view.
    """

    def __init__(self, theme: str, want_whole: Callable[[], None]) -> None:
        super().__init__()
        self._want_whole = want_whole
        self._compared: CompareOutcome | None = None
        self._is_whole = False
        self.canvases = LinkedCanvases("naive", "cropped")
        self.outdated = wrapped_label(OUTDATED)
        dress(self.outdated, "warning")
        self.outdated.visible = False
        self.switches = LayerSwitches()
        self.right = ComboBox(
            choices=(CROPPED, WHOLE), value=CROPPED, label="right:",
            tooltip="What the right canvas shows; whole: one pass over what is in "
            "view, without any tile",
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
        self.tabs.setTabToolTip(0, "What was measured; hold the pointer over a figure")
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
        """Add a tab with a plot that can be saved."""
        self._plots[tab] = plot
        number = self.tabs.addTab(tab, title)
        self.tabs.setTabToolTip(number, TIPS[title])
        plot.drawn.connect(self._offer_to_save)

    def _offer_to_save(self) -> None:
        plot = self._plots.get(self.tabs.currentWidget())
        self.save_button.enabled = plot is not None and not plot.is_empty

    @property
    def compared(self) -> CompareOutcome | None:
        """What is shown, if anything is."""
        return self._compared

    def show_comparison(self, compared: CompareOutcome) -> None:
        """Show a comparison in place of the one before."""
        before, self._compared = self._compared, compared
        comparison = compared.comparison
        plans = [side.result.plan for side in (comparison.naive, comparison.cropped)]
        self._is_whole, self.right.value = False, CROPPED
        self.switches.explain(compared.common)
        for pane, plan, layers in zip(
            self.canvases.panes, plans, (compared.naive, compared.cropped), strict=True
        ):
            pane.show_layers(run_name(plan), self._as_switched(layers))
        self.canvases.unmark()
        if before is None or not compared.task.shows_the_same(before.task):
            self.canvases.reset_view()
        self.table.show_comparison(comparison)
        self.tour.begin(
            comparison.naive.cutting, lambda seam: self._visit(seam, compared)
        )
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
        shown = region_in_view(pane.layer("image"), pane.model.dims, plan.shape.ndim)
        region = tuple(  # the image shown begins where the compared region does
            (max(start + first, first), min(stop + first, last))
            for (start, stop), (first, last) in zip(shown, plan.region, strict=True)
        )
        if any(start >= stop for start, stop in region):
            raise ValueError("nothing that was compared is in view: move it there")
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
        """Show one pass over a region on the right, if that is still wanted."""
        if self.right.value != WHOLE:
            return
        self._is_whole = True
        self.switches.explain(compared.common, whole_on_the_right=True)
        title = f"whole: {region_text(whole.region)}"
        self.canvases.right.show_layers(title, self._as_switched(whole.layers))

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
        mark_period = own_seams(compared.model.config) is not None
        self.profile.show_plot(
            lambda figure, colours: draw_profile(
                figure, comparison, colours, mark_period
            ),
            lambda: profile_table(comparison),
        )

    def _change_right(self, state: str) -> None:
        compared = self._compared
        if compared is None:
            self.right.value = CROPPED
            return
        if state == WHOLE:
            self._want_whole()
            return
        if not self._is_whole:
            return
        self._is_whole = False
        self.switches.explain(compared.common)
        plan = compared.comparison.cropped.result.plan
        layers = self._as_switched(compared.cropped)
        self.canvases.right.show_layers(run_name(plan), layers)

    def _show_all(self) -> None:
        self.canvases.unmark()
        self.canvases.reset_view()

    def _visit(self, seam: Seam, compared: CompareOutcome) -> None:
        self.switches.boxes["label outlines"].value = True  # the pieces
        result = compared.comparison.naive.result
        self.canvases.mark(seam_mark(seam, result, compared.task.source))


def region_text(region: Region) -> str:
    """Write a region as ``rows 0–95, columns 16–111``, first and last pixel."""
    return ", ".join(
        f"{axis} {start}–{stop - 1}"
        for axis, (start, stop) in zip(AXES[-len(region) :], region, strict=True)
    )
