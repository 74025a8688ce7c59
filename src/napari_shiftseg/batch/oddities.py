"""What looks odd among the images of a batch, by a rule that odd ones do not spoil."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.batch.order import BatchRow

SCORE = 3.5  # from which a value is an outlier
OF_MAD, OF_MEAN = 0.6745, 0.7979  # of a normal distribution, in standard deviations
RATIO = 1.5  # to the median, below which nobody would call a value odd
LEAST = 5  # images that an outlier is one of; with fewer, those of all conditions count
UNSURE = 0.5  # mean confidence


@dataclass(frozen=True)
class Oddity:
    """An image that looks odd, and why."""

    row: BatchRow
    reasons: tuple[str, ...]


def oddities(rows: Sequence[BatchRow]) -> list[Oddity]:
    """Return the images that look odd, in their order; those that failed are none.

    Odd is an image without objects, one with a note that its result is hardly right,
    one whose objects have a low confidence on average, and one whose number of objects
    or median area is an outlier among the images of its condition and model; see
    `outlying`.

    Parameters
    ----------
    rows : sequence of BatchRow
    """
    known = [row for row in rows if row.status != "failed"]
    reasons: dict[str, list[str]] = {row.name: [] for row in known}
    for row in known:
        reasons[row.name] += _of_itself(row)
    for name, said in (*_odd(known, _count, MANY), *_odd(known, _area, LARGE)):
        reasons[name].append(said)
    found = (Oddity(row, tuple(reasons[row.name])) for row in known)
    return [each for each in found if each.reasons]


def outlying(
    values: NDArray[np.float64], among: NDArray[np.float64]
) -> NDArray[np.float64]:
    r"""Return how far values lie from the median of others, in robust deviations.

    The modified z-score 0.6745 (x − median) / MAD, MAD the median of the absolute
    deviations; where that is 0, 0.7979 (x − median) / their mean. From 3.5 a value is
    an outlier (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).

    Parameters
    ----------
    values : ndarray
        (images,)
    among : ndarray
        (others,), these among them or not.
    """
    middle = np.median(among)
    away = np.abs(among - middle)
    spread = np.median(away) / OF_MAD or away.mean() / OF_MEAN
    return (values - middle) / spread if spread else np.zeros_like(values)


MANY = ("many objects", "few objects", "{:,.0f}")
LARGE = ("large objects", "small objects", "a median of {:,.0f} pixels")


def _of_itself(row: BatchRow) -> list[str]:
    """Return what is odd of an image, whatever the others are."""
    said = [] if row.objects else ["no objects"]
    if row.confidence < UNSURE:
        said.append(f"low confidence: {row.confidence:.2f} on average")
    return [*said, *row.notes]


def _count(row: BatchRow) -> float:
    return float(row.objects or np.nan)


def _area(row: BatchRow) -> float:
    return row.median_area


def _odd(
    rows: Sequence[BatchRow],
    value: Callable[[BatchRow], float],
    words: tuple[str, str, str],
) -> Iterator[tuple[str, str]]:
    """Yield the names of outliers among images alike, and what each is."""
    more, less, how = words
    for own, others in _alike([row for row in rows if not isnan(value(row))]):
        among = np.array([value(row) for row in others])
        values = np.array([value(row) for row in own])
        scores = outlying(np.log1p(values), np.log1p(among))
        middle = float(np.median(among))
        for row, number, score in zip(own, values, scores, strict=True):
            ratio = max(number, middle) / max(min(number, middle), 1e-12)
            if abs(score) > SCORE and ratio > RATIO:
                yield (
                    row.name,
                    f"{more if score > 0 else less}: {how.format(number)}, where "
                    f"{how.format(middle)} is usual",
                )


def _alike(
    rows: Sequence[BatchRow],
) -> Iterator[tuple[list[BatchRow], list[BatchRow]]]:
    """Yield images, and those that they are to be like, which are enough for a rule.

    Of the same model and condition; with few of these, of the same model.
    """
    models: dict[str, list[BatchRow]] = {}
    for row in rows:
        models.setdefault(row.model, []).append(row)
    for same in models.values():
        conditions: dict[str, list[BatchRow]] = {}
        for row in same:
            conditions.setdefault(row.condition, []).append(row)
        for own in conditions.values():
            others = own if len(own) >= LEAST else same
            if len(others) >= LEAST:
                yield own, others
