"""Neighbourhoods of components too large to be held: where they lie, what is in them.

Along an axis a neighbourhood is s pixels long and begins h = ⌈s/2⌉ pixels after the one
before; the first begins at the corner of the component's box. So the image alone says
where they lie. A pixel is kept by the first one that holds it: number 0 keeps [0, s),
number i > 0 keeps [(i − 1)·h + s, i·h + s). What they keep partitions the component's
box, as tiles do the image.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.modes import is_larger
from napari_shiftseg.distributed.arrays import save, save_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.distributed.job import Job
    from napari_shiftseg.geometry.tiling import Box


# files of a block: pieces, one neighbourhood after the other, and how many there are;
# pairs of pieces; objects
PIECES, PARTED = "pieces.raw", "parted.npz"
MATCHED, SETTLED = "matched.npz", "objects.raw"
LARGE = 2**23  # pixels of the box about a component that is clustered by one worker
SCRAP = -1  # object of pieces below the minimum size, until they have another


def are_large(
    low: NDArray[np.int64], high: NDArray[np.int64], size: Sequence[int] | None
) -> NDArray[np.bool_]:
    """Return which components are clustered by many workers, (components,).

    Parameters
    ----------
    low, high : ndarray of int
        (components, axes), the boxes about them.
    size : sequence of int or None
        Of a neighbourhood.
    """
    shapes = high - low
    is_tissue = [is_larger(shape, size) for shape in shapes.tolist()]
    large: NDArray[np.bool_] = shapes.prod(1) > LARGE
    return large & np.array(is_tissue, np.bool_)


def find_spots(
    job: Job,
    component: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> None:
    """Write which components are large: where their neighbourhoods lie follows.

    Parameters
    ----------
    job : Job
    component : ndarray of int
        (components,), their numbers, ascending.
    low, high : ndarray of int
        (components, axes), the boxes about them.
    """
    save_all(job.table("spots"), component=component, low=low, high=high)


class Tissue:
    """The large components of a job and their neighbourhoods, by index in a scan.

    Nothing is held of a neighbourhood: its index says where it lies. What is known of
    its pieces stays on disk.

    Parameters
    ----------
    job : Job
        Its parts joined.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        with np.load(job.table("spots")) as known:
            self._component = known["component"]
            self._low, self._high = known["low"], known["high"]
        self._size = np.array(job.neighbourhood)
        self._step = -(-self._size // 2)
        wider = np.maximum(self._high - self._low - self._size, 0)
        self._counts = 1 - (-wider // self._step)  # (components, axes)
        numbers = self._counts.prod(1)
        self._first = np.cumsum(numbers) - numbers
        # of one to the next along each axis, (components, axes)
        self._strides = numbers[:, None] // np.cumprod(self._counts, 1)

    def __len__(self) -> int:
        return int(self._counts.prod(1).sum())

    def of(self, block: int) -> list[int]:
        """Return the neighbourhoods whose corners lie in a block."""
        box, own = self.job.blocks.block(block).box, []
        starts, ends = (
            np.clip(-((self._low - edge) // self._step), 0, self._counts)
            for edge in _corners(box)
        )
        for at in np.flatnonzero((starts < ends).all(1)).tolist():
            own += self._between(at, starts[at], ends[at])
        return own

    def component(self, spot: int) -> int:
        """Return the number of the component of a neighbourhood."""
        return int(self._component[self._place(spot)[0]])

    @property
    def components(self) -> NDArray[np.int64]:
        """Of each neighbourhood, the number of its component."""
        return np.repeat(self._component, self._counts.prod(1))

    def box(self, spot: int) -> Box:
        """Return where a neighbourhood lies in the result."""
        begin, _, end = self._edges(spot)
        return _box(begin, end)

    def kept(self, spot: int) -> Box:
        """Return the pixels that no earlier neighbourhood holds."""
        _, kept, end = self._edges(spot)
        return _box(kept, end)

    def about(self, spot: int) -> Box:
        """Return the box about the component of a neighbourhood."""
        at, _ = self._place(spot)
        return _box(self._low[at], self._high[at])

    def earlier(self, spot: int) -> Iterator[int]:
        """Yield the neighbourhoods before one that it overlaps."""
        at, place = self._place(spot)
        starts = np.maximum(place - 1, 0)
        ends = np.minimum(place + 2, self._counts[at])
        yield from (n for n in self._between(int(at), starts, ends) if n < spot)

    def keepers(
        self, box: Box, component: int | None = None
    ) -> Iterator[tuple[int, Box]]:
        """Yield the neighbourhoods that keep pixels of a box, and which."""
        start, stop = _corners(box)
        begin = np.maximum(start, self._low) - self._low
        end = np.minimum(stop, self._high) - self._low
        meets = (begin < end).all(1)
        if component is not None:
            meets &= self._component == component
        starts, ends = self._keeping(begin), self._keeping(end - 1) + 1
        for at in np.flatnonzero(meets).tolist():
            for spot in self._between(at, starts[at], ends[at]):
                if self.pieces_in[spot] > 0:
                    yield spot, _common(self.kept(spot), box)

    def count(self) -> None:
        """Write how many pieces there are before those of each neighbourhood."""
        counts, begin, kept_begin = np.zeros((3, len(self)), np.int64)
        for block in range(len(self.job.blocks)):
            own = np.array(self.of(block), np.int64)
            with np.load(self.job.tissue(block, PARTED)) as parted:
                counts[own] = parted["pieces"]
            low, kept, high = self._edges(own)
            for where, sizes in ((begin, high - low), (kept_begin, high - kept)):
                pixels = sizes.prod(1)
                where[own] = np.cumsum(pixels) - pixels
        before = np.cumsum(counts) - counts
        table = np.stack([counts, before, begin, kept_begin], axis=1)
        save(self.job.table("spots", "pieces"), table)

    def pieces(self, spot: int) -> NDArray[np.int32]:
        """Read the pieces of a neighbourhood, numbered among all."""
        _, before, begin, _ = self._counted[spot].tolist()
        own = _stored(self._file(spot, PIECES), begin, self.box(spot))
        return np.where(own > 0, own + before, 0).astype(np.int32)

    def unsettled(self, component: int, box: Box) -> NDArray[np.int32]:
        r"""Draw the objects of a component in a box, (\*box), `SCRAP` where scraps are.

        They are numbered among those of all large components.
        """
        drawn = np.zeros([side.stop - side.start for side in box], np.int32)
        for spot, both in self.keepers(box, component):
            pieces = self.pieces(spot)[within_box(both, self.box(spot))]
            drawn[within_box(both, box)] = self._of_piece[pieces]
        return drawn

    def objects(self, spot: int) -> NDArray[np.int32]:
        """Read the objects that a neighbourhood keeps."""
        begin = int(self._counted[spot, 3])
        objects: NDArray[np.int32] = _stored(
            self._file(spot, SETTLED), begin, self.kept(spot)
        )
        return objects

    @cached_property
    def pieces_in(self) -> NDArray[np.int64]:
        """How many pieces each neighbourhood has; on disk."""
        counts: NDArray[np.int64] = self._counted[:, 0]
        return counts

    @cached_property
    def _counted(self) -> NDArray[np.int64]:
        """What `count` wrote, (neighbourhoods, 4)."""
        counted: NDArray[np.int64] = np.load(
            self.job.table("spots", "pieces"), mmap_mode="r"
        )
        return counted

    @cached_property
    def _of_piece(self) -> NDArray[np.int32]:
        """The object of each piece; on disk."""
        objects: NDArray[np.int32] = np.load(
            self.job.table("spots", "objects"), mmap_mode="r"
        )
        return objects

    def _file(self, spot: int, name: str) -> Path:
        begin, _, _ = self._edges(spot)
        return self.job.tissue(self.job.blocks.holding(begin.tolist()), name)

    def _place(self, spots: Any) -> tuple[Any, NDArray[np.int64]]:
        """Return which components neighbourhoods are of, and their place there."""
        at = np.searchsorted(self._first, spots, "right") - 1
        numbers = np.asarray(spots - self._first[at])[..., None]
        return at, numbers // self._strides[at] % self._counts[at]

    def _edges(self, spots: Any) -> tuple[NDArray[np.int64], ...]:
        """Return where they begin, where what they keep begins, and where they end."""
        at, place = self._place(spots)
        begin = self._low[at] + place * self._step
        kept = begin + self._size // 2 * (place > 0)
        return begin, kept, np.minimum(begin + self._size, self._high[at])

    def _keeping(self, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places of those that keep pixels, as seen from the corner."""
        places: NDArray[np.int64] = (pixels - self._size) // self._step + 1
        return np.maximum(places, 0, out=places)

    def _between(
        self, at: int, starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> list[int]:
        """Return the neighbourhoods of a component from one place to another one."""
        sides = zip(starts, ends, self._strides[at], strict=True)
        along = np.ix_(*(np.arange(a, b) * stride for a, b, stride in sides))
        numbers: list[int] = (self._first[at] + sum(along)).ravel().tolist()
        return numbers


def _corners(box: Box) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    start, stop = np.array([(side.start, side.stop) for side in box], np.int64).T
    return start, stop


def _common(one: Box, other: Box) -> Box:
    return tuple(
        slice(max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(one, other, strict=True)
    )


def _box(low: NDArray[np.int64], high: NDArray[np.int64]) -> Box:
    return tuple(map(slice, low.tolist(), high.tolist()))


def _stored(path: Path, begin: int, box: Box) -> Any:
    sizes = tuple(side.stop - side.start for side in box)
    return np.memmap(path, np.int32, "r", 4 * begin, sizes)


def within_box(box: Box, other: Box) -> Any:
    """Return a box as seen from the corner of another one."""
    return tuple(
        slice(a.start - b.start, a.stop - b.start)
        for a, b in zip(box, other, strict=True)
    )
