"""Connected parts of an image that is cut into blocks, joined over their faces."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_shiftseg.clustering.components import connected

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box


@dataclass(frozen=True)
class Parts:
    """What must be known of the parts of a block to join it with its neighbours.

    Attributes
    ----------
    values : ndarray of int64
        (parts,), the value that the pixels of each have.
    sizes : ndarray of int64
        (parts,), in pixels.
    first : ndarray of int64
        (parts,), index of the first pixel of each in a scan of the whole image.
    low, high : ndarray of int64
        (parts, axes), the box about each in the image, its end not in it.
    faces : sequence of ndarray of int32
        Part numbers, 0 for none, on the first and the last plane along each axis.
    """

    values: NDArray[np.int64]
    sizes: NDArray[np.int64]
    first: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    faces: Sequence[NDArray[np.int32]]

    def __len__(self) -> int:
        return len(self.values)


def parts_of(
    values: NDArray[Any], box: Box, shape: Sequence[int]
) -> tuple[NDArray[np.int32], Parts]:
    r"""Part a block into pixels of equal value that are connected by faces.

    Parameters
    ----------
    values : ndarray of int or bool
        (\*box); 0 is no part.
    box : tuple of slice
        Where the block lies in the image.
    shape : sequence of int
        Of the image.

    Returns
    -------
    ndarray of int32, Parts
        The numbers from 1, in the order of a scan, and what others must know of them.
    """
    numbers = connected(values)
    flat = numbers.ravel()
    begins = np.flatnonzero(np.diff(np.maximum.accumulate(flat), prepend=0))
    corner = [side.start for side in box]
    places = np.unravel_index(begins, numbers.shape)
    there = [at + start for at, start in zip(places, corner, strict=True)]
    bounds = [
        [(s.start, s.stop) for s in each] for each in ndimage.find_objects(numbers)
    ]
    ends = np.array(bounds, dtype=np.int64).reshape(-1, len(corner), 2)
    ends += np.array(corner)[:, None]
    faces: list[NDArray[np.int32]] = [
        np.asarray(numbers.take(end, axis))
        for axis in range(numbers.ndim)
        for end in (0, -1)
    ]
    parts = Parts(
        values.ravel()[begins].astype(np.int64),
        np.bincount(flat, minlength=len(begins) + 1)[1:],
        np.ravel_multi_index(there, tuple(shape)),
        ends[..., 0], ends[..., 1], faces,
    )  # fmt: skip
    return numbers, parts


@dataclass(frozen=True)
class Joined:
    """Parts of all blocks as components of the whole image.

    Components are numbered from 1 in the order of a scan of the image, as if it had
    been labelled at once, or in that of their values where far parts are one component:
    neither the blocks nor their order shows.

    Attributes
    ----------
    of_part : list of ndarray of int64
        For each block (parts + 1,): the component of each part, 0 for number 0.
    values, sizes, first : ndarray of int64
        (components,); see `Parts`.
    low, high : ndarray of int64
        (components, axes); see `Parts`.
    """

    of_part: list[NDArray[np.int64]]
    values: NDArray[np.int64]
    sizes: NDArray[np.int64]
    first: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)


def join(
    blocks: Sequence[Parts],
    neighbours: Iterable[tuple[int, int, int]],
    far: bool = False,
) -> Joined:
    """Join the parts of blocks that meet at a face and have one value.

    Parameters
    ----------
    blocks : sequence of Parts
    neighbours : iterable of (int, int, int)
        Axis, block and next block along it.
    far : bool
        Whether parts of one value are one component wherever they lie.
    """
    begins = np.cumsum([0, *map(len, blocks)])
    values = np.concatenate([each.values for each in blocks])
    number = len(values)
    pairs = [np.empty((2, 0), np.int64)]
    for axis, before, after in neighbours:
        here, there = blocks[before].faces[2 * axis + 1], blocks[after].faces[2 * axis]
        met = (here > 0) & (there > 0)
        pair = np.stack([here[met], there[met]]).astype(np.int64) - 1
        pair += begins[[before, after]][:, None]
        pairs.append(np.unique(pair, axis=1))
    a, b = np.concatenate(pairs, axis=1)
    alike = values[a] == values[b]
    graph = coo_array((np.ones(alike.sum()), (a[alike], b[alike])), (number, number))
    group = connected_components(graph, directed=False)[1] if number else values
    if far:
        group = np.unique(values, return_inverse=True)[1]
    return _numbered(blocks, begins, group.astype(np.int64), far)


def _numbered(
    blocks: Sequence[Parts],
    begins: NDArray[np.int64],
    group: NDArray[np.int64],
    by_value: bool,
) -> Joined:
    """Give numbers to groups of parts: by their first pixels, or values."""
    number = int(group.max(initial=-1)) + 1
    axes = blocks[0].low.shape[1]
    first = np.full(number, np.iinfo(np.int64).max)
    np.minimum.at(first, group, np.concatenate([each.first for each in blocks]))
    order = np.arange(number) if by_value else np.argsort(first)
    rank = np.empty(number, np.int64)
    rank[order] = np.arange(number)
    component = rank[group]
    sizes = np.zeros(number, np.int64)
    np.add.at(sizes, component, np.concatenate([each.sizes for each in blocks]))
    values = np.zeros(number, np.int64)
    values[component] = np.concatenate([each.values for each in blocks])
    low = np.full((number, axes), np.iinfo(np.int64).max)
    np.minimum.at(low, component, np.concatenate([each.low for each in blocks]))
    high = np.zeros((number, axes), np.int64)
    np.maximum.at(high, component, np.concatenate([each.high for each in blocks]))
    of_part = [
        np.concatenate([[0], component[begin:end] + 1])
        for begin, end in pairwise(begins)
    ]
    return Joined(of_part, values, sizes, first[order], low, high)


def within(shape: Sequence[int], first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places, (pixels, axes), of indices in a scan of an image."""
    return np.stack(np.unravel_index(first, tuple(shape)), axis=-1).astype(np.int64)
