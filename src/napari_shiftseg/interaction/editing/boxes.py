"""Boxes: the part of a frame that an edit touches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

Box = tuple[slice, ...]


def object_boxes(labels: NDArray[np.integer]) -> dict[int, Box]:
    """Return the smallest box of every object, by its number."""
    numbers, index = np.unique(labels, return_inverse=True)
    known = ndimage.find_objects(index.reshape(labels.shape) + 1)
    pairs = zip(numbers.tolist(), known, strict=True)
    return {number: box for number, box in pairs if number}


def box_of(mask: NDArray[np.bool_], corner: Sequence[int] | None = None) -> Box | None:
    """Return the smallest box of the true pixels, of an array that begins at `corner`.

    None if there are none.
    """
    start, box = corner or (0,) * mask.ndim, []
    for axis, first in enumerate(start):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        there = np.flatnonzero(mask.any(axis=others))
        if not len(there):
            return None
        box.append(slice(first + int(there[0]), first + int(there[-1]) + 1))
    return tuple(box)


def hull(boxes: Iterable[Box]) -> Box:
    """Return the smallest box that holds all boxes."""
    return tuple(
        slice(min(s.start for s in axis), max(s.stop for s in axis))
        for axis in zip(*boxes, strict=True)
    )


def widened(box: Box, margin: int, shape: Sequence[int]) -> Box:
    """Return a box with a margin on all sides, as far as the image reaches."""
    return tuple(
        slice(max(0, s.start - margin), min(n, s.stop + margin))
        for s, n in zip(box, shape, strict=True)
    )


def corner_of(box: Box) -> tuple[int, ...]:
    """Return the first pixel of a box."""
    return tuple(s.start for s in box)


def holds_point(box: Box, point: Sequence[int]) -> bool:
    """Whether a pixel lies in a box."""
    return all(s.start <= x < s.stop for s, x in zip(box, point, strict=True))
