"""Tiles as libraries of others lay them: blended, or the last one shifted back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, product
from math import prod
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from napari_shiftseg.geometry.tiling import Tile, TilePlan
from napari_shiftseg.geometry.window import AxisPlan, AxisTile, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.network_shape import AxisSizes
    from napari_shiftseg.geometry.window import Border

# as MONAI and nnU-Net tile; with MONAI's usual overlap; as bioimageio.core tiles; and
# as everybody does who scales the grey values of each tile by themselves
Way = Literal["blended", "blended 0.25", "declared halo", "normalised by tile"]
WAYS: tuple[Way, ...] = get_args(Way)
OVERLAPS: dict[Way, float] = {"blended": 0.5, "blended 0.25": 0.25}
SIGMA = 0.125  # of the Gaussian, in sizes of a tile
LEAST_WEIGHT = 1e-3  # of a pixel in a corner of a tile; 1 is that of its middle


@dataclass(frozen=True)
class BlendedPlan(TilePlan):
    r"""Tiles that overlap; a pixel is the weighted mean of what they predict there.

    .. math::

        e(x) = \frac{\sum_k w(x - s_k)\, e_k(x)}{\sum_k w(x - s_k)} \qquad
        w(y) = \max\Big(\prod_a e^{-(y_a - m_a)^2 / 2 (n_a / 8)^2},\ 10^{-3}\Big)

    A tile k of n pixels begins at s; m is its middle. As ``sliding_window_inference``
    of MONAI 1.6 does with ``mode="gaussian"``.

    Attributes
    ----------
    axes : tuple of AxisPlan
        The parts between the edges of tiles: beyond an edge one tile more or less
        counts, so that seams lie there.
    starts : tuple of tuple of int
        Per axis the image pixel at which the prediction of each tile begins.
    """

    starts: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return prod(map(len, self.starts))

    def __iter__(self) -> Iterator[Tile]:
        for corner in product(*self.starts):
            yield self._tile_at(corner)

    def _tile_at(self, corner: Sequence[int]) -> Tile:
        read, keep, crop = [], [], []
        for axis, first, size in zip(self.axes, corner, self.predicts, strict=True):
            read.append((first - axis.lead, first - axis.lead + axis.reads))
            start, stop = max(first, axis.start), min(first + size, axis.stop)
            keep.append(slice(start, stop))
            crop.append(slice(start - first, stop - first))
        return Tile(tuple(read), tuple(keep), tuple(crop))

    @property
    def blends(self) -> bool:
        """Whether tiles overlap, so that each gives a share of a pixel."""
        return True

    def share(self, tile: Tile) -> NDArray[np.float32]:
        """Return the share of each pixel that a tile keeps; see `TilePlan.share`."""
        own = self._weights[tile.crop]
        return own / self._sums[self._at(tile)]

    @cached_property
    def _weights(self) -> NDArray[np.float32]:
        """Weight of each pixel of a tile."""
        weights: NDArray[Any] = np.ones((1,) * len(self.axes), np.float32)
        for axis, size in enumerate(self.predicts):
            y = np.arange(size, dtype=np.float32) - (size - 1) / 2
            along = np.exp(-(y**2) / (2 * (SIGMA * size) ** 2))
            weights = weights * np.expand_dims(
                along, [a for a in range(len(self.axes)) if a != axis]
            )
        least = max(float(weights.min()), LEAST_WEIGHT)
        clamped: NDArray[np.float32] = np.maximum(weights, least)
        return clamped

    @cached_property
    def _sums(self) -> NDArray[np.float32]:
        """Sum of the weights of all tiles at each pixel of the result."""
        sums = np.zeros(self.output_shape, np.float32)
        for tile in self:
            sums[self._at(tile)] += self._weights[tile.crop]
        return sums

    def _at(self, tile: Tile) -> tuple[slice, ...]:
        """Return where in the result the pixels are that a tile keeps."""
        return tuple(
            slice(keep.start - first, keep.stop - first)
            for keep, first in zip(tile.keep, self.offset, strict=True)
        )

    @property
    def is_exact(self) -> bool:
        """Whether the result equals one pass over the whole image."""
        return not any(self.seamed) and all(
            (starts[0] - axis.context // 2) % axis.period == 0
            for starts, axis in zip(self.starts, self.shape.axes, strict=True)
        )

    @property
    def seamed(self) -> tuple[bool, ...]:
        """Per axis: whether tiles overlap whose predictions do not agree."""
        return tuple(
            len(starts) > 1
            and (axis.halo > 0 or len({first % axis.period for first in starts}) > 1)
            for starts, axis in zip(self.starts, self.shape.axes, strict=True)
        )


def blended_plan(naive: TilePlan, overlap: float = 0.5) -> BlendedPlan:
    """Return tiles that overlap, for the region of a plan.

    They lie over the region and a halo around it, so that the border of the image
    counts for no more than in one pass; the last tile along an axis is shifted back.

    Parameters
    ----------
    naive : TilePlan
        A tile predicts the fewest pixels that hold its window.
    overlap : float
        Of a tile with the next one, 0 or more and less than 1.

    Raises
    ------
    ValueError
        If no input of the network is large enough for the window, or the overlap is
        out of range.
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"the overlap must be 0 or more and below 1, got {overlap}")
    laid = [
        _blended_axis(axis, window, overlap, naive.border, *bounds)
        for axis, window, bounds in zip(
            naive.shape.axes, naive.window, naive.region, strict=True
        )
    ]
    axes, starts = zip(*laid, strict=True)
    known = {name: getattr(naive, name) for name in ("shape", "image_shape", "border")}
    window = tuple(
        a.reads - s.context for a, s in zip(axes, naive.shape.axes, strict=True)
    )
    return BlendedPlan(
        **known, window=window, stitching="naive", axes=axes, starts=starts
    )


