"""Where tiles meet on something: the part of an image on which they are tested."""

from __future__ import annotations

from itertools import product
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.stores.image import Image

QUIET = 0.05  # of what is read as 0 … 1, the spread of a part that is nearly empty
MOST_CORNERS = {1: 64, 2: 8, 3: 4}  # that are looked at along an axis, by axes


def corner_with_content(plan: TilePlan, image: Image) -> Region:
    """Return a stride of pixels around a tile border of each axis, where something is.

    The tile corner nearest to the middle of the image, and nothing else is read; where
    grey values there hardly spread, that around which they spread most, of some corners
    all over the image. An axis that no border crosses is taken whole.

    Parameters
    ----------
    plan : TilePlan
        Of all of the image.
    image : Image
    """
    corners = _corners(plan)
    middle = next(corners)
    if _spread(image, middle) >= QUIET:
        return middle
    return max((middle, *corners), key=lambda region: _spread(image, region))


def _corners(plan: TilePlan) -> Iterator[Region]:
    """Yield the region around the middle corner, then those around others."""
    middle, each = [], []
    for axis, tiles, size in zip(
        plan.shape.axes, plan.axes, plan.image_shape, strict=True
    ):
        half = ceil(tiles.stride / (2 * axis.period)) * axis.period
        borders = tiles.boundaries
        if not borders:
            middle.append((0, size))
            each.append([(0, size)])
            continue
        step = ceil(len(borders) / MOST_CORNERS[len(plan.axes)])
        nearest = min(borders, key=lambda at: abs(2 * at - size))
        middle.append((nearest - half, nearest + half))
        each.append([(at - half, at + half) for at in borders[::step]])
    yield tuple(middle)
    yield from product(*each)


def _spread(image: Image, region: Region) -> float:
    """Return the standard deviation of grey values; 0 where some cannot be read."""
    try:
        pixels = image.read(region, np.dtype(np.float32))
    except ValueError:  # it is said of the part that is taken
        return 0.0
    return float(pixels.std(axis=tuple(range(1, pixels.ndim))).max())
