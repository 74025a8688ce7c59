"""Which objects touch, and which of them meet along a border of tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Faces = tuple[NDArray[np.int64], NDArray[np.bool_]]


FEWEST = 3  # faces along a border of tiles; fewer meet there by chance
MOST = 0.5  # of the faces that two objects share


@dataclass(frozen=True)
class Touching:
    """The pairs of objects that share faces of pixels, the lower number first.

    Attributes
    ----------
    pairs : ndarray of int64
        (pairs, 2)
    faces, at_tiles : ndarray of int64
        (pairs,), faces that they share, and those of them between two tiles.
    """

    pairs: NDArray[np.int64]
    faces: NDArray[np.int64]
    at_tiles: NDArray[np.int64]

    @property
    def is_cut(self) -> NDArray[np.bool_]:
        """Whether a pair meets along a border of tiles, (pairs,).

        Three faces or more lie there, and half of all that they share.
        """
        return (self.at_tiles >= FEWEST) & (self.at_tiles >= MOST * self.faces)

    @property
    def neighbours(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Each object and one that it touches, both ways: of each the longest first."""
        one = np.concatenate([self.pairs[:, 0], self.pairs[:, 1]])
        other = np.concatenate([self.pairs[:, 1], self.pairs[:, 0]])
        order = np.lexsort((other, -np.tile(self.faces, 2), one))
        return one[order], other[order]


NOBODY = np.zeros(0, dtype=np.int64)
ALONE = Touching(np.zeros((0, 2), dtype=np.int64), NOBODY, NOBODY)  # no pairs


def touching(
    labels: NDArray[np.integer], boundaries: Sequence[Sequence[int]]
) -> Touching:
    r"""Find the pairs of objects that share faces.

    Parameters
    ----------
    labels : ndarray of int
        (\*spatial), 0 is background.
    boundaries : sequence of sequence of int
        Per axis: pixels at which a further tile begins.
    """
    highest = int(labels.max(initial=0)) + 1
    each = [_along(labels, axis, at, highest) for axis, at in enumerate(boundaries)]
    codes = np.concatenate([found for found, _ in each])
    at_tiles = np.concatenate([between for _, between in each])
    known, number = np.unique(codes, return_inverse=True)
    return Touching(
        pairs=np.stack(np.divmod(known, highest), axis=1),
        faces=np.bincount(number, minlength=len(known)),
        at_tiles=np.bincount(number[at_tiles], minlength=len(known)),
    )


def _along(
    labels: NDArray[Any], axis: int, boundaries: Sequence[int], highest: int
) -> Faces:
    """Return a number for the pair at each face across an axis; whether tiles meet."""
    after = np.moveaxis(labels, axis, 0)[1:]
    before = np.moveaxis(labels, axis, 0)[:-1]
    at = np.nonzero((before != after) & (before > 0) & (after > 0))
    pair = np.stack([before[at], after[at]]).astype(np.int64)
    return pair.min(axis=0) * highest + pair.max(axis=0), np.isin(at[0] + 1, boundaries)
