"""Neighbourhoods of components too large to be held: where they lie, what is in them.

Along an axis a neighbourhood is s pixels long and begins h = ⌈s/2⌉ pixels after the one
before; the first begins at the corner of the component's box. So the image alone says
where they lie. A pixel is kept by the first one that holds it: number 0 keeps [0, s),
number i > 0 keeps [(i − 1)·h + s, i·h + s). What they keep partitions the component's
box, as tiles do the image.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.modes import is_larger, neighbourhoods
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
    """Write where the neighbourhoods of large components lie, and whose they are.

    Parameters
    ----------
    job : Job
    component : ndarray of int
        (components,), their numbers, ascending.
    low, high : ndarray of int
        (components, axes), the boxes about them.
    """
    size, axes = job.neighbourhood or (), len(job.shape)
    rows: list[tuple[int, ...]] = []
    for number, begin, end in zip(component, low, high, strict=True):
        for at, box in neighbourhoods(tuple((end - begin).tolist()), size):
            corner = begin + [side.start for side in box]
            stop = np.minimum(corner + size, end)
            kept = corner + [(s // 2) * (i > 0) for i, s in zip(at, size, strict=True)]
            block = job.blocks.holding(corner.tolist())
            rows.append((int(number), block, *at, *corner, *stop, *kept))
    table = np.array(rows, np.int64).reshape(-1, 2 + 4 * axes)
    save_all(
        job.table("spots"), component=component, low=low, high=high,
        of=table[:, 0], block=table[:, 1],
        **{name: table[:, 2 + axes * n : 2 + axes * (n + 1)]
           for n, name in enumerate(("at", "begin", "end", "kept"))},
    )  # fmt: skip


class Tissue:
    """The large components of a job and their neighbourhoods, by index in a scan.

    Parameters
    ----------
    job : Job
        Its parts joined.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        with np.load(job.table("spots")) as known:
            self._known = dict(known)
        self.component = self._known["of"]
        at = map(tuple, self._known["at"].tolist())
        places = enumerate(zip(self.component.tolist(), at, strict=True))
        self._places = {place: number for number, place in places}
        if job.table("spots", "pieces").exists():
            self.pieces_in, self._before, self._begin = np.load(
                job.table("spots", "pieces")
            )

    def __len__(self) -> int:
        return len(self.component)

    def of(self, block: int) -> list[int]:
        """Return the neighbourhoods whose corners lie in a block."""
        own: list[int] = np.flatnonzero(self._known["block"] == block).tolist()
        return own

    def box(self, spot: int) -> Box:
        """Return where a neighbourhood lies in the result."""
        return _box(self._known["begin"][spot], self._known["end"][spot])

    def kept(self, spot: int) -> Box:
        """Return the pixels that no earlier neighbourhood holds."""
        return _box(self._known["kept"][spot], self._known["end"][spot])

    def about(self, spot: int) -> Box:
        """Return the box about the component of a neighbourhood."""
        at = int(np.searchsorted(self._known["component"], self.component[spot]))
        return _box(self._known["low"][at], self._known["high"][at])

    def earlier(self, spot: int) -> Iterator[int]:
        """Yield the neighbourhoods before one that it overlaps."""
        component, at = int(self.component[spot]), self._known["at"][spot].tolist()
        for near in product(*((i - 1, i, i + 1) for i in at)):
            other = self._places.get((component, near))
            if other is not None and other < spot:
                yield other

    def keepers(
        self, box: Box, component: int | None = None
    ) -> Iterator[tuple[int, Box]]:
        """Yield the neighbourhoods that keep pixels of a box, and which."""
        starts, ends = zip(*((s.start, s.stop) for s in box), strict=True)
        meets = ((self._known["kept"] < ends) & (self._known["end"] > starts)).all(1)
        meets &= self.pieces_in > 0
        if component is not None:
            meets &= self.component == component
        for spot in np.flatnonzero(meets).tolist():
            yield (
                spot,
                tuple(
                    slice(max(a.start, b.start), min(a.stop, b.stop))
                    for a, b in zip(self.kept(spot), box, strict=True)
                ),
            )

    def count(self) -> None:
        """Write how many pieces there are before those of each neighbourhood."""
        counts, begin = np.zeros((2, len(self)), np.int64)
        pixels = (self._known["end"] - self._known["begin"]).prod(1)
        for block in range(len(self.job.blocks)):
            own = self.of(block)
            with np.load(self.job.tissue(block, PARTED)) as parted:
                counts[own] = parted["pieces"]
            begin[own] = np.cumsum(pixels[own]) - pixels[own]
        before = np.cumsum(counts) - counts
        save(self.job.table("spots", "pieces"), np.stack([counts, before, begin]))

    def pieces(self, spot: int) -> NDArray[np.int32]:
        """Read the pieces of a neighbourhood, numbered among all."""
        path = self.job.tissue(int(self._known["block"][spot]), PIECES)
        own = _stored(path, int(self._begin[spot]), self.box(spot))
        return np.where(own > 0, own + self._before[spot], 0).astype(np.int32)

    def unsettled(self, component: int, box: Box) -> NDArray[np.int32]:
        r"""Draw the objects of a component in a box, (\*box), `SCRAP` where scraps are.

        They are numbered among those of all large components.
        """
        of_piece = np.load(self.job.table("spots", "objects"))
        drawn = np.zeros([side.stop - side.start for side in box], np.int32)
        for spot, both in self.keepers(box, component):
            pieces = self.pieces(spot)[within_box(both, self.box(spot))]
            drawn[within_box(both, box)] = of_piece[pieces]
        return drawn

    def objects(self, spot: int) -> NDArray[np.int32]:
        """Read the objects that a neighbourhood keeps."""
        block = int(self._known["block"][spot])
        pixels = (self._known["end"] - self._known["kept"]).prod(1)
        before = [n for n in self.of(block) if n < spot]
        path, begin = self.job.tissue(block, SETTLED), int(pixels[before].sum())
        objects: NDArray[np.int32] = _stored(path, begin, self.kept(spot))
        return objects


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
