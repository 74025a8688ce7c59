"""Whether two ways differ by more than chance gives: a paired bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    Figure = Callable[[NDArray[Any]], NDArray[Any]]

RESAMPLES = 4000
SHARE = 0.99  # of the resamplings; not 0.95, as several figures are looked at together
FEWEST = 6  # units that differ: a sign test of fewer cannot fall below 5 %
SEED = 0
MOST_DRAWN = 1_000_000  # weights held at once


@dataclass(frozen=True)
class Difference:
    """How far one way is from another in one figure, and what chance makes of that.

    Attributes
    ----------
    value : float
        Figure of the one less that of the other.
    low, high : float
        Between them lie 99 % of what the resamplings give.
    units : int
        What was resampled: objects, places.
    differing : int
        Of the units, those in which the two ways differ.
    """

    value: float
    low: float
    high: float
    units: int
    differing: int

    @property
    def is_beyond_chance(self) -> bool:
        """Whether 0 lies outside the interval, and that rests on 6 units or more."""
        return self.differing >= FEWEST and not self.low <= 0 <= self.high


def paired_difference(
    one: ArrayLike,
    other: ArrayLike,
    figure: Figure,
    figure_of_other: Figure | None = None,
) -> Difference:
    """Resample units that both ways have in common, and compare a figure.

    As many units as there are, are drawn with replacement, 4,000 times, the same ones
    for both ways; the figure is computed from their sums (Efron & Tibshirani, An
    Introduction to the Bootstrap, 1993, ch. 13: percentile interval). The draws have a
    fixed seed: the same counts give the same interval.

    Parameters
    ----------
    one, other : array_like
        (units, counts): what each unit adds to the counts, both ways.
    figure : callable
        Takes sums (..., counts) and returns the figure (...); NaN where it is not
        defined.
    figure_of_other : callable, optional
        For `other`, if it is another.

    Raises
    ------
    ValueError
        If there is no unit, or the two have other shapes.
    """
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape or a.ndim != 2 or not len(a):
        raise ValueError(
            f"both ways need the counts of the same units, (units, counts) of one unit "
            f"or more, got the shapes {a.shape} and {b.shape}"
        )
    last = figure_of_other or figure
    both = np.concatenate([a, b], axis=1)
    middle = a.shape[1]

    def difference(sums: NDArray[Any]) -> NDArray[Any]:
        return figure(sums[..., :middle]) - last(sums[..., middle:])

    found = np.concatenate([difference(sums) for sums in _resampled(both)])
    tail = (1 - SHARE) / 2
    low, high = np.quantile(found[np.isfinite(found)], (tail, 1 - tail))
    return Difference(
        value=float(difference(both.sum(axis=0))),
        low=float(low),
        high=float(high),
        units=len(a),
        differing=int((a != b).any(axis=1).sum()),
    )


def _resampled(counts: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield sums of drawn units, (resamples, counts): units that are alike as one."""
    kinds, number = np.unique(counts, axis=0, return_counts=True)
    share, units = number / number.sum(), int(number.sum())
    generator = np.random.default_rng(SEED)
    step = max(1, MOST_DRAWN // len(kinds))
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        yield generator.multinomial(units, share, size) @ kinds
