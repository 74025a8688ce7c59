"""Positions of pixels: checked when an edit is made, and put into words."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from napari_shiftseg.geometry.foreign_text import brief
from napari_shiftseg.geometry.window import is_whole

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
