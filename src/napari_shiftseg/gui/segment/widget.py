"""The Segment widget: what, with what, how, go, what came out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, Container
from napari.layers import Labels, Layer

from napari_shiftseg.geometry.advice import advise, small_image_note
from napari_shiftseg.geometry.cost import duration, work_warning
from napari_shiftseg.geometry.window import as_window, parse_window
from napari_shiftseg.gui.parts.belonging import METADATA_KEY, hide_earlier_runs
from napari_shiftseg.gui.parts.choices import is_result
from napari_shiftseg.gui.parts.devices import DeviceChoice
from napari_shiftseg.gui.parts.handing_on import HandOn
from napari_shiftseg.gui.parts.layout import (
    ControlForm,
    Foldaway,
    ScrolledRows,
    found,
    opened,
)
from napari_shiftseg.gui.parts.models import (
    is_for_samples,
    models_of,
    sample_model_warning,
)
from napari_shiftseg.gui.parts.rates import RateWatch
from napari_shiftseg.gui.parts.records import KEPT, LayerSession
from napari_shiftseg.gui.parts.run_panel import RunPanel
from napari_shiftseg.gui.parts.segmentation_run import (
    SegmentationOutcome,
    SegmentationRun,
    segmentation_run,
)
from napari_shiftseg.gui.parts.source import first_channel
from napari_shiftseg.gui.parts.text_boxes import wrapped_label
from napari_shiftseg.gui.parts.viewer import GridPreview, ViewWatch, taken_note
from napari_shiftseg.gui.parts.window_advice import SizeAdvice, images_text, views_note
from napari_shiftseg.gui.segment.advanced import AdvancedRows
from napari_shiftseg.gui.segment.again import RunAgain
from napari_shiftseg.gui.segment.colour_by import ColourBy
from napari_shiftseg.gui.segment.colours import RandomColours
from napari_shiftseg.gui.segment.folder import FolderButton
from napari_shiftseg.gui.segment.form import SegmentForm
from napari_shiftseg.gui.segment.last_choice import LastChoice
from napari_shiftseg.gui.segment.mending import MendButton
from napari_shiftseg.gui.segment.whole import WholeImage
from napari_shiftseg.networks.properties import training_window_warning
from napari_shiftseg.samples.catalogue import USUAL_MODEL

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari
    from napari.layers import Image

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.progress import Progress


SUMMARY_TIP = (
    "× the pixels: pixels computed, as a multiple of the image's\n"
    "to predict: by the network; about: as measured on this computer; roughly: as such "
    "computers do, until that is measured"
)


class SegmentWidget(ScrolledRows):
    """Predict an image tile by tile, cluster it, and show what came out."""

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self._plan: TilePlan | None = None
        self._again: SegmentationRun | None = None
        self._latest: Image | None = None
        self._preview = GridPreview(napari_viewer)
        self._build()
        self._recall()
        self._connect()
        self._choose_model()

    def _build(self) -> None:
        self.advanced = AdvancedRows()
        self.form = SegmentForm(self._viewer, self.advanced, self._inspect)
        self.image, self.model = self.form.image, self.form.model
        self._begun = self._remembered = LastChoice.read()
        self.window, self.stitching = self.form.window, self.form.stitching
        self.note = SizeAdvice(self._take_window)
        self.summary = wrapped_label(tooltip=SUMMARY_TIP)
        self.show_grid = CheckBox(
            text="Show tile grid",
            tooltip="Show what each tile keeps of the image, before a run",
        )
        self.device = DeviceChoice(self._advise)
        self.foldaway = Foldaway(
            self.advanced,
            "Clustering, border, batch, views, diameter, precision, engine, region: no "
            "change needed",
        )
        self.again = RunAgain(self._viewer, self._run_again)
        self.mend = MendButton(self._viewer, "Correct these objects: opens Mend")
        self.panel = RunPanel(
            self._steps, self._show_outcome, self._advise, further=self.mend,
            is_of_use=lambda: self.mend.is_of_use,
            tooltip="Find the objects; a layer of labels is added",
        )  # fmt: skip
        self.whole = WholeImage(
            self._viewer,
            lambda target: self.form.stored_run(self.device.value, target),
            self._advise,
        )
        self.folder = FolderButton(self._viewer, self.form, self.device)
        self.colours = RandomColours(
            self._viewer,
            lambda: self.mend.labels,
            lambda text: self.panel.say(text, "error"),
        )
        self.colour_by = ColourBy(
            self._viewer,
            lambda: self.mend.labels,
            lambda text: self.panel.say(text, "error"),
        )
        self.hand_on = HandOn(self._viewer, self._labels_meant, self.panel.say)
        rows = Container(
            widgets=[
                self.form,
                self.note,
                self.summary,
                self.whole.note,
                self.show_grid,
                self.device,
                self.panel,
                self.whole,
                self.hand_on,
                self.colours,
                ControlForm(self.colour_by, self.colour_by.legend),
                self.again,
                self.folder,
                self.device.banner,
            ],
            labels=False,
        )
        for button in (self.again, self.colours, self.colour_by, self.hand_on):
            button.visible = False
        layout = rows.native.layout()
        layout.insertWidget(rows.index(self.panel), self.foldaway)
        layout.addStretch()
        super().__init__(rows)
        self.panel.bind_key(self.native)
        self._rates = RateWatch(self.native, self._advise)

    def _connect(self) -> None:
        layers = self._viewer.layers
        for control in (self.image, self.form.colour, self.window, self.stitching,
                        self.form.intensity, self.advanced.border,
                        self.advanced.views, self.advanced.diameter,
                        self.advanced.precision, self.advanced.engine,
                        self.advanced.region):  # fmt: skip
            control.changed.connect(self._advise)
        self.image.changed.connect(self._forget_other_image)
        self.form.intensity.refused.connect(self._advise)
        self.panel.failed.connect(self.form.intensity.learn)
        self.model.chosen.connect(self._choose_model)
        self.show_grid.changed.connect(self._show_grid)
        layers.selection.events.active.connect(self.hand_on.offer)
        layers.events.inserted.connect(self._take_new_image, position="last")
        layers.events.inserted.connect(self._layers_changed, position="last")
        layers.events.removed.connect(self._layers_changed, position="last")
        layers.events.renamed.connect(self._layers_changed, position="last")
        self._watch = ViewWatch(self._viewer, self.native, self._view_moved)

    # What is chosen

    def _take_new_image(self, event: Any) -> None:
        """Choose an image that was opened; a run and its result keep theirs."""
        if self._is_open and not self.panel.is_running:
            self.image.offer(event.value)

    def _layers_changed(self) -> None:
        if not self._is_open:
            return
        if self._preview.was_removed:
            self.show_grid.value = False
        self.hand_on.offer()
        for button, panel in (
            (self.mend, self.panel), (self.whole.mend, self.whole.panel)
        ):  # fmt: skip
            if not button.is_of_use:
                panel.offer_further(False)
        self._advise()

    def _forget_other_image(self, image: Image | None) -> None:
        if image is not self._latest:
            self._latest = image
            self.panel.forget()

    def _view_moved(self) -> None:
        image = self.image.value
        if image is None:
            return
        if self.form.is_in_view or first_channel(image) is not None:
            self._advise()

    def _choose_model(self) -> None:
        self.advanced.take(self.form.config)
        self._advise()

    def _inspect(self) -> None:
        opened(self._viewer, "Inspect model").take(self.form)

    # What was chosen last

    @property
    def _is_sample(self) -> bool:
        """Whether a sample is chosen: what is tried on it is not remembered."""
        image = self.image.value
        return image is not None and bool(models_of(image))

    def _recall(self) -> None:
        """Begin with what was chosen last, but for a sample."""
        kept = self._remembered
        if kept.model in self.model.list.choices and not is_for_samples(kept.model):
            self.model.usual = kept.model
            self.model.suggest(self.image.value)
        if not self._is_sample:
            self.stitching.value = kept.stitching
            self.device.prefer(kept.device)

    def _follow_window(self) -> None:
        """Show the usual tile size, unless the user chose one in this session.

        That is what was given last for this model, or the cheapest for this image. On
        samples of other models, and of these models, it is the one trained with: there
        the seams are to be seen.
        """
        config, best = self.form.config, None
        if is_for_samples(self.model.value) or self.form.shows_seams:
            usual = config.usual_window
        elif self._is_given:
            usual = as_window(parse_window(self._begun.tile_size), config.ndim)
        else:
            best = self.form.cheapest_window(self.device.memory)
            usual = best or config.seamless_window
        with self.window.changed.blocked():
            self.window.follow(usual, best is not None)

    @property
    def _is_given(self) -> bool:
        """Whether a tile size was given in an earlier session for the chosen model."""
        begun, ndim = self._begun, self.form.config.ndim
        if self._is_sample or self.model.value != (begun.model or USUAL_MODEL):
            return False
        with suppress(ValueError):  # none, or one of other axes
            return bool(as_window(parse_window(begun.tile_size), ndim))
        return False

    def _take_window(self, window: tuple[int, ...]) -> None:
        """Take a tile size; the cheapest stays so, whatever the image."""
        if window == self.form.cheapest_window(self.device.memory):
            self._begun, self._remembered = (
                replace(kept, tile_size="") for kept in (self._begun, self._remembered)
            )
            self.window.release()
            self._advise()
        else:
            self.window.use(window)

    def _remember(self) -> None:
        """Keep what is chosen for an image of the user's own."""
        if self._is_sample or self.image.value is None:
            return
        kept, model = self._remembered, self.model.value
        if self.model.is_own and not is_for_samples(model):
            kept = replace(kept, model=model)
        if model == (kept.model or USUAL_MODEL):
            is_own = self.window.is_own or self.window.value == kept.tile_size
            kept = replace(kept, tile_size=self.window.value if is_own else "")
        kept = replace(kept, stitching=self.stitching.value)
        if self.device.device is not None:  # else they are not known yet
            kept = replace(kept, device=self.device.value)
        self._remembered = kept
        kept.write()

    # What it means

    def _advise(self) -> None:
        """Say what the present choice means; Run is enabled when it can be run."""
        if not self._is_open:
            return
        self._plan = None
        self._follow_window()
        self.window.enabled = self.stitching.value != "whole"
        try:
            self._plan = self.form.plan(self.device.value)
        except (ValueError, OSError) as error:
            no_image = self.image.value is None
            self.note.say(str(error), "note" if no_image else "error")
            self.summary.value = ""
        else:
            self._say_what_it_means(self._plan)
            self._remember()
        self._show_grid()
        image, plan = self.image.value, self._plan
        self.panel.allow(plan is not None and not self.form.is_refused)
        region = plan.region if plan is not None and self.form.is_in_view else None
        work = self.form.to_disk(self.device.memory) if plan else ""
        self.whole.follow(image, region, work)

    def _say_what_it_means(self, plan: TilePlan) -> None:
        advice, planes, views = advise(plan), self.form.planes, self.form.views
        device, memory = self.device.device, self.device.memory
        chosen = self.form.advanced.settings()
        computed = {name: chosen[name] for name in ("engine", "precision")}
        is_busy = self.panel.is_running or self.whole.panel.is_running
        rate = self._rates.rate(plan, self.model.value, device, is_busy, **computed)
        warnings = [
            sample_model_warning(self.model.value, self.image.value),
            training_window_warning(self.form.config),
            work_warning([plan], device, rate, memory, planes * views),
        ]
        notes = [
            self.model.note,
            self.form.cheapest_note,
            small_image_note(plan),
            taken_note(self.image.value, self._viewer.dims, self.form.colour.value),
        ]
        if advice.makes_seams:
            warnings.insert(2, advice.note)
        else:
            notes.insert(0, advice.note)
        self.note.tell(plan, advice, notes, warnings, memory)
        stack = f"; {images_text(self.image.value, planes)}" if planes > 1 else ""
        time = rate and f"; {duration([plan], rate, planes * views)} to predict"
        self.summary.value = (
            advice.summary + stack + views_note(views) + self.form.size_note
        ) + (time or "")

    def _show_grid(self) -> None:
        if self.show_grid.value and self._plan is not None:
            self._preview.show(self.image.value, self._plan, self.form.rescaling)
        else:
            self._preview.remove()

    # What comes out

    def _steps(self) -> Generator[Progress, None, SegmentationOutcome]:
        run = self._again or self.form.run(self.device.value)
        self._again = None
        return segmentation_run(run)

    def _show_outcome(self, outcome: SegmentationOutcome) -> tuple[str, str]:
        for layer in [Layer.create(*layer) for layer in outcome.layers]:
            if isinstance(layer, Labels):
                LayerSession.of(layer).measuring = outcome.measuring
                KEPT.keep(layer, outcome.kept)
                self.mend.take(layer)
                hide_earlier_runs(self._viewer.layers, layer.metadata[METADATA_KEY])
            self._viewer.add_layer(layer)
        self._preview.to_top()
        self.colours.offer()
        self.colour_by.offer()
        self.hand_on.offer()
        for name in ("Compare stitching", "Inspect model"):
            other = found(self._viewer, name)
            if other is not None:
                other.follow(self.form)
        return outcome.line, "warning" if outcome.is_doubtful else "note"

    def _labels_meant(self) -> Labels | None:
        """Return the selected labels of a run, else those of the latest one."""
        active = self._viewer.layers.selection.active
        return active if is_result(active) else self.mend.labels

    def _leave(self) -> None:
        self.whole.leave()

    def _run_again(self, record: dict[str, Any]) -> None:
        """Show the settings of the run that made the selected layer, and run them."""
        if self.panel.is_running:
            return
        self._again = self.form.restore(record)
        if self._again is not None:
            self.panel.run()
