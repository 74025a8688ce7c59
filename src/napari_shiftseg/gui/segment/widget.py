"""The Segment widget: what, with what, how, go, what came out; and run again."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

from magicgui.widgets import CheckBox, Container, PushButton
from napari.layers import Labels, Layer

from napari_shiftseg.geometry.advice import advise, small_image_note
from napari_shiftseg.geometry.cost import work_warning
from napari_shiftseg.geometry.window import as_window, parse_window, window_text
from napari_shiftseg.gui.parts.belonging import METADATA_KEY, hide_earlier_runs
from napari_shiftseg.gui.parts.devices import DeviceChoice
from napari_shiftseg.gui.parts.layout import (
    Foldaway,
    ScrolledRows,
    found,
    is_open,
    opened,
)
from napari_shiftseg.gui.parts.models import (
    is_for_samples,
    models_of,
    sample_model_warning,
)
from napari_shiftseg.gui.parts.records import KEPT
from napari_shiftseg.gui.parts.run_panel import RunPanel
from napari_shiftseg.gui.parts.segmentation_run import (
    SegmentationOutcome,
    SegmentationRun,
    segmentation_run,
)
from napari_shiftseg.gui.parts.source import first_channel
from napari_shiftseg.gui.parts.text_boxes import plainly, wrapped_label
from napari_shiftseg.gui.parts.viewer import GridPreview, ViewWatch, taken_note
from napari_shiftseg.gui.parts.window_advice import SizeAdvice, views_note
from napari_shiftseg.gui.segment.advanced import AdvancedRows
from napari_shiftseg.gui.segment.colours import RandomColours
from napari_shiftseg.gui.segment.form import SegmentForm
from napari_shiftseg.gui.segment.last_choice import LastChoice
from napari_shiftseg.gui.segment.whole import WholeImage
from napari_shiftseg.networks.properties import training_window_warning
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import USUAL_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import napari
    from napari.layers import Image

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.progress import Progress


class SegmentWidget(ScrolledRows):
    """Predict an image tile by tile, cluster it, and show what came out."""

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self._plan: TilePlan | None = None
        self._again: SegmentationRun | None = None
        self._latest: Image | None = None
        self._made: ref[Labels] | None = None  # what is kept goes with the layer
        self._preview = GridPreview(napari_viewer)
        self._build()
        self._recall()
        self._connect()
        self._choose_model()

    def _build(self) -> None:
        self.advanced = AdvancedRows()
        self.form = SegmentForm(self._viewer, self.advanced, self._inspect)
        self.image, self.model = self.form.image, self.form.model
        self._remembered = LastChoice.read()
        self.window, self.stitching = self.form.window, self.form.stitching
        self.note = SizeAdvice(self.window.use)
        self.summary = wrapped_label(
            tooltip="× the pixels: pixels computed, as a multiple of the image's"
        )
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
        self.mend = PushButton(
            text="Mend…", tooltip="Correct these objects: opens Mend"
        )
        self.panel = RunPanel(
            self._steps, self._show_outcome, self._advise, further=self.mend,
            tooltip="Find the objects; a layer of labels is added",
        )  # fmt: skip
        self.whole = WholeImage(
            self._viewer,
            lambda target: self.form.stored_run(self.device.value, target),
            self._advise,
        )
        self.colours = RandomColours(
            self._viewer,
            lambda: self._result,
            lambda text: self.panel.say(text, "error"),
        )
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
                self.colours,
                self.again,
                self.device.banner,
            ],
            labels=False,
        )
        self.again.visible = self.colours.visible = False
        layout = rows.native.layout()
        layout.insertWidget(rows.index(self.panel), self.foldaway)
        layout.addStretch()
        super().__init__(rows)

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
        self.mend.changed.connect(self._open_mend)
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
        if self._result is None:
            self.panel.offer_further(False)
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
        config = self.form.config
        self.advanced.take(config)
        self.window.follow(self._usual_window(config))
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

    def _usual_window(self, config: NetworkConfig) -> tuple[int, ...]:
        """Return the tile size given last for this model, or one without seams.

        On samples, and of models for these, it is the one trained with: there the seams
        are to be seen.
        """
        kept = self._remembered
        if self._is_sample or is_for_samples(self.model.value):
            return config.usual_window
        if self.model.value != (kept.model or USUAL_MODEL):
            return config.seamless_window
        try:
            return as_window(parse_window(kept.tile_size), config.ndim)
        except ValueError:  # none, or one of other axes
            return config.seamless_window

    def _remember(self) -> None:
        """Keep what is chosen for an image of the user's own."""
        if self._is_sample or self.image.value is None:
            return
        kept, model = self._remembered, self.model.value
        if self.model.is_own and not is_for_samples(model):
            kept = replace(kept, model=model)
        if model == (kept.model or USUAL_MODEL):
            usual = self.window.value == window_text(self.form.config.seamless_window)
            kept = replace(kept, tile_size="" if usual else self.window.value)
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
        self.whole.follow(image, region, plan is not None)

    def _say_what_it_means(self, plan: TilePlan) -> None:
        advice, planes, views = advise(plan), self.form.planes, self.form.views
        device, memory = self.device.device, self.device.memory
        chosen = self.form.advanced.settings()
        computed = {name: chosen[name] for name in ("engine", "precision")}
        warnings = [
            sample_model_warning(self.model.value, self.image.value),
            training_window_warning(self.form.config),
            work_warning([plan], device, memory, planes * views, **computed),
        ]
        notes = [
            self.model.note,
            small_image_note(plan),
            taken_note(self.image.value, self._viewer.dims, self.form.colour.value),
        ]
        if advice.makes_seams:
            warnings.insert(2, advice.note)
        else:
            notes.insert(0, advice.note)
        self.note.tell(plan, advice, notes, warnings, memory)
        stack = f"; {planes:,} planes" if planes > 1 else ""
        self.summary.value = (
            advice.summary + stack + views_note(views) + self.form.size_note
        )

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
                KEPT.keep(layer, outcome.kept)
                self._made = ref(layer)
                hide_earlier_runs(self._viewer.layers, layer.metadata[METADATA_KEY])
            self._viewer.add_layer(layer)
        self._preview.to_top()
        self.colours.offer()
        for name in ("Compare stitching", "Inspect model"):
            other = found(self._viewer, name)
            if other is not None:
                other.follow(self.form)
        return outcome.line, "warning" if outcome.is_doubtful else "note"

    @property
    def _result(self) -> Labels | None:
        """What the latest run made, unless the user removed it."""
        labels = self._made and self._made()
        return labels if labels in self._viewer.layers else None

    def _open_mend(self) -> None:
        labels = self._result
        if labels is not None:
            mend = opened(self._viewer, "Mend")
            self._viewer.layers.selection.active = labels
            mend.result.value = labels

    def _leave(self) -> None:
        self.whole.leave()

    def _run_again(self, record: dict[str, Any]) -> None:
        """Show the settings of the run that made the selected layer, and run them."""
        if self.panel.is_running:
            return
        self._again = self.form.restore(record)
        if self._again is not None:
            self.panel.run()


