"""What Segment runs, and what comes out: a result, layers, a line about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.large import part_words
from napari_shiftseg.gui.parts.result_layers import TO_MODE, LayerTuple, result_layers
from napari_shiftseg.intensity.automatic import find_scale
from napari_shiftseg.intensity.scale import Scale
from napari_shiftseg.metrics.seams import SEAM_RATIO
from napari_shiftseg.pipeline.scales import READING
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Progress, told
from napari_shiftseg.stores.image import as_read
from napari_shiftseg.text import by, sentence

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.gui.parts.source import LayerSource
    from napari_shiftseg.metrics.seams import SeamScores
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.relabelling.relabel import Kept
    from napari_shiftseg.results.measuring import Measuring


SHOW_SEAMS = ("gradient", "tile grid")


@dataclass(frozen=True)
class SegmentationRun:
    """What is to be run: a model, by name or path, on an image.

    `layers`: what is made beside the labels, see `result_layers`; where there are
    seams to see, the gradient and the tile grid come by themselves. `plan`: the tiles
    that the user was shown; None: they depend on the memory of the device. `is_part`:
    only what is in view is looked at, grey values too; `scale`: by which it is read,
    where that of the whole image is known.
    """

    model: str
    source: LayerSource
    settings: Settings
    layers: tuple[str, ...] = ()
    plan: TilePlan | None = None
    is_part: bool = False
    scale: Scale | None = None

    def opened(self) -> Generator[Progress, None, tuple[TiledNetwork, Scale | None]]:
        """Load the model, and find how the image is read."""
        if not self.is_part:
            return (yield from self.source.opened(self.model, self.settings.reading))
        return (
            yield from part_opened(self.model, self.source, self.settings, self.scale)
        )

    @classmethod
    def again(
        cls,
        record: Mapping[str, Any],
        source: LayerSource,
        layers: tuple[str, ...] = (),
    ) -> SegmentationRun:
        """Return the run that a layer was made by; a part is read as it was.

        Parameters
        ----------
        record : mapping
            See `run_record`.
        source : LayerSource
            Of its image.
        layers : tuple of str
        """
        known = record.get("scale")
        return cls(
            record["model"], source, Settings(**record["settings"]), layers,
            is_part=known is not None, scale=known and Scale(**known),
        )  # fmt: skip

    def taken(self, region: Region) -> str:
        """Say which channel and part were segmented; empty where it is all there is.

        Parameters
        ----------
        region : sequence of (int, int)
            That was predicted: of whole periods.
        """
        said = [] if self.source.channel is None else [self.source.channel.words]
        if self.is_part:
            said.append(f"in view: {part_words(region)}")
            if self.scale is None:
                said.append("read by the grey values there")
        return ", ".join(said)


def part_opened(
    model: str, source: LayerSource, settings: Settings, scale: Scale | None
) -> Generator[Progress, None, tuple[TiledNetwork, Scale]]:
    """Load a model, and find how a part of an image is read, from this part alone.

    Parameters
    ----------
    model : str
        Name or path.
    source : LayerSource
    settings : Settings
        With the region.
    scale : Scale or None
        Of the whole image, where that is known: then nothing is to be found.
    """
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.networks.loading.models import load_model

    network = load_model(model)
    if scale is not None:
        return network, scale
    config = network.config
    pixels = as_read(source.frame(), config.ndim, config.in_channels)
    part = pixels[(..., *(slice(*pair) for pair in settings.region or ()))]
    known = part, config.ndim, config.intensity, settings.reading
    yield READING
    return network, (yield from told(READING, part.size, find_scale, *known))


@dataclass(frozen=True)
class SegmentationOutcome:
    """What a run gives.

    Attributes
    ----------
    seams : SeamScores or None
        None for several images.
    own_seams : int or None
        Period at whose multiples the model itself makes seams; see `own_seams`.
    kept : Kept
        For mending.
    taken : str
        See `SegmentationRun`.
    measuring : Measuring or None
        How its objects are measured again.
    """

    model: str
    result: Segmentation
    layers: list[LayerTuple]
    seams: SeamScores | None
    own_seams: int | None
    kept: Kept
    taken: str = ""
    measuring: Measuring | None = None

    @property
    def has_seams(self) -> bool:
        """Whether the embedding jumps at tile borders that make seams."""
        return self.seams is not None and _has_seams(self.result, self.seams)

    @property
    def is_doubtful(self) -> bool:
        """Whether there is something that the user should look into."""
        result = self.result
        return self.has_seams or bool(result.doubts or result.intensity.notes)

    @property
    def line(self) -> str:
        """What came out, in one line; notes that stood there before are left out."""
        parts = [f"{self.result.found} in {self.result.seconds:.1f} s"]
        if self.taken:
            parts.append(self.taken)
        parts += map(sentence, self.result.doubts or self.result.intensity.notes)
        if self.result.rescaling is not None:
            parts.append(f"rescaled to {by(self.result.rescaling.shape)}")
        parts += self.result.planes
        told = ("memory", "was not rescaled")
        parts += [n for n in self.result.notes if any(word in n for word in told)]
        if self.seams is not None and self.seams.ratio is not None:
            parts.append(f"seam ratio {self.seams.ratio:.2f}{self._about_seams}")
        return " · ".join(parts)

    @property
    def _about_seams(self) -> str:
        if self.has_seams:
            return f": the {self.result.gives} jumps at tile borders"
        if self.result.plan.makes_seams:
            return ""
        if self.own_seams is None:
            return ", no seams of tiles"
        return (
            f", no seams of tiles; the model makes its own, at every multiple of "
            f"{self.own_seams}, without tiles too"
        )


def segmentation_run(
    run: SegmentationRun,
) -> Generator[Progress, None, SegmentationOutcome]:
    """Load the model, segment, score; heavy imports happen here, in the thread."""
    source = run.source
    network, scale = yield from run.opened()
    from napari_shiftseg.metrics.seams import seam_scores
    from napari_shiftseg.networks.properties import own_seams
    from napari_shiftseg.pipeline.segmentation import segment_steps
    from napari_shiftseg.relabelling.relabel import Kept
    from napari_shiftseg.results.measuring import Measuring
    from napari_shiftseg.results.mode_distance import mode_distance_steps
    from napari_shiftseg.results.table import completed_steps

    if run.plan is not None and run.plan.shape != network.shape:
        raise ValueError(
            f"the model {network.config.name} was changed since it was chosen: choose "
            f"it again"
        )
    pixels, names = source.pixels(), source.leading_names(network.config.ndim)
    result = yield from segment_steps(
        pixels,
        network,
        run.settings,
        scale=scale,
        plan=run.plan,
        pixel_size=source.pixel_size(network.config.ndim),
        axes=names,
    )
    measuring = Measuring.of(result, network, pixels, source, names, source.first)
    table = yield from measuring.steps(result.labels)
    table = yield from completed_steps(table, result, network)
    yield Progress(0, 0, stage="making layers")
    seams = None
    if not result.leading:
        seams = result.seams or seam_scores(result.embeddings, result.plan)
    seen = SHOW_SEAMS if _has_seams(result, seams) else ()
    to_mode = None
    if TO_MODE in run.layers:
        to_mode = yield from mode_distance_steps(result, network)
    shown = {*run.layers, *seen}
    layers = result_layers(result, source, run.model, shown, to_mode, table)
    if run.is_part:  # it is not found again in the whole image
        layers[-1][1]["metadata"][METADATA_KEY]["scale"] = asdict(result.intensity)
    kept, own = Kept(result, network.config), own_seams(network.config)
    return SegmentationOutcome(
        run.model, result, layers, seams, own, kept, run.taken(result.plan.region),
        measuring,
    )  # fmt: skip


def _has_seams(result: Segmentation, seams: SeamScores | None) -> bool:
    """Whether the embedding jumps at tile borders that make seams.

    Of a series it is not measured: then those that make seams are taken to show some.
    """
    if not result.plan.makes_seams:
        return False
    return seams is None or (seams.ratio is not None and seams.ratio > SEAM_RATIO)
