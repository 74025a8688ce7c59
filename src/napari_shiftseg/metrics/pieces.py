"""In how many pieces objects are, over blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.metrics.object_sums import Runs

    Face = tuple[NDArray[Any], NDArray[Any]]  # labels and pieces of a layer of pixels


class Pieces:
    """Counts the face-connected pieces of objects, block after block of a scan.

    Only the last layers of pixels of blocks are held, until the next block has come.
    """

    def __init__(self) -> None:
        self._number = 0  # of pieces so far
        self._owners: list[NDArray[np.int64]] = []  # label of each piece
        self._joins: list[NDArray[np.int64]] = []  # (2, joins)
        self._faces: dict[tuple[int, tuple[int, ...]], Face] = {}  # by axis and place

    def add(self, block: NDArray[np.integer], box: Box, runs: Runs) -> None:
        """Count the pieces of a block.

        Parameters
        ----------
        block : ndarray of int
            Labels, 0 is background.
        box : tuple of slice
            Where it is in the image.
        runs : Runs
            Of the block.
        """
        pieces, number = label(block, background=0, return_num=True, connectivity=1)
        pieces = pieces.astype(np.int64)
        owners = np.zeros(number + 1, dtype=np.int64)
        owners[pieces.ravel()[runs.starts[runs.order]]] = runs.label
        pieces += self._number - 1
        self._owners.append(owners[1:])
        self._number += number
        begin = tuple(side.start for side in box)
        for axis, side in enumerate(box):
            before = self._faces.pop((axis, begin), None)
            if before is not None:
                self._joins.append(_joins(before, _face(block, pieces, axis, 0)))
            after = (*begin[:axis], side.stop, *begin[axis + 1 :])
            self._faces[axis, after] = _face(block, pieces, axis, -1)

    def of(self, objects: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of pieces of each object.

        Parameters
        ----------
        objects : ndarray of int64
            Labels, upward.
        """
        none = np.zeros((2, 0), dtype=np.int64)
        owners = np.concatenate([none[0], *self._owners])
        pairs = np.concatenate([none, *self._joins], axis=1)
        if pairs.size:
            table = coo_array((np.ones(pairs.shape[1]), pairs), (len(owners),) * 2)
            _, piece = connected_components(table, directed=False)
            _, first = np.unique(piece, return_index=True)
            owners = owners[first]
        return np.bincount(np.searchsorted(objects, owners), minlength=len(objects))


def _face(block: NDArray[Any], pieces: NDArray[Any], axis: int, at: int) -> Face:
    """Return a layer of pixels across an axis."""
    return np.asarray(block.take(at, axis)), np.asarray(pieces.take(at, axis))


def _joins(before: Face, after: Face) -> NDArray[np.int64]:
    """Return which pieces touch across a face, (2, joins)."""
    same = (before[0] == after[0]) & (after[0] > 0)
    pairs = np.stack([before[1][same], after[1][same]])
    return np.unique(pairs, axis=1)
