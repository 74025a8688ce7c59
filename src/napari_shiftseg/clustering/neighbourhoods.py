"""Large components in overlapping neighbourhoods, their pieces joined again.

Training pushes apart only what one window shows, so far objects of one component may
share a mode: a confluent tissue is clustered neighbourhood by neighbourhood.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_shiftseg.geometry.tiling import Box

SAME_OBJECT = 0.5  # of the smaller piece's part in the overlap that both must share

Piecing = Generator[None, None, NDArray[np.int32]]
PiecesOf = Callable[[Box], Piecing]


def piece_together(
    pieces_of: PiecesOf,
    inside: NDArray[np.bool_],
    neighbourhood: Sequence[int] | None,
) -> Piecing:
    r"""Cluster a component, in neighbourhoods where it is larger than one.

    Yields as its parts do. Neighbourhoods overlap by half. Two pieces of different
    neighbourhoods are one object when they share more than half of the smaller one's
    pixels in the overlap.

    Parameters
    ----------
    pieces_of : callable
        Takes a block of the component's box, finds its pieces (0: none).
    inside : ndarray of bool
        (\*box), the component.
    neighbourhood : sequence of int or None
        Size per axis; None: any component is clustered whole.

    Returns
    -------
    ndarray of int32
        (\*box), pieces numbered from 1, 0 outside.
    """
    whole = tuple(slice(0, n) for n in inside.shape)
    if neighbourhood is None or all(
        n <= size for n, size in zip(inside.shape, neighbourhood, strict=True)
    ):
        return (yield from pieces_of(whole))
    joined = np.zeros(inside.shape, dtype=np.int32)
    done: dict[tuple[int, ...], tuple[Box, NDArray[np.int32]]] = {}
    pairs: list[tuple[int, int]] = []
    number = 1
    for at, block in _blocks(inside.shape, neighbourhood):
        if not inside[block].any():
            continue
        pieces = yield from pieces_of(block)
        pieces = np.where(pieces > 0, pieces + (number - 1), 0)
        for near in product(*((i - 1, i, i + 1) for i in at)):
            if near in done:
                yield
                pairs += _same(block, pieces, *done[near])
        done[at] = block, pieces
        number = max(number, int(pieces.max()) + 1)
        fresh = joined[block] == 0
        joined[block][fresh] = pieces[fresh]
    return _merged(joined, pairs, number)


def _blocks(
    shape: tuple[int, ...], size: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], Box]]:
    """Boxs of this size that overlap by half and cover the shape, each numbered.

    A block overlaps only those whose numbers differ by one at most on every axis.
    """
    starts = [
        range(0, max(n - s, 0) + -(-s // 2), -(-s // 2))
        for n, s in zip(shape, size, strict=True)
    ]
    for numbered in product(*(enumerate(along) for along in starts)):
        at, corner = zip(*numbered, strict=True)
        yield at, tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))


def _same(
    block: Box, pieces: NDArray[np.int32], other: Box, earlier: NDArray[np.int32]
) -> list[tuple[int, int]]:
    """Return the pairs of pieces of two blocks that are one object."""
    low = [max(a.start, b.start) for a, b in zip(block, other, strict=True)]
    high = [
        min(a.start + n, b.start + m)
        for a, b, n, m in zip(block, other, pieces.shape, earlier.shape, strict=True)
    ]
    if any(a >= b for a, b in zip(low, high, strict=True)):
        return []
    here, there = (
        image[tuple(slice(a - s.start, b - s.start)
                    for a, b, s in zip(low, high, at, strict=True))].ravel()
        for image, at in ((pieces, block), (earlier, other))
    )  # fmt: skip
    both = (here > 0) & (there > 0)
    shared, counts = np.unique(
        np.stack([here[both], there[both]]), axis=1, return_counts=True
    )
    here_sizes, there_sizes = _sizes(here), _sizes(there)
    return [
        (int(a), int(b))
        for a, b, n in zip(*shared, counts, strict=True)
        if n > SAME_OBJECT * min(here_sizes[a], there_sizes[b])
    ]


def _sizes(pieces: NDArray[np.int32]) -> dict[int, int]:
    return dict(zip(*np.unique(pieces, return_counts=True), strict=True))


def _merged(
    pieces: NDArray[np.int32], pairs: list[tuple[int, int]], number: int
) -> NDArray[np.int32]:
    """Give all pieces that are one object one number."""
    if not pairs:
        return pieces
    a, b = np.array(pairs).T
    graph = coo_array((np.ones(len(pairs)), (a, b)), (number, number))
    _, group = connected_components(graph, directed=False)
    return np.where(pieces > 0, group[pieces] + 1, 0).astype(np.int32)
