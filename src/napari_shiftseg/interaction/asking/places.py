"""Where a pixel lies: in the result, in which tile, at which phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.window import is_whole
from napari_shiftseg.geometry.words import by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.geometry.axis_plan import AxisPlan
    from napari_shiftseg.geometry.tiling import Region, TilePlan

AXES = ("z", "y", "x")  # of an image whose axes have no other names


@dataclass(frozen=True)
class Place:
    """Where a pixel lies; one value an axis.

    Attributes
    ----------
    pixel : tuple of int
        Of the image.
    index : tuple of int
        Of the result, which begins at ``plan.offset``.
    tile : tuple of int
        The tile that predicted it, counted from 0 along each axis.
    bounds : tuple of (int, int)
        What that tile keeps: image pixels, (start, stop).
    phase : tuple of int
        Its position in the raw output of that tile, modulo the period. Where tiles
        are exact, that is (x − context/2) mod p; in naive tiles it jumps at their
        borders.
    """

    pixel: tuple[int, ...]
    index: tuple[int, ...]
    tile: tuple[int, ...]
    bounds: Region
    phase: tuple[int, ...]


def place_of(plan: TilePlan, pixel: Sequence[int]) -> Place:
    """Return where a pixel of the image lies.

    Parameters
    ----------
    plan : TilePlan
        That was carried out.
    pixel : sequence of int
        Of the image, in array order.

    Raises
    ------
    ValueError
        If the pixel is not one of the image, or was not predicted.
    """
    at = _checked(plan, pixel)
    tiles = tuple(_tile_of(axis, x) for axis, x in zip(plan.axes, at, strict=True))
    kept = [axis.tiles[t] for axis, t in zip(plan.axes, tiles, strict=True)]
    return Place(
        pixel=at,
        index=tuple(x - start for x, start in zip(at, plan.offset, strict=True)),
        tile=tiles,
        bounds=tuple((tile.start, tile.stop) for tile in kept),
        phase=tuple(
            (x - tile.origin + axis.halo) % period
            for x, tile, axis, period in zip(
                at, kept, plan.axes, plan.shape.period, strict=True
            )
        ),
    )


def default_axes(ndim: int) -> tuple[str, ...]:
    """Return the names of the last axes: x, or y and x, or z, y and x."""
    return AXES[-ndim:]


def _tile_of(axis: AxisPlan, x: int) -> int:
    return next(i for i, tile in enumerate(axis.tiles) if x < tile.stop)


def _checked(plan: TilePlan, pixel: Sequence[int]) -> tuple[int, ...]:
    size = plan.image_shape
    if len(pixel) != len(size) or not all(is_whole(x) for x in pixel):
        raise ValueError(
            f"a pixel of this image has {len(size)} whole numbers, one an axis, got "
            f"{tuple(pixel)}: round the position, and leave out axes such as time"
        )
    at = tuple(int(x) for x in pixel)
    if not all(0 <= x < n for x, n in zip(at, size, strict=True)):
        raise ValueError(
            f"the pixel must lie in the image of {by(size)} pixels, got {at}: point at "
            f"the image"
        )
    if not all(a <= x < b for x, (a, b) in zip(at, plan.region, strict=True)):
        raise ValueError(
            f"the pixel must lie in what was predicted, {plan.region}, got {at}: "
            f"predict this part of the image too"
        )
    return at
