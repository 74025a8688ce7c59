"""What Segment is asked to do: image, model, tile size, stitching."""

from __future__ import annotations

from dataclasses import asdict, replace
from math import prod
from typing import TYPE_CHECKING, Any

from magicgui.widgets import RadioButtons
from napari.utils.notifications import show_info

from napari_shiftseg.distributed.blocks import most_at_once
from napari_shiftseg.geometry.advice import effort
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
from napari_shiftseg.gui.parts.layout import ControlForm
from napari_shiftseg.gui.parts.models import (
    ModelChoice,
    is_for_samples,
    leading_axes,
    models_of,
)
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
    region_in_view,
)
from napari_shiftseg.gui.parts.window_advice import (
    WindowChoice,
    check_views_of,
    images_text,
    views_note,
)
from napari_shiftseg.gui.segment.linking import LinkChoice
from napari_shiftseg.gui.segment.stored_run import StoredRun
from napari_shiftseg.pipeline.diameter import AUTO, fit_to, parse_diameter
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import napari
    from napari.layers import Image

    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.geometry.window import Window
    from napari_shiftseg.gui.segment.advanced import AdvancedRows
    from napari_shiftseg.networks.config import NetworkConfig


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

    @property
    def shows_seams(self) -> bool:
        """Whether the image is a sample of models that were made for such alone."""
        image = self.image.value
        return image is not None and any(map(is_for_samples, models_of(image)))

    @property
    def cheapest_note(self) -> str:
        """Say that the tile size is the cheapest; empty where it was given."""
        if not self.window.is_cheapest or self.stitching.value == "whole":
            return ""
        what = "the part in view" if self.is_in_view else "this image"
        return f"{self.window.value} is the cheapest tile size for {what}."

    def cheapest_window(self, memory: int | None) -> tuple[int, ...] | None:
        """Return the cheapest tile size that fits; None where that is not known.

        Parameters
        ----------
        memory : int or None
            Bytes a tile may take; None: not known.
        """
        if memory is None or self.image.value is None:
            return None
        try:
            leading_axes(self.image.value, self.config)  # refuses too few
            chosen = self._settings("auto", None, self._region())
            if chosen.stitching == "whole":
                chosen = replace(chosen, stitching="cropped")
            return self._plan(chosen, memory).window
        except (ValueError, OSError):  # said of the plan
            return None

    def settings(self, device: str) -> Settings:
        """Return what the controls say.

        Raises
        ------
        ValueError
            If a control says what cannot be.
        """
        whole = self.stitching.value == "whole"
        window = None if whole else self.window.window()
        return self._settings(device, window, self._region())

    def for_any_image(self, device: str) -> Settings:
        """Return what the controls say of any image: all of it is segmented.

        Tiles are the cheapest for each, unless a size was given.

        Parameters
        ----------
        device : str

        Raises
        ------
        ValueError
            If a control says what cannot be.
        """
        is_given = self.window.is_own or not (
            self.window.is_cheapest or self.image.value is None
        )
        is_tiled = is_given and self.stitching.value != "whole"
        window = self.window.window() if is_tiled else None
        chosen = self._settings(device, window, None)
        own = self.config.clustering.model_dump()
        same = [name for name, x in asdict(chosen).items() if x == own.get(name)]
        usual: dict[str, Any] = dict.fromkeys(same)
        return replace(chosen, **usual)

    def _settings(self, device: str, window: Window, region: Region | None) -> Settings:
        return Settings(
            window=window,
            stitching=self.stitching.value,
            device=device,
            region=region,
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

    def _plan(self, chosen: Settings, memory: int | None = None) -> TilePlan:
        """Plan the tiles, of the rescaled image where the diameter is given."""
        config, region = self.config, chosen.region
        size = layer_shape(self.image.value)[-config.ndim :]
        self.rescaling = self._rescaling(chosen, size)
        if self.rescaling is not None:
            size, region = self.rescaling.shape, self.rescaling.region(region)
        return plan_tiles(
            size, config.shape, chosen.window, chosen.stitching, chosen.border, region,
            memory,
        )  # fmt: skip

    def to_disk(self, memory: int | None) -> str:
        """Tiles, cost and memory of a run of all of the image into a store.

        Parameters
        ----------
        memory : int or None
            Bytes that a tile may take; None: not known.
        """
        config, chosen = self.config, self._of_blocks(self.settings("auto"))
        size = layer_shape(self.image.value)
        plan = plan_tiles(
            size[-config.ndim :], config.shape, chosen.window, chosen.stitching,
            chosen.border, None, memory, most_at_once(prod(size)),
        )  # fmt: skip
        planes = prod(size[: -config.image_axes])
        stack = f"{images_text(self.image.value, planes)}, each " if planes > 1 else ""
        return f"{stack}{effort(plan)}{views_note(self.views)}"

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
        settings = self.settings(device)
        return StoredRun(self.model.value, source, self._of_blocks(settings), target)

    def _of_blocks(self, settings: Settings) -> Settings:
        """Return settings without a window that is cheapest for the part in view."""
        return replace(settings, window=None) if self.window.is_cheapest else settings

    def _region(self) -> Region | None:
        if not self.is_in_view:
            return None
        seen = part_in_view if self._is_large else region_in_view
        return seen(self.image.value, self._viewer, self.config.ndim)

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
        if not self.model.open(record["model"]) or self.model.value != record["model"]:
            return None  # it is none, or has to be looked into first
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
