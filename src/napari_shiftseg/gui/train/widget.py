"""The Train widget: images and labels become a model."""

from __future__ import annotations

from threading import Event
from time import perf_counter
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, Container, FloatSpinBox, PushButton, SpinBox
from qtpy.compat import isalive
from qtpy.QtCore import QTimer

from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.gui.parts.device_choice import DeviceChoice
from napari_shiftseg.gui.parts.docking import SETTLED, OneTabGroup
from napari_shiftseg.gui.parts.models import OPENED
from napari_shiftseg.gui.parts.note import Note, wrapped_label
from napari_shiftseg.gui.parts.plot import Plot
from napari_shiftseg.gui.parts.rows import Foldaway, ScrolledRows, align_labels
from napari_shiftseg.gui.parts.run_panel import RunPanel, Stop
from napari_shiftseg.gui.train.choice import NotChosenYet
from napari_shiftseg.gui.train.form import TrainForm
from napari_shiftseg.gui.train.pair_source import ValidationPreview
from napari_shiftseg.gui.train.run import TrainingProgress, training_run
from napari_shiftseg.text import by, sentence
from napari_shiftseg.training.defaults import CORRECTION_RATE, RATE, advise_training
from napari_shiftseg.training.step import Course

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari
    from napari.layers import Image, Labels

    from napari_shiftseg.gui.train.run import TrainingOutcome
    from napari_shiftseg.progress import Progress


PARTS = 10  # of a training: a validation after each
LEAST_EVERY = 25  # steps; what a new network predicts takes long to cluster


