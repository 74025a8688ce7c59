"""Boxes, points and runs of pixels: the part of a frame that an edit touches."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field
from scipy import ndimage

from napari_shiftseg.geometry.window import is_whole
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box


Whole = Annotated[int, Field(strict=True)]
Point = tuple[Whole, ...]
Points = tuple[Point, ...]

BEYOND = 2**31  # pixels along any axis of any image
SHOWN = 4  # positions named in the description of an edit


def point_of(position: Any) -> Point:
    """Return a position as plain whole numbers.

    Raises
    ------
    ValueError
        If it is no pixel of any image.
    """
    known = tuple(position)
    if not all(is_whole(x) and 0 <= x < BEYOND for x in known):
        raise ValueError(
            f"a position is whole pixels from 0 upward, got {brief(known)}: round it, "
            f"and leave out what is outside the image"
        )
    return tuple(int(x) for x in known)


def points_of(positions: Any) -> Points:
    """Return positions as plain whole numbers, one tuple a pixel.

    Raises
    ------
    ValueError
        If there is none, or they are no pixels of one image.
    """
    known = tuple(point_of(position) for position in positions)
    if not known or not all(known):
        raise ValueError(f"an edit needs the position of a pixel, got {brief(known)}")
    if len({len(point) for point in known}) > 1:
        raise ValueError(
            f"positions must have one number of axes, got {listed(known)}: give them "
            f"in pixels of the frame"
        )
    return known


def listed(points: Points) -> str:
    """Return the first positions and the last one in words."""
    shown = points if len(points) <= SHOWN else (*points[: SHOWN - 1], points[-1])
    words = [str(point) for point in shown]
    return ", ".join([*words[:-1], "…", words[-1]] if len(points) > SHOWN else words)


def of_frame(frame: Point) -> str:
    """Return the position on the leading axes in words; nothing for a single image."""
    return f" of frame {', '.join(map(str, frame))}" if frame else ""


Runs = tuple[tuple[int, int], ...]


def runs_of(mask: NDArray[np.bool_]) -> Runs:
    """Return start and length of the runs of true values, the array read line by line.

    The mask ``[[0, 1, 1], [1, 0, 1]]`` has the runs (1, 3) and (5, 1).
    """
    edges = np.diff(mask.ravel().astype(np.int8), prepend=0, append=0)
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple(zip(starts.tolist(), (stops - starts).tolist(), strict=True))


def mask_of(runs: Iterable[tuple[int, int]], shape: Sequence[int]) -> NDArray[np.bool_]:
    """Return the array of this shape that has these runs; see `runs_of`.

    Parameters
    ----------
    runs : iterable of (int, int)
        Start and length.
    shape : sequence of int
    """
    mask = np.zeros(prod(shape), dtype=bool)
    for start, length in runs:
        mask[start : start + length] = True
    return mask.reshape(shape)


def check_runs(runs: Iterable[Iterable[Any]], shape: Sequence[int]) -> Runs:
    """Return runs that a box of this shape can have.

    Parameters
    ----------
    runs : iterable of (int, int)
        Start and length.
    shape : sequence of int
        Of the box.

    Raises
    ------
    ValueError
        If there is none, or they are not in order, apart and inside.
    """
    known, end = tuple(tuple(run) for run in runs), 0
    for run in known:
        is_run = len(run) == 2 and all(is_whole(n) for n in run) and run[1] > 0
        if not is_run or run[0] < end:
            raise ValueError(
                f"runs are a start and a length of 1 pixel or more, in order and "
                f"apart, got {brief(run)}"
            )
        end = run[0] + run[1]
    if not 0 < end <= prod(shape):
        raise ValueError(
            f"runs must cover 1 pixel or more of the {brief(prod(shape))} of their "
            f"box, got {brief(known) if known else 'none'}"
        )
    return tuple((int(start), int(length)) for start, length in known)


def object_boxes(labels: NDArray[np.integer]) -> dict[int, Box]:
    """Return the smallest box of every object, by its number."""
    numbers, index = np.unique(labels, return_inverse=True)
    known = ndimage.find_objects(index.reshape(labels.shape) + 1)
    pairs = zip(numbers.tolist(), known, strict=True)
    return {number: box for number, box in pairs if number}


def box_of(mask: NDArray[np.bool_], corner: Sequence[int] | None = None) -> Box | None:
    """Return the smallest box of the true pixels, of an array that begins at `corner`.

    None if there are none.

    Parameters
    ----------
    mask : ndarray of bool
    corner : sequence of int, optional
        Pixel at which the mask begins; the first one by default.
    """
    start, box = corner or (0,) * mask.ndim, []
    for axis, first in enumerate(start):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        there = np.flatnonzero(mask.any(axis=others))
        if not len(there):
            return None
        box.append(slice(first + int(there[0]), first + int(there[-1]) + 1))
    return tuple(box)


def hull(boxes: Iterable[Box]) -> Box:
    """Return the smallest box that holds all boxes."""
    return tuple(
        slice(min(s.start for s in axis), max(s.stop for s in axis))
        for axis in zip(*boxes, strict=True)
    )


def corner_of(box: Box) -> tuple[int, ...]:
    """Return the first pixel of a box."""
    return tuple(s.start for s in box)


def holds_point(box: Box, point: Sequence[int]) -> bool:
    """Whether a pixel lies in a box.

    Parameters
    ----------
    box : tuple of slice
    point : sequence of int
    """
    return all(s.start <= x < s.stop for s, x in zip(box, point, strict=True))


def holds_points(box: Box, pixels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Whether pixels lie in a box, (points,).

    Parameters
    ----------
    box : Box
    pixels : ndarray of int
        (points, axes)
    """
    stops = [along.stop for along in box]
    inside = (pixels >= corner_of(box)) & (pixels < stops)
    return np.asarray(inside.all(axis=1))
