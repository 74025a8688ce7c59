"""Average recall of proposals: masks, best first, against the true objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_shiftseg.metrics.label_image import as_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import Box


IOUS = tuple((50 + 5 * step) / 100 for step in range(10))  # 0.5, 0.55, ... 0.95


class Mask(Protocol):
    """Pixels of an image, by a box and a mask of it."""

    @property
    def box(self) -> Box:
        """Where the mask lies, a slice an axis."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        r"""Which pixels of the box they are, (\*box)."""


def overlaps(truth: ArrayLike, masks: Sequence[Mask]) -> NDArray[np.float64]:
    r"""Return the intersection over union of each mask with each true object.

    Parameters
    ----------
    truth : array_like of int
        (\*spatial), 0 is background.
    masks : sequence of Mask

    Returns
    -------
    ndarray of float
        (masks, true objects)

    Raises
    ------
    ValueError
        If the truth is not of whole numbers from 0 upward, or a mask does not fit it.
    """
    labels = as_labels("truth", truth)
    ids, place = np.unique(labels, return_inverse=True)
    place = place.reshape(labels.shape)
    sizes = np.bincount(place.ravel(), minlength=len(ids))
    found = np.zeros((len(masks), len(ids)))
    for row, each in zip(found, masks, strict=True):
        there = place[each.box]
        if there.shape != each.mask.shape:
            raise ValueError(
                f"a mask of {each.mask.shape} does not lie in a truth of "
                f"{labels.shape}: give the truth of the same image"
            )
        shared = np.bincount(there[each.mask], minlength=len(ids))
        row[:] = shared / np.maximum(sizes + each.mask.sum() - shared, 1)
    return found[:, ids > 0]


def average_recall(
    truths: Sequence[ArrayLike], proposals: Sequence[Sequence[Mask]], number: int
) -> float:
    r"""Return the average recall of so many proposals an image.

    .. math::

        \mathrm{AR}_k = \frac1{10} \sum_{t = 0.5, 0.55, \dots, 0.95} \frac1N
            \Bigl|\Bigl\{ g : \max_{p \in \text{first } k}
            \frac{|p \cap g|}{|p \cup g|} > t \Bigr\}\Bigr|

    over the N true objects g of all images, each with the first k proposals p of its
    own. 1: each object has a proposal that fits it, and closely; an image of more than
    k objects cannot reach it. True objects do not overlap, so that above 0.5 no
    proposal finds two of them. No object at all counts as 1.

    Parameters
    ----------
    truths : sequence of array_like of int
        Label images, 0 is background.
    proposals : sequence of sequence of Mask
        Of each image, the best first; see `object_proposals`.
    number : int
        k, 1 or more.

    Raises
    ------
    ValueError
        If the number is below 1, there are not as many truths as images with
        proposals, or a mask does not fit the truth.

    References
    ----------
    Hosang et al., TPAMI 2016, "What makes for effective detection proposals?", section
    4.2.
    """
    if number < 1:
        raise ValueError(f"average recall is of 1 proposal or more, got {number}")
    if len(truths) != len(proposals):
        raise ValueError(
            f"each image needs its truth and its proposals, got {len(truths)} truths "
            f"and {len(proposals)} lists of proposals"
        )
    best = [
        best_overlaps(overlaps(truth, ranked[:number]))
        for truth, ranked in zip(truths, proposals, strict=True)
    ]
    return recall_over(np.concatenate([np.zeros(0), *best]))


def best_overlaps(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the best overlap of each true object, 0 without a mask; see `overlaps`."""
    best: NDArray[np.float64] = table.max(axis=0, initial=0.0)
    return best


def recall_over(best: NDArray[Any]) -> float:
    """Return the mean, over the thresholds, of the share of objects above each.

    1 where there is no object; `best` is (objects,), the best overlap of each.
    """
    if not len(best):
        return 1.0
    return float(np.mean([(best > iou).mean() for iou in IOUS]))
