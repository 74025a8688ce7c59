"""What the Compare widget runs off the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.tiling import widened
from napari_shiftseg.gui.parts.large import part_words
from napari_shiftseg.gui.parts.segmentation_run import part_opened
from napari_shiftseg.metrics.label_image import LabelsOfPart
from napari_shiftseg.networks.properties import own_seams
from napari_shiftseg.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.library_tiles import Way
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.compare.layers import CommonScale
    from napari_shiftseg.gui.parts.result_layers import LayerTuple
    from napari_shiftseg.gui.parts.source import LayerSource
    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.pipeline.sides import Left
    from napari_shiftseg.pipeline.sweep import SweepPoint
    from napari_shiftseg.report.verdict import Verdict

AROUND = 64  # pixels beyond a region, more than it is widened to whole periods by
AXES = "planes", "rows", "columns"


@dataclass(frozen=True)
class CompareTask:
    r"""What is to be compared: a model, by name or path, on one image.

    Attributes
    ----------
    truth : array of int or None
        ([leading,] \*spatial), as the layer holds it.
    frame : tuple of int
        Position of the one truth on the leading axes.
    is_part : bool
        Whether nothing but the region is looked at, its grey values and truth too.
    scale : Scale or None
        By which a part is read, where that of the whole image is known.
    left : str
        Whose tiles the left canvas shows: "naive", or a way of other libraries.
    """

    model: str
    source: LayerSource
    settings: Settings
    truth: Any = None
    frame: tuple[int, ...] = ()
    is_part: bool = False
    scale: Scale | None = None
    left: Left = "naive"

    @property
    def also(self) -> tuple[Way, ...]:
        """The ways of other libraries that are compared."""
        return () if self.left == "naive" else (self.left,)

    def labels(self) -> NDArray[np.integer] | LabelsOfPart | None:
        r"""Return the true labels, (\*spatial); lazy ones are read here.

        Of a part no others than its own are read, and held.
        """
        if self.truth is None:
            return None
        known = self.truth[self.frame] if self.frame else self.truth
        if not self.is_part or isinstance(known, np.ndarray):
            return np.asarray(known)
        box = tuple(slice(*pair) for pair in self.settings.region or ())
        shape = known.shape[-len(box) :]
        known = known[(0,) * (known.ndim - len(box))]  # the one plane of a stack of one
        region = widened(box, AROUND, shape)
        first = tuple(side.start for side in region)
        return LabelsOfPart(np.asarray(known[region]), first, shape)

    def opened(self) -> Generator[Progress, None, tuple[TiledNetwork, Scale | None]]:
        """Load the model, and find how the image is read."""
        if not self.is_part:
            return (yield from self.source.opened(self.model, self.settings.reading))
        return (
            yield from part_opened(self.model, self.source, self.settings, self.scale)
        )

    @property
    def _pixels(self) -> tuple[Any, ...]:
        """Which pixels are taken; two of these are equal if they are the same."""
        source = self.source
        return id(source.data), source.first, source.channel, source.colour

    def is_of_the_same(self, other: CompareTask) -> bool:
        """Whether another task has this model, views, pixels and truth."""
        same_input = self.model == other.model and self._pixels == other._pixels
        same_input = same_input and self.settings.views == other.settings.views
        return same_input and self.truth is other.truth

    def is_of_the_same_region(self, other: CompareTask) -> bool:
        """Whether another task is of the same, and of the same part of it."""
        return self.shows_the_same(other) and self.is_of_the_same(other)

    def shows_the_same(self, other: CompareTask) -> bool:
        """Whether another task has these pixels and is of the same part of them."""
        same_region = self.settings.region == other.settings.region
        return same_region and self._pixels == other._pixels

    @property
    def name(self) -> str:
        """The image, with the frame that is taken of a series."""
        first = ", ".join(str(step) for step in self.source.first)
        title = self.source.title
        name = f"{title} [{first}]" if first else title
        if not self.is_part or self.settings.region is None:
            return name
        return f"{name}, in view: {part_words(self.settings.region)}"


@dataclass(frozen=True)
class CompareOutcome:
    r"""A comparison, what it says, and what its panes show, bottom layer first.

    Attributes
    ----------
    pixels : array
        ([channels,] \*spatial), the image as it was then, if it is in memory.
    truth : ndarray, LabelsOfPart or None
        (\*spatial), the true labels as they were then: the layer may be painted on.
    comparison : Comparison
        With the tiles that are shown on the left in place of naive ones.
    reported : Comparison
        The same with naive ones, as a report has it.
    """

    task: CompareTask
    pixels: Any
    truth: NDArray[np.integer] | LabelsOfPart | None
    model: TiledNetwork
    comparison: Comparison
    reported: Comparison
    said: Verdict
    common: CommonScale
    naive: list[LayerTuple]
    cropped: list[LayerTuple]


@dataclass(frozen=True)
class SweepOutcome:
    """The points of a window sweep, and what they say."""

    points: list[SweepPoint]
    said: str


@dataclass(frozen=True)
class WholePass:
    """One pass over a region, and what its pane shows, bottom layer first."""

    region: Region
    layers: list[LayerTuple]

    @property
    def title(self) -> str:
        """Which one, as ``rows 0–95, columns 16–111``: first and last pixel."""
        axes = zip(AXES[-len(self.region) :], self.region, strict=True)
        where = [f"{axis} {start}–{stop - 1}" for axis, (start, stop) in axes]
        return f"whole: {', '.join(where)}"


def comparison_run(task: CompareTask) -> Generator[Progress, None, CompareOutcome]:
    """Load the model, compare, make layers; heavy imports happen in the thread."""
    model, scale = yield from task.opened()
    from napari_shiftseg.gui.compare.layers import joint_colours, pane_layers, shared
    from napari_shiftseg.metrics.seams import distance
    from napari_shiftseg.pipeline.comparison import compare_steps
    from napari_shiftseg.report.verdict import verdict

    pixels = task.source.frame()
    pixels = pixels.copy() if isinstance(pixels, np.ndarray) else pixels
    truth = task.labels()
    if isinstance(task.truth, np.ndarray) and isinstance(truth, np.ndarray):
        truth = truth.copy()
    reported = yield from compare_steps(
        pixels, model, task.settings, truth, scale, task.also
    )
    comparison = reported.seen_as(task.left)
    yield Progress(0, 0, stage="making layers")
    results = comparison.naive.result, comparison.cropped.result
    difference = distance(*(result.embeddings for result in results))
    shown = pixels[0] if model.config.in_channels > 1 else pixels
    common = shared(comparison, task.source, shown, difference)
    layers = [
        pane_layers(result, common, colours, difference)
        for result, colours in zip(results, joint_colours(results), strict=True)
    ]
    said = verdict(comparison, model)
    return CompareOutcome(
        task, pixels, truth, model, comparison, reported, said, common, *layers
    )


def whole_run(
    compared: CompareOutcome, region: Region
) -> Generator[Progress, None, WholePass]:
    """Predict what is in view in one pass, and make its layers.

    Parameters
    ----------
    compared : CompareOutcome
    region : sequence of (int, int)
        Pixels of the image, one pair an axis.

    Raises
    ------
    MemoryError
        If it would take more than the device has.
    """
    from napari_shiftseg.device import resolve_device
    from napari_shiftseg.geometry.advice import size_text
    from napari_shiftseg.gui.compare.layers import joint_colours, pane_layers
    from napari_shiftseg.inference.memory import memory_budget
    from napari_shiftseg.inference.predict import open_for, plan_for
    from napari_shiftseg.metrics.seams import distance
    from napari_shiftseg.pipeline.frame import TilesTooLarge, segment_as_planned

    task, model = compared.task, compared.model
    settings = replace(task.settings, stitching="whole", window=None, region=region)
    known = compared.comparison.naive.result.intensity
    image = open_for(compared.pixels, model, scale=known)
    plan = plan_for(
        image, model, None, "whole", settings.border, region, settings.device
    )
    too_much = (
        f"one pass over what is in view takes about {size_text(plan.memory)} of "
        f"memory, more than there is: zoom in"
    )
    if plan.memory > memory_budget(resolve_device(settings.device)):
        raise MemoryError(too_much)
    try:
        result = yield from segment_as_planned(image, model, settings, plan)
    except TilesTooLarge as error:
        raise MemoryError(too_much) from error
    sides = compared.comparison.naive.result, compared.comparison.cropped.result
    *_, colours = joint_colours([*sides, result])
    naive = sides[0].embeddings[(slice(None), *compared.common.within(result))]
    difference = distance(naive, result.embeddings)
    layers = pane_layers(result, compared.common, colours, difference)
    return WholePass(plan.region, layers)


def report_run(
    compared: CompareOutcome, points: list[SweepPoint], folder: Path
) -> Generator[Progress, None, Path]:
    """Write the report of a comparison and, where there is one, of a sweep.

    Parameters
    ----------
    compared : CompareOutcome
    points : list of SweepPoint
        Of the sweep; empty: there is none.
    folder : Path
    """
    yield Progress(0, 0, stage="writing the report")
    from napari_shiftseg.report.write import Content, report_steps

    content = Content(
        compared.reported, compared.model, compared.pixels, compared.task.name,
        compared.truth, points,
    )  # fmt: skip
    yield from report_steps(content, folder)
    return folder


def sweep_run(
    task: CompareTask, windows: list[int | tuple[int, ...]]
) -> Generator[Progress, None, SweepOutcome]:
    """Load the model and segment at window after window.

    Parameters
    ----------
    task : CompareTask
    windows : list of int or tuple of int
    """
    model, scale = yield from task.opened()
    from napari_shiftseg.pipeline.sweep import sweep_steps
    from napari_shiftseg.report.verdict import sweep_verdict

    settings = replace(task.settings, stitching="naive")
    labels = task.labels()
    points = yield from sweep_steps(
        task.source.frame(), model, windows, settings, labels, scale
    )
    said = sweep_verdict(points, own_seams(model.config) is not None)
    return SweepOutcome(points, f"{task.name}, model {model.config.name}: {said}")
