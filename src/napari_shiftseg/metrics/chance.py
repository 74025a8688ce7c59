"""Whether two ways differ by more than chance gives: a paired bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree

from napari_shiftseg.metrics.bootstrap import middle_share, resampled
from napari_shiftseg.metrics.label_image import as_labels, best_partners, contingency
from napari_shiftseg.metrics.metric import METRICS
from napari_shiftseg.metrics.objects import MERGE_COVER, SPLIT_COVER, matches, surplus
from napari_shiftseg.metrics.seams import as_float, neighbours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.metrics.bootstrap import Figure
    from napari_shiftseg.metrics.label_image import Contingency
    from napari_shiftseg.metrics.metric import Metric


RESAMPLES = 4000
SHARE = 0.99  # of the resamplings; not 0.95, as several figures are looked at together
FEWEST = 6  # units that differ: a sign test of fewer cannot fall below 5 %


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
    both, middle = np.concatenate([a, b], axis=1), a.shape[1]

    def difference(sums: NDArray[Any]) -> NDArray[Any]:
        return figure(sums[..., :middle]) - (figure_of_other or figure)(
            sums[..., middle:]
        )

    found = np.concatenate([difference(sums) for sums in resampled(both, RESAMPLES)])
    low, high = middle_share(found, SHARE)
    return Difference(
        value=float(difference(both.sum(axis=0))),
        low=low,
        high=high,
        units=len(a),
        differing=int((a != b).any(axis=1).sum()),
    )


@dataclass(frozen=True)
class Outcomes:
    """Counts of a segmentation, object by true object, in the order of their ids.

    Attributes
    ----------
    found : ndarray of int
        (true objects,), 1 where one is matched by a predicted object, else 0.
    objects : ndarray of int
        Predicted objects that belong to each: that share most pixels with it or, where
        they share none with any, that are nearest to it.
    false_splits, false_merges : ndarray of int
        Surplus pieces of it; surplus true objects in the predicted ones that belong to
        it.
    split_by_seams : ndarray of int
        1 where a seam splits it, else 0.
    """

    found: NDArray[np.int64]
    objects: NDArray[np.int64]
    false_splits: NDArray[np.int64]
    false_merges: NDArray[np.int64]
    split_by_seams: NDArray[np.int64]

    @property
    def true_objects(self) -> NDArray[np.int64]:
        """1 for every true object."""
        return np.ones_like(self.found)

    def __len__(self) -> int:
        """Return the number of true objects."""
        return len(self.found)


def outcomes(
    truth: ArrayLike, prediction: ArrayLike, split: Iterable[int] = ()
) -> Outcomes:
    r"""Return what became of every true object; the sums are those of `object_scores`.

    Parameters
    ----------
    truth, prediction : array_like of int
        (\*spatial), 0 is background.
    split : iterable of int
        Ids of the true objects that seams split; see `splitting_seams`.

    Raises
    ------
    ValueError
        If the shapes differ, or an image is not of whole numbers from 0 upward.
    """
    true, found = as_labels("truth", truth), as_labels("prediction", prediction)
    table = contingency(true, found)
    number = len(table.true_sizes)
    owner = _owner(true, found, table)
    merged = surplus(table, MERGE_COVER, per=1)
    ids = np.unique(true[true > 0])
    matching = maximum_bipartite_matching(matches(table, 0.5), perm_type="column")
    owned = owner[owner >= 0]  # all, or none where nothing is true
    return Outcomes(
        found=(matching >= 0).astype(np.int64),
        objects=np.bincount(owned, minlength=number),
        false_splits=surplus(table, SPLIT_COVER, per=0),
        false_merges=np.bincount(
            owned, weights=merged[owner >= 0], minlength=number
        ).astype(np.int64),
        split_by_seams=np.isin(ids, list(split)).astype(np.int64),
    )


def _owner(
    true: NDArray[Any], found: NDArray[Any], table: Contingency
) -> NDArray[np.int64]:
    """Return the true object (row) that each predicted one belongs to; −1: none is."""
    if not len(table.true_sizes):
        return np.full(len(table.sizes), -1)
    pairs = table.shared.tocoo()
    number = len(table.sizes)
    owner = best_partners(pairs.col, pairs.row, pairs.data, number, none=-1)
    if (owner < 0).any():
        nearest = cKDTree(_places(true)).query(_places(found)[owner < 0])[1]
        owner[owner < 0] = nearest
    return owner


def _places(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return the first pixel of every object, (objects, axes)."""
    ids, first = np.unique(labels, return_index=True)
    return np.stack(np.unravel_index(first[ids > 0], labels.shape), axis=1)


