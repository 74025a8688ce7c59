"""What Segment is asked to do: image, model, tile size, stitching, advanced rows."""

from __future__ import annotations

from dataclasses import asdict
from math import prod
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, Container, RadioButtons
from napari.utils.notifications import show_info

from napari_shiftseg.clustering.settings import (
    KNOBS,
    Clustering,
    kernels_like,
    methods_for,
)
from napari_shiftseg.geometry.rescaling import Rescaling
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.gui.parts.belonging import MadeFrom
from napari_shiftseg.gui.parts.choices import (
    OPEN_FIRST,
    ColourChoice,
    LayerChoice,
    is_image,
)
from napari_shiftseg.gui.parts.intensity_choice import IntensityChoice
from napari_shiftseg.gui.parts.large import follow_size, part_in_view
from napari_shiftseg.gui.parts.layout import (
    ControlForm,
    ControlRow,
    align_labels,
    control_of,
    nearest,
)
from napari_shiftseg.gui.parts.models import ModelChoice, leading_axes
from napari_shiftseg.gui.parts.segmentation_run import SegmentationRun
from napari_shiftseg.gui.parts.source import (
    GREY,
    LayerSource,
    layer_shape,
    source_in_view,
)
from napari_shiftseg.gui.parts.text_boxes import plainly
from napari_shiftseg.gui.parts.viewer import (
    IN_VIEW,
    WHOLE_IMAGE,
    RegionChoice,
    region_in_view,
)
from napari_shiftseg.gui.parts.window_advice import WindowChoice, check_views_of
from napari_shiftseg.gui.segment.linking import LinkChoice
from napari_shiftseg.gui.segment.stored_run import StoredRun
from napari_shiftseg.pipeline.diameter import (
    AUTO,
    diameter_text,
    fit_to,
    parse_diameter,
)
from napari_shiftseg.pipeline.glossary import terms
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import napari
    from napari.layers import Image

    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.networks.config import NetworkConfig


ADVANCED = {  # of `Settings`, and how the row is called
    "bandwidth": "Bandwidth",
    "kernel": "Kernel",
    "scope": "Cluster",
    "min_size": "Minimum size",
    "split_far_parts": "Split far parts",
    "foreground_threshold": "Foreground above",
    "method": "Objects by",
    "prominence": "Prominence",
    "border": "Border",
    "batch": "Batch",
    "views": "Views",
    "diameter": "Diameter",
    "precision": "Precision",
    "engine": "Engine",
}
OF_THE_MODEL = [name for name in ADVANCED if name in Clustering.model_fields]
ROUNDED = ("bandwidth", "foreground_threshold", "prominence")
SHOWN = {  # layers beside the labels
    "gradient": "How far the embedding changes from one pixel to the next. Added by "
    "itself where tiles make seams.",
    "embedding": "What the network computes for every pixel, as colours.",
    "tile grid": "Where tiles meet. Added by itself where they make seams.",
}


