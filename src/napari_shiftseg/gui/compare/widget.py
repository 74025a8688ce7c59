"""The Compare widget: naive and cropped stitching side by side, and measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import Container, show_file_dialog
from napari.qt.threading import create_worker

from napari_shiftseg.geometry.advice import advise, effort, small_image_note
from napari_shiftseg.geometry.cost import work_warning
from napari_shiftseg.geometry.window import default_windows, window_text
from napari_shiftseg.gui.compare.form import CompareForm, SweepPanel
from napari_shiftseg.gui.compare.run import (
    CompareOutcome,
    CompareTask,
    WholePass,
    comparison_run,
    report_run,
    whole_run,
)
from napari_shiftseg.gui.compare.view import ComparisonView
from napari_shiftseg.gui.parts.compare_button import CompareButton
from napari_shiftseg.gui.parts.devices import Devices, find_devices
from napari_shiftseg.gui.parts.layout import ScrolledRows, follow_segment
from napari_shiftseg.gui.parts.rates import RateWatch
from napari_shiftseg.gui.parts.result_layers import too_many_lines
from napari_shiftseg.gui.parts.run_panel import RunPanel
from napari_shiftseg.gui.parts.viewer import ViewWatch, taken_note
from napari_shiftseg.gui.parts.window_advice import SizeAdvice, seam_maker, views_note
from napari_shiftseg.networks.properties import training_window_warning

if TYPE_CHECKING:
    import napari

    from napari_shiftseg.geometry.advice import Advice
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.gui.parts.window_advice import Choices
    from napari_shiftseg.gui.segment.form import SegmentForm

LEAST_WIDTH = 600  # pixels: two canvases and the table
MARGIN = 4  # pixels around and between what stands one below the other


class CompareWidget(ScrolledRows):
    """Show what tile borders do to a segmentation, and which window mends it.

    The layers of the viewer are read, and stay as they are.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self._devices: Devices = {}  # they are not known yet
        self._advised: CompareTask | None = None  # that the note speaks of
        self._build()
        self._connect()
        self._choose_model()
        follow_segment(napari_viewer, self.form.follow)
        self._advise()
        create_worker(find_devices, _connect={"returned": self._take_devices})

    def _build(self) -> None:
        self.form = CompareForm(self._viewer)
        self.note = SizeAdvice(self.form.window.use, holds_buttons=False)
        self.panel = RunPanel(
            lambda: comparison_run(self.form.task()), self._show, self._run_changed,
            caption="Compare",
            cancelled="Cancelled: nothing was changed.", beside=[self.note.row],
            tooltip="Predict the image with naive and with cropped tiles, and measure "
            "what the tile borders do",
        )  # fmt: skip
        self.view = ComparisonView(self._viewer.theme, self._want_whole)
        self.sweep = SweepPanel(
            self.form.task_of_all_windows, self._advise, self._viewer.theme
        )
        self.view.add_plot_tab(self.sweep, self.sweep.plot, "Window sweep")
        labels = CompareButton(self._viewer, text="Compare labels…")
        rows = Container(
            widgets=[self.form, self.note, self.panel, labels], labels=False
        )
        rows.margins = (MARGIN,) * 4
        rows.native.layout().setSpacing(MARGIN)
        rows.native.layout().addWidget(self.view, stretch=1)
        rows.native.setMinimumWidth(LEAST_WIDTH)
        super().__init__(rows)
        self.panel.bind_key(self.native)
        self.view.tour.bind_keys(self.native)
        self._rates = RateWatch(self.native, self._advise)

    def _connect(self) -> None:
        self.form.edited.connect(self._advise)
        self.form.image.changed.connect(self._forget_other_image)
        self.form.model_chosen.connect(self._choose_model)
        for panel in (self.panel, self.sweep.panel):
            panel.failed.connect(self.form.intensity.learn)
        self.view.report_button.changed.connect(self._ask_where)
        self._viewer.events.theme.connect(self._follow_theme)
        self._watch = ViewWatch(self._viewer, self.native, self._view_moved)

    def follow(self, form: SegmentForm) -> None:
        """Take what Segment has, unless something is being run."""
        if not self._is_busy:
            self.form.follow(form)

    def _choose_model(self) -> None:
        self.sweep.offer(default_windows(self.form.model.config.shape))

    def _forget_other_image(self) -> None:
        """Take away what is said of an image that is no longer chosen."""
        if not self._is_busy:
            self.panel.forget()

    def _follow_theme(self) -> None:
        if self._is_open:
            self.view.set_theme(self._viewer.theme)

    def _take_devices(self, devices: Devices) -> None:
        if self._is_open:
            self._devices = devices
            self._advise()

    # What it means

    @property
    def _is_busy(self) -> bool:
        return self.panel.is_running or self.sweep.panel.is_running

    def _view_moved(self) -> None:
        """Advise again, unless the view is no part of what is to be compared."""
        if not self._is_open:
            return
        try:
            task = self.form.task()
        except ValueError:
            self._advise()
            return
        known = self._advised
        if known is None or not (
            task.settings == known.settings and task.is_of_the_same(known)
        ):
            self._advise()

    def _advise(self) -> None:
        """Say what the present choice means; Compare is enabled if it can be run."""
        if not self._is_open:
            return
        compared = self.view.compared
        shown = compared is not None
        for control in (self.view.report_button, self.view.right):
            control.enabled = shown and not self._is_busy
        self._advised = None
        self.sweep.mark_outdated(self._subject())
        try:
            task = self.form.task()
            naive, cropped = (self.form.plan(task, s) for s in ("naive", "cropped"))
        except ValueError as error:
            kind = "note" if self.form.image.value is None else "error"
            self.note.say(str(error), kind)
            self._allow(False)
            self.view.set_outdated(shown)
        else:
            self._advised = task
            is_shown = compared is not None and _is_of(compared, task, naive)
            self._say_what_it_means(task, naive, cropped, is_shown)
            self._allow(True)
            self.view.set_outdated(shown and not is_shown)

    def _allow(self, allowed: bool) -> None:
        """Let one thing run at a time; a sweep has tile sizes of its own."""
        self.panel.allow(allowed and not self.sweep.panel.is_running)
        can_sweep = allowed or self._subject() is not None
        self.sweep.panel.allow(can_sweep and not self.panel.is_running)

    def _subject(self) -> CompareTask | None:
        """Return the task but for the tile size; None if it cannot be carried out."""
        try:
            return self.form.task_of_all_windows()
        except ValueError:
            return None

    def _say_what_it_means(
        self, task: CompareTask, naive: TilePlan, cropped: TilePlan, is_shown: bool
    ) -> None:
        """Advise before a run; what is shown speaks for itself, and needs the room."""
        config = self.form.model.config
        device, memory = next(iter(self._devices.items()), (None, None))
        advice, views = advise(naive), self.form.views.value
        chosen = self.form.as_in_segment
        computed = {n: chosen[n] for n in ("engine", "precision") if n in chosen}
        model = self.form.model.value
        rate = self._rates.rate(cropped, model, device, self._is_busy, **computed)
        seams = _about_seams(naive, cropped, advice)
        warnings = [
            training_window_warning(config),
            work_warning([naive, cropped], device, rate, memory, views),
        ]
        notes = [
            f"naive + cropped: {effort(naive, cropped)}{views_note(views)}",
            small_image_note(naive),
            taken_note(
                self.form.image.value, self._viewer.dims, self.form.colour.value
            ),
            self.form.settings_note,
            f"Compared is {task.name}." if task.is_part else "",
            too_many_lines(naive, cropped),
        ]
        first: Choices = ()
        if naive.makes_seams:
            warnings.append(seams)
        else:
            notes.insert(0, seams)
            first = seam_maker(naive, config.usual_window)
        if is_shown:
            notes = warnings = []
        self.note.tell(naive, advice, notes, warnings, memory, first, [cropped])

    # What comes out

    def _show(self, compared: CompareOutcome) -> tuple[str, str]:
        self.view.show_comparison(compared)
        return _said(compared)

    def _run_changed(self) -> None:
        if not self.panel.is_running:
            self.view.settle()
        self._advise()

    def _want_whole(self) -> None:
        compared = self.view.compared
        if compared is None or self._is_busy:
            self.view.settle()
            return
        try:
            region = self.view.region_in_view(compared)
        except ValueError as error:
            self.panel.say(str(error), "error")
            self.view.settle()
            return

        def show(whole: WholePass) -> tuple[str, str]:
            self.view.show_whole(whole, compared)
            return _said(compared)

        self.panel.begin(whole_run(compared, region), show)

    def _ask_where(self) -> None:
        folder = show_file_dialog("d", "Folder for the report")
        if folder:
            self.write_report(Path(folder))

    def write_report(self, folder: Path) -> None:
        """Write the report of what is shown into a folder."""
        compared = self.view.compared
        if compared is None or self._is_busy:
            return
        points = self.sweep.points_of(compared.task)
        self.panel.begin(
            report_run(compared, points, folder),
            lambda to: _said(compared, f"Report written: {to / 'report.html'}"),
            cancelled=_said(compared, "Cancelled: no report was written.")[0],
            failed=_said(compared, "No report was written")[0],
        )


