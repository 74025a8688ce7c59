"""Objects found against objects there are."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from napari_shiftseg.metrics.label_image import contingency

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.metrics.label_image import Contingency


SPLIT_COVER = 0.05
MERGE_COVER = 0.1


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
        return {
            "ap50": self.ap50,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "false_splits": self.false_splits,
            "false_merges": self.false_merges,
            "true_objects": self.true_objects,
            "objects": self.objects,
        }


def object_scores(
    truth: ArrayLike, prediction: ArrayLike, iou: float = 0.5
) -> ObjectScores:
    r"""Score the objects of one image.

    Parameters
    ----------
    truth, prediction : array_like of int
        (\\*spatial), 0 is background.
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
        found=_found(table, iou),
        false_splits=int(surplus(table, SPLIT_COVER, per=0).sum()),
        false_merges=int(surplus(table, MERGE_COVER, per=1).sum()),
    )


def pooled(scores: Iterable[ObjectScores]) -> ObjectScores:
    """Add up the counts of several images; none: an empty image."""
    counts = zip(*(astuple(score) for score in scores), strict=True)
    return ObjectScores(*([sum(count) for count in counts] or [0] * 5))


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
    return object_scores(truth, prediction, iou).ap50


def _found(table: Contingency, iou: float) -> int:
    """Count the pairs of a largest matching of true and predicted objects."""
    return int((maximum_bipartite_matching(matches(table, iou)) >= 0).sum())


def matches(table: Contingency, iou: float) -> csr_array:
    """Return which objects overlap enough, (true objects, predicted objects).

    Raises
    ------
    ValueError
        If the threshold is out of range.
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
        (\\*spatial), 0 is background.
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
        (\\*spatial), 0 is background.
    cover : float
        Share of a true object that must be covered to count as merged.
    """
    return int(surplus(contingency(truth, prediction), cover, per=1).sum())


def surplus(table: Contingency, cover: float, per: int) -> NDArray[np.int64]:
    """Count the partners beyond the first of each true (0) or predicted (1) object.

    A true object and a predicted one are partners where they share more than `cover`
    of the true one's pixels.
    """
    pairs = table.shared.tocoo()
    partners = pairs.data > cover * table.true_sizes[pairs.row]
    here = (pairs.row, pairs.col)[per][partners]
    number: NDArray[np.int64] = np.bincount(here, minlength=table.shared.shape[per])
    return (number - 1).clip(min=0)
