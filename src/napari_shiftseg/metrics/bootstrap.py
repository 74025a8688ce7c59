"""How far a figure may lie from itself by chance: units drawn anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.metrics.objects import ObjectScores

    Figure = Callable[[NDArray[Any]], NDArray[Any]]


SEED = 0
MOST_DRAWN = 1_000_000  # weights held at once


@dataclass(frozen=True)
class Interval:
    """A figure, and between which values it may lie on other units like these."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    units: ArrayLike,
    figure: Figure,
    share: float = 0.95,
    resamples: int = 10_000,
    seed: int = SEED,
) -> Interval:
    """Return a figure with its percentile interval.

    As many units as there are, are drawn with replacement, again and again; the figure
    is computed from the sums of each draw, and the interval is the middle of what they
    give, from quantile (1 − share) / 2 to quantile (1 + share) / 2 (Efron & Tibshirani,
    An Introduction to the Bootstrap, 1993, ch. 13). Draws in which the figure is not
    defined do not count. Read it as chance of the images, not of the training: another
    network of the same kind may lie outside. Of few units it is too narrow.

    Parameters
    ----------
    units : array_like
        (units, counts): what each unit adds to the counts.
    figure : callable
        Takes sums (..., counts) and returns the figure (...); NaN where it is not
        defined.
    share : float
        Of the draws that lie in the interval, above 0 and below 1.
    resamples : int
        How many draws, 1 or more.
    seed : int
        Of the draws: the same units give the same interval.

    Raises
    ------
    ValueError
        If there is no unit, a choice is out of range, or the figure is defined in no
        draw.
    """
    counts = np.asarray(units)
    if counts.ndim != 2 or not len(counts):
        raise ValueError(
            f"an interval needs counts (units, counts) of one unit or more, got the "
            f"shape {counts.shape}"
        )
    if not 0 < share < 1:
        raise ValueError(f"share must be above 0 and below 1, got {share}")
    if resamples < 1:
        raise ValueError(f"resamples must be 1 or more, got {resamples}")
    found = np.concatenate([figure(s) for s in resampled(counts, resamples, seed)])
    if not np.isfinite(found).any():
        raise ValueError(
            f"the figure is defined in none of {resamples:,} draws of {len(counts)} "
            f"units: give units in which there is something to count"
        )
    return Interval(float(figure(counts.sum(axis=0))), *middle_share(found, share))


def ap50_intervals(scores: Iterable[ObjectScores]) -> dict[str, Interval]:
    """Return AP50, mean over images and pooled over objects, with 95 % intervals.

    Resampled are the images, for the objects of one image are alike. By name:
    ``ap50_mean``, ``ap50_pooled``.

    Raises
    ------
    ValueError
        If there is no image.
    """
    images = np.array(
        [(s.ap50, 1, s.found, s.true_objects + s.objects - s.found) for s in scores]
    )
    if not len(images):
        raise ValueError("an interval of AP50 needs the scores of one image or more")
    return {
        "ap50_mean": bootstrap_interval(images[..., :2], _share_of_sums),
        "ap50_pooled": bootstrap_interval(images[..., 2:], _share_of_sums),
    }


def _share_of_sums(sums: NDArray[Any]) -> NDArray[Any]:
    """Return the one sum divided by the other; 1 of nothing, as in AP50."""
    part, whole = np.moveaxis(sums, -1, 0)
    share = np.ones(np.shape(part))
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def middle_share(found: NDArray[Any], share: float) -> tuple[float, float]:
    """Return between which values the middle share of those defined lies.

    Parameters
    ----------
    found : ndarray
        Figures of the draws; what is not finite does not count.
    share : float
        Above 0 and below 1.
    """
    tail = (1 - share) / 2
    low, high = np.quantile(found[np.isfinite(found)], (tail, 1 - tail))
    return float(low), float(high)


def resampled(
    counts: NDArray[Any], resamples: int, seed: int = SEED
) -> Iterator[NDArray[Any]]:
    """Yield sums of drawn units, (resamples, counts): units that are alike as one.

    Parameters
    ----------
    counts : ndarray
        (units, counts).
    resamples, seed : int
        How many draws, and of the draws.
    """
    kinds, number = np.unique(counts, axis=0, return_counts=True)
    share, units = number / number.sum(), int(number.sum())
    generator = np.random.default_rng(seed)
    step = max(1, MOST_DRAWN // len(kinds))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        yield generator.multinomial(units, share, size) @ kinds
