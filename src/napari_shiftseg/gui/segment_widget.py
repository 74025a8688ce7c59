"""The Segment widget: what, with what, how, go, what came out."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    PushButton,
    RadioButtons,
)
from napari.layers import Layer
from napari.qt.threading import create_worker
from napari.utils.notifications import show_info
from qtpy.compat import isalive

from napari_shiftseg.geometry.advice import advise, size_text
from napari_shiftseg.geometry.cost import cost_warning
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.gui.advanced import IN_VIEW, Advanced
from napari_shiftseg.gui.choices import LayerChoice, ModelChoice, is_image
from napari_shiftseg.gui.devices import Devices, find_devices
from napari_shiftseg.gui.docking import OneTabGroup
from napari_shiftseg.gui.inspect_widget import open_inspect
from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.note import STYLES, Note, align_labels, wrapped_label
from napari_shiftseg.gui.pace import PACE
from napari_shiftseg.gui.preview import GridPreview
from napari_shiftseg.gui.run import Outcome, Run, segmentation_run
from napari_shiftseg.gui.run_panel import RunPanel
from napari_shiftseg.gui.source import (
    Source,
    frame_in_view,
    layer_shape,
    region_in_view,
)
from napari_shiftseg.gui.view_watch import ViewWatch
from napari_shiftseg.gui.window_choice import WindowChoice, offer
from napari_shiftseg.metrics.seams import SEAM_RATIO
from napari_shiftseg.model.description import training_window_warning
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari
    from napari.layers import Image

    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.inference.progress import Progress

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
        self._devices: Devices | None = None
        self._plan: TilePlan | None = None
        self._again: Run | None = None
        self._latest: Image | None = None
        self._preview = GridPreview(napari_viewer)
        self._build()
        self._connect()
        self._choose_model()
        create_worker(find_devices, _connect={"returned": self._take_devices})

    def _build(self) -> None:
        self.image = LayerChoice(self._viewer, is_image, label="Image")
        self.model = ModelChoice(self._inspect)
        self.window = WindowChoice()
        self.stitching = RadioButtons(
            choices=("cropped", "naive", "whole"),
            value="cropped",
            orientation="horizontal",
            label="Stitching",
            tooltip="cropped: a tile keeps a multiple of the period, no seams.\n"
            "naive: a tile keeps the whole window, seams unless it is n·p.\n"
            "whole: one pass, where the memory suffices.",
        )
        self.note = Note(self.window.use)
        self.summary = wrapped_label()
        self.show_grid = CheckBox(text="Show tile grid", value=False)
        self.device = ComboBox(choices=self._device_names, label="Device")
        self.banner = wrapped_label(tooltip=CPU_HELP)
        self.banner.native.setStyleSheet(STYLES["note"])
        self.advanced_button = PushButton(text="▸ Advanced")
        self.advanced = Advanced()
        self.again_button = PushButton(text="Run again with these settings")
        self.panel = RunPanel(self._steps, self._show_outcome, self._advise)
        super().__init__(
            widgets=[
                self._rows(self.image, self.model, self.window, self.stitching),
                self.note,
                self.summary,
                self.show_grid,
                self._rows(self.device),
                self.banner,
                self.advanced_button,
                self.advanced,
                self.again_button,
                self.panel,
            ],
            labels=False,
        )
        for widget in (self.banner, self.advanced, self.again_button):
            widget.visible = False
        self.native.layout().addStretch()

    def _rows(self, *widgets: Any) -> Container:
        rows = Container(widgets=widgets)
        rows.margins = (0, 0, 0, 0)
        align_labels(rows)
        return rows

    def _connect(self) -> None:
        for control in (self.image, self.window, self.stitching, self.device,
                        self.advanced.border, self.advanced.region):  # fmt: skip
            control.changed.connect(self._advise)
        self.image.changed.connect(self._forget_other_image)
        self.model.chosen.connect(self._choose_model)
        self.show_grid.changed.connect(self._show_grid)
        self.advanced_button.changed.connect(self._toggle_advanced)
        self.again_button.changed.connect(self._run_again)
        layers = self._viewer.layers
        layers.events.inserted.connect(self._layers_changed, position="last")
        layers.events.removed.connect(self._layers_changed, position="last")
        layers.selection.events.active.connect(self._offer_settings)
        self._watch = ViewWatch(self._viewer, self.native, self._advise)
        self._tab = OneTabGroup(self.native)

    # What is chosen

    def _device_names(self, _widget: Any = None) -> list[str]:
        return ["auto", *(self._devices.budgets if self._devices else ())]

    def _layers_changed(self) -> None:
        if not isalive(self.native):
            return
        if self._preview.was_removed:
            self.show_grid.value = False
        self._advise()

    def _forget_other_image(self, image: Image | None) -> None:
        if image is not self._latest:
            self._latest = image
            self.panel.forget()

    def _choose_model(self) -> None:
        config = self.model.config
        self.advanced.take(config.clustering)
        self.window.follow(config.usual_window)
        self._advise()

    def _take_devices(self, devices: Devices) -> None:
        if isalive(self.native):
            self._devices = devices
            self.device.reset_choices()
            self._advise()

    def _inspect(self) -> None:
        inspect = open_inspect(self._viewer)
        inspect.image.value = self.image.value
        inspect.model.value = self.model.value

    def _toggle_advanced(self) -> None:
        self.advanced.visible = not self.advanced.visible
        sign = "▾" if self.advanced.visible else "▸"
        self.advanced_button.text = f"{sign} Advanced"

    # What it means

    def _advise(self) -> None:
        """Say what the present choice means; Run is enabled when it can be run."""
        self._plan = None
        self.window.enabled = self.stitching.value != "whole"
        try:
            self._plan = self._planned()
        except (ValueError, OSError) as error:
            kind = "note" if self.image.value is None else "error"
            self.note.say(str(error), kind, [])
            self.summary.value = ""
        else:
            self._say_what_it_means(self._plan)
        self._show_device()
        self._show_grid()
        self.panel.allow(self._plan is not None)

    def _say_what_it_means(self, plan: TilePlan) -> None:
        advice = advise(plan)
        warnings = [
            training_window_warning(self.model.config),
            self._memory_warning(plan),
            cost_warning([plan], PACE.of(self.model.value)),
        ]
        kind = "warning" if advice.makes_seams or any(warnings) else "note"
        text = "\n".join(filter(None, [advice.note, *warnings]))
        self.note.say(text, kind, offer(plan, self._memory()))
        planes = prod(layer_shape(self.image.value)[: -plan.shape.ndim])
        self.summary.value = advice.summary + (f"; {planes} planes" * (planes > 1))

    def _memory(self) -> int | None:
        """Return the bytes a tile may take, once that is known."""
        return self._devices and self._devices.budget(self.device.value)

    def _memory_warning(self, plan: TilePlan) -> str:
        budget = self._memory()
        if budget is None or plan.memory <= budget:
            return ""
        return (
            f"A tile takes about {size_text(plan.memory)}, more than the "
            f"{size_text(budget)} at hand: choose smaller tiles."
        )

    def _planned(self) -> TilePlan:
        if self.image.value is None:
            raise ValueError("Open an image: File > Open, or File > Open Sample.")
        config, size = self.model.config, layer_shape(self.image.value)
        shape, needed = config.shape, config.ndim + (config.in_channels > 1)
        if len(size) < needed or config.ndim < 2:
            raise ValueError(
                f"this model reads {needed} axes, the image has {len(size)}: "
                f"choose another model or image"
            )
        chosen = self._chosen()
        chosen.clustering(config)  # refuses what only the clustering would
        return plan_tiles(
            size[-shape.ndim :],
            shape,
            chosen.window,
            chosen.stitching,
            chosen.border,
            chosen.region,
        )

    def _window(self) -> int | tuple[int, ...] | None:
        whole = self.stitching.value == "whole"
        return None if whole else self.window.window()

    def _chosen(self) -> Settings:
        """Return what the controls say, as settings."""
        return Settings(
            window=self._window(),
            stitching=self.stitching.value,
            device=self.device.value,
            region=self._region(self.model.config.ndim),
            **self.advanced.settings(),
        )

    def _region(self, ndim: int) -> Region | None:
        if self.advanced.region.value != IN_VIEW:
            return None
        return region_in_view(self.image.value, self._viewer.dims, ndim)

    def _source(self) -> Source:
        """Take the image; of a series only the frame in view if that is asked for."""
        layer, config = self.image.value, self.model.config
        leading = layer.ndim - config.ndim - (config.in_channels > 1)
        if self.advanced.region.value != IN_VIEW:
            leading = 0
        return Source.of(layer, frame_in_view(layer, self._viewer.dims, leading))

    def _show_device(self) -> None:
        if self._devices is not None:
            only = self._devices.on_cpu_only
            self.banner.visible = only or self.device.value == "cpu"
            why = "no CUDA or Apple device found" if only else "as chosen"
            self.banner.value = f"Running on the CPU: {why}."

    def _show_grid(self) -> None:
        if self.show_grid.value and self._plan is not None:
            self._preview.show(self.image.value, self._plan)
        else:
            self._preview.hide()

    # What comes out

    def _steps(self) -> Generator[Progress, None, Outcome]:
        run = self._again or Run(self.model.value, self._source(), self._chosen())
        self._again = None
        return segmentation_run(run)

    def _show_outcome(self, outcome: Outcome) -> tuple[str, str]:
        PACE.learn(outcome.model, outcome.result)
        for layer in [Layer.create(*layer) for layer in outcome.layers]:
            self._viewer.add_layer(layer)
        self._preview.to_top()
        return _result_line(outcome)

    def _record(self) -> dict[str, Any] | None:
        """Return how the selected layer was made, if a run made it."""
        layer = self._viewer.layers.selection.active
        record = layer.metadata.get(METADATA_KEY) if layer is not None else None
        return record if isinstance(record, dict) else None

    def _offer_settings(self) -> None:
        if isalive(self.native):
            self.again_button.visible = self._record() is not None

    def _run_again(self) -> None:
        """Show the settings of the run that made the selected layer, and run them."""
        record = self._record()
        if record is None or self.panel.is_running:
            return
        images = {layer.name: layer for layer in self.image.choices}
        if record["image"] not in images:
            show_info(f"the image {record['image']!r} is no longer open")
            return
        if not self.model.open(record["model"]):
            return
        settings = Settings(**record["settings"])
        self.image.value = image = images[record["image"]]
        self.window.use(record["window"])
        self.stitching.value = settings.stitching
        self.advanced.restore(record["settings"])
        self._again = Run(record["model"], Source.of(image, record["frame"]), settings)
        self.panel.run()


def _result_line(outcome: Outcome) -> tuple[str, str]:
    """Return the result line and its kind: a warning where tiles made seams."""
    result, seams = outcome.result, outcome.seams
    parts = [f"{result.objects:,} objects in {result.seconds:.1f} s"]
    parts += [
        note for note in result.notes if "memory" in note
    ]  # the others stand above
    if seams is None or seams.ratio is None:
        return " · ".join(parts), "note"
    ratio = f"seam ratio {seams.ratio:.2f}"
    if not result.plan.makes_seams:
        parts.append(f"{ratio}, the image's own: these tiles make no seams")
        return " · ".join(parts), "note"
    jumps = seams.ratio > SEAM_RATIO
    parts.append(f"{ratio}: the embedding jumps at tile borders" if jumps else ratio)
    return " · ".join(parts), "warning" if jumps else "note"
