"""Pixels of an image on disk as points to be clustered, read band by band."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.points import place_numbers
from napari_shiftseg.geometry.tiling import chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box


VALUES = 2**23  # read at once


class StoredRows:
    r"""Points that lie on disk, (points, channels), in the order of a scan.

    They stand for an array in `MeanShift.find_steps`: slices of them are arrays.

    Parameters
    ----------
    read : callable
        Gives the embedding of a box, (channels, \*box).
    shape : sequence of int
        Of the image.
    channels : int
    dtype : numpy dtype
    inside : callable, optional
        Gives the pixels of a box that are clustered, a bool for each; all if not given.
    offset : sequence of int, optional
        Image pixel of the first pixel: subsamples are keyed by image position.
    """

    def __init__(
        self,
        read: Callable[[Box], NDArray[Any]],
        shape: Sequence[int],
        channels: int,
        dtype: np.dtype[Any],
        inside: Callable[[Box], NDArray[np.bool_]] | None = None,
        offset: Sequence[int] | None = None,
    ) -> None:
        self._read, self._inside = read, inside
        self._shape, self.dtype = tuple(shape), np.dtype(dtype)
        self._offset = tuple(offset or (0,) * len(self._shape))
        self._bands = _bands(self._shape, max(1, VALUES // channels))
        self._begins = np.cumsum([0, *map(self._count, self._bands)])
        self.shape = (int(self._begins[-1]), channels)
        self._kept: tuple[int, NDArray[Any]] | None = None  # the band read last

    @property
    def size(self) -> int:
        """Number of values."""
        return prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | NDArray[np.integer]) -> NDArray[Any]:
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            rows = np.arange(start, stop)
        found = np.empty((len(rows), self.shape[1]), self.dtype)
        for band, here in self._by_band(rows):
            found[here] = self._points(band)[rows[here] - self._begins[band]]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)

    def sum(self) -> float:
        """Return the sum of all values."""
        return float(self._sums.sum())

    def mean(self, axis: int, dtype: Any = None) -> NDArray[np.float64]:
        """Return the mean point, (channels,)."""
        return self._sums / len(self)

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        each = [
            self._points(n).sum(0, dtype=np.float64) for n in range(len(self._bands))
        ]
        total: NDArray[np.float64] = np.sum(each, axis=0)
        return total

    @property
    def positions(self) -> Positions:
        """One number a point that only its place in the image decides."""
        return Positions(self)

    def positions_of(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the `positions` of these points, as `Pixels` numbers them."""
        number = np.empty(len(rows), np.int64)
        for band, here in self._by_band(rows):
            box = self._bands[band]
            at = rows[here] - self._begins[band]
            if self._inside is not None:
                at = np.flatnonzero(self._inside(box))[at]
            sizes = [side.stop - side.start for side in box]
            corners = zip(box, self._offset, strict=True)
            corner = [side.start + begin for side, begin in corners]
            number[here] = place_numbers(np.unravel_index(at, sizes), corner)
        return number

    def _by_band(
        self, rows: NDArray[np.integer]
    ) -> list[tuple[int, NDArray[np.integer] | slice]]:
        """Return the bands that hold these points, and which of them each holds."""
        band = np.searchsorted(self._begins, rows, "right") - 1
        if len(band) and band[0] == band[-1] and (band == band[0]).all():
            return [(int(band[0]), slice(None))]
        return [(int(b), np.flatnonzero(band == b)) for b in np.unique(band)]

    def _count(self, box: Box) -> int:
        if self._inside is None:
            return prod(side.stop - side.start for side in box)
        return int(self._inside(box).sum())

    def _points(self, band: int) -> NDArray[Any]:
        """Return the points of a band."""
        if self._kept is None or self._kept[0] != band:
            box = self._bands[band]
            pixels = self._read(box)
            if self._inside is None:
                points = pixels.reshape(len(pixels), -1).T
            else:
                points = pixels[:, self._inside(box)].T
            self._kept = band, points
        return self._kept[1]


class Positions:
    """The positions of stored points, found when they are asked for."""

    def __init__(self, rows: StoredRows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: slice | NDArray[np.integer]) -> NDArray[np.int64]:
        if isinstance(at, slice):
            at = np.arange(*at.indices(len(self)))
        return self._rows.positions_of(at)


def _bands(shape: tuple[int, ...], pixels: int) -> list[Box]:
    """Cut an image into boxes that follow one another in a scan, of so many pixels."""
    each = [1] * len(shape)
    for axis in reversed(range(len(shape))):
        rest = prod(shape[axis + 1 :])
        each[axis] = min(shape[axis], max(1, pixels // rest))
        if each[axis] < shape[axis]:
            break
    return [
        tuple(box)
        for box in product(
            *(chunks(n, size) for n, size in zip(shape, each, strict=True))
        )
    ]
