"""The tiles along one axis: an exact partition on one global grid.

The phase of image pixel x is (x − context/2) mod p, in every border mode and for
every region, so all predictions agree wherever the image itself gives the context.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from napari_shiftseg.geometry.unet_shape import AxisShape

Stitching = Literal["cropped", "naive", "whole"]
Border = Literal["mirror", "valid"]


@dataclass(frozen=True, slots=True)
class AxisTile:
    """What one tile keeps along one axis, in image pixels.

    The raw output (halo removed) begins at `origin`; of it [`start`, `stop`) is kept.
    """

    origin: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class AxisPlan:
    """The tiles along one axis.

    Attributes
    ----------
    tiles : tuple of AxisTile
        In order; what they keep is a partition of [`start`, `stop`).
    reads : int
        Legal input of every tile, in pixels.
    lead : int
        Pixels a tile reads before its origin: context/2 plus the halo.
    halo : int
        Raw-output pixels to crop on each side before the origin counts.
    stride : int
        What a tile keeps.
    start, stop : int
        The predicted part of the axis, in image pixels.
    """

    tiles: tuple[AxisTile, ...]
    reads: int
    lead: int
    halo: int
    stride: int
    start: int
    stop: int

    @property
    def boundaries(self) -> tuple[int, ...]:
        """First pixel of every tile but the first, counted from `start`."""
        return tuple(tile.start - self.start for tile in self.tiles[1:])


def kept(axis: AxisShape, window: int, stitching: Stitching) -> int:
    """Return the stride along one axis: what a tile of this window keeps."""
    if stitching == "naive":
        return window
    return max(window // axis.period, 1) * axis.period


def plan_axis(
    axis: AxisShape,
    window: int,
    stitching: Stitching,
    border: Border,
    start: int,
    stop: int,
) -> AxisPlan:
    """Plan the tiles that predict [`start`, `stop`) of one axis."""
    halo = 0 if stitching == "naive" else axis.halo
    origin = origin_of(axis, border)
    if stitching == "whole":
        origin += (start - origin) // axis.period * axis.period
        stride = stop - origin
    else:
        stride = kept(axis, window, stitching)
        origin += (start - origin) // stride * stride
    edges = [*range(origin, stop, stride), stop]
    tiles = tuple(AxisTile(a, max(a, start), b) for a, b in pairwise(edges))
    longest = min(stride, stop - origin)
    reads = axis.input_for(longest + 2 * halo)
    return AxisPlan(tiles, reads, axis.context // 2 + halo, halo, stride, start, stop)


def origin_of(axis: AxisShape, border: Border) -> int:
    """First pixel of the grid: phase 0, at or before the first predicted pixel."""
    reach = axis.context // 2 + axis.halo
    if border == "valid":
        return reach
    return reach - ceil(reach / axis.period) * axis.period


def extent_of(
    axis: AxisShape, size: int, border: Border, number: int
) -> tuple[int, int]:
    """Pixels that can be predicted along one axis: (start, stop)."""
    if border == "mirror":
        return 0, size
    reach = axis.context // 2 + axis.halo
    legal = axis.largest_legal(size)
    if legal is None or legal <= 2 * reach:
        raise ValueError(
            f'border="valid" needs at least {axis.input_for(1 + 2 * axis.halo)} pixels '
            f"along axis {number}, the image has {size}: "
            f'take border="mirror" or a larger image'
        )
    return reach, legal - reach
