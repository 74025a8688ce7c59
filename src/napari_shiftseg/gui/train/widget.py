"""The Train widget, and the layer that shows how a training comes on."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from time import perf_counter
from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from napari.layers import Labels
from qtpy.QtCore import QTimer

from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.choices import is_result
from napari_shiftseg.gui.parts.devices import DeviceChoice
from napari_shiftseg.gui.parts.layout import Foldaway, ScrolledRows
from napari_shiftseg.gui.parts.models import OPENED
from napari_shiftseg.gui.parts.plot import Plot
from napari_shiftseg.gui.parts.run_panel import RunPanel
from napari_shiftseg.gui.parts.text_boxes import wrapped_label
from napari_shiftseg.gui.parts.viewer import SETTLED, OwnLayer
from napari_shiftseg.gui.parts.window_advice import Note
from napari_shiftseg.gui.train.advanced import TrainAdvancedRows
from napari_shiftseg.gui.train.choice import LayerPair, NotChosenYet
from napari_shiftseg.gui.train.form import TrainForm
from napari_shiftseg.gui.train.run import TrainingProgress, training_run
from napari_shiftseg.text import by, said_by, sentence
from napari_shiftseg.training.defaults import advise_training
from napari_shiftseg.training.step import Course

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari
    import numpy as np
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_shiftseg.gui.train.run import Preview, TrainingOutcome
    from napari_shiftseg.progress import Progress


PLOT_HEIGHT = 260  # pixels: two panels, one above the other
MOST_NOTES = 4  # that are shown; more are read where the mouse rests
AT_THE_END = "validated at the end"
REDRAW = 2.0  # seconds at least between two drawings of the curves
REST = 40  # times as long as the curves took to lay out; painting them takes four


class TrainWidget(ScrolledRows):
    """Train a network on images and labels, and show how it comes on.

    A layer is added that shows what the network makes of the validation image.

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
        self.note = Note(self.form.window.use)
        self.summary = wrapped_label()
        self.device = DeviceChoice(self._advise)
        self.foldaway = Foldaway(
            self.advanced, "Rates, channels, validation: no change needed"
        )
        self.panel = RunPanel(
            self._steps,
            self._take_model,
            self._run_changed,
            progressed=self._follow,
            caption="Train",
            stop=lambda: self._stop.set(),
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
        self.panel.bind_key(self.native)

    def _connect(self) -> None:
        form, advanced = self.form, self.advanced
        for control in (
            *form.pairs.rows, form.intensity, form.network, form.start,
            form.model_name, form.depth, form.window, form.steps, advanced.every,
        ):  # fmt: skip
            control.changed.connect(self._advise)
        for row in form.pairs.rows:
            row.changed.connect(self._forget_other_pairs)
        self.panel.failed.connect(form.intensity.learn)
        self.save_button.changed.connect(self.plot.ask_where_to_save)
        self._viewer.events.theme.connect(self._follow_theme)
        layers = self._viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            event.connect(self._layers_changed, position="last")

    def _forget_other_pairs(self) -> None:
        """Take away what is said of pairs that are no longer chosen."""
        if not self.panel.is_running:
            self.panel.forget()

    def _layers_changed(self) -> None:
        if self._is_open:
            self._advise()

    def _follow_theme(self) -> None:
        if self._is_open:
            self.plot.set_theme(self._viewer.theme)

    def take_corrections(self, image: Image, labels: Labels) -> None:
        """Show a training on corrections, to begin with the model that made them.

        Parameters
        ----------
        image : Image
        labels : Labels
        """
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
            self.note.say(sentence(said_by(error)), "error", self._offers())
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
            reads = by(shape.input_for(window))
            self.summary.value = (
                f"each step reads {reads}, the loss sees {by(window)}; "
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
        if self._is_open:
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


HIDDEN = (
    "The layer “validation · …” will be hidden, so that it does not cover the labels."
)
VALIDATION = "validation"  # in the metadata: no labels to train on


class ValidationPreview(OwnLayer):
    """A Labels layer that is made at the first validation and then updated in place.

    It is hidden at first where it would cover labels of a run, which may be mended
    meanwhile. Where files are trained on, the validation image is shown, too. A layer
    that the user removes stays away until the next training.
    """

    def begin(self) -> None:
        """Hide what an earlier training has shown; this one gets its own layer."""
        self.hide()
        self._layer = None

    def show(self, preview: Preview) -> None:
        """Show labels; to be called in the GUI thread."""
        if self._layer is None:
            self._show_first(preview)
        elif self.layer is not None:
            self.layer.data = _preview_data(preview)

    def _show_first(self, preview: Preview) -> None:
        task, data = preview.task, _preview_data(preview)
        pairs, place = task.pairs, {}
        if isinstance(pairs, LayerPair):
            source = replace(pairs.image, first=preview.pair.frame)
            place = source.placed(preview.pair.corner, data.ndim)
        else:
            self._viewer.add_image(
                preview.pair.sample.image, name=f"validation image · {pairs.name}"
            )
        layer = Labels(
            data,
            name=f"validation · {pairs.name} · {task.config.name}",
            metadata={METADATA_KEY: VALIDATION},
            visible=not self._covers,
            **place,
        )
        self._add(layer)

    @property
    def note(self) -> str:
        """What is to be known of the layer; empty where it is simply shown."""
        return HIDDEN if self._covers else ""

    @property
    def _covers(self) -> bool:
        layers = self._viewer.layers
        return any(layer.visible and is_result(layer) for layer in layers)


def _preview_data(preview: Preview) -> NDArray[np.int32]:
    """Return the labels, as one frame of a series where the image is one."""
    task = preview.task
    if task.config.in_channels > 1 or not isinstance(task.pairs, LayerPair):
        return preview.labels
    return preview.labels[(None,) * len(preview.pair.frame)]
