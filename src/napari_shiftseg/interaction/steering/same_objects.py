"""Which objects stay when labels are made anew, whatever their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_COUNTED = 2**22  # pairs of numbers that are counted in a table; more are sorted
CHUNK = 2**22  # pixels


@dataclass(frozen=True)
class Succession:
    r"""What has become of former objects.

    Attributes
    ----------
    former : ndarray of int64
        (objects + 1,), the former object with which each one shares most pixels,
        :math:`\operatorname{argmax}_o |n \cap o|`; 0: none. The 0th is background.
    stays : ndarray of bool
        (objects + 1,), whether it is also the one with which that former object shares
        most: of the parts of a former object one stays, and of several that are merged
        the largest goes on.
    """

    former: NDArray[np.int64]
    stays: NDArray[np.bool_]


def same_objects(former: NDArray[Any], labels: NDArray[Any]) -> Succession:
    r"""Find the former object of each object; of equals the one of the lower number.

    Parameters
    ----------
    former, labels : ndarray of int
        (\*spatial), 0 is background; both of one shape.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if former.shape != labels.shape:
        raise ValueError(
            f"former and new labels need one shape, got {former.shape} and "
            f"{labels.shape}: give labels of the same frame"
        )
    old, new, shared = _pairs(former, labels)
    best_old = _best(new, old, shared, int(labels.max(initial=0)) + 1)
    best_new = _best(old, new, shared, int(former.max(initial=0)) + 1)
    numbers = np.arange(len(best_old))
    return Succession(best_old, (best_old > 0) & (best_new[best_old] == numbers))


def _pairs(
    former: NDArray[Any], labels: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return former object, new object and shared pixels, of all that share some."""
    width, height = int(labels.max(initial=0)) + 1, int(former.max(initial=0)) + 1
    before, after = former.ravel(), labels.ravel()
    if width * height <= MOST_COUNTED:
        counts = np.zeros(width * height, dtype=np.int64)
        for begin in range(0, len(before), CHUNK):
            part = slice(begin, begin + CHUNK)
            codes = before[part] * np.int64(width) + after[part]
            counts += np.bincount(codes, minlength=len(counts))
        found = np.flatnonzero(counts)
        shared = counts[found]
    else:
        codes = before * np.int64(width) + after
        found, shared = np.unique(codes, return_counts=True)
    old, new = found // width, found % width
    both = (old > 0) & (new > 0)
    return old[both], new[both], shared[both]


def _best(
    of: NDArray[np.int64],
    other: NDArray[np.int64],
    shared: NDArray[np.int64],
    number: int,
) -> NDArray[np.int64]:
    """Return, for each number, the other one that shares most with it; 0: none."""
    best = np.zeros(number, dtype=np.int64)
    order = np.lexsort((-other, shared))  # the largest is written last
    best[of[order]] = other[order]
    return best
