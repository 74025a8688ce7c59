"""Labels read block by block: numpy, dask, zarr, or whatever slices to an array."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.tiling import chunks
from napari_shiftseg.metrics.label_image import as_labels, as_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box

PIXELS = 2**22  # of a block, about
LONGEST = 2**12  # side of a block: sums of squares in it are exact


def sliceable(array: Any) -> Any:
    """Return what has a shape and slices to arrays as it is, all else as an array.

    Parameters
    ----------
    array : array_like
    """
    is_array = hasattr(array, "shape") and hasattr(array, "dtype")
    return array if is_array and hasattr(array, "__getitem__") else np.asarray(array)


def boxes(
    shape: Sequence[int], chunk: Sequence[int] = (), pixels: int = PIXELS
) -> Iterator[Box]:
    """Cut an image into boxes, in the order of a scan.

    Parameters
    ----------
    shape : sequence of int
    chunk : sequence of int
        Of the store, the sides of boxes are multiples of them where they fit.
    pixels : int
        Of a box, about.
    """
    sides = _sides(shape, pixels)
    for axis, size in enumerate(chunk):
        sides[axis] = max(sides[axis] // size * size, min(sides[axis], size))
    yield from product(*(chunks(n, s) for n, s in zip(shape, sides, strict=True)))


def middle_box(shape: Sequence[int], side: int) -> Box:
    """Return the box in the middle of an image, no longer than `side` an axis.

    Parameters
    ----------
    shape : sequence of int
    side : int
        An even number of pixels.
    """
    return tuple(slice(max(0, (n - side) // 2), (n + side) // 2) for n in shape)


def chunk_of(array: Any, axes: int) -> tuple[int, ...]:
    """Return the chunk of a store along the last axes; empty where it has none.

    Parameters
    ----------
    array : array
    axes : int
    """
    known = getattr(array, "chunksize", None) or getattr(array, "chunks", None)
    whole = isinstance(known, tuple) and all(isinstance(n, int) and n for n in known)
    return tuple(known or ())[-axes:] if whole else ()


def block_of(labels: Any, at: tuple[int, ...], box: Box) -> NDArray[np.integer]:
    """Read a box of labels, checked.

    Parameters
    ----------
    labels : array of int
    at : tuple of int
        Place on the leading axes.
    box : tuple of slice

    Raises
    ------
    ValueError
        If they are no whole numbers from 0 upward.
    """
    read = np.asarray(labels[(*at, *box)])
    return as_labels("labels", as_whole(read))


def _sides(shape: Sequence[int], pixels: int) -> list[int]:
    """Return sides of about so many pixels; what short axes leave, longer ones take."""
    sides = [1] * len(shape)
    for done, axis in enumerate(sorted(range(len(shape)), key=lambda a: shape[a])):
        side = (pixels / prod(sides)) ** (1 / (len(shape) - done))
        sides[axis] = max(1, min(shape[axis], int(side), LONGEST))
    return sides
