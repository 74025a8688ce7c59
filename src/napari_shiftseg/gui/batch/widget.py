"""The Batch widget: a folder, with what, go, and a table of what came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices

from napari_shiftseg.gui.batch.chart import ConditionChart
from napari_shiftseg.gui.batch.form import MOST_NAMED, BatchForm
from napari_shiftseg.gui.batch.run import (
    FilesBar,
    ImageProgress,
    RowEnded,
    followed,
    outcome_text,
)
from napari_shiftseg.gui.batch.table import FileTable
from napari_shiftseg.gui.batch.work import RowWork
from napari_shiftseg.gui.parts.layout import ScrolledRows, is_open, opened
from napari_shiftseg.gui.parts.run_panel import LEAVE, RunPanel
from napari_shiftseg.text import visible

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari

    from napari_shiftseg.batch.order import BatchOutcome, BatchRow
    from napari_shiftseg.gui.parts.folder_settings import FolderSettings
    from napari_shiftseg.progress import Progress


PAGE = "batch.html"
RUN_TIP = (
    "Segment all images of the folder, one after the other; what fails is named, and "
    "the rest goes on"
)
LEFT_OVER = "There still are results whose image is no longer there:"
CANCELLED = "Cancelled: what is done is kept. Run goes on with the rest (Resume)."


class BatchWidget(ScrolledRows):
    """Segment a folder of images, and show what came out of each and of all."""

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self._output = Path()  # of the rows that are shown
        self._build()
        self._connect()
        self._advise()

    def _build(self) -> None:
        self.form = BatchForm(lambda: opened(self._viewer, "Segment"))
        self.files = FilesBar()
        self.panel = RunPanel(
            self._steps, self._done, self._run_changed, self._progressed,
            cancelled=CANCELLED, ending=LEAVE, tooltip=RUN_TIP,
        )  # fmt: skip
        self.table = FileTable()
        self.work = RowWork(
            self._viewer, self.table, lambda: self._output, lambda: self.rows
        )
        self.page = PushButton(
            text="Open page",
            tooltip="Open batch.html in the browser: pictures, distributions, what "
            "looks odd",
        )
        self.chart = ConditionChart(self._viewer.theme, lambda: self.rows, self.page)
        rows = Container(
            widgets=[
                self.form, self.panel, self.files, self.work, self.chart,
            ],
            labels=False,
        )  # fmt: skip
        layout = rows.native.layout()
        layout.insertWidget(rows.index(self.work), self.table)
        layout.setStretchFactor(self.table, 1)
        super().__init__(rows)

    def _connect(self) -> None:
        self.form.changed_found.connect(self._take_found)
        self.form.changed_place.connect(self._go_elsewhere)
        self.panel.was_cancelled.connect(self._go_on_next)
        self.work.written.connect(self._take_written)
        self.page.changed.connect(self._open_page)
        self.panel.bind_key(self.native)
        self._viewer.events.theme.connect(self._follow_theme)

    @property
    def rows(self) -> list[BatchRow]:
        """What became of the images so far."""
        return [file.row for file in self.table.files.files if file.row is not None]

    def take(self, chosen: FolderSettings) -> None:
        """Segment the folder with these settings.

        Parameters
        ----------
        chosen : FolderSettings
        """
        self.form.take(chosen)

    def _follow_theme(self) -> None:
        if self._is_open:
            self.chart.plot.set_theme(self._viewer.theme)

    # What is there

    def _take_found(self) -> None:
        """Show the images that were found, and what is known of them."""
        if not self._is_open or self.panel.is_running:
            return
        found, output = self.form.found, Path(self.form.output.value or "")
        names = [item.key for item in found.items]
        shown = self._output, [file.name for file in self.table.files.files]
        if shown != (output, names) or not self.rows:  # else failed ones would go
            self._output = output
            self.table.begin(names, found.rows)
        self.chart.draw()
        self._advise()

    def _advise(self) -> None:
        self.panel.allow(self.form.refusal is None and not self.work.is_busy)
        self.page.enabled = (self._output / PAGE).is_file() and bool(self.rows)

    # A run

    def _steps(self) -> Generator[Progress, None, BatchOutcome]:
        order = self.form.order()
        if not order.resume:
            self.table.begin([item.key for item in self.form.found.items])
        self.files.begin()
        return followed(order)

    def _progressed(self, progress: Progress) -> None:
        if isinstance(progress, ImageProgress):
            self.table.files.run(progress.name)
            self.files.show_progress(progress)
        elif isinstance(progress, RowEnded) and progress.row is not None:
            self.files.ended(progress.row)
            self._take_row(progress.row)

    def _take_row(self, row: BatchRow) -> None:
        self.table.take(row)
        self.chart.follow_rows()

    def _take_written(self, row: BatchRow) -> None:
        """Show what labels that were saved back changed."""
        self._take_row(row)
        self.panel.say(f"Saved back. Now {outcome_text(self.rows)}")

    def _done(self, outcome: BatchOutcome) -> tuple[str, str]:
        rows = list(outcome.rows)
        is_doubtful = any(row.status == "failed" or not row.objects for row in rows)
        said = [outcome_text(rows)]
        if outcome.left_over:
            names = ", ".join(map(visible, outcome.left_over[:MOST_NAMED]))
            more = len(outcome.left_over) - MOST_NAMED
            many = f" and {more:,} more" if more > 0 else ""
            said.append(f"{LEFT_OVER} {names}{many}")
        return "\n".join(said), "warning" if is_doubtful else "note"

    def _run_changed(self) -> None:
        is_running = self.panel.is_running
        self.form.enabled = not is_running
        self.work.hold(is_running)
        if not is_running:
            self.files.visible = False
            self.table.files.rest()
            self.chart.draw()
            self.form.look()
        self._advise()

    def _go_elsewhere(self) -> None:
        """Forget what came out of other folders."""
        self.panel.forget()
        self._advise()

    def _go_on_next(self) -> None:
        """Let Run go on with the rest: unticked it would begin anew."""
        if self._is_open:
            self.form.resume.value = True

    def _open_page(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._output / PAGE)))

    def _leave(self) -> None:
        """End what is under way: what is done is kept."""
        if self.panel.is_running and is_open(self.panel.native):
            self.panel.cancel()