def _is_of(compared: CompareOutcome, task: CompareTask, naive: TilePlan) -> bool:
    """Whether a comparison is of a task: the same tiles on the same image."""
    plan = compared.reported.naive.result.plan
    is_same = plan == naive and compared.task.left == task.left
    return is_same and compared.task.is_of_the_same(task)


def _said(compared: CompareOutcome, more: str = "") -> tuple[str, str]:
    """Return what is said of a comparison, and of which one it is; and the kind."""
    about = f"{compared.task.name}, model {compared.model.config.name}"
    text = "\n".join(filter(None, [f"{about}: {compared.said.text}", more]))
    return text, "warning" if compared.said.is_harm else "note"


def _about_seams(naive: TilePlan, cropped: TilePlan, advice: Advice) -> str:
    """Say whether naive tiles make seams."""
    if len(naive) == 1:
        return "One tile holds it all: no seams. Choose a smaller tile size."
    if naive.makes_seams:
        return f"naive: {advice.note}"
    window = window_text(naive.window)
    if not advice.is_valid:
        return f"naive tiles of {window} meet at multiples of the period: no seams."
    what = "no seams."
    if naive.boundaries == cropped.boundaries:
        what = "naive and cropped tiles are the same."
    return f"{window} is a multiple of the period: {what}"
