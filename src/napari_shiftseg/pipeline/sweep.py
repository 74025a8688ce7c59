"""One image segmented at window after window: which window makes no seams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any, Unpack

from napari_shiftseg.device import resolve_device
from napari_shiftseg.geometry.advice import advise, size_text
from napari_shiftseg.geometry.window import default_windows
from napari_shiftseg.inference.memory import memory_budget
from napari_shiftseg.inference.predict import plan_for
from napari_shiftseg.metrics.metric import Measured, pooled_figures, sweep_figures
from napari_shiftseg.metrics.objects import ObjectScores, pooled
from napari_shiftseg.metrics.splits import splitting_seams
from napari_shiftseg.pipeline.comparison import (
    checked_truth,
    measured,
    untiled_steps,
)
from napari_shiftseg.pipeline.diameter import refuse_diameter
from napari_shiftseg.pipeline.frame import (
    TilesTooLarge,
    opened_steps,
    segment_as_planned,
)
from napari_shiftseg.pipeline.settings import OfOneStitching, Settings, spelled
from napari_shiftseg.progress import Progress, exhaust, numbered

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.metrics.label_image import LabelsOfPart
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.stores.image import Image


@dataclass(frozen=True)
class SweepPoint(Measured):
    """What one window gives over one image; see `Measured`.

    Attributes
    ----------
    is_valid : bool
        Whether the window is n·p on every axis.
    failure : str
        Why there is no result: memory that does not suffice; empty if there is one.
    """

    plan: TilePlan
    is_valid: bool
    failure: str = ""

    @property
    def points(self) -> tuple[SweepPoint, ...]:
        """Itself: a window over one image; see `PooledPoint`."""
        return (self,)

    def figures(self) -> dict[str, Any]:
        """Return the figures of this window, ready for JSON; see `METRICS`."""
        return {
            "window": list(self.plan.window),
            "valid": self.is_valid,
            **sweep_figures(self),
            "failure": self.failure or None,
        }


@dataclass(frozen=True)
class PooledPoint:
    """What one window gives over several images."""

    points: tuple[SweepPoint, ...]  # one an image, all of the same window and stitching

    @property
    def plan(self) -> TilePlan:
        """Tiles of the first image."""
        return self.points[0].plan

    @property
    def scores(self) -> ObjectScores | None:
        """Counts of all images that have a truth and a result; None if none has."""
        return pooled(self._scores) if self._scores else None

    @property
    def ap50_mean(self) -> float | None:
        """Mean average precision of these images; `scores` has the pooled one."""
        return fmean(s.ap50 for s in self._scores) if self._scores else None

    @property
    def _scores(self) -> list[ObjectScores]:
        return [point.scores for point in self.points if point.scores]

    def figures(self) -> dict[str, Any]:
        """Return the figures of this window, ready for JSON.

        Seam ratios are means over the images where they are defined, counts are sums
        over those where they are known, see `Metric.pool`; ``failure`` says why there
        is no result for one image or more.
        """
        return {
            "window": list(self.plan.window),
            "valid": self.points[0].is_valid,
            **pooled_figures(self.points),
            "ap50_mean": self.ap50_mean,
            "failure": next((p.failure for p in self.points if p.failure), None),
        }


@dataclass(frozen=True, slots=True)
class SweepProgress(Progress):
    """Progress of a sweep."""

    point: SweepPoint | None = None  # that has just been found, if any


@spelled(OfOneStitching, stitching="naive")
def sweep(
    image: ArrayLike | Any,
    model: TiledNetwork,
    windows: Sequence[int | Sequence[int]] | None = None,
    truth: ArrayLike | None = None,
    **settings: Unpack[OfOneStitching],
) -> list[SweepPoint]:
    r"""Segment an image at window after window and score each.

    The experiment of Rumberger et al., ICCV 2021, Fig. 6, on any image.

    Parameters
    ----------
    image : array_like
        (\*spatial)
    model : TiledNetwork
    windows : sequence of int or of sequence of int, optional
        Output sizes of a tile; by default `default_windows`.
    truth : array_like of int, optional
        (\*spatial) of the whole image, 0 is background.
    **settings
        Of `Settings`, but for the window; stitching is naive if not given.

    Returns
    -------
    list of SweepPoint
        One a window, in the order given. A window that does not fit in memory has a
        `failure` and no scores.

    Raises
    ------
    ValueError
        If a window or a setting is out of range, the image cannot be read, or the
        truth is not a label image of the image's shape.
    """
    settings.setdefault("stitching", "naive")
    chosen = Settings(**settings)
    return exhaust(sweep_steps(image, model, windows, chosen, truth))


def sweep_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    windows: Sequence[int | Sequence[int]] | None,
    settings: Settings,
    truth: ArrayLike | LabelsOfPart | None = None,
    scale: Scale | None = None,
) -> Generator[Progress, None, list[SweepPoint]]:
    """Sweep, yielding a `SweepProgress` with each point as it is found.

    Parameters
    ----------
    image, model, windows, settings, truth
        See `sweep`.
    scale : Scale, optional
        See `segment_steps`.
    """
    labels = checked_truth(image, model, truth)
    windows = default_windows(model.shape) if windows is None else windows
    refuse_diameter(settings.diameter, "sweep")
    if settings.stitching == "whole":
        raise ValueError(
            'a sweep needs tiles, got stitching "whole": take "naive" or "cropped"'
        )
    if not windows:
        raise ValueError("a sweep needs one window or more, got none")
    opened = yield from opened_steps(image, model, settings, scale)
    of, where = settings.stitching, (settings.border, settings.region, settings.device)
    plans = [plan_for(opened, model, window, of, *where) for window in windows]
    reference = yield from untiled_steps(opened, model, settings)
    budget = memory_budget(resolve_device(settings.device))
    points: list[SweepPoint] = []
    for number, plan in enumerate(plans):
        chosen = replace(settings, window=plan.window)
        if plan.memory > budget:
            takes = f"a tile takes about {size_text(plan.memory)}"
            point = _failed(plan, f"does not fit in memory: {takes}")
        else:
            steps = _point(opened, model, chosen, plan, reference, labels)
            point = yield from numbered(len(plans), number, steps, "window")
        points.append(point)
        yield SweepProgress(number + 1, len(plans), stage="scoring", point=point)
    return points


def _failed(plan: TilePlan, failure: str) -> SweepPoint:
    return SweepPoint(plan, advise(plan).is_valid, failure)


def _point(
    image: Image,
    model: TiledNetwork,
    settings: Settings,
    plan: TilePlan,
    reference: NDArray[Any],
    truth: NDArray[Any] | LabelsOfPart | None,
) -> Generator[Progress, None, SweepPoint]:
    try:
        result = yield from segment_as_planned(image, model, settings, plan)
    except TilesTooLarge:
        return _failed(plan, "does not fit in memory: smaller tiles would be needed")
    except MemoryError as error:
        why = f": {error}" if str(error) else ""
        return _failed(plan, f"does not fit in memory{why}")
    plan, splitting = result.plan, []
    there = None if truth is None else truth[plan.slices]
    if there is not None:
        splitting = splitting_seams(result.labels, there, result.embeddings, plan)
    found = measured(result, reference, there, splitting)
    return SweepPoint(**vars(found), is_valid=advise(plan).is_valid)