def _blended_axis(
    axis: AxisSizes, window: int, overlap: float, border: Border, start: int, stop: int
) -> tuple[AxisPlan, tuple[int, ...]]:
    reads = axis.input_for(window)
    size = reads - axis.context
    low, high = _grid_start(axis, border, start) - axis.halo, stop + axis.halo
    interval = max(int(size * (1 - overlap)), 1)
    firsts = _shifted_back(low, high, size, interval)
    firsts = [n for n in firsts if n < stop and n + size > start]
    edges = {edge for n in firsts for edge in (n, n + size) if start < edge < stop}
    parts = list(pairwise(sorted(edges | {start, stop})))
    longest = max(b - a for a, b in parts)
    tiles = tuple(AxisTile(b - longest, a, b) for a, b in parts)  # ends are edges
    plan = AxisPlan(tiles, reads, axis.context // 2, 0, longest, start, stop)
    return plan, tuple(firsts)


def declared_plan(naive: TilePlan, halo: Sequence[int]) -> TilePlan:
    """Return tiles with a halo of any size, the last one shifted back to end in time.

    As ``bioimageio.core`` 0.11 does, where the halo is that of the package. What the
    last tile predicts is taken where it overlaps with the one before.

    Parameters
    ----------
    naive : TilePlan
        A tile keeps the fewest pixels that hold its window.
    halo : sequence of int
        Pixels to crop on each side, one value an axis.

    Raises
    ------
    ValueError
        If no input of the network is large enough for window and halo.
    """
    axes = tuple(
        _declared_axis(axis, window, each, naive.border, *bounds)
        for axis, window, each, bounds in zip(
            naive.shape.axes, naive.window, halo, naive.region, strict=True
        )
    )
    return replace(naive, window=tuple(axis.stride for axis in axes), axes=axes)


def _declared_axis(
    axis: AxisSizes, window: int, halo: int, border: Border, start: int, stop: int
) -> AxisPlan:
    reads = axis.input_for(window + 2 * halo)
    keeps = reads - axis.context - 2 * halo
    first = _grid_start(axis, border, start)
    firsts = _shifted_back(first, stop, keeps, keeps)
    tiles = tuple(
        AxisTile(a, max(a, start), b)
        for a, b in pairwise([*firsts, stop])
        if b > start  # before it nothing is predicted
    )
    return AxisPlan(tiles, reads, axis.context // 2 + halo, halo, keeps, start, stop)


def _shifted_back(low: int, high: int, size: int, interval: int) -> list[int]:
    """Return where tiles of a size begin; the last one ends at `high`."""
    if size >= high - low:
        return [low]
    return [*range(low, high - size, interval), high - size]


def _grid_start(axis: AxisSizes, border: Border, start: int) -> int:
    """Return the last pixel of the grid that is not behind `start`."""
    origin = origin_of(axis, border)
    return origin + (start - origin) // axis.period * axis.period
