"""The table of metrics: what is measured of tiles, how to read it, which way is better.

Comparisons and sweeps, their tables, reports, terminal and widgets read it: a metric
that is added to `METRICS` stands in all of them.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from math import inf
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_shiftseg.metrics.objects import pooled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.metrics.chance import Outcomes
    from napari_shiftseg.metrics.objects import ObjectScores
    from napari_shiftseg.metrics.seams import SeamScores

Better = Literal["less", "more", "near untiled"]
Pool = Literal["mean", "sum", "as one"]
COMMENSURATE = 0.25  # an untiled seam ratio farther than this from 1 is flagged


@dataclass(frozen=True)
class Tiled:
    """An image that was predicted tile by tile."""

    embedding: NDArray[Any]  # (channels, *plan.output_shape)
    labels: NDArray[Any]  # (*plan.output_shape), the objects
    plan: TilePlan  # whose tiles made it
    untiled: NDArray[Any]  # (channels, *plan.output_shape), the same in one pass
    truth: NDArray[Any] | None = None  # (*plan.output_shape), the true objects


@dataclass(frozen=True)
class Measured:
    """What is known of the tiles of one image once its pixels are gone."""

    plan: TilePlan | None  # None where nothing is known of tiles
    _: KW_ONLY
    # of the embedding of these tiles, and of the untiled one over the same pairs
    seams: SeamScores | None = None
    untiled: SeamScores | None = None
    objects: int | None = None  # number predicted
    scores: ObjectScores | None = None  # None without a truth
    # objects that a seam splits; None where nothing can be split
    split: int | None = None
    seconds: float | None = None
    outcomes: Outcomes | None = None  # of every true object; None without a truth
    # values of the metrics that look at pixels, see `values_by_pixel`
    by_pixel: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_commensurate(self) -> bool:
        """Whether objects and tiles share a rhythm, so that 1 is not the reference."""
        ratio = None if self.untiled is None else self.untiled.ratio
        return ratio is not None and abs(ratio - 1) > COMMENSURATE


@dataclass(frozen=True)
class Metric:
    """One figure of a comparison, a sweep or an evaluation."""

    name: str  # key in JSON, column in CSV
    # what stands before it in a table, indented where it belongs to the row above;
    # empty: it is in files only
    title: str
    meaning: str  # how to read it, in sentences
    # `Measured` → a value that is ready for JSON; None where it is not defined. `Tiled`
    # → the same, of a metric that looks at pixels.
    compute: Callable[[Any], Any]
    better: Better | None = None  # which value is better, if any is
    # whether it is computed of `Tiled`, once, as long as the pixels are there
    looks_at_pixels: bool = False
    untiled: str | None = None  # name of the same figure of the untiled prediction
    floor: float = -inf  # values below it are as good as each other
    needs_truth: bool = False  # whether there is no such figure without true labels
    in_sweeps: bool = True  # whether it is a figure of each window of a sweep
    # how that of several images is found: the mean or the sum over those where it is
    # known, or computed of their counts, added up. None: not at all.
    pool: Pool | None = None
    # whether it is a figure of label images, which have `Measured.scores` alone
    in_evaluations: bool = False
    # of `Outcomes`, whose sums over all true objects it is computed of: objects are
    # resampled to tell two such figures from chance. Empty: they are not.
    counts: tuple[str, ...] = ()
    # these sums, (resamples,) each → the figure, (resamples,)
    of_counts: Callable[..., Any] = lambda total: total

    def value(self, measured: Measured) -> Any:
        """Return the figure of these tiles; None where it is not defined."""
        if self.looks_at_pixels:
            return measured.by_pixel.get(self.name)
        return self.compute(measured)

    def pooled(self, several: Sequence[Measured], as_one: Measured) -> Any:
        """Return the figure of several images.

        Parameters
        ----------
        several : sequence of Measured
            One an image.
        as_one : Measured
            With the counts of all, added up.
        """
        if self.pool == "as one":
            return self.value(as_one)
        known = [v for each in several if (v := self.value(each)) is not None]
        if not known:
            return None
        return fmean(known) if self.pool == "mean" else sum(known)


def _part(whole: str, name: str) -> Callable[[Measured], Any]:
    """Return what reads a part of a part of `Measured`; None where it is missing."""

    def read(measured: Measured) -> Any:
        known = getattr(measured, whole)
        return None if known is None else getattr(known, name)

    return read


def _of_plan(read: Callable[[TilePlan], Any]) -> Callable[[Measured], Any]:
    """Return what reads the plan of `Measured`; None where there is none."""
    return lambda measured: measured.plan and read(measured.plan)


def _differences(tiled: Tiled) -> NDArray[Any]:
    """Return what each value of an embedding differs by from the untiled one."""
    found: NDArray[Any] = np.abs(tiled.embedding - tiled.untiled)
    return found


METRICS: tuple[Metric, ...] = (  # in the order of files and tables
    Metric(
        "window",
        "tile size (window)",
        "Pixels of the tile that was asked for, along each axis.",
        _of_plan(lambda plan: list(plan.window)),
    ),
    Metric(
        "stride",
        "keeps (stride)",
        "Pixels that each tile keeps. Seams are to be expected where it is not a "
        "multiple of the model's period.",
        _of_plan(lambda plan: list(plan.stride)),
    ),
    Metric("tiles", "tiles", "Number of tiles that cover the image.", _of_plan(len)),
    Metric(
        "seam_ratio",
        "seam ratio",
        "How much the embedding changes from pixel to pixel across tile borders, "
        "divided by how much it changes elsewhere. Compare with the untiled prediction "
        "over the same pixels: equal to it means no seam.",
        _part("seams", "ratio"),
        better="near untiled",
        untiled="seam_ratio_untiled",
        pool="mean",
    ),
    Metric(
        "seam_ratio_within",
        "  inside objects",
        "The seam ratio over pixels inside one true object, where nothing should "
        "change: large values split objects. Needs true labels.",
        _part("seams", "ratio_within"),
        better="near untiled",
        untiled="seam_ratio_within_untiled",
        needs_truth=True,
        pool="mean",
    ),
    Metric(
        "seam_ratio_untiled",
        "",
        "The seam ratio of the untiled prediction over the same pixels.",
        _part("untiled", "ratio"),
        pool="mean",
    ),
    Metric(
        "seam_ratio_within_untiled",
        "",
        "The same inside true objects.",
        _part("untiled", "ratio_within"),
        needs_truth=True,
        pool="mean",
    ),
    Metric(
        "commensurate",
        "",
        "Whether objects and tiles share a rhythm, so that 1 is not the reference.",
        lambda measured: measured.is_commensurate,
        in_sweeps=False,
    ),
    Metric(
        "seam_z",
        "seam z",
        "How far the change at tile borders stands out from the changes at all other "
        "offsets in the tile, in standard deviations. Above 3 is a seam; needs no true "
        "labels. Weak for tiles that keep fewer than 16 pixels.",
        _part("seams", "z"),
        better="less",
        floor=3,
    ),
    Metric(
        "seam_z_weak",
        "",
        "Whether the tiles keep fewer than 16 pixels.",
        _part("seams", "z_is_weak"),
        in_sweeps=False,
    ),
    Metric(
        "largest_difference",
        "",
        "Largest difference from the untiled prediction, over all pixels and channels, "
        "in units of the embedding. Exact tiles differ by rounding, 1e-5 and less.",
        lambda tiled: float(_differences(tiled).max()),
        looks_at_pixels=True,
        in_sweeps=False,
    ),
    Metric(
        "mean_difference",
        "",
        "Mean of these differences.",
        lambda tiled: float(_differences(tiled).mean(dtype=np.float64)),
        looks_at_pixels=True,
        in_sweeps=False,
    ),
    Metric(
        "objects",
        "objects",
        "Number of objects predicted.",
        lambda measured: measured.objects,
        pool="sum",
    ),
    Metric(
        "split_by_seams",
        "split by seams",
        "Objects in which two different labels meet at a tile border. Whole objects "
        "are the true ones or, without true labels, those of cropped stitching. An "
        "object that is in pieces anyway counts on both sides where a border crosses "
        "it.",
        lambda measured: measured.split,
        better="less",
        pool="sum",
        counts=("split_by_seams",),
    ),
    Metric(
        "true_objects",
        "true objects",
        "Number of objects in the true labels.",
        _part("scores", "true_objects"),
        needs_truth=True,
        pool="as one",
    ),
    Metric(
        "false_splits",
        "false splits",
        "Surplus pieces of true objects; a piece covers more than 5 % of its object. "
        "0: no object is in pieces.",
        _part("scores", "false_splits"),
        better="less",
        needs_truth=True,
        pool="as one",
        counts=("false_splits",),
    ),
    Metric(
        "false_merges",
        "false merges",
        "Surplus true objects in one predicted object, each covered by more than 10 %. "
        "0: no two objects are one.",
        _part("scores", "false_merges"),
        better="less",
        needs_truth=True,
        pool="as one",
        counts=("false_merges",),
    ),
    Metric(
        "ap50",
        "AP50",
        "Average precision: matched pairs of objects (intersection over union above "
        "0.5), divided by all objects, matched or not. 1: every object is found.",
        _part("scores", "ap50"),
        better="more",
        needs_truth=True,
        pool="as one",
        counts=("found", "objects", "true_objects"),
        of_counts=lambda found, objects, true: found / (true + objects - found),
    ),
    Metric(
        "seconds",
        "seconds",
        "Prediction and clustering, on this device.",
        lambda measured: measured.seconds,
    ),
)


def rows() -> tuple[Metric, ...]:
    """Return the metrics that stand in the table of a comparison."""
    return tuple(metric for metric in METRICS if metric.title)


def titles() -> dict[str, str]:
    """Return what stands before the metrics of a table, by their names."""
    return {metric.name: metric.title.strip() for metric in rows()}


def pooled_metrics() -> tuple[Metric, ...]:
    """Return the metrics of several images together."""
    return tuple(metric for metric in METRICS if metric.pool)


def figures(measured: Measured) -> dict[str, Any]:
    """Return all metrics of these tiles by name, ready for JSON."""
    return {metric.name: metric.value(measured) for metric in METRICS}


def sweep_figures(measured: Measured) -> dict[str, Any]:
    """Return the metrics of one window of a sweep by name, ready for JSON."""
    return {m.name: m.value(measured) for m in METRICS if m.in_sweeps}


def pooled_figures(several: Sequence[Measured]) -> dict[str, Any]:
    """Return the metrics of several images together by name, see `Metric.pool`."""
    scores = [measured.scores for measured in several if measured.scores]
    as_one = Measured(several[0].plan, scores=pooled(scores) if scores else None)
    return {m.name: m.pooled(several, as_one) for m in pooled_metrics()}


def judged_figures(scores: ObjectScores) -> dict[str, Any]:
    """Return the metrics of objects by name of which one value is better."""
    measured = Measured(None, scores=scores)
    judged = (m for m in METRICS if m.pool == "as one" and m.better)
    return {metric.name: metric.value(measured) for metric in judged}


def object_figures(scores: ObjectScores) -> dict[str, Any]:
    """Return the figures of label images against true ones by name, ready for JSON.

    Those of `ObjectScores`, and the metrics that are `Metric.in_evaluations`.
    """
    measured = Measured(None, objects=scores.objects, scores=scores)
    own = {m.name: m.value(measured) for m in METRICS if m.in_evaluations}
    return {**scores.figures(), **own}


def shares() -> tuple[str, ...]:
    """Return the names of the figures of label images that are no counts."""
    more = (m.name for m in METRICS if m.in_evaluations and m.pool != "sum")
    return ("ap50", "precision", "recall", "f1", *more)


def values_by_pixel(tiled: Tiled) -> dict[str, Any]:
    """Compute the metrics that look at pixels, by name; see `Measured.by_pixel`."""
    return {m.name: m.compute(tiled) for m in METRICS if m.looks_at_pixels}
