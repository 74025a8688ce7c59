"""The tile grid as lines."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region, TilePlan


GRID_COLOUR = "#ffd166"
READ_COLOUR = "#06d6a0"
LINES_ACROSS = 600  # a line is at least this part of the image wide
MOST_LINES = 20_000  # of a layer that can still be drawn


def line_count(plan: TilePlan) -> int:
    """Return how many lines `grid_lines` has."""
    flat = sum(len(axis.tiles) + 1 for axis in plan.axes[-2:])
    return flat * prod(plan.output_shape[:-2])


def line_width(plan: TilePlan) -> float:
    """Return a width, in pixels, that is seen when the whole image is."""
    return max(0.5, max(plan.image_shape) / LINES_ACROSS)


def grid_style(plan: TilePlan, thinner: float = 1) -> dict[str, Any]:
    """Return the looks of `grid_lines`, as keywords of a layer of vectors."""
    return {
        "edge_color": GRID_COLOUR,
        "edge_width": line_width(plan) / thinner,
        "vector_style": "line",
    }


def too_many_lines(*plans: TilePlan) -> str:
    """Say that a grid is left out since it cannot be drawn; empty if it can."""
    most = max(line_count(plan) for plan in plans)
    if most <= MOST_LINES:
        return ""
    return f"The tile grid is left out: {most:,} lines are too many to be drawn."


def grid_lines(plan: TilePlan) -> NDArray[np.float64]:
    """Return the borders of all tiles, in image pixels.

    Returns
    -------
    ndarray
        (lines, 2, axes): begin and extent of each line, as napari's vectors. In 3-D
        the borders along y and x are drawn in every plane.
    """
    edges = [
        [plan.region[axis][0], *(b + plan.offset[axis] for b in boundaries), stop]
        for axis, (boundaries, (_, stop)) in enumerate(
            zip(plan.boundaries, plan.region, strict=True)
        )
    ]
    flat = [_line(plan.region, axis, edge) for axis in (-2, -1) for edge in edges[axis]]
    return in_every_plane(np.array(flat), plan.region[:-2])


def tile_outline(plan: TilePlan) -> NDArray[np.float64]:
    """Return the outline of what the middle tile reads; see `grid_lines`."""
    tiles = [axis.tiles[len(axis.tiles) // 2] for axis in plan.axes]
    reads = tuple(
        (tile.origin - axis.lead, tile.origin - axis.lead + axis.reads)
        for tile, axis in zip(tiles, plan.axes, strict=True)
    )
    outline = [_line(reads, axis, edge) for axis in (-2, -1) for edge in reads[axis]]
    return in_every_plane(np.array(outline), plan.region[:-2])


def _line(region: Region, axis: int, edge: int) -> NDArray[np.float64]:
    """Return a border across the region's last two axes, before pixel `edge` of one."""
    begin = np.array([start for start, _ in region[-2:]]) - 0.5
    extent = np.array([float(stop - start) for start, stop in region[-2:]])
    begin[axis], extent[axis] = edge - 0.5, 0
    return np.stack([begin, extent])


def in_every_plane(
    lines: NDArray[np.float64], planes: Sequence[tuple[int, int]]
) -> NDArray[np.float64]:
    """Repeat lines (n, 2, 2) at every position of the leading axes."""
    repeated = []
    for position in product(*(range(*bounds) for bounds in planes)):
        lead = np.zeros((*lines.shape[:2], len(position)))
        lead[:, 0] = position
        repeated.append(np.concatenate([lead, lines], axis=2))
    return np.concatenate(repeated)
