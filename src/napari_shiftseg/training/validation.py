"""How good a network is on images it was not trained on, and which was the best."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.settings import Effort
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.metrics.objects import known_scores
from napari_shiftseg.pipeline.frame import frame_steps
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Returning
from napari_shiftseg.text import by, number_of
from napari_shiftseg.training.pairs import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.geometry.unet_shape import UNetShape
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.samples import Sample


SHARE = 0.2  # of the training around it that a validation may take
PREDICTING = 0.6  # of that; the rest is for clustering
BACKWARD = 3  # times a prediction that a step of a training takes
STEP = 10**8  # multiplications; a step takes as long as these beside its own
LEAST = 10**10  # multiplications, a fraction of a second: no validation is smaller
DISTANCE = 20  # multiplications that a distance takes as long as, for each channel


@dataclass(frozen=True)
class ValidatedPart:
    """What a validation looks at, and how far it may go."""

    samples: tuple[Sample, ...]
    # of each image, its pixels that are predicted; None: all
    regions: tuple[Region | None, ...]
    distances: float  # that the clustering of all may compute; see `Effort`
    note: str  # what is left out; empty if nothing is


def part_for(
    samples: Sequence[Sample], shape: UNetShape, steps: int, of_a_step: int
) -> ValidatedPart:
    """Return what may be validated after so many steps: a fifth of their work.

    Bounded in pixels and distances, not in seconds, so that a training which is done
    again has the same validations. Of large images a region is taken about the middle
    of their objects, of many images some, evenly spaced, always the first.

    Parameters
    ----------
    samples : sequence of Sample
        One or more.
    shape : UNetShape
        Of the network.
    steps : int
        From one validation to the next.
    of_a_step : int
        Multiplications that a step takes; see `work_of_a_step`.
    """
    budget = max(SHARE * steps * of_a_step, LEAST)
    most = left = PREDICTING * budget
    regions: dict[int, Region | None] = {}
    for at in (0, *_spaced(len(samples))):
        region = _region(samples[at], shape, most)
        work = _work(samples[at], shape, region)
        if regions and work > left:
            break
        regions[at] = region
        left -= work
    chosen = sorted(regions)
    distances = (1 - PREDICTING) * budget / (DISTANCE * shape.out_channels)
    return ValidatedPart(
        tuple(samples[at] for at in chosen),
        tuple(regions[at] for at in chosen),
        distances,
        _note(len(samples), [regions[at] for at in chosen]),
    )


def work_of_a_step(shape: UNetShape, window: Sequence[int], batch: int) -> int:
    """Return the multiplications that a step of a training takes, roughly.

    Parameters
    ----------
    shape : UNetShape
    window : sequence of int
        Output window the loss sees.
    batch : int
        Windows a step.
    """
    return BACKWARD * batch * shape.multiply_adds(shape.input_for(window)) + STEP


def _spaced(number: int) -> list[int]:
    """Return the places after the first: halves, then quarters, and so on."""
    places: dict[int, None] = {}
    parts = 1
    while len(places) < number - 1:
        parts *= 2
        for part in range(1, parts + 1):
            at = min(part * number // parts, number - 1)
            if at:
                places.setdefault(at)
    return list(places)


def _work(sample: Sample, shape: UNetShape, region: Region | None) -> float:
    """Return the multiplications that predicting a region takes."""
    size = sample.labels.shape
    spatial = size[len(size) - shape.ndim :]
    plan = plan_tiles(spatial, shape, region=region)
    frames = prod(size[: len(size) - shape.ndim])
    return float(frames * len(plan) * shape.multiply_adds(plan.reads))


def _region(sample: Sample, shape: UNetShape, work: float) -> Region | None:
    """Return a region that takes no more work, if one of a period does; None: all."""
    size = sample.labels.shape[sample.labels.ndim - shape.ndim :]
    if _work(sample, shape, None) <= work:
        return None
    middle = _middle(sample, len(size))
    share = 1.0
    while True:
        share *= 1 / sqrt(2)
        sides = [
            min(n, max(axis.period, round(n * share)))
            for n, axis in zip(size, shape.axes, strict=True)
        ]
        starts = [
            min(max(round(m - side / 2), 0), n - side)
            for m, side, n in zip(middle, sides, size, strict=True)
        ]
        region = tuple((a, a + side) for a, side in zip(starts, sides, strict=True))
        is_least = all(
            side <= axis.period for side, axis in zip(sides, shape.axes, strict=True)
        )
        if is_least or _work(sample, shape, region) <= work:
            return region


def _middle(sample: Sample, ndim: int) -> list[float]:
    """Return the median place of the labelled pixels, per spatial axis."""
    labels = sample.labels
    at = np.nonzero(labels > 0)[labels.ndim - ndim :]
    if not len(at[0]):
        return [n / 2 for n in labels.shape[labels.ndim - ndim :]]
    return [float(np.median(along)) for along in at]


def _note(number: int, regions: list[Region | None]) -> str:
    """Say what is left out."""
    cropped = [region for region in regions if region is not None]
    if len(regions) == number and not cropped:
        return ""
    part = f"{len(regions)} of {number_of(number, 'image')}"
    if cropped:
        part += f", large ones cut to {by(tuple(b - a for a, b in cropped[0]))} px"
    return (
        f"validated on {part}, to take a fifth of the time at most: leave more steps "
        f"between validations to use more images"
    )


CUT_SHORT = (
    "the validation stopped the clustering of {}, which counts as 0: the network makes "
    "no clear clusters yet"
)


@dataclass(frozen=True)
class Validated:
    r"""Outcome of a validation."""

    ap50: float  # mean over the images
    preview: NDArray[np.int32]  # (*spatial), labels of the first image
    note: str = ""  # what the user should know: that it was cut short, for example


def validate(
    model: UNet,
    part: ValidatedPart,
    device: str,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Validated | None:
    """Segment images as users do, cropped tiles and mean shift, and score them.

    Of an image that is partly labelled only what is known is scored; see
    `known_scores`. An image whose clustering is cut short has an AP50 of 0: what is
    found by then is not what users would get.

    Parameters
    ----------
    model : UNet
        In eval mode.
    part : ValidatedPart
        Images with truth, one or more, and how far to go.
    device : str
    is_stopped : callable
        Asked many times a second; True: there is no outcome, None.
    """
    found: list[NDArray[np.int32]] = []
    scores: list[float] = []
    efforts: list[Effort] = []
    for sample, region in zip(part.samples, part.regions, strict=True):
        efforts.append(Effort(part.distances / len(part.samples)))
        settings = Settings(device=device, region=region)
        steps = Returning(_segmented(sample, model, settings, efforts[-1]))
        for _ in steps:
            if is_stopped():
                return None
        labels = steps.value.labels
        at: tuple[Any, ...] = (
            (...,) if region is None else (..., *steps.value.plan.slices)
        )
        is_cut = efforts[-1].is_spent
        scores.append(0.0 if is_cut else known_scores(sample.labels[at], labels).ap50)
        whole = np.zeros(sample.labels.shape, dtype=np.int32)
        whole[at] = labels
        found.append(whole)
    cut = sum(effort.is_spent for effort in efforts)
    images = f"{cut} of {number_of(len(efforts), 'image')}"
    return Validated(fmean(scores), found[0], CUT_SHORT.format(images) if cut else "")


def _segmented(
    sample: Sample, model: UNet, settings: Settings, effort: Effort
) -> Generator[Progress, None, Segmentation]:
    if sample.scale is None:
        return segment_steps(sample.image, model, settings, effort)
    return frame_steps(opened(sample, model.config), model, settings, None, effort)
