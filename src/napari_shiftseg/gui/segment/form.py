"""What the Segment widget is asked to do: image, model, tile size, stitching."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from magicgui.widgets import PushButton, RadioButtons
from napari.settings import get_plugin_settings
from napari.utils.notifications import show_info
from qtpy.compat import isalive

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.window import Stitching, window_text
from napari_shiftseg.gui.parts.advanced_rows import IN_VIEW, WHOLE_IMAGE, AdvancedRows
from napari_shiftseg.gui.parts.choices import OPEN_FIRST, LayerChoice, is_image
from napari_shiftseg.gui.parts.identity import (
    doubt_about,
    image_behind,
    recorded_source,
)
from napari_shiftseg.gui.parts.intensity_choice import ColourChoice, IntensityChoice
from napari_shiftseg.gui.parts.models import ModelChoice
from napari_shiftseg.gui.parts.plain_text import plainly
from napari_shiftseg.gui.parts.result_layers import METADATA_KEY
from napari_shiftseg.gui.parts.rows import ControlForm
from napari_shiftseg.gui.parts.segmentation_run import SegmentationRun
from napari_shiftseg.gui.parts.source import (
    GREY,
    LayerSource,
    layer_shape,
    leading_axes,
    region_in_view,
    source_in_view,
)
from napari_shiftseg.gui.parts.window_choice import WindowChoice
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.utils.events import EventedModel

    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.networks.config import ModelConfig


PLUGIN = "napari-shiftseg"


@dataclass(frozen=True)
class LastChoice:
    """What Segment begins with; the manifest declares the same names.

    Attributes
    ----------
    model : str
        That the user has chosen himself, name or path; empty: none.
    tile_size : str
        That he gave for this model (for the usual one if it is empty); empty: none.
    stitching : {"cropped", "naive", "whole"}
    device : str
    """

    model: str = ""
    tile_size: str = ""
    stitching: Stitching = "cropped"
    device: str = "auto"

    @classmethod
    def read(cls) -> LastChoice:
        """Return what napari keeps; what is usual where it keeps nothing."""
        kept = _kept()
        if kept is None:
            return cls()
        known: dict[str, Any] = {name: getattr(kept, name) for name in asdict(cls())}
        if known["stitching"] not in get_args(Stitching):
            known["stitching"] = cls().stitching
        return cls(**known)

    def write(self) -> None:
        """Let napari keep it, where it can."""
        kept = _kept()
        if kept is None:
            return
        with suppress(OSError):  # a full disk: the choice stands, but for this session
            for name, value in asdict(self).items():
                if getattr(kept, name) != value:
                    setattr(kept, name, value)


def _kept() -> EventedModel | None:
    """Return the settings; None where napari does not know the manifest."""
    try:
        return get_plugin_settings(PLUGIN).segment
    except (KeyError, AttributeError):
        return None


class RunAgain(PushButton):
    """Shown while a layer is selected that a run made.

    Parameters
    ----------
    viewer : napari.Viewer
    on_press : callable
        Takes the record of that run, the layer's ``metadata["shiftseg"]``.
    """

    def __init__(
        self, viewer: napari.Viewer, on_press: Callable[[dict[str, Any]], None]
    ) -> None:
        super().__init__(
            text="Run again like the selected layer",
            tooltip="Take the settings that made this layer, and run them",
        )
        self._layers, self._on_press = viewer.layers, on_press
        self.changed.connect(self._press)
        viewer.layers.selection.events.active.connect(self.offer)

    def offer(self) -> None:
        """Show the button if there is something to run again."""
        if isalive(self.native):
            record = self._record()
            self.visible = record is not None
            if record is not None:
                self.tooltip = plainly(settings_text(record))

    def _press(self) -> None:
        record = self._record()
        if record is not None:
            self._on_press(record)

    def _record(self) -> dict[str, Any] | None:
        """Return how the selected layer was made, if a run made it."""
        layer = self._layers.selection.active
        record = layer.metadata.get(METADATA_KEY) if layer is not None else None
        return record if isinstance(record, dict) else None


def settings_text(record: dict[str, Any]) -> str:
    """Say how a layer was made: image, model, tile size, and settings that are given.

    Parameters
    ----------
    record : dict
        See `run_record`.
    """
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


class SegmentForm(ControlForm):
    """The rows above the advice, and what they and the advanced controls stand for.

    Parameters
    ----------
    viewer : napari.Viewer
    advanced : AdvancedRows
        Shown elsewhere.
    on_info : callable
        Called when ℹ is pressed beside the model.
    """

    def __init__(
        self, viewer: napari.Viewer, advanced: AdvancedRows, on_info: Callable[[], None]
    ) -> None:
        self._viewer, self.advanced = viewer, advanced
        self.image = LayerChoice(
            viewer, is_image, label="Image", tooltip="The image to find objects in"
        )
        self.colour = ColourChoice(self.image)
        self.model = ModelChoice(on_info)
        self.intensity = IntensityChoice(
            self.image, lambda: self.model.config, self.colour
        )
        self.model.chosen.connect(self.intensity.refresh)
        self.window = WindowChoice()
        self.stitching = RadioButtons(
            choices=("cropped", "naive", "whole"),
            value="cropped",
            orientation="horizontal",
            label="Stitching",
            tooltip="cropped: a tile keeps a multiple of the period, no seams.\n"
            "naive: a tile keeps the whole window: seams, unless it is a multiple of "
            "the period.\n"
            "whole: one pass, where the memory suffices.",
        )
        super().__init__(
            self.image, self.colour, self.model, self.intensity, self.window,
            self.stitching,
        )  # fmt: skip
        self.image.changed.connect(self.model.suggest)
        self.model.suggest(self.image.value)

    @property
    def config(self) -> ModelConfig:
        """Of the chosen model."""
        return self.model.config

    @property
    def is_in_view(self) -> bool:
        """Whether only what the view shows is asked for."""
        return bool(self.advanced.region.value == IN_VIEW)

    @property
    def planes(self) -> int:
        """How many images are run, one after the other."""
        config = self.config
        if self.is_in_view:
            return 1
        return prod(layer_shape(self.image.value)[: -config.image_axes])

    def settings(self, device: str) -> Settings:
        """Return what the controls say.

        Raises
        ------
        ValueError
            If a control says what cannot be.
        """
        whole = self.stitching.value == "whole"
        return Settings(
            window=None if whole else self.window.window(),
            stitching=self.stitching.value,
            device=device,
            region=self._region(),
            **self.intensity.settings(),
            **self.advanced.settings(),
        )

    def chosen_settings(self) -> dict[str, Any]:
        """Return the advanced settings that are neither the model's nor usual."""
        usual, own = asdict(Settings()), self.config.clustering.model_dump()
        return {
            name: value
            for name, value in self.advanced.settings().items()
            if value is not None and value != own.get(name, usual[name])
        }

    def plan(self, device: str) -> TilePlan:
        """Return the tiles that the controls ask for.

        Raises
        ------
        ValueError
            If it cannot be carried out; the message says why.
        """
        if self.image.value is None:
            raise ValueError(OPEN_FIRST)
        leading_axes(self.image.value, self.config)  # refuses too few
        chosen = self.settings(device)
        chosen.clustering(self.config)  # refuses what only the clustering would
        return self._plan(chosen)

    def _plan(self, chosen: Settings) -> TilePlan:
        config, size = self.config, layer_shape(self.image.value)
        return plan_tiles(
            size[-config.ndim :],
            config.shape,
            chosen.window,
            chosen.stitching,
            chosen.border,
            chosen.region,
        )

    def run(self, device: str) -> SegmentationRun:
        """Return the run that the controls ask for."""
        settings = self.settings(device)
        return SegmentationRun(
            self.model.value,
            self._source(),
            settings,
            self.advanced.extra,
            None if settings.window is None else self._plan(settings),
        )

    def _region(self) -> Region | None:
        if not self.is_in_view:
            return None
        return region_in_view(self.image.value, self._viewer.dims, self.config.ndim)

    def _source(self) -> LayerSource:
        """Take the image; of a series only the frame in view if that is asked for."""
        layer, config = self.image.value, self.config
        leading = leading_axes(layer, config) if self.is_in_view else 0
        return source_in_view(layer, self._viewer.dims, leading, self.colour.value)

    def restore(self, record: dict[str, Any]) -> SegmentationRun | None:
        """Show the settings of an earlier run, and return it; None if it cannot be."""
        try:
            image = image_behind(record, self.image.choices)
        except ValueError as error:
            show_info(plainly(str(error)))
            return None
        if not self.model.open(record["model"]):
            return None
        settings = Settings(**record["settings"])
        doubt = doubt_about(record, image)
        if doubt:
            show_info(doubt)
        self.image.value = image
        self.colour.value = record.get("colour", GREY)
        self.window.use(record["window"])
        self.stitching.value = settings.stitching
        self.intensity.restore(record["settings"])
        self.advanced.restore(record["settings"])
        self.advanced.region.value = WHOLE_IMAGE if settings.region is None else IN_VIEW
        return SegmentationRun(
            record["model"],
            recorded_source(record, image),
            settings,
            self.advanced.extra,
        )