def joined(several: Iterable[Outcomes]) -> Outcomes:
    """Join the objects of several images."""
    columns = zip(*(vars(part).values() for part in several), strict=True)
    return Outcomes(*map(np.concatenate, columns))


def object_differences(one: Outcomes, other: Outcomes) -> dict[str, Difference]:
    """Compare two segmentations in all figures that are computed of counts of objects.

    Gives them by the name of the metric; nothing where there is no object.

    Parameters
    ----------
    one, other : Outcomes
        Of the same true objects, which are resampled.
    """
    if not len(one):
        return {}
    differences = {}
    for metric in METRICS:
        if metric.counts:
            each, others = (
                np.stack([getattr(of, name) for name in metric.counts], axis=1)
                for of in (one, other)
            )
            figure = partial(_of_sums, metric)
            differences[metric.name] = paired_difference(each, others, figure)
    return differences


def _of_sums(metric: Metric, sums: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(metric.of_counts(*np.moveaxis(sums, -1, 0)))


MOST_PLACES = 400


def place_size(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """Return the size of places: a tile, or so many that there are 400 places at most.

    Parameters
    ----------
    shape : tuple of int
        Pixels of the result along each axis.
    strides : tuple of int
        Of the largest tile.
    """
    size = strides
    while prod(map(ceil, np.divide(shape, size))) > MOST_PLACES:
        size = tuple(2 * pixels for pixels in size)
    return size


def steps_by_place(
    embedding: ArrayLike,
    plan: TilePlan,
    size: tuple[int, ...],
    truth: ArrayLike | None = None,
) -> NDArray[np.float64]:
    r"""Add up the steps of an embedding, place by place: (places, 2).

    Of the pairs that begin in a place, the sums over seam pairs and over all others.

    Parameters
    ----------
    embedding, plan
        See `seam_scores`.
    size : tuple of int
        Pixels of a place along each axis.
    truth : array_like of int, optional
        (\*plan.output_shape): then only steps inside one true object count.
    """
    labels = None if truth is None else np.asarray(truth)
    sums = np.zeros((2, *map(ceil, np.divide(plan.output_shape, size))))
    pairs = neighbours(as_float(embedding), plan, labels)
    for axis, (steps, seam, inside) in enumerate(pairs):
        for kind, chosen in enumerate((seam, ~seam)):
            where = chosen if inside is None else chosen & inside
            sums[kind] += _added(np.where(where, steps, 0), axis, size)
    return sums.reshape(2, -1).T


def _added(
    steps: NDArray[Any], axis: int, size: tuple[int, ...]
) -> NDArray[np.float64]:
    """Add up the values of every place; the last pixel along `axis` has no step."""
    widths = [(0, int(a == axis)) for a in range(steps.ndim)]
    sums: NDArray[np.float64] = np.pad(steps, widths)
    for along, length in enumerate(size):
        begins = np.arange(0, sums.shape[along], length)
        sums = np.add.reduceat(sums, begins, along, dtype=np.float64)
    return sums


def seam_difference(naive: NDArray[Any], cropped: NDArray[Any]) -> Difference | None:
    """Compare how far two stitchings' seam ratios are from the untiled one.

    The figure is ``|ratio / untiled ratio − 1|``; resampled are the places. None where
    a ratio is not defined.

    Parameters
    ----------
    naive, cropped : ndarray
        (places, 4): steps at seams and others, and those of the untiled embedding over
        the same pairs; see `steps_by_place`.
    """
    excess = [_excess(side.sum(axis=0)) for side in (naive, cropped)]
    if not np.isfinite(excess).all():
        return None
    # a distance from 1 that a resampling may cross: it has no bias then
    above, also = (
        lambda sums, sign=sign: sign * _excess(sums) for sign in np.sign(excess)
    )
    return paired_difference(naive, cropped, above, also)


def _excess(sums: NDArray[Any]) -> NDArray[Any]:
    """Return ratio / untiled ratio − 1: the numbers of pairs cancel."""
    seam, other, seam_untiled, other_untiled = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess: NDArray[Any] = seam * other_untiled / (other * seam_untiled) - 1
    return excess
