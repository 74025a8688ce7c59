"""Objects cut at seeds: every pixel to the seed that a short path leads to."""

from __future__ import annotations

from math import gamma, pi
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.interaction.editing.positions import Point


def cut(
    inside: NDArray[np.bool_],
    embedding: NDArray[Any],
    bandwidth: float,
    seeds: Sequence[Sequence[Point]],
) -> NDArray[np.int32]:
    r"""Give every pixel to its nearest seed by embedding, place and shape.

    The distance is the length of the shortest path inside the object, over pixels that
    share a face; a step from x to y is as long as

    .. math::

        \sqrt{\frac{\|e(x) - e(y)\|^2}{h^2} + \frac{1}{r^2}}
        \cdot \frac{1}{2}\left(\frac{r}{D(x)} + \frac{r}{D(y)}\right)

    where h is the bandwidth, r the radius in pixels of a ball as large as the mean
    part, and D(x) the distance of x to the outside. So the border lies where the
    embedding steps, and else at a neck, midway. A part is connected where its seed is,
    since it holds the whole path of each of its pixels. Pieces of the object that hold
    no seed go to the nearest part as a whole.

    Parameters
    ----------
    inside : ndarray of bool
        (\\*spatial), the pixels to be cut.
    embedding : ndarray
        (channels, \\*spatial)
    bandwidth : float
        In units of the embedding.
    seeds : sequence of sequence of tuple of int
        Pixels of each seed, inside.

    Returns
    -------
    ndarray of int32
        (\\*spatial), 1 + the index of the seed; 0 outside.
    """
    marked = np.zeros(inside.shape, dtype=np.int32)
    for number, seed in enumerate(seeds, start=1):
        marked[tuple(np.transpose(seed))] = number
    size = inside.sum() / len(seeds)
    source = _nearest_marked(inside, marked, embedding / bandwidth, size)
    parts: NDArray[np.int32] = np.zeros_like(marked)
    parts[inside] = source
    return _with_lone_pieces(parts, inside)


def _nearest_marked(
    inside: NDArray[np.bool_],
    marked: NDArray[np.int32],
    embedding: NDArray[Any],
    size: float,
) -> NDArray[np.int32]:
    """Return, of each inner pixel, the mark that the shortest path leads to, or 0."""
    node = np.cumsum(inside).reshape(inside.shape) - 1
    radius = _radius(size, inside.ndim)
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))
    narrow = radius / depth[(slice(1, -1),) * inside.ndim].clip(min=1)
    starts, stops, lengths = [], [], []
    for axis in range(inside.ndim):
        here, there = (
            tuple(s if a == axis else slice(None) for a in range(inside.ndim))
            for s in (slice(None, -1), slice(1, None))
        )
        both = inside[here] & inside[there]
        step = embedding[(slice(None), *here)] - embedding[(slice(None), *there)]
        squares = (step[:, both].astype(np.float64) ** 2).sum(axis=0) + radius**-2
        lengths.append(np.sqrt(squares) * (narrow[here] + narrow[there])[both] / 2)
        starts.append(node[here][both])
        stops.append(node[there][both])
    number = int(inside.sum())
    edges = np.concatenate(starts), np.concatenate(stops)
    graph = coo_array((np.concatenate(lengths), edges), (number, number)).tocsr()
    marks = marked[inside]
    _, _, source = dijkstra(
        graph, directed=False, indices=np.flatnonzero(marks), min_only=True,
        return_predecessors=True,
    )  # fmt: skip
    return np.where(source >= 0, marks[source.clip(min=0)], 0)


def _with_lone_pieces(
    parts: NDArray[np.int32], inside: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Give each piece that no path leads to to the part that is nearest in place."""
    lone = inside & (parts == 0)
    if not lone.any():
        return parts
    away, nearest = ndimage.distance_transform_edt(parts == 0, return_indices=True)
    pieces, number = ndimage.label(lone)
    for piece in range(1, number + 1):
        pixels = np.argwhere(pieces == piece)
        closest = pixels[away[tuple(pixels.T)].argmin()]
        parts[pieces == piece] = parts[tuple(nearest[(slice(None), *closest)])]
    return parts


def _radius(size: float, ndim: int) -> float:
    """Return the radius of a ball of so many pixels."""
    unit = pi ** (ndim / 2) / gamma(ndim / 2 + 1)
    return float((size / unit) ** (1 / ndim))