class AdvancedRows(Container):
    """What a biologist need not touch: clustering, border, batch, region.

    Each control is an attribute, named as its setting. A model sets the clustering.
    """

    def __init__(self) -> None:
        known = terms(Settings)
        self.controls = {
            name: control_of(known[name], label=label)
            for name, label in ADVANCED.items()
        }
        self.controls["batch"].tooltip += f" 0: {known['batch'].unset}."
        self.controls["diameter"].tooltip += f" Empty: {known['diameter'].unset}."
        self.region = RegionChoice("predicted")
        self.layers = {
            kind: CheckBox(text=kind, tooltip=t) for kind, t in SHOWN.items()
        }
        show = ControlRow(*self.layers.values(), label="Also add")
        # what is meant where a control shows it rounded, or cut off at its ends
        self._meant: dict[tuple[str, Any], Any] = {}
        self._taken = Clustering()
        super().__init__(widgets=[*self.controls.values(), self.region, show])
        align_labels(self)
        self.controls["method"].changed.connect(self._show_rows)
        self._show_rows()

    @property
    def extra(self) -> tuple[str, ...]:
        """Layers that are asked for beside the labels."""
        return tuple(kind for kind, box in self.layers.items() if box.value)

    def take(self, clustering: Clustering, has_foreground: bool = False) -> None:
        """Show the clustering of a model.

        Parameters
        ----------
        clustering : Clustering
        has_foreground : bool
            Whether the model predicts one: else there is no choice of a method.
        """
        self._taken, self._meant = clustering, {}
        self.controls["kernel"].choices = kernels_like(clustering.kernel)
        self.controls["method"].choices = methods_for(has_foreground)
        for name in OF_THE_MODEL:
            value = getattr(clustering, name)
            self._show(name, value, None if name in ROUNDED else value)
        self._show_rows()

    def _show_rows(self) -> None:
        """Show the rows that say something to the method chosen."""
        method = self.controls["method"]
        method.visible = len(method.choices) > 1
        for name in set(OF_THE_MODEL) - {"method"}:
            self.controls[name].visible = name in KNOBS[method.value]

    def restore(self, settings: dict[str, Any]) -> None:
        """Show the settings of an earlier run; None is the model's own."""
        self.take(self._taken, len(self.controls["method"].choices) > 1)
        diameter = diameter_text(settings.get("diameter"))
        for name in self.controls:
            value = diameter if name == "diameter" else settings.get(name)
            if value is not None:
                self._show(name, value, value)
        self.controls["batch"].value = settings.get("batch") or 0

    def _show(self, name: str, value: Any, meant: Any) -> None:
        control = self.controls[name]
        control.value = nearest(control, value)
        self._meant[name, control.value] = meant

    def settings(self) -> dict[str, Any]:
        """Return what is shown, as keywords of `Settings`.

        Where the model's own value is shown, rounded, there is None.

        Raises
        ------
        ValueError
            If what is written is no diameter.
        """
        shown = {name: control.value for name, control in self.controls.items()}
        meant = {name: self._meant.get((name, x), x) for name, x in shown.items()}
        diameter = parse_diameter(shown["diameter"])
        return meant | {"batch": shown["batch"] or None, "diameter": diameter}


