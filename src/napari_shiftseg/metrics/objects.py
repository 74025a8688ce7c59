"""Objects found against objects there are."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from napari_shiftseg.metrics.label_image import (
    UNKNOWN,
    as_labels,
    check_one_shape,
    contingency,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.metrics.label_image import Contingency


IOU = 0.5  # above it a pair of objects matches
SPLIT_COVER = 0.05
MERGE_COVER = 0.1
FIGURES = (
    "ap50", "precision", "recall", "f1", "false_splits", "false_merges",
    "true_objects", "objects",
)  # fmt: skip


@dataclass(frozen=True)
class ObjectScores:
    """Objects found against the true ones, as counts that can be added up.

    Attributes
    ----------
    true_objects, objects : int
        There are, and were predicted.
    found : int
        True objects matched by a predicted one (true positives).
    false_splits, false_merges : int
        See the functions of these names.
    """

    true_objects: int
    objects: int
    found: int
    false_splits: int
    false_merges: int

    @property
    def ap50(self) -> float:
        """Average precision; see `average_precision`."""
        return _share(self.found, self.true_objects + self.objects - self.found)

    @property
    def precision(self) -> float:
        """Share of the predicted objects that match a true one; 1 if none."""
        return _share(self.found, self.objects)

    @property
    def recall(self) -> float:
        """Share of the true objects that were found; 1 if there is none."""
        return _share(self.found, self.true_objects)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _share(2 * self.found, self.objects + self.true_objects)

    def figures(self) -> dict[str, float | int]:
        """Return all of these, ready for JSON."""
        return {name: getattr(self, name) for name in FIGURES}


def object_scores(
    truth: ArrayLike, prediction: ArrayLike, iou: float = IOU
) -> ObjectScores:
    r"""Score the objects of one image.

    Parameters
    ----------
    truth, prediction : array_like of int
        (\*spatial), 0 is background.
    iou : float
        Above it a pair of objects matches, 0 to below 1.

    Raises
    ------
    ValueError
        If the threshold is out of range, the shapes differ, or an image is not of
        whole numbers from 0 upward.
    """
    table = contingency(truth, prediction)
    return ObjectScores(
        true_objects=len(table.true_sizes),
        objects=len(table.sizes),
        found=int((maximum_bipartite_matching(matches(table, iou)) >= 0).sum()),
        false_splits=int(surplus(table, SPLIT_COVER, per=0).sum()),
        false_merges=int(surplus(table, MERGE_COVER, per=1).sum()),
    )


def pooled(scores: Iterable[ObjectScores]) -> ObjectScores:
    """Add up the counts of several images; none: an empty image."""
    counts = zip(*(astuple(score) for score in scores), strict=True)
    return ObjectScores(*([sum(count) for count in counts] or [0] * 5))


def average_precision(
    truth: ArrayLike, prediction: ArrayLike, iou: float = IOU
) -> float:
    r"""Return the average precision at one threshold.

    .. math:: \mathrm{AP} = \frac{TP}{TP + FP + FN}

    A pair of objects matches when its intersection over union is above `iou`; each
    object matches at most once. 1: every object found; empty against empty counts as
    1. This is the "accuracy" of the Data Science Bowl 2018 and of StarDist, not the
    area under a precision-recall curve.

    Parameters
    ----------
    truth, prediction, iou
        See `object_scores`.
    """
    return object_scores(truth, prediction, iou).ap50


def matches(table: Contingency, iou: float) -> csr_array:
    """Return which objects overlap enough, (true objects, predicted objects).

    Parameters
    ----------
    table : Contingency
    iou : float
        Intersection over union above which they do, 0 to below 1.
    """
    if not 0 <= iou < 1:
        raise ValueError(f"iou must be from 0 to below 1, got {iou}")
    pairs = table.shared.tocoo()
    union = table.true_sizes[pairs.row] + table.sizes[pairs.col] - pairs.data
    enough = pairs.data / union > iou
    return csr_array(
        (enough[enough], (pairs.row[enough], pairs.col[enough])), pairs.shape
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def false_splits(
    truth: ArrayLike, prediction: ArrayLike, cover: float = SPLIT_COVER
) -> int:
    r"""Count false splits.

    .. math::

        \sum_{t} \max\bigl(0,\; \#\{p : |t \cap p| > c\,|t|\} - 1\bigr)

    over true objects t and predicted objects p, where c is `cover`. 0: no true object
    is in pieces. These are the many-to-many counts of the Kainmueller lab's
    evaluation; Rumberger et al., ICCV 2021, do not print their own definition.

    Parameters
    ----------
    truth, prediction : array_like of int
        (\*spatial), 0 is background.
    cover : float
        Share of the true object that a piece must cover to count.
    """
    return int(surplus(contingency(truth, prediction), cover, per=0).sum())


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
        (\*spatial), 0 is background.
    cover : float
        Share of a true object that must be covered to count as merged.
    """
    return int(surplus(contingency(truth, prediction), cover, per=1).sum())


def surplus(table: Contingency, cover: float, per: int) -> NDArray[np.int64]:
    """Count the partners beyond the first of each true (0) or predicted (1) object.

    Parameters
    ----------
    table : Contingency
    cover : float
        Share of a true object that a predicted one must cover to be its partner.
    per : {0, 1}
    """
    pairs = table.shared.tocoo()
    partners = pairs.data > cover * table.true_sizes[pairs.row]
    here = (pairs.row, pairs.col)[per][partners]
    number: NDArray[np.int64] = np.bincount(here, minlength=table.shared.shape[per])
    return (number - 1).clip(min=0)


MOSTLY = 0.5  # share of an object's pixels


def partial_labels(name: str, image: ArrayLike) -> NDArray[np.integer]:
    """Return a label image in which −1 is not known; refused where nothing is known.

    Parameters
    ----------
    name : str
        What it is called in an error.
    image : array_like of int
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


def known_scores(truth: ArrayLike, prediction: ArrayLike) -> ObjectScores:
    r"""Score the objects of an image of which the truth is known in parts.

    Only known pixels are compared: a true object counts with those of its pixels that
    are known, and so does what was predicted there. A predicted object that matches no
    true one is an error only where more than half of *all* its pixels are known;
    otherwise it is left out, for it may be an object nobody has labelled. Where all is
    known this is `object_scores`.

    Parameters
    ----------
    truth : array_like of int
        (\*spatial), 0 is background, −1 is not known.
    prediction : array_like of int
        (\*spatial), 0 is background.

    Raises
    ------
    ValueError
        If the shapes differ, an image is not of whole numbers, or nothing of the truth
        is known.
    """
    labels = partial_labels("truth", truth)
    if not is_partly(labels):
        return object_scores(labels, prediction)
    found = as_labels("prediction", prediction)
    check_one_shape("truth and prediction", labels, found)
    true = np.where(labels == UNKNOWN, 0, labels)
    seen = np.where(labels == UNKNOWN, 0, found)
    left_out = _mostly_unknown(found, seen) - _matching(true, seen)
    return object_scores(true, np.where(np.isin(seen, list(left_out)), 0, seen))


def _mostly_unknown(found: NDArray[np.integer], seen: NDArray[np.integer]) -> set[int]:
    """Return the ids of the objects of which no more than half is seen."""
    ids, sizes = np.unique(found[found > 0], return_counts=True)
    known, shares = np.unique(seen[seen > 0], return_counts=True)
    number = np.zeros(len(ids), dtype=np.int64)
    number[np.searchsorted(ids, known)] = shares
    return set(ids[number <= MOSTLY * sizes].tolist())


def _matching(true: NDArray[np.integer], seen: NDArray[np.integer]) -> set[int]:
    """Return the ids of the predicted objects that match a true one."""
    columns = matches(contingency(true, seen), IOU).tocoo().col
    return set(np.unique(seen[seen > 0])[columns].tolist())
