"""The objects of a frame while they are mended, edit by edit."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_shiftseg.mending.boxes import (
    box_of,
    corner_of,
    holds_points,
    hull,
    object_boxes,
)
from napari_shiftseg.mending.changes import Change, Made, acted
from napari_shiftseg.mending.edits import CannotAct, Edit, Paint
from napari_shiftseg.mending.shapes import reach_of
from napari_shiftseg.relabelling.numbers import NewNumbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.mending.boxes import Point


FROM_ONE = NewNumbers()
LOOKED_AT = 2**16  # pixels of an object, for its deepest one, which takes 10 ms


class Mending:
    r"""The objects of one image, or of one frame of a series, and the edits made.

    Edits act in their order, so that of two that contradict each other the newer wins.
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
    new_numbers : NewNumbers
        Of objects that edits make.

    Attributes
    ----------
    made : list of Made
        The edits, the oldest first.

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
        new_numbers: NewNumbers = FROM_ONE,
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
        self.new_numbers = new_numbers
        self.offset = tuple(offset or (0,) * labels.ndim)
        self.made: list[Made] = []

    @cached_property
    def boxes(self) -> dict[int, Box]:
        """Box of every object, by its number."""
        return object_boxes(self.labels)

    @cached_property
    def reach(self) -> int:
        """How far something grows among the objects as they are; see `reach_of`."""
        return reach_of(self.boxes.values())

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
        self.__dict__.pop("reach", None)

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
        return self.new_numbers.after(max(self.boxes, default=0))

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

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits made, the oldest first."""
        return tuple(made.edit for made in self.made)

    def copy(self) -> Mending:
        """Return the objects as they are now: what is done to them later is not seen.

        Embedding, foreground and logit are shared: nobody writes to them.
        """
        boxes, copied = dict(self.boxes), copy(self)
        copied.labels, copied.boxes = self.labels.copy(), boxes
        copied.made = list(self.made)
        return copied

    def move_to(self, labels: NDArray[np.integer]) -> None:
        """Go on in another array, which is given the present labels."""
        labels[...] = self.labels
        self.labels = labels

    def change_of(self, edit: Edit) -> Change:
        """Return what an edit would do now.

        Raises
        ------
        ValueError
            If it is of another frame.
        CannotAct
            If it lies outside the image or on background, for example.
        """
        if edit.frame != self.frame:
            raise ValueError(
                f"this is frame {self.frame}, the edit is of frame {edit.frame}: "
                f"give the position on the leading axes"
            )
        box, after = acted(self, edit)
        return Change(self.frame, box, self.labels[box].copy(), after)

    def make(self, edit: Edit) -> Change:
        """Make an edit, and return what it did; see `change_of`."""
        change = self.change_of(edit)
        self.labels[change.box] = change.after
        self.record(edit, change)
        return change

    def record(self, edit: Edit, change: Change) -> None:
        """Take an edit as made whose change stands in the labels already.

        Parameters
        ----------
        edit : Edit
        change : Change
        """
        self.note(change)
        self._add(edit, change)

    def take_back(self) -> Change:
        """Undo the newest edit, and return what that did.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not self.made:
            raise ValueError("no edit has been made: there is nothing to take back")
        change = self.made.pop().change.reversed()
        self.labels[change.box] = change.after
        self.note(change)
        return change

    def adopt(
        self, indices: Sequence[NDArray[np.integer]], before: NDArray[np.integer]
    ) -> tuple[Paint, ...]:
        """Take what others wrote into the labels (a brush, a fill) as edits.

        Parameters
        ----------
        indices : sequence of ndarray of int
            Of the pixels in the labels, one array an axis; of a pixel named twice the
            first value counts.
        before : ndarray of int
            Their labels before.

        Returns
        -------
        tuple of Paint
            One a label, made already.
        """
        whole = _change(self, indices, before)
        self.note(whole)
        edits, now = [], whole.before
        for number in np.unique(whole.values[1]).tolist():
            mask = (whole.after == number) & (whole.before != number)
            edit = _paint(self, whole, mask, number)
            after = np.where(mask, whole.after, now)
            self._add(edit, Change(self.frame, whole.box, now, after))
            edits.append(edit)
            now = after
        return tuple(edits)

    def replay(self, edits: Sequence[Edit]) -> dict[int, str]:
        """Make edits one after the other; see `replay`.

        Returns
        -------
        dict of int to str
            Edits, by their index, that could not act and are left out, and what was
            found in place of what they need. One that cannot act since what it asks
            for is so already is as good as made.
        """
        left_out = {}
        for index, edit in enumerate(edits):
            try:
                self.make(edit)
            except CannotAct as error:
                if self._holds_already(edit):
                    self._add(edit, Change.none(self.frame, self.labels))
                else:
                    left_out[index] = error.found
        return left_out

    def _holds_already(self, edit: Edit) -> bool:
        try:
            return edit.holds_already(self.at(edit.points))
        except CannotAct:  # outside the image
            return False

    def _add(self, edit: Edit, change: Change) -> None:
        places = tuple(self.place(point) for point in edit.points)
        self.made.append(Made(edit, change, places))


def _check(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise ValueError(
            f"labels and {name} must cover the same pixels, got {expected} and {shape}"
        )


def _change(
    mending: Mending,
    indices: Sequence[NDArray[np.integer]],
    before: NDArray[np.integer],
) -> Change:
    """Return the change that others made to pixels of a frame."""
    box = tuple(slice(int(x.min()), int(x.max()) + 1) for x in indices)
    after = mending.labels[box].copy()
    known, corner = after.copy(), corner_of(box)
    local = tuple(x[::-1] - c for x, c in zip(indices, corner, strict=True))
    known[local] = before[::-1]  # of a pixel painted twice the first value stays
    return Change(mending.frame, box, known, after)


def _paint(
    mending: Mending, whole: Change, mask: NDArray[np.bool_], number: int
) -> Paint:
    """Describe painted pixels by a pixel of the object elsewhere, if there is one."""
    corner = tuple(s.start + o for s, o in zip(whole.box, mending.offset, strict=True))
    if not number:
        return Paint.of(mask, corner, "background", frame=mending.frame)
    anchor = _middle(mending, whole, number)
    if anchor is None:
        return Paint.of(mask, corner, "new", number, mending.frame)
    return Paint.of(mask, corner, anchor, frame=mending.frame)


def _middle(mending: Mending, whole: Change, number: int) -> Point | None:
    """Return the deepest pixel of an object that a change left as it was."""
    box = mending.boxes[number]
    kept = mending.labels[box] == number
    changed = np.stack(whole.indices[len(whole.frame) :], axis=1)
    changed = changed[holds_points(box, changed)] - corner_of(box)
    kept[tuple(changed.T)] = False
    deepest = _deepest(kept)
    if deepest is None:
        return None
    starts = zip(deepest, box, mending.offset, strict=True)
    return tuple(x + s.start + o for x, s, o in starts)


def _deepest(kept: NDArray[np.bool_]) -> Point | None:
    """Return the deepest true pixel; of a large array, of a grid of its pixels."""
    step = ceil((kept.size / LOOKED_AT) ** (1 / kept.ndim))
    grid = kept[(slice(None, None, step),) * kept.ndim]
    if grid.any():
        depth = ndimage.distance_transform_edt(np.pad(grid, 1))
        deepest = np.unravel_index(depth.argmax(), depth.shape)
        return tuple((int(x) - 1) * step for x in deepest)
    there = np.flatnonzero(kept)  # a line between those of the grid, if any is left
    if not len(there):
        return None
    return tuple(map(int, np.unravel_index(there[len(there) // 2], kept.shape)))
