"""The modes of some pixels, whose is nearest; neighbourhoods of large components."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.points import place_numbers
from napari_shiftseg.geometry.tiling import Box
from napari_shiftseg.progress import patiently

if TYPE_CHECKING:
    from napari_shiftseg.clustering.sets import PointSet
    from napari_shiftseg.clustering.settings import Clustering, Effort

    # a box, and the pixels of it that are clustered together, (*box)
    Place = tuple[Box, NDArray[np.bool_]]
    Finding = Generator[None, None, list["Found"]]
    Find = Callable[[Sequence[Place], Clustering], Finding]


SAME_OBJECT = 0.5  # of the smaller piece's part in the overlap that both must share
Piecing = Generator[None, None, NDArray[np.int32]]
PiecesOf = Callable[[Box], Piecing]


def piece_together(
    pieces_of: PiecesOf,
    inside: NDArray[np.bool_],
    neighbourhood: Sequence[int] | None,
) -> Piecing:
    r"""Cluster a component, in neighbourhoods where it is larger than one.

    Yields as its parts do. Neighbourhoods overlap by half, and begin at the corner of
    the component's box: the image alone says where they lie, not the part of it that is
    at hand, nor the blocks in which it is read. Two pieces of different
    neighbourhoods are one object when they share more than half of the smaller one's
    pixels in the overlap. Pieces are numbered from 1, 0 outside.

    Parameters
    ----------
    pieces_of : callable
        Takes a block of the component's box, finds its pieces (0: none).
    inside : ndarray of bool
        (\*box), the component.
    neighbourhood : sequence of int or None
        Size per axis; None: any component is clustered whole.
    """
    whole = tuple(slice(0, n) for n in inside.shape)
    if neighbourhood is None or not is_larger(inside.shape, neighbourhood):
        return (yield from pieces_of(whole))
    joined = np.zeros(inside.shape, dtype=np.int32)
    done: dict[tuple[int, ...], tuple[Box, NDArray[np.int32]]] = {}
    pairs: list[tuple[int, int]] = []
    number = 1
    for at, block in neighbourhoods(inside.shape, neighbourhood):
        if not inside[block].any():
            continue
        pieces = yield from pieces_of(block)
        pieces = np.where(pieces > 0, pieces + (number - 1), 0)
        for near in product(*((i - 1, i, i + 1) for i in at)):
            if near in done:
                yield
                pairs += same_pieces(block, pieces, *done[near])
        done = {near: known for near, known in done.items() if near[0] >= at[0] - 1}
        done[at] = block, pieces
        number = max(number, int(pieces.max()) + 1)
        fresh = joined[block] == 0
        joined[block][fresh] = pieces[fresh]
    return _merged(joined, pairs, number)


def is_larger(shape: Sequence[int], neighbourhood: Sequence[int] | None) -> bool:
    """Whether a component, of a box of this shape, is clustered in neighbourhoods."""
    return neighbourhood is not None and any(
        n > size for n, size in zip(shape, neighbourhood, strict=True)
    )


def neighbourhoods(
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


def same_pieces(
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
    group = groups_of(np.array(pairs).T, number)
    return np.where(pieces > 0, group[pieces] + 1, 0).astype(np.int32)


def groups_of(pairs: NDArray[np.integer], number: int) -> NDArray[np.int32]:
    """Return which of so many pieces are one object, in the order of their first ones.

    Parameters
    ----------
    pairs : ndarray of int
        (2, pairs), pieces that are one object.
    number : int
        Of pieces, 0 among them.
    """
    graph = coo_array((np.ones(pairs.shape[1]), tuple(pairs)), (number, number))
    groups: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return groups


Result = TypeVar("Result")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread, as this thread calls it.

    Small tensors gain nothing from a second one, which waits in a busy loop: where
    another program uses the processor, they take ten times as long.
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_one_thread(
    steps: Generator[None, None, Result],
) -> Generator[None, None, Result]:
    """Let every step compute in one thread; between them nothing is changed."""
    try:
        while True:
            with one_thread():
                try:
                    next(steps)
                except StopIteration as end:
                    result: Result = end.value
                    return result
            yield
    finally:
        steps.close()


NOT_YET = -1
SMALL = 2**18  # values of points, for which one thread is best


@dataclass(frozen=True)
class Found:
    """Modes of pixels, and each pixel's nearest, which is assigned part by part."""

    modes: NDArray[Any]  # (modes, channels), densest first
    # (pixels,), index of the nearest mode, in the order of a scan; −1: not yet assigned
    nearest: NDArray[np.int32]
    # of the pixels, each assigned at once. They do not depend on the order in which
    # they are assigned, nor does the result
    parts: tuple[slice, ...]
    _shift: MeanShift = field(repr=False)

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return int(self.modes.nbytes + self.nearest.nbytes)

    def is_assigned(self, part: slice) -> bool:
        """Whether the pixels of one of the parts have their modes."""
        return bool(self.nearest[part][0] != NOT_YET)

    def assign(self, part: slice, points: NDArray[Any]) -> None:
        """Give the pixels of one of the parts their modes.

        Parameters
        ----------
        part : slice
            One of `parts`.
        points : ndarray
            (pixels of the part, channels)
        """
        self.nearest[part] = self._shift.nearest(points)