class SegmentForm(ControlForm):
    """The rows above the advice, and what they and the advanced controls stand for.

    The advanced controls are shown elsewhere; `on_info` is called when ℹ is pressed
    beside the model.
    """

    def __init__(
        self, viewer: napari.Viewer, advanced: AdvancedRows, on_info: Callable[[], None]
    ) -> None:
        self._viewer, self.advanced = viewer, advanced
        self.rescaling: Rescaling | None = None  # of the image, in the latest plan
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
            tooltip="cropped: a tile keeps a multiple of the period: no seams.\n"
            "naive: a tile keeps the whole window: seams, unless that is a multiple of "
            "the period.\n"
            "whole: one pass, if there is enough memory.",
        )
        self.linking = LinkChoice()
        super().__init__(
            self.image, self.colour, self.model, self.intensity, self.window,
            self.stitching, self.linking,
        )  # fmt: skip
        self.image.changed.connect(self.model.suggest)
        self.image.changed.connect(self._follow_size)
        self._is_large = follow_size(advanced.region, self.image.value, False)
        self.model.suggest(self.image.value)

    def _follow_size(self, image: Image | None) -> None:
        self._is_large = follow_size(self.advanced.region, image, self._is_large)

    @property
    def config(self) -> NetworkConfig:
        """Of the chosen model."""
        return self.model.config

    @property
    def is_in_view(self) -> bool:
        """Whether only what the view shows is asked for."""
        return self.advanced.region.is_in_view

    @property
    def is_refused(self) -> bool:
        """Whether the image cannot be read; what is in view may still be."""
        return self.intensity.is_refused and not self.is_in_view

    @property
    def views(self) -> int:
        """In how many views each of them is predicted."""
        return int(self.advanced.controls["views"].value)

    @property
    def size_note(self) -> str:
        """What is to be known of the diameter before a run; empty if none is given."""
        if self.rescaling is not None:
            return f"; rescaled to {by(self.rescaling.shape)}"
        is_found = parse_diameter(self.advanced.controls["diameter"].value) == AUTO
        is_known = is_found and self.config.diameter is not None
        return "; a first pass finds the diameter" if is_known else ""

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
            **self.linking.settings(),
            **self.advanced.settings(),
        )

    def chosen_settings(self) -> dict[str, Any]:
        """Return the advanced settings that are neither the model's nor usual."""
        usual, own = asdict(Settings()), self.config.clustering.model_dump()
        try:
            shown = self.advanced.settings()
        except ValueError:  # no diameter is written there
            return {}
        return {
            name: value
            for name, value in shown.items()
            if value is not None and value != own.get(name, usual[name])
        }

    def plan(self, device: str) -> TilePlan:
        """Return the tiles that the controls ask for.

        Raises
        ------
        ValueError
            If it cannot be carried out; the message says why.
        """
        is_frame = self.is_in_view and not self._is_large
        self.linking.follow(self.image.value, self.config, is_frame)
        if self.image.value is None:
            raise ValueError(OPEN_FIRST)
        leading_axes(self.image.value, self.config)  # refuses too few
        chosen = self.settings(device)
        chosen.clustering(self.config)  # refuses what only the clustering would
        check_views_of(self.image.value, chosen, self.config)
        return self._plan(chosen)

    def _plan(self, chosen: Settings) -> TilePlan:
        """Plan the tiles, of the rescaled image where the diameter is given."""
        config, region = self.config, chosen.region
        size = layer_shape(self.image.value)[-config.ndim :]
        self.rescaling = self._rescaling(chosen, size)
        if self.rescaling is not None:
            size, region = self.rescaling.shape, self.rescaling.region(region)
        return plan_tiles(
            size, config.shape, chosen.window, chosen.stitching, chosen.border, region
        )

    def _rescaling(self, chosen: Settings, size: tuple[int, ...]) -> Rescaling | None:
        if chosen.diameter is None or chosen.diameter == AUTO:
            return None
        pixel_size = LayerSource.of(self.image.value).pixel_size(len(size))
        zoom = fit_to(chosen.diameter, self.config, size, pixel_size).zoom
        return Rescaling.by(size, zoom) if zoom != 1 else None

    def run(self, device: str) -> SegmentationRun:
        """Return the run that the controls ask for."""
        settings, source = self.settings(device), self._source()
        is_part = self._is_large and self.is_in_view
        known = self.intensity.scale if source.channel is None else None
        is_planned = settings.window is not None and settings.diameter is None
        return SegmentationRun(
            self.model.value,
            source,
            settings,
            self.advanced.extra,
            self._plan(settings) if is_planned else None,
            is_part,
            known if is_part else None,
        )

    def stored_run(self, device: str, target: Path) -> StoredRun:
        """Return the run of all of the image into a store that the controls ask for.

        Parameters
        ----------
        device : str
        target : Path
            The store.
        """
        layer, colour = self.image.value, self.colour.value
        source = source_in_view(layer, self._viewer.dims, 0, colour)
        return StoredRun(self.model.value, source, self.settings(device), target)

    def _region(self) -> Region | None:
        if not self.is_in_view:
            return None
        seen = part_in_view if self._is_large else region_in_view
        return seen(self.image.value, self._viewer.dims, self.config.ndim)

    def _source(self) -> LayerSource:
        """Take the image; of a series only the frame in view if that is asked for."""
        layer, config = self.image.value, self.config
        leading = leading_axes(layer, config) if self.is_in_view else 0
        return source_in_view(layer, self._viewer.dims, leading, self.colour.value)

    def restore(self, record: dict[str, Any]) -> SegmentationRun | None:
        """Show the settings of an earlier run, and return it; None if it cannot be."""
        made_from = MadeFrom(record)
        try:
            image = made_from.among(self.image.choices)
        except ValueError as error:
            show_info(plainly(str(error)))
            return None
        if not self.model.open(record["model"]):
            return None
        settings = Settings(**record["settings"])
        doubt = made_from.doubt(image)
        if doubt:
            show_info(doubt)
        self.image.value = image
        self.colour.value = record.get("colour", GREY)
        self.window.use(record["window"])
        self.stitching.value = settings.stitching
        self.intensity.restore(record["settings"])
        self.linking.restore(image, settings)
        self.advanced.restore(asdict(settings))
        self.advanced.region.value = WHOLE_IMAGE if settings.region is None else IN_VIEW
        return SegmentationRun.again(
            record, made_from.source(image), self.advanced.extra
        )
