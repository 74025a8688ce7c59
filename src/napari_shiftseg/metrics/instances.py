"""Objects found against objects there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SPLIT_COVER = 0.05
MERGE_COVER = 0.1


@dataclass(frozen=True)
class Contingency:
    """How many pixels each true object shares with each predicted one.

    Attributes
    ----------
    shared : sparse array of int
        (true objects, predicted objects)
    true_sizes, sizes : ndarray of int
        Pixels of each true and each predicted object.
    """

    shared: csr_array
    true_sizes: NDArray[np.int64]
    sizes: NDArray[np.int64]


def contingency(truth: ArrayLike, prediction: ArrayLike) -> Contingency:
    """Count the shared pixels of two label images; 0 is background in both.

    Raises
    ------
    ValueError
        If the shapes differ, or an image is not of whole numbers from 0 upward.
    """
    true, found = as_labels("truth", truth), as_labels("prediction", prediction)
    if true.shape != found.shape:
        raise ValueError(
            f"truth and prediction must have one shape, got {true.shape} and "
            f"{found.shape}"
        )
    true_ids, row = np.unique(true, return_inverse=True)
    ids, column = np.unique(found, return_inverse=True)
    one = np.ones(true.size, dtype=np.int64)
    table = coo_array((one, (row.ravel(), column.ravel())), (len(true_ids), len(ids)))
    table = table.tocsr()  # adds up the pixels of a pair
    is_true, is_found = np.flatnonzero(true_ids), np.flatnonzero(ids)
    return Contingency(
        shared=table[is_true][:, is_found],
        true_sizes=table.sum(axis=1)[is_true],
        sizes=table.sum(axis=0)[is_found],
    )


def average_precision(
    truth: ArrayLike, prediction: ArrayLike, iou: float = 0.5
) -> float:
    r"""Return the average precision at one threshold.

    .. math:: \mathrm{AP} = \frac{TP}{TP + FP + FN}

    A pair of objects matches when its intersection over union is above `iou`; each
    object matches at most once. 1: every object found; empty against empty counts as
    1. This is the "accuracy" of the Data Science Bowl 2018 and of StarDist, not the
    area under a precision-recall curve.

    Parameters
    ----------
    truth, prediction : array_like of int
        (\\*spatial), 0 is background.
    iou : float
        Threshold, 0 to below 1.

    Raises
    ------
    ValueError
        If the threshold is out of range, the shapes differ, or an image is not of
        whole numbers from 0 upward.
    """
    if not 0 <= iou < 1:
        raise ValueError(f"iou must be from 0 to below 1, got {iou}")
    table = contingency(truth, prediction)
    pairs = table.shared.tocoo()
    union = table.true_sizes[pairs.row] + table.sizes[pairs.col] - pairs.data
    matches = pairs.data / union > iou
    graph = csr_array(
        (matches[matches], (pairs.row[matches], pairs.col[matches])), pairs.shape
    )
    found = int((maximum_bipartite_matching(graph) >= 0).sum())
    all_objects = len(table.true_sizes) + len(table.sizes) - found
    return found / all_objects if all_objects else 1.0


def false_splits(
    truth: ArrayLike, prediction: ArrayLike, cover: float = SPLIT_COVER
) -> int:
    r"""Count false splits.

    .. math::

        \sum_{t} \max\bigl(0,\; \#\{p : |t \cap p| > c\,|t|\} - 1\bigr)

    over true objects t and predicted objects p, where c is `cover`. 0: no true object
    is in pieces. These
    are the many-to-many counts of the Kainmueller lab's evaluation; Rumberger et al.,
    ICCV 2021, do not print their own definition.

    Parameters
    ----------
    truth, prediction : array_like of int
        (\\*spatial), 0 is background.
    cover : float
        Share of the true object that a piece must cover to count.
    """
    return _surplus(truth, prediction, cover, per=0)


def false_merges(
    truth: ArrayLike, prediction: ArrayLike, cover: float = MERGE_COVER
) -> int:
    r"""Count false merges.

    .. math::

        \sum_{p} \max\bigl(0,\; \#\{t : |t \cap p| > c\,|t|\} - 1\bigr)

    over predicted objects p and true objects t, where c is `cover`; see
    `false_splits`.

    Parameters
    ----------
    truth, prediction : array_like of int
        (\\*spatial), 0 is background.
    cover : float
        Share of a true object that must be covered to count as merged.
    """
    return _surplus(truth, prediction, cover, per=1)


def _surplus(truth: ArrayLike, prediction: ArrayLike, cover: float, per: int) -> int:
    """Count, per true (0) or predicted (1) object, its partners beyond the first."""
    table = contingency(truth, prediction)
    pairs = table.shared.tocoo()
    partners = pairs.data > cover * table.true_sizes[pairs.row]
    number = np.bincount((pairs.row, pairs.col)[per][partners])
    return int((number - 1).clip(min=0).sum())


def as_labels(name: str, image: ArrayLike) -> NDArray[np.integer]:
    """Return a label image; `name` stands for it in the error.

    Raises
    ------
    ValueError
        If it is not of whole numbers from 0 upward.
    """
    labels = np.asarray(image)
    if labels.dtype.kind not in "bui" or (labels.size and labels.min() < 0):
        raise ValueError(
            f"the {name} must be a label image of whole numbers from 0 upward, "
            f"got {labels.dtype}"
        )
    return labels