class Pixels:
    r"""The pixels of an embedding, as points to be clustered.

    Parameters
    ----------
    embedding : ndarray
        (channels, \*spatial)
    offset : sequence of int, optional
        Image pixel of the first pixel: subsamples are keyed by image position.
    device : str
        Where the mean shift computes.
    effort : Effort, optional
        What all searches may compute together; without it they go on to their ends.
    """

    def __init__(
        self,
        embedding: NDArray[Any],
        offset: Sequence[int] | None = None,
        device: str = "auto",
        effort: Effort | None = None,
    ) -> None:
        self.embedding: Any = embedding  # a memory map, perhaps
        self._effort = effort
        self._device = device
        self._offset = tuple(offset or (0,) * (embedding.ndim - 1))

    def points(
        self, box: Box, inside: NDArray[np.bool_], part: slice = slice(None)
    ) -> NDArray[Any]:
        r"""Return the pixels of a box that are inside, or a part of them.

        (pixels, channels), in the order of a scan.

        Parameters
        ----------
        box : tuple of slice
        inside : ndarray of bool
            (\*box)
        part : slice
            Of the pixels that are inside.
        """
        if inside.all():
            flat = self.embedding[(slice(None), *box)].reshape(len(self.embedding), -1)
            return np.asarray(flat[:, part]).T
        at = (along[part] for along in np.nonzero(inside))
        begins = (side.indices(n)[0] for side, n in zip(box, self._shape, strict=True))
        there = (along + begin for along, begin in zip(at, begins, strict=True))
        return np.asarray(self.embedding[(slice(None), *there)]).T

    def find(self, places: Sequence[Place], settings: Clustering) -> Finding:
        """Find the modes of the pixels of several places, each by itself.

        Yields on the way. So few pixels that they are one part are assigned at once.

        Parameters
        ----------
        places : sequence of (tuple of slice, ndarray of bool)
            Boxes, and the pixels of each that are clustered. The other places have no
            say in what is found in one, but many small ones at once take less time.
        settings : Clustering
            Bandwidth and kernel; nothing else of it has a say.
        """
        sets: list[PointSet] = []
        for place in places:
            size = place[1].size
            points = yield from patiently(None, size, self.points, *place)
            positions = yield from patiently(None, size, self._positions, *place)
            sets.append((points, positions))
        steps = self._find(sets, settings)
        if sum(points.size for points, _ in sets) <= SMALL:
            steps = in_one_thread(steps)
        return (yield from steps)

    def _find(self, sets: list[PointSet], settings: Clustering) -> Finding:
        shift = MeanShift(
            settings.bandwidth, kernel=settings.kernel, device=self._device
        )
        some = [each for each in sets if len(each[0])]
        shifts = yield from shift.find_sets_steps(some, self._effort)
        each = iter(shifts)
        return [
            self._found(next(each), points) if len(points) else self._nothing(shift)
            for points, _ in sets
        ]

    def _found(self, shift: MeanShift, points: NDArray[Any]) -> Found:
        nearest = np.full(len(points), NOT_YET, dtype=np.int32)
        parts = shift.parts(len(points))
        found = Found(shift.cluster_centers_, nearest, parts, shift)
        if len(parts) == 1:  # with the points at hand it is done at once
            found.assign(parts[0], points)
        return found

    def _nothing(self, shift: MeanShift) -> Found:
        none = np.zeros((0, len(self.embedding)), dtype=self.embedding.dtype)
        return Found(none, np.zeros(0, dtype=np.int32), (), shift)

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(self.embedding.shape[1:])

    def _positions(self, box: Box, inside: NDArray[np.bool_]) -> NDArray[np.int64]:
        """One number per pixel that only its place in the image decides."""
        corners = zip(box, self._offset, strict=True)
        corner = [(side.start or 0) + begin for side, begin in corners]
        return place_numbers(np.nonzero(inside), corner)
