"""Which objects of a labels layer are marked as right; it goes with the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.interaction.editing.positions import Point


class RightMarks:
    r"""Marked objects as an image; they stay as they are when the labels change.

    Parameters
    ----------
    shape : sequence of int
        Of the labels.

    Attributes
    ----------
    image : ndarray of int32
        ([leading,] \*spatial), 0 where nothing is marked, numbered in each frame.
    number : int
        Of marked objects; it costs no look at the pixels.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.image = np.zeros(shape, dtype=np.int32)
        self.number = 0

    def toggle(self, labels: NDArray[Any], at: Point, point: Point) -> bool:
        """Mark the object at a point of a frame, or unmark it; False: there is none."""
        marked, objects = self.image[at], labels[at]
        if marked[point]:
            marked[marked == marked[point]] = 0
            self.number -= 1
        elif objects[point]:
            mine = objects == objects[point]
            hidden = np.unique(marked[mine & (marked > 0)])
            marked[mine] = int(marked.max()) + 1
            gone = [number for number in hidden if not (marked == number).any()]
            self.number += 1 - len(gone)
        else:
            return False
        return True

    def frame(self, at: Point) -> NDArray[np.int32] | None:
        """Return the marked objects of a frame, 0 elsewhere; None if there is none."""
        return self.image[at].copy() if self.image[at].any() else None

    def frames(self, leading: int) -> dict[Point, NDArray[np.int32]]:
        """Return the marked objects of all frames that have some."""
        positions = np.ndindex(self.image.shape[:leading])
        known = {at: self.frame(at) for at in positions}
        return {at: marked for at, marked in known.items() if marked is not None}


MARKED: WeakKeyDictionary[Labels, RightMarks] = WeakKeyDictionary()
