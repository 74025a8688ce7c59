"""One image whose objects are being mended."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.mending.boxes import (
    box_of,
    corner_of,
    hull,
    object_boxes,
)
from napari_shiftseg.mending.changes import Change, acted
from napari_shiftseg.mending.edits import CannotAct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edits import Edit


class MendedFrame:
    r"""One image whose objects are being mended, and where each of them lies.

    An edit looks only at the box of what it touches, so that it costs the same in an
    image of any size.

    Parameters
    ----------
    labels : ndarray of int
        (\*spatial), 0 is background; written to.
    embedding : array
        (channels, \*spatial); boxes of it are read. Of unit length for the kernel
        "von-mises-fisher".
    foreground : ndarray of bool, optional
        (\*spatial)
    bandwidth : float
        Of the mean shift, in units of the embedding.
    offset : sequence of int, optional
        Pixel of the frame at which these arrays begin, as `TilePlan.offset`.
    frame : tuple of int
        Position on the leading axes.
    logit : ndarray, optional
        (\*spatial), of the foreground.

    Raises
    ------
    ValueError
        If the arrays do not cover the same pixels, or the bandwidth is not above 0.
    """

    def __init__(
        self,
        labels: NDArray[np.integer],
        embedding: Any,
        foreground: NDArray[np.bool_] | None = None,
        bandwidth: float = 1.0,
        offset: Sequence[int] | None = None,
        frame: Point = (),
        logit: NDArray[Any] | None = None,
    ) -> None:
        _check("embedding", tuple(embedding.shape)[1:], labels.shape)
        if foreground is not None:
            _check("foreground", foreground.shape, labels.shape)
        if logit is not None:
            _check("logit", logit.shape, labels.shape)
        if not bandwidth > 0:
            raise ValueError(f"the bandwidth must be above 0, got {bandwidth}")
        self.labels, self.embedding = labels, embedding
        self.foreground, self.logit = foreground, logit
        self.bandwidth, self.frame = bandwidth, frame
        self.offset = tuple(offset or (0,) * labels.ndim)

    @cached_property
    def boxes(self) -> dict[int, Box]:
        """Box of every object, by its number."""
        return object_boxes(self.labels)

    def copy(self) -> MendedFrame:
        """Return a frame whose labels stay as they are now."""
        boxes, copied = dict(self.boxes), copy(self)
        copied.labels, copied.boxes = self.labels.copy(), boxes
        return copied

    def change_of(self, edit: Edit) -> Change:
        """Return what an edit would do now.

        Raises
        ------
        CannotAct
            If it cannot; the error says what was found, and what to do.
        """
        box, after = acted(self, edit)
        return Change(self.frame, box, self.labels[box].copy(), after)

    def apply(self, edit: Edit) -> Change:
        """Let an edit act, and return what it did; see `change_of`."""
        change = self.change_of(edit)
        self.labels[change.box] = change.after
        self.note(change)
        return change

    def note(self, change: Change) -> None:
        """Learn of a change that stands in the labels already: an undo, a brush."""
        for number in sorted(change.numbers - {0}):
            known = self.boxes.get(number)
            around = hull((known, change.box)) if known else change.box
            found = box_of(self.labels[around] == number, corner_of(around))
            if found:
                self.boxes[number] = found
            else:
                self.boxes.pop(number, None)

    def at(self, points: Sequence[Point]) -> list[int]:
        """Return the numbers that pixels of the frame carry; 0 is background.

        Raises
        ------
        CannotAct
            If one of them lies outside the image.
        """
        return [int(self.labels[self.place(point)]) for point in points]

    def place(self, point: Point) -> Point:
        """Return where a pixel of the frame lies in the arrays.

        Raises
        ------
        CannotAct
            If it lies outside them.
        """
        shape = self.labels.shape
        if len(point) != len(shape):
            raise CannotAct(
                f"the position {point} has {len(point)} axes, the image {len(shape)}",
                "give positions in pixels of a frame",
            )
        here = tuple(x - o for x, o in zip(point, self.offset, strict=True))
        if not all(0 <= x < n for x, n in zip(here, shape, strict=True)):
            reach = " × ".join(
                f"{o} to {o + n - 1}" for o, n in zip(self.offset, shape, strict=True)
            )
            raise CannotAct(
                f"{point} lies outside the image, whose pixels are {reach}",
                "choose a pixel in it",
            )
        return here

    def objects(self, points: Sequence[Point]) -> list[int]:
        """Return the numbers of the objects under the points, the lowest first.

        Raises
        ------
        CannotAct
            If there is none, or a point lies outside the image.
        """
        numbers = sorted({*self.at(points)} - {0})
        if not numbers:
            where = f"{points[0]} lies" if len(points) == 1 else "all points lie"
            raise CannotAct(f"{where} on background", "click an object")
        return numbers

    def new_number(self) -> int:
        """Return the number that the next new object takes."""
        return max(self.boxes, default=0) + 1

    def check_number(self, number: int) -> None:
        """Refuse a number that the labels cannot hold.

        Raises
        ------
        CannotAct
            If it is beyond their type.
        """
        highest = np.iinfo(self.labels.dtype).max
        if number > highest:
            raise CannotAct(
                f"labels of the type {self.labels.dtype} end at {highest}, {number} is "
                f"needed",
                "convert them, for example to int32",
            )


def _check(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise ValueError(
            f"labels and {name} must cover the same pixels, got {expected} and {shape}"
        )