class TrainAdvancedRows(Container):
    """What a biologist need not touch: learning rate, batch, channels, validation."""

    def __init__(self) -> None:
        self._offered = RATE  # that was not typed
        self.learning_rate = FloatSpinBox(
            value=RATE, min=1e-6, max=1, step=5e-4, label="Learning rate",
            tooltip="Its peak. Lower it where the loss is no longer finite.",
        )  # fmt: skip
        self.learning_rate.native.setDecimals(6)
        self.batch = SpinBox(
            value=1, min=1, max=64, label="Windows a step",
            tooltip="More take longer and more memory, and make the loss steadier.",
        )  # fmt: skip
        self.features = SpinBox(
            value=16, min=1, max=128, label="Features",
            tooltip="Channels at the finest level, doubled at each level below.",
        )  # fmt: skip
        self.channels = SpinBox(
            value=16, min=1, max=64, label="Embedding channels",
            tooltip="More tell more touching objects apart.",
        )  # fmt: skip
        self.normalization = ComboBox(
            choices=("batch", "none"), label="Normalization",
            tooltip="batch: steadier training; it does not depend on tiles.",
        )  # fmt: skip
        self.every = SpinBox(
            value=0, max=10**6, label="Validate every",
            tooltip="Steps from one validation to the next; 0: a tenth of all. The "
            "best so far is written each time.",
        )  # fmt: skip
        self.seed = SpinBox(
            value=0, max=2**31 - 1, label="Seed", tooltip="Of weights and windows."
        )
        super().__init__(
            widgets=[
                self.learning_rate, self.batch, self.features, self.channels,
                self.normalization, self.every, self.seed,
            ]
        )  # fmt: skip
        align_labels(self)

    def begin_with_model(self, begins: bool) -> None:
        """Disable what a model to begin with decides, and offer it a gentler rate.

        A rate that the user has typed is kept.
        """
        if self.learning_rate.value == self._offered:
            self._offered = CORRECTION_RATE if begins else RATE
            self.learning_rate.value = self._offered
        for control in (self.features, self.channels, self.normalization):
            control.enabled = not begins

    def network(self) -> dict[str, Any]:
        """Return what is shown, as keywords of `object_config`."""
        return {
            "features": self.features.value,
            "embedding_channels": self.channels.value,
            "normalization": self.normalization.value,
        }

    def recipe(self) -> dict[str, Any]:
        """Return what is shown, as keywords of `Recipe`."""
        return {
            "learning_rate": self.learning_rate.value,
            "batch": self.batch.value,
            "seed": self.seed.value,
        }

    def validated_every(self, steps: int) -> int:
        """Return the steps from one validation to the next."""
        return self.every.value or max(-(-steps // PARTS), LEAST_EVERY)


PLOT_HEIGHT = 260  # pixels: two panels, one above the other
MOST_NOTES = 4  # that are shown; more are read where the mouse rests
AT_THE_END = "validated at the end"
REDRAW = 2.0  # seconds at least between two drawings of the curves
REST = 40  # times as long as the curves took to lay out; painting them takes four


class TrainWidget(ScrolledRows):
    """Train a network on images and labels, and show how it comes on.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        A layer is added to it that shows what the network makes of the validation
        image.

    Attributes
    ----------
    course : Course
        Of the present or the latest training.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self.course = Course()
        self._stop = Event()
        self._next_draw = 0.0
        self.preview = ValidationPreview(napari_viewer)
        self._build()
        self._connect()
        self._advise()

    def _build(self) -> None:
        self.advanced = TrainAdvancedRows()
        self.form = TrainForm(self._viewer, self.advanced)
        self.note = Note(self.form.use_window)
        self.summary = wrapped_label()
        self.device = DeviceChoice(self._advise)
        self.foldaway = Foldaway(
            self.advanced, "Rates, channels, validation: need no change"
        )
        self.panel = RunPanel(
            self._steps,
            self._take_model,
            self._run_changed,
            progressed=self._follow,
            caption="Train",
            stop=Stop(lambda: self._stop.set(), "Stop and keep the best"),
            tooltip="Train the model; the best so far is kept, and listed at the end",
        )
        self.plot = Plot(self._viewer.theme)
        self.plot.setFixedHeight(PLOT_HEIGHT)
        self.save_button = PushButton(
            text="Save curves…", tooltip="PNG or SVG: the picture; CSV: the figures"
        )
        rows = Container(
            widgets=[
                self.form, self.note, self.summary, self.device,
                self.panel, self.device.banner,
                self.save_button,
            ],
            labels=False,
        )  # fmt: skip
        self.save_button.visible = False
        layout = rows.native.layout()
        layout.insertWidget(rows.index(self.panel), self.foldaway)
        layout.insertWidget(layout.count() - 1, self.plot)
        self.plot.hide()
        layout.addStretch()
        super().__init__(rows)

    def _connect(self) -> None:
        form, advanced = self.form, self.advanced
        for control in (
            *form.pairs.rows, form.intensity, form.network, form.start,
            form.model_name, form.depth, form.window, form.steps, advanced.every,
        ):  # fmt: skip
            control.changed.connect(self._advise)
        for row in form.pairs.rows:
            row.changed.connect(self._forget_other_pairs)
        self.save_button.changed.connect(self.plot.ask_where_to_save)
        self._viewer.events.theme.connect(self._follow_theme)
        self._tab = OneTabGroup(self.native)
        layers = self._viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            event.connect(self._layers_changed, position="last")

    def _forget_other_pairs(self) -> None:
        """Take away what is said of pairs that are no longer chosen."""
        if not self.panel.is_running:
            self.panel.forget()

    def _layers_changed(self) -> None:
        if isalive(self.native):
            self._advise()

    def _follow_theme(self) -> None:
        if isalive(self.native):
            self.plot.set_theme(self._viewer.theme)

    def take_corrections(self, image: Image, labels: Labels) -> None:
        """Show a training on corrections, to begin with the model that made them."""
        self.form.take_corrections(image, labels)
        self._advise()  # the layer may be the one that was chosen, with other pixels

    # What it means

    def _advise(self) -> None:
        """Say what the present choice means; Train is enabled when it can be run."""
        self.summary.value = ""
        allowed = False
        try:
            self.form.show_rows()
            self.form.offer_window()
            self.form.check()
        except NotChosenYet as missing:
            self.note.say(str(missing), "note", [])
        except (ValueError, OSError) as error:
            self.note.say(sentence(str(error)), "error", self._offers())
        else:
            allowed = True
            self._say_what_it_means()
        self.panel.allow(allowed)

    def _offers(self) -> list[tuple[str, tuple[int, ...]]]:
        """Captions and windows of the buttons."""
        try:
            windows = self.form.better_windows()
        except (ValueError, OSError):  # there is no network to offer windows for
            return []
        return [(f"Use {window_text(window)}", window) for window in windows]

    def _say_what_it_means(self) -> None:
        form, shape = self.form, self.form.shape
        window = form.training_window()
        notes = form.notes(about_name=not self.panel.is_running)
        notes, warning = [*notes, self.preview.note], form.pairs.doubt(form.ndim)
        if window is not None:
            advice = advise_training(window, shape)
            warning = "\n".join(filter(None, [warning, advice.warning]))
            notes = [*notes, advice.note]
            reads = tuple(
                axis.input_for(w) for axis, w in zip(shape.axes, window, strict=True)
            )
            self.summary.value = (
                f"a step reads {by(reads)}, its loss sees {by(window)}; "
                f"{self._when_validated()}"
            )
        said = list(filter(None, [warning, *notes]))
        text, more = "\n".join(said[:MOST_NOTES]), "\n".join(said[MOST_NOTES:])
        self.note.say(text, "warning" if warning else "note", self._offers(), more)

    def _when_validated(self) -> str:
        steps = self.form.steps.value
        every = self.advanced.validated_every(steps)
        return f"validated every {every:,} steps" if every < steps else AT_THE_END

    # What comes out

    def _steps(self) -> Generator[Progress, None, TrainingOutcome]:
        task = self.form.task(self.device.value)
        self.course, self._stop = Course(), Event()
        self.preview.begin()
        return training_run(task, self._stop.is_set)

    def _follow(self, progress: Progress) -> None:
        if not isinstance(progress, TrainingProgress):
            return
        for step in progress.steps:
            self.course.add(step)
        if progress.before is not None:
            self.course.before = progress.before
        if progress.preview is not None:
            self.preview.show(progress.preview)
        if progress.preview or perf_counter() > self._next_draw:
            self._draw()

    def _draw(self) -> None:
        from napari_shiftseg.report.plots import draw_training, training_table

        course, is_first = self.course, not self.plot.isVisible()
        began = perf_counter()
        self.plot.show()
        self.save_button.visible = True
        self.plot.show_plot(
            lambda figure, colours: draw_training(figure, course, colours),
            lambda: training_table(course),
        )
        ended = perf_counter()
        self._next_draw = ended + max(REDRAW, REST * (ended - began))
        if is_first:  # below what a low screen shows, as soon as it has its place
            QTimer.singleShot(SETTLED, self._scroll_to_plot)

    def _scroll_to_plot(self) -> None:
        if isalive(self.native):
            self._scrolling.ensureWidgetVisible(self.plot)

    def _take_model(self, trained: TrainingOutcome) -> tuple[str, str]:
        if trained.preview is not None:
            self.preview.show(trained.preview)
        if self.course.steps:
            self._draw()
            QTimer.singleShot(SETTLED, self._scroll_to_plot)  # the result moves it
        unwanted = trained.trouble or trained.is_worse
        return trained.line, "warning" if unwanted else "note"

    def _run_changed(self) -> None:
        OPENED.look_again()
        self._advise()
