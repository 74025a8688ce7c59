"""What became of every true object, so that two segmentations can be paired."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree

from napari_shiftseg.metrics.chance import paired_difference
from napari_shiftseg.metrics.contingency import as_labels, contingency
from napari_shiftseg.metrics.instances import (
    MERGE_COVER,
    SPLIT_COVER,
    matches,
    surplus,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.metrics.chance import Difference
    from napari_shiftseg.metrics.contingency import Contingency


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
        (\\*spatial), 0 is background.
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
    owner = np.full(len(table.sizes), -1)
    if not len(table.true_sizes):
        return owner
    pairs = table.shared.tocoo()
    order = np.lexsort(
        (-pairs.row, pairs.data)
    )  # the largest share, the first row last
    owner[pairs.col[order]] = pairs.row[order]
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
    parts = list(several)
    return Outcomes(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Outcomes)
        )
    )


COUNTED = ("split_by_seams", "false_splits", "false_merges")  # figures that are sums


def object_differences(one: Outcomes, other: Outcomes) -> dict[str, Difference]:
    """Compare two segmentations of the same objects in all figures of objects.

    Returns
    -------
    dict of Difference
        By figure: ``split_by_seams``, ``false_splits``, ``false_merges``, ``ap50``;
        resampled are the true objects. Empty where there is none.
    """
    if not len(one):
        return {}
    differences = {
        key: paired_difference(
            getattr(one, key)[:, None], getattr(other, key)[:, None], _sum
        )
        for key in COUNTED
    }
    return {**differences, "ap50": paired_difference(_pairs(one), _pairs(other), _ap50)}


def _pairs(of: Outcomes) -> NDArray[np.int64]:
    return np.stack([of.found, of.objects, np.ones_like(of.found)], axis=1)


def _sum(sums: NDArray[Any]) -> NDArray[Any]:
    return sums[..., 0].astype(np.float64)


def _ap50(sums: NDArray[Any]) -> NDArray[Any]:
    found, objects, true = np.moveaxis(sums, -1, 0)
    share: NDArray[Any] = found / (true + objects - found)
    return share
