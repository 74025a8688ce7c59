"""Labels of which only a part is known: −1 stands for a pixel that does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.metrics.objects import ObjectScores, matches, object_scores

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
from napari_shiftseg.metrics.label_image import UNKNOWN, as_labels, contingency

MOSTLY = 0.5  # share of an object's pixels


def partial_labels(name: str, image: ArrayLike) -> NDArray[np.integer]:
    """Return a label image in which −1 is not known; `name` stands for it in errors.

    Raises
    ------
    ValueError
        If it is not of whole numbers from −1 upward, or no pixel of it is known.
    """
    labels = as_labels(name, image, UNKNOWN)
    if labels.size and labels.max() == UNKNOWN:
        raise ValueError(
            f"no pixel of the {name} is known, all are -1: label some objects from 1 "
            f"and the background about them with 0, or leave this image out"
        )
    return labels


def is_partly(labels: ArrayLike) -> bool:
    """Whether there are pixels that are not known."""
    return bool((np.asarray(labels) == UNKNOWN).any())


def is_labelled(labels: ArrayLike) -> bool:
    """Whether a frame of a series has something to learn from.

    It has an object, or someone marked background in it; a frame of 0 alone is one
    that nobody has labelled yet.
    """
    pixels = np.asarray(labels)
    return bool((pixels > 0).any() or (is_partly(pixels) and (pixels == 0).any()))


def known_scores(
    truth: ArrayLike, prediction: ArrayLike, iou: float = 0.5
) -> ObjectScores:
    r"""Score the objects of an image of which the truth is known in parts.

    Only known pixels are compared: a true object counts with those of its pixels that
    are known, and so does what was predicted there. A predicted object that matches no
    true one is an error only where more than half of *all* its pixels are known;
    otherwise it is left out, for it may be an object nobody has labelled. Where all is
    known this is `object_scores`.

    Parameters
    ----------
    truth : array_like of int
        (\\*spatial), 0 is background, −1 is not known.
    prediction : array_like of int
        (\\*spatial), 0 is background.
    iou : float
        Above it a pair of objects matches, 0 to below 1.

    Raises
    ------
    ValueError
        If the threshold is out of range, the shapes differ, an image is not of whole
        numbers, or nothing of the truth is known.
    """
    labels = partial_labels("truth", truth)
    if not is_partly(labels):
        return object_scores(labels, prediction, iou)
    found = as_labels("prediction", prediction)
    if found.shape != labels.shape:
        raise ValueError(
            f"truth and prediction must have one shape, got {labels.shape} and "
            f"{found.shape}"
        )
    true = np.where(labels == UNKNOWN, 0, labels)
    seen = np.where(labels == UNKNOWN, 0, found)
    left_out = _mostly_unknown(found, seen) - _matching(true, seen, iou)
    return object_scores(true, np.where(np.isin(seen, list(left_out)), 0, seen), iou)


def _mostly_unknown(found: NDArray[np.integer], seen: NDArray[np.integer]) -> set[int]:
    """Return the ids of the objects of which no more than half is seen."""
    ids, sizes = np.unique(found[found > 0], return_counts=True)
    known, shares = np.unique(seen[seen > 0], return_counts=True)
    number = np.zeros(len(ids), dtype=np.int64)
    number[np.searchsorted(ids, known)] = shares
    return set(ids[number <= MOSTLY * sizes].tolist())


def _matching(
    true: NDArray[np.integer], seen: NDArray[np.integer], iou: float
) -> set[int]:
    """Return the ids of the predicted objects that match a true one."""
    columns = matches(contingency(true, seen), iou).tocoo().col
    return set(np.unique(seen[seen > 0])[columns].tolist())
