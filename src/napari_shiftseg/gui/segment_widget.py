"""The Segment widget: what, with what, how, go, what came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    LineEdit,
    ProgressBar,
    PushButton,
    RadioButtons,
    show_file_dialog,
)
from napari.layers import Image, Vectors
from napari.qt.threading import create_worker
from napari.utils.notifications import show_error, show_info
from qtpy.compat import isalive

from napari_shiftseg.geometry.advice import advise
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.window import cheapest_window, parse_window
from napari_shiftseg.gui.advanced import IN_VIEW, Advanced
from napari_shiftseg.gui.devices import Devices, find_devices
from napari_shiftseg.gui.grid import (
    GRID_COLOUR,
    READ_COLOUR,
    grid_lines,
    line_width,
    tile_outlines,
)
from napari_shiftseg.gui.layers import METADATA_KEY, result_layers
from napari_shiftseg.gui.note import STYLES, Note, align_labels, wrapped_label
from napari_shiftseg.gui.run import Job, Outcome, TimeLeft, segmentation_run
from napari_shiftseg.gui.source import Source, layer_shape, region_in_view
from napari_shiftseg.model.header import bundled_models, read_config

if TYPE_CHECKING:
    import napari

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.inference.progress import Progress
    from napari_shiftseg.model.config import ModelConfig

PREVIEW = "tile grid (preview)"
SEAM_RATIO = 1.2  # above it, the result line warns
MOST_LINES = 20_000  # of a preview
CPU_HELP = (
    "Prediction is several times faster on a graphics card. For an NVIDIA card install "
    "the CUDA build of torch, see pytorch.org; Macs use theirs by themselves."
)


class SegmentWidget(Container):
    """Predict an image tile by tile, cluster it, and show what came out.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self._job: Job | None = None
        self._devices: Devices | None = None
        self._plan: TilePlan | None = None
        self._preview: Vectors | None = None
        self._drawn: object = None
        self._build()
        self._connect()
        self._choose_model()
        create_worker(find_devices, _connect={"returned": self._take_devices})

    # ------------------------------------------------------------------ build

    def _build(self) -> None:
        self.image = ComboBox(choices=self._images, label="Image", nullable=False)
        self.model = ComboBox(
            choices={"choices": list(bundled_models()), "key": _model_title},
            value="disks",
        )
        self.open_button = PushButton(text="Open…", tooltip="Load a model from a file")
        self.window = LineEdit(
            label="Tile size",
            tooltip="Size of the tile the network predicts (window), in pixels: 20, or "
            "one value an axis: 24x96x96",
        )
        self.stitching = RadioButtons(
            choices=("cropped", "naive", "whole"),
            value="cropped",
            orientation="horizontal",
            label="Stitching",
            tooltip="cropped: a tile keeps a multiple of the period, no seams.\n"
            "naive: a tile keeps the whole window, seams unless it is n·p.\n"
            "whole: one pass, where the memory suffices.",
        )
        self.note = Note(self._use_window)
        self.summary = wrapped_label()
        self.show_grid = CheckBox(text="Show tile grid", value=False)
        self.device = ComboBox(choices=("auto",), label="Device")
        self.banner = wrapped_label(visible=False, tooltip=CPU_HELP)
        self.advanced_button = PushButton(text="▸ Advanced")
        self.advanced = Advanced()
        self.again_button = PushButton(text="Run again with these settings")
        self.run_button = PushButton(text="Run")
        self.progress = ProgressBar(visible=False)
        self.progress_text = wrapped_label(visible=False)
        self.result = wrapped_label(visible=False)
        model_row = Container(
            widgets=[self.model, self.open_button],
            layout="horizontal",
            labels=False,
            label="Model",
        )
        model_row.margins = (0, 0, 0, 0)
        what = Container(widgets=[self.image, model_row, self.window, self.stitching])
        where = Container(widgets=[self.device])
        for rows in (what, where):
            rows.margins = (0, 0, 0, 0)
            align_labels(rows)
        super().__init__(
            widgets=[
                what,
                self.note,
                self.summary,
                self.show_grid,
                where,
                self.banner,
                self.advanced_button,
                self.advanced,
                self.again_button,
                self.run_button,
                self.progress,
                self.progress_text,
                self.result,
            ],
            labels=False,
        )
        self.advanced.visible = False
        self.again_button.visible = False
        self.banner.native.setStyleSheet(
            f"{STYLES['note']} border-radius: 4px; padding: 5px;"
        )
        self.native.layout().addStretch()

    def _connect(self) -> None:
        self.image.changed.connect(self._advise)
        self.model.changed.connect(self._choose_model)
        self.open_button.changed.connect(self._ask_for_model)
        for control in (self.window, self.stitching, self.device, self.advanced.border,
                        self.advanced.region):  # fmt: skip
            control.changed.connect(self._advise)
        self.show_grid.changed.connect(self._draw_grid)
        self.advanced_button.changed.connect(self._toggle_advanced)
        self.run_button.changed.connect(self._run_or_cancel)
        self.again_button.changed.connect(self._take_settings)
        layers = self._viewer.layers
        layers.events.inserted.connect(self._layers_changed)
        layers.events.removed.connect(self._layers_changed)
        layers.selection.events.active.connect(self._offer_settings)
        self._viewer.scene.camera.events.connect(self._view_moved)
        self.native.destroyed.connect(self._abandon)

    # -------------------------------------------------------------- callbacks

    def _images(self, _widget: Any = None) -> list[Image]:
        return [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Image) and METADATA_KEY not in layer.metadata
        ]

    def _layers_changed(self) -> None:
        if isalive(self.native):
            self.image.reset_choices()
            self._advise()
            if self._preview is not None and self._preview not in self._viewer.layers:
                self.show_grid.value = False  # the user removed it

    def _ask_for_model(self) -> None:
        path = show_file_dialog("r", "Open a model", filter="Models (*.safetensors)")
        if path:
            self.open_model(path)

    def open_model(self, path: str | Path) -> None:
        """Load a model file and choose it; a file that is none is said to be none."""
        try:
            read_config(path)
        except (OSError, ValueError) as error:
            show_error(str(error))
            return
        known = [*self.model.choices, str(path)]
        choices = list(dict.fromkeys(known))
        self.model.choices = {"choices": choices, "key": _model_title}
        self.model.value = str(path)

    def _choose_model(self) -> None:
        config = self._config()
        self.advanced.take(config.clustering)
        window = config.provenance.window if config.provenance else config.shape.period
        self.window.value = _window_text(window)
        self._advise()

    def _config(self) -> ModelConfig:
        return read_config(self.model.value)

    def _use_window(self, window: tuple[int, ...]) -> None:
        self.window.value = _window_text(window)

    def _take_devices(self, devices: Devices) -> None:
        if not isalive(self.native):
            return
        self._devices = devices
        self.device.choices = ("auto", *devices.budgets)
        self._advise()

    def _toggle_advanced(self) -> None:
        self.advanced.visible = not self.advanced.visible
        self.advanced_button.text = (
            "▾ Advanced" if self.advanced.visible else "▸ Advanced"
        )

    def _view_moved(self) -> None:
        if isalive(self.native) and self.advanced.region.value == IN_VIEW:
            self._advise()

    # ---------------------------------------------------------------- advice

    def _advise(self) -> None:
        """Say what the present choice means; Run is enabled when it can be run."""
        self._plan = None
        self.window.enabled = self.stitching.value != "whole"
        try:
            self._plan = self._planned()
        except (ValueError, OSError) as error:
            self.note.say(str(error), "error", [])
            self.summary.value = ""
        else:
            advice = advise(self._plan)
            kind = "warning" if advice.makes_seams else "note"
            self.note.say(advice.note, kind, self._choices(advice.nearest))
            self.summary.value = advice.summary
        self._show_device()
        self._draw_grid()
        if self._job is None:
            self.run_button.enabled = self._plan is not None

    def _planned(self) -> TilePlan:
        layer = self.image.value
        if layer is None:
            raise ValueError("Open an image: File > Open, or File > Open Sample.")
        shape = self._config().shape
        size = layer_shape(layer)
        if len(size) < shape.ndim:
            raise ValueError(
                f"this model reads {shape.ndim} axes, the image has {len(size)}"
            )
        return plan_tiles(
            size[-shape.ndim :],
            shape,
            parse_window(self.window.value),
            self.stitching.value,
            self.advanced.border.value,
            self._region(shape.ndim),
        )

    def _region(self, ndim: int) -> Any:
        if self.advanced.region.value != IN_VIEW:
            return None
        layer, dims = self.image.value, self._viewer.dims
        missing = dims.ndim - layer.ndim  # napari aligns the last axes
        displayed = [axis - missing for axis in dims.displayed if axis >= missing]
        return region_in_view(layer, displayed, ndim)

    def _choices(
        self, nearest: tuple[tuple[int, ...], ...]
    ) -> list[tuple[str, tuple[int, ...]]]:
        """Captions and windows of the buttons: nearest valid ones, and the cheapest."""
        choices = [(f"Use {_window_text(window)}", window) for window in nearest]
        if self._plan is not None and self._plan.stitching != "whole":
            budget = self._devices and self._devices.budget(self.device.value)
            cheapest = cheapest_window(
                self._plan.shape, self._plan.output_shape, budget
            )
            if cheapest != self._plan.window:
                choices.append((f"Cheapest: {_window_text(cheapest)}", cheapest))
        return choices

    def _show_device(self) -> None:
        if self._devices is None:
            return
        slow = self.device.value == "cpu" or self._devices.on_cpu_only
        self.banner.visible = slow
        found = "no faster device found" if self._devices.on_cpu_only else "as chosen"
        self.banner.value = f"Running on the CPU: {found}."

    def _draw_grid(self) -> None:
        """Show, move or remove the preview of the tile grid."""
        wanted = (self.image.value, self._plan) if self.show_grid.value else None
        if wanted == self._drawn:
            return  # adding a layer leads here again
        self._drawn = wanted
        self._remove_preview()
        if wanted is not None and self._plan is not None:
            self._add_preview(self._plan)

    def _remove_preview(self) -> None:
        preview, self._preview = self._preview, None
        if preview is not None and preview in self._viewer.layers:
            self._viewer.layers.remove(preview)

    def _add_preview(self, plan: TilePlan) -> None:
        lines, reads = grid_lines(plan), tile_outlines(plan)
        if len(lines) > MOST_LINES:
            show_info(f"{len(lines):,} lines are too many to preview")
            return
        source = Source.of(self.image.value)
        active = self._viewer.layers.selection.active
        self._preview = self._viewer.add_vectors(
            np.concatenate([lines, reads]),
            name=f"{source.name} · {PREVIEW}",
            edge_color=[GRID_COLOUR] * len(lines) + [READ_COLOUR] * len(reads),
            edge_width=line_width(plan),
            vector_style="line",
            metadata={METADATA_KEY: PREVIEW},
            **source.placed((), lines.shape[-1]),
        )
        self._viewer.layers.selection.active = active

    # ------------------------------------------------------------------- run

    def _run_or_cancel(self) -> None:
        if self._job is None:
            self._run()
        else:
            self._job.cancel()
            self.run_button.text = "Cancelling…"
            self.run_button.enabled = False

    def _run(self) -> None:
        source, model = Source.of(self.image.value), self.model.value
        settings = {
            "window": parse_window(self.window.value),
            "stitching": self.stitching.value,
            "device": self.device.value,
            "region": self._region(self._config().ndim),
            **self.advanced.settings(),
        }
        left = TimeLeft()
        self._say("", visible=False)
        self._job = Job(
            segmentation_run(model, source.data, settings),
            on_progress=lambda progress: self._show_progress(progress, left),
            on_done=lambda outcome: self._show_outcome(outcome, source, model),
            on_failed=self._show_failure,
            on_cancelled=lambda: self._finish("Cancelled: nothing was changed."),
        )
        self.run_button.text = "Cancel"

    def _show_progress(self, progress: Progress, left: TimeLeft) -> None:
        if not isalive(self.native):
            return
        self.progress.visible = self.progress_text.visible = True
        self.progress.max = max(progress.total, 1)
        self.progress.value = progress.done
        self.progress_text.value = left.text(progress)
        if progress.note:
            show_info(progress.note)

    def _show_outcome(self, outcome: Outcome, source: Source, model: str) -> None:
        for layer in result_layers(outcome.result, source, model):
            self._viewer.add_layer(layer)
        text, has_seams = _result_text(outcome)
        self._finish(text, "warning" if has_seams else "note")

    def _show_failure(self, error: BaseException) -> None:
        self._finish(f"The run failed: {error}", "error")
        show_error(f"ShiftSeg: {error}")

    def _finish(self, text: str, kind: str = "note") -> None:
        self._job = None
        if not isalive(self.native):
            return
        self.run_button.text = "Run"
        self.progress.visible = self.progress_text.visible = False
        self._say(text, kind)
        self._advise()

    def _say(self, text: str, kind: str = "note", visible: bool = True) -> None:
        self.result.value = text
        self.result.visible = visible
        self.result.native.setStyleSheet(
            f"{STYLES[kind]} border-radius: 4px; padding: 5px;"
        )

    def _abandon(self) -> None:
        """Stop the run and touch nothing: the window is gone."""
        if self._job is not None:
            self._job.abandon()

    # ----------------------------------------------------- settings of old runs

    def _record(self) -> dict[str, Any] | None:
        layer = self._viewer.layers.selection.active
        record = layer.metadata.get(METADATA_KEY) if layer is not None else None
        return record if isinstance(record, dict) else None

    def _offer_settings(self) -> None:
        if isalive(self.native):
            self.again_button.visible = self._record() is not None

    def _take_settings(self) -> None:
        """Show the settings of the run that made the selected layer, and run."""
        record = self._record()
        if record is None or self._job is not None:
            return
        images = {layer.name: layer for layer in self._images()}
        if record["image"] not in images:
            show_info(f"the image {record['image']!r} is no longer open")
            return
        self.image.value = images[record["image"]]
        self.open_model(record["model"])
        self.window.value = _window_text(record["window"])
        self.stitching.value = record["settings"]["stitching"]
        self.advanced.restore(record["settings"])
        self._run()


def _model_title(model: str) -> str:
    return model if model in bundled_models() else Path(model).name


def _window_text(window: tuple[int, ...]) -> str:
    same = len(set(window)) == 1
    return str(window[0]) if same else "x".join(str(w) for w in window)


def _result_text(outcome: Outcome) -> tuple[str, bool]:
    """Return the result line, and whether it warns of seams."""
    text = f"{outcome.result.objects:,} objects in {outcome.result.seconds:.1f} s"
    seams = outcome.seams
    if seams is None or seams.ratio is None:
        return text, False
    has_seams = seams.ratio > SEAM_RATIO
    meaning = "the embedding jumps at tile borders" if has_seams else "1 is no seam"
    text += f" · seam ratio {seams.ratio:.2f} ({meaning})"
    for note in outcome.result.notes:
        text += f" · {note}"
    return text, has_seams
