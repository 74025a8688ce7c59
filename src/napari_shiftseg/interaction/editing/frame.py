"""One image whose objects are being mended."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.interaction.editing.boxes import (
    Box,
    box_of,
    corner_of,
    hull,
    object_boxes,
    widened,
)
from napari_shiftseg.interaction.editing.cut import cut
from napari_shiftseg.interaction.editing.edits import (
    Delete,
    Grow,
    Merge,
    Paint,
    Redraw,
    Split,
)
from napari_shiftseg.interaction.editing.growth import (
    as_bright,
    as_near,
    grown,
    reach_of,
)
from napari_shiftseg.interaction.editing.outline import redrawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.interaction.editing.edits import Edit, Point


@dataclass(frozen=True)
class Change:
    r"""What an edit does to the labels of a frame.

    Attributes
    ----------
    frame : tuple of int
        Position on the leading axes.
    box : tuple of slice
        Where, in pixels of the label image; one slice a spatial axis.
    before, after : ndarray of int
        Labels of the box.
    """

    frame: Point
    box: Box
    before: NDArray[np.integer]
    after: NDArray[np.integer]

    @property
    def pixels(self) -> int:
        """How many pixels have another label than before."""
        return int(np.count_nonzero(self.before != self.after))

    @property
    def indices(self) -> tuple[NDArray[np.int64], ...]:
        """Where these pixels lie, one array an axis of the label image."""
        changed = np.nonzero(self.before != self.after)
        leading = (np.full(len(changed[0]), at) for at in self.frame)
        spatial = (x + s.start for x, s in zip(changed, self.box, strict=True))
        return (*leading, *spatial)

    @property
    def values(self) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Labels of these pixels before and after."""
        changed = self.before != self.after
        return self.before[changed], self.after[changed]

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Objects that gain or lose pixels by it; 0 where background does."""
        changed = self.before != self.after
        pair = self.before[changed], self.after[changed]
        return frozenset(np.unique(pair).tolist())

    def reversed(self) -> Change:
        """Return the change that takes this one back."""
        return Change(self.frame, self.box, self.after, self.before)


class MendedFrame:
    r"""One image whose objects are being mended, and where each of them lies.

    An edit looks only at the box of what it touches, so that it costs the same in an
    image of any size.

    Parameters
    ----------
    labels : ndarray of int
        (\\*spatial), 0 is background; written to.
    embedding : array
        (channels, \\*spatial); boxes of it are read. Of unit length for the kernel
        "von-mises-fisher".
    foreground : ndarray of bool, optional
        (\\*spatial)
    bandwidth : float
        Of the mean shift, in units of the embedding.
    offset : sequence of int, optional
        Pixel of the frame at which these arrays begin, as `TilePlan.offset`.
    frame : tuple of int
        Position on the leading axes.
    logit : ndarray, optional
        (\\*spatial), of the foreground.

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

    def change_of(self, edit: Edit) -> Change:
        """Return what an edit would do now.

        Raises
        ------
        ValueError
            If it cannot act; the error says what it lacks.
        """
        box, after = self._acted(edit)
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
        ValueError
            If one of them lies outside the image.
        """
        return [int(self.labels[self.place(point)]) for point in points]

    def place(self, point: Point) -> Point:
        """Return where a pixel of the frame lies in the arrays.

        Raises
        ------
        ValueError
            If it lies outside them.
        """
        shape = self.labels.shape
        if len(point) != len(shape):
            raise ValueError(
                f"the position {point} has {len(point)} axes, the image {len(shape)}: "
                f"give positions in pixels of a frame"
            )
        here = tuple(x - o for x, o in zip(point, self.offset, strict=True))
        if not all(0 <= x < n for x, n in zip(here, shape, strict=True)):
            reach = " × ".join(
                f"{o} to {o + n - 1}" for o, n in zip(self.offset, shape, strict=True)
            )
            raise ValueError(
                f"{point} lies outside the image, whose pixels are {reach}: choose a "
                f"pixel in it"
            )
        return here

    def _acted(self, edit: Edit) -> tuple[Box, NDArray[np.integer]]:
        match edit:
            case Merge():
                return self._merged(edit)
            case Split():
                return self._split(edit)
            case Delete():
                return self._recoloured(self._objects(edit.points), 0)
            case Redraw():
                return self._redrawn(edit)
            case Grow():
                return self._grown(edit)
            case Paint():
                return self._painted(edit)

    def _merged(self, edit: Merge) -> tuple[Box, NDArray[np.integer]]:
        numbers = self._objects(edit.points)
        if len(numbers) < 2:
            raise ValueError(
                f"a merge needs points on 2 objects or more, all of these lie on "
                f"object {numbers[0]}: click the other object too"
            )
        return self._recoloured(numbers[1:], numbers[0])

    def _split(self, edit: Split) -> tuple[Box, NDArray[np.integer]]:
        seeds = [self._seed(i, seed) for i, seed in enumerate(edit.seeds, start=1)]
        owners = [sorted({int(self.labels[x]) for x in seed}) for seed in seeds]
        numbers = sorted(set().union(*owners))
        box = hull(self.boxes[number] for number in numbers)
        after, corner = self.labels[box].copy(), corner_of(box)
        inside = np.isin(after, numbers)
        local = [
            [tuple(x - c for x, c in zip(p, corner, strict=True)) for p in seed]
            for seed in seeds
        ]
        embedding = np.asarray(self.embedding[(slice(None), *box)])
        parts = cut(inside, embedding, self.bandwidth, local)
        names = np.array([0, *self._names(owners)], dtype=after.dtype)
        after[inside] = names[parts[inside]]
        return box, after

    def _names(self, owners: Sequence[Sequence[int]]) -> list[int]:
        """Name the parts: an object's number to the first seed on it, else a new one.

        A number that would be left without a part goes to none.
        """
        taken: set[int] = set()
        names, new = [], self._new_number()
        for numbers in owners:
            name = next((n for n in numbers if n not in taken), None)
            if name is None:
                name, new = new, new + 1
            taken.add(name)
            names.append(name)
        self._check_number(max(names))
        return names

    def _redrawn(self, edit: Redraw) -> tuple[Box, NDArray[np.integer]]:
        if self.foreground is None:
            raise ValueError(
                "an outline is redrawn to the foreground, which this model does not "
                "predict: take a model with a foreground logit, or paint"
            )
        numbers = self._objects(edit.points)
        boxes = [self.boxes[number] for number in numbers]
        return redrawn(self.labels, self.foreground, numbers, boxes)

    def _grown(self, edit: Grow) -> tuple[Box, NDArray[np.integer]]:
        pixel, number = self._start(edit)
        reach = reach_of(self.boxes.values())
        box = self.boxes[number] if number else tuple(slice(x, x + 1) for x in pixel)
        window = widened(box, reach, self.labels.shape)
        after = self.labels[window].copy()
        start = after == number
        if not number:
            start[...] = False
            start[tuple(x - s.start for x, s in zip(pixel, window, strict=True))] = True
        whole = grown(after, self._similar(window, start), start, reach)
        if number and not (whole & ~start).any():
            raise ValueError(
                f"object {number} finds no pixel like it around it that is free: "
                f"brush what it lacks"
            )
        name = number or self._new_number()
        self._check_number(name)
        after[whole] = name
        return window, after

    def _start(self, edit: Grow) -> tuple[Point, int]:
        """Return the pixel to grow from in the arrays, and the number it carries."""
        pixel = self.place(edit.point)
        number = int(self.labels[pixel])
        if edit.new and number:
            raise ValueError(
                f"{edit.point} lies on object {number}, a new one grows on background: "
                f"split the object, or let it grow"
            )
        if not (edit.new or number):
            raise ValueError(
                f"{edit.point} lies on background: click an object, or let a new one "
                f"grow there"
            )
        return pixel, number

    def _similar(self, window: Box, start: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which pixels are like those to grow from."""
        if self.logit is not None:
            return as_bright(self.logit[window], start)
        embedding = np.asarray(self.embedding[(slice(None), *window)])
        return as_near(embedding, start, self.bandwidth)

    def _painted(self, edit: Paint) -> tuple[Box, NDArray[np.integer]]:
        first = self.place(edit.corner)
        last = tuple(c + n - 1 for c, n in zip(edit.corner, edit.shape, strict=True))
        self.place(last)
        number = self._painted_number(edit)
        box = tuple(slice(x, x + n) for x, n in zip(first, edit.shape, strict=True))
        after = self.labels[box].copy()
        after[edit.painted] = number
        return box, after

    def _painted_number(self, edit: Paint) -> int:
        if edit.to == "background":
            return 0
        if edit.to == "new":
            wished = edit.number
            is_free = wished is not None and wished not in self.boxes
            number = wished if wished and is_free else self._new_number()
            self._check_number(number)
            return number
        return self._objects(edit.points)[0]

    def _recoloured(
        self, numbers: Sequence[int], to: int
    ) -> tuple[Box, NDArray[np.integer]]:
        box = hull(self.boxes[number] for number in numbers)
        after = self.labels[box].copy()
        after[np.isin(after, numbers)] = to
        return box, after

    def _objects(self, points: Sequence[Point]) -> list[int]:
        """Return the numbers of the objects under the points, the lowest first."""
        numbers = sorted({*self.at(points)} - {0})
        if not numbers:
            where = f"{points[0]} lies" if len(points) == 1 else "all points lie"
            raise ValueError(f"{where} on background: click an object")
        return numbers

    def _seed(self, number: int, seed: Sequence[Point]) -> list[Point]:
        """Return the pixels of a seed that lie on an object."""
        on = [p for p in map(self.place, seed) if self.labels[p]]
        if not on:
            raise ValueError(
                f"seed {number} at {seed[0]} lies on background: put every seed on the "
                f"object to be split"
            )
        return on

    def _new_number(self) -> int:
        return max(self.boxes, default=0) + 1

    def _check_number(self, number: int) -> None:
        highest = np.iinfo(self.labels.dtype).max
        if number > highest:
            raise ValueError(
                f"labels of the type {self.labels.dtype} end at {highest}, {number} is "
                f"needed: convert them, for example to int32"
            )


def _check(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise ValueError(
            f"labels and {name} must cover the same pixels, got {expected} and {shape}"
        )
