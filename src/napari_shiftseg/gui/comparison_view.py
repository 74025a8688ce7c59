"""What a comparison shows: two canvases, the seams, the figures and the plots."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, ComboBox, Container, PushButton
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSplitter, QTabWidget, QVBoxLayout, QWidget

from napari_shiftseg.gui.canvases import LinkedCanvases
from napari_shiftseg.gui.comparison_layers import FAR, KINDS, seam_frame
from napari_shiftseg.gui.figure_table import FigureTable
from napari_shiftseg.gui.layers import run_name
from napari_shiftseg.gui.plot import Plot
from napari_shiftseg.gui.seam_tour import SeamTour
from napari_shiftseg.gui.source import region_in_view
from napari_shiftseg.model.description import training_window_warning

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.comparison_run import Compared
    from napari_shiftseg.gui.layers import LayerTuple
    from napari_shiftseg.metrics.splits import Seam
    from napari_shiftseg.pipeline.comparison import Side

CROPPED, WHOLE = "cropped", "whole, in view"


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
        self._compared: Compared | None = None
        self._is_whole = False
        self.canvases = LinkedCanvases("naive", "cropped")
        self.switches = {
            kind: CheckBox(text=kind, value=shown) for kind, shown in KINDS.items()
        }
        self.right = ComboBox(
            choices=(CROPPED, WHOLE), value=CROPPED, label="right:",
            tooltip="What the right canvas shows; whole: one pass over what is in "
            "view, without any tile",
        )  # fmt: skip
        self.tour = SeamTour(self._visit, self.canvases.reset_view)
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
        for kind, switch in self.switches.items():
            switch.changed.connect(partial(self.canvases.set_visible, kind))
        self.right.changed.connect(self._change_right)
        self.tabs.currentChanged.connect(self._offer_to_save)
        self.save_button.changed.connect(
            lambda: self._plots[self.tabs.currentWidget()].ask_where_to_save()
        )
        self._offer_to_save()
        self.set_theme(theme)

    def _lay_out(self) -> None:
        rows = [
            Container(widgets=list(self.switches.values()), layout="horizontal"),
            Container(widgets=[self.tour, self.right], layout="horizontal"),
        ]
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.canvases, stretch=1)
        for row in rows:
            row.margins = (0, 0, 0, 0)
            column.addWidget(row.native)
        corner = Container(
            widgets=[self.save_button, self.report_button], layout="horizontal"
        )
        corner.margins = (0, 0, 0, 0)
        corner.native.setStyleSheet("QPushButton { padding: 1px 6px; }")  # tabs are low
        self.tabs.setCornerWidget(corner.native)
        self._rows = [*rows, corner]  # magicgui widgets live as long as they are held
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.setChildrenCollapsible(False)
        parts.addWidget(upper)
        parts.addWidget(self.tabs)
        parts.setStretchFactor(0, 3)
        parts.setStretchFactor(1, 2)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(parts)

    def add_plot_tab(self, tab: QWidget, plot: Plot, title: str) -> None:
        """Add a tab with a plot that can be saved."""
        self._plots[tab] = plot
        self.tabs.addTab(tab, title)

    def _offer_to_save(self) -> None:
        self.save_button.enabled = self.tabs.currentWidget() in self._plots

    @property
    def compared(self) -> Compared | None:
        """What is shown, if anything is."""
        return self._compared

    def show_comparison(self, compared: Compared) -> None:
        """Show a comparison in place of the one before."""
        self._compared = compared
        comparison = compared.comparison
        plans = [side.result.plan for side in (comparison.naive, comparison.cropped)]
        self._is_whole, self.right.value = False, CROPPED
        for pane, plan, layers in zip(
            self.canvases.panes, plans, (compared.naive, compared.cropped), strict=True
        ):
            pane.unmark()
            pane.show_layers(run_name(plan), self._as_switched(layers))
        self._open_at_the_worst_seam(comparison.naive)
        self.table.show_comparison(comparison)
        self.tour.begin(comparison.naive.splitting or ())
        self._draw_profile()

    def region_in_view(self) -> Region:
        """Return the pixels that the right canvas shows, of those compared.

        Raises
        ------
        ValueError
            If none of them is in view.
        """
        pane = self.canvases.right
        plan = self._compared.comparison.cropped.result.plan
        shown = region_in_view(pane.layer("image"), pane.model.dims, plan.shape.ndim)
        region = tuple(  # the image shown begins where the compared region does
            (max(start + first, first), min(stop + first, last))
            for (start, stop), (first, last) in zip(shown, plan.region, strict=True)
        )
        if any(start >= stop for start, stop in region):
            raise ValueError("nothing that was compared is in view: move it there")
        return region

    def settle(self) -> None:
        """Say what the right side shows, where it could not show the other."""
        if not self._is_whole:
            self.right.value = CROPPED

    def show_whole(self, layers: list[LayerTuple]) -> None:
        """Show one pass over a region on the right, if that is still wanted."""
        if self.right.value != WHOLE:
            return
        self._is_whole = True
        self.canvases.right.show_layers(WHOLE, self._as_switched(layers))

    def set_theme(self, theme: str) -> None:
        """Take the theme of the napari viewer."""
        self.canvases.set_theme(theme)
        for plot in self._plots.values():
            plot.set_theme(theme)

    def _as_switched(self, layers: list[LayerTuple]) -> list[LayerTuple]:
        """Return layers that are visible as the switches say."""
        return [
            (data, how | {"visible": self.switches[how["name"]].value}, of)
            for data, how, of in layers
        ]

    def _draw_profile(self) -> None:
        from napari_shiftseg.report.plots import draw_profile
        from napari_shiftseg.report.tables import profile_table

        comparison = self._compared.comparison
        mark_period = bool(training_window_warning(self._compared.model.config))
        self.profile.show_plot(
            lambda figure, colours: draw_profile(
                figure, comparison, colours, mark_period
            ),
            lambda: profile_table(comparison),
        )

    def _change_right(self, state: str) -> None:
        if self._compared is None:
            self.right.value = CROPPED
            return
        if state == WHOLE:
            self._want_whole()
            return
        if not self._is_whole:
            return
        self._is_whole = False
        plan = self._compared.comparison.cropped.result.plan
        layers = self._as_switched(self._compared.cropped)
        self.canvases.right.show_layers(run_name(plan), layers)

    def _open_at_the_worst_seam(self, naive: Side) -> None:
        """Look at some tiles only: in a large image no seam can be seen."""
        self.canvases.reset_view()
        if naive.splitting:
            source, worst = self._compared.task.source, naive.splitting[0]
            self.canvases.look_at(seam_frame(worst, naive.result, source, FAR))

    def _visit(self, seam: Seam) -> None:
        self.switches["label outlines"].value = True  # the pieces are what to look at
        compared = self._compared
        result = compared.comparison.naive.result
        self.canvases.mark(seam_frame(seam, result, compared.task.source))