class RunAgain(PushButton):
    """Shown while a layer is selected that a run made.

    `on_press` takes the record of that run, the layer's ``metadata["shiftseg"]``.
    """

    def __init__(
        self, viewer: napari.Viewer, on_press: Callable[[dict[str, Any]], None]
    ) -> None:
        super().__init__(
            text="Run again like the selected layer",
            tooltip="Run again with the settings that made this layer",
        )
        self._layers, self._on_press = viewer.layers, on_press
        self.changed.connect(self._press)
        viewer.layers.selection.events.active.connect(self.offer)

    def offer(self) -> None:
        """Show the button if there is something to run again."""
        if is_open(self.native):
            record = self._record()
            self.visible = record is not None
            if record is not None:
                self.tooltip = plainly(_settings_text(record))

    def _press(self) -> None:
        record = self._record()
        if record is not None:
            self._on_press(record)

    def _record(self) -> dict[str, Any] | None:
        """Return how the selected layer was made, if a run made it."""
        layer = self._layers.selection.active
        record = layer.metadata.get(METADATA_KEY) if layer is not None else None
        is_whole = isinstance(record, dict) and "store" not in record
        return record if is_whole else None


def _settings_text(record: dict[str, Any]) -> str:
    """Say how a layer was made: image, model, tile size, settings that are given."""
    settings, usual = record["settings"], asdict(Settings())
    chosen = [
        f"{name.replace('_', ' ')}: {value}"
        for name, value in settings.items()
        if name not in ("window", "stitching") and value != usual.get(name)
    ]
    lines = [
        f"image: {record['image']}",
        f"model: {Path(record['model']).name}",
        f"tile size (window): {window_text(record['window'])}",
        f"stitching: {settings['stitching']}",
    ]
    return "\n".join([*lines, *chosen])
