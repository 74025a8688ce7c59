"""What each kind of edit makes of the labels of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.tiling import widened
from napari_shiftseg.mending.boxes import corner_of, holds_point, hull
from napari_shiftseg.mending.edits import (
    CannotAct,
    Delete,
    Edit,
    Grow,
    Merge,
    Paint,
    Redraw,
    Split,
)
from napari_shiftseg.mending.shapes import (
    as_bright,
    as_near,
    cut,
    grown,
    redrawn,
    stands_out,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.mending import Mending


@dataclass(frozen=True)
class Change:
    """What an edit does to the labels of a frame."""

    frame: Point  # position on the leading axes
    box: Box  # where, in pixels of the label image; one slice a spatial axis
    # labels of the box
    before: NDArray[np.integer]
    after: NDArray[np.integer]

    @property
    def place(self) -> tuple[Any, ...]:
        r"""Where it lies in the labels of a layer, ([leading,] \*spatial)."""
        return (*self.frame, *self.box)

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
        return frozenset(np.unique(self.values).tolist())

    def number_at(
        self, pixel: Point, labels: NDArray[np.integer], otherwise: int
    ) -> int:
        """Return a pixel's number in some labels of the box, if it lies in that.

        Parameters
        ----------
        pixel : tuple of int
            Of the label image.
        labels : ndarray of int
            `before` or `after`.
        otherwise : int
            The number of a pixel outside the box.
        """
        if not holds_point(self.box, pixel):
            return otherwise
        corner = corner_of(self.box)
        return int(labels[tuple(x - c for x, c in zip(pixel, corner, strict=True))])

    @classmethod
    def none(cls, frame: Point, labels: NDArray[np.integer]) -> Change:
        """Return the change that changes nothing: its box has no pixel.

        Parameters
        ----------
        frame : tuple of int
        labels : ndarray of int
            Of the frame.
        """
        box = (slice(0, 0),) * labels.ndim
        return cls(frame, box, labels[box].copy(), labels[box].copy())

    def reversed(self) -> Change:
        """Return the change that takes this one back."""
        return Change(self.frame, self.box, self.after, self.before)


@dataclass(frozen=True)
class Made:
    """An edit that acted."""

    edit: Edit
    change: Change  # what it did
    places: tuple[Point, ...]  # its points, in pixels of the label image

    @cached_property
    def pixels(self) -> NDArray[np.int64]:
        """These as an array, (points, axes)."""
        shape = len(self.places), len(self.change.box)
        return np.array(self.places, dtype=np.int64).reshape(shape)

    @cached_property
    def box(self) -> Box | None:
        """The smallest box that holds its points; None: it has none."""
        if not self.places:
            return None
        ends = self.pixels.min(axis=0), self.pixels.max(axis=0) + 1
        return tuple(map(slice, *(end.tolist() for end in ends)))

    def is_near(self, change: Change) -> bool:
        """Whether the box of its points and that of a change have a pixel in common."""
        return self.box is not None and all(
            a.start < b.stop and b.start < a.stop
            for a, b in zip(self.box, change.box, strict=True)
        )


def acted(mending: Mending, edit: Edit) -> tuple[Box, NDArray[np.integer]]:
    """Return where an edit would change labels, and the labels there after it.

    Parameters
    ----------
    mending : Mending
        It stays as it is.
    edit : Edit

    Raises
    ------
    CannotAct
        If the labels are not such that it could.
    """
    match edit:
        case Merge():
            return _merged(mending, edit)
        case Split():
            return _split(mending, edit)
        case Delete():
            return _recoloured(mending, mending.objects(edit.points), 0)
        case Redraw():
            return _redrawn(mending, edit)
        case Grow():
            return _grown(mending, edit)
        case Paint():
            return _painted(mending, edit)


def reach(mending: Mending, edit: Edit) -> float:
    """Return how many pixels an edit looks at; inf where only the work itself tells.

    Parameters
    ----------
    mending : Mending
    edit : Edit

    Raises
    ------
    CannotAct
        If there is no object, or a point lies outside the image.
    """
    match edit:
        case Redraw():
            return inf  # as far as the foreground goes on
        case Grow():
            box = _window(mending, *_start(mending, edit))
        case Paint():
            box = tuple(slice(0, n) for n in edit.shape)
        case _:
            box = hull(mending.boxes[number] for number in mending.objects(edit.points))
    return float(prod(along.stop - along.start for along in box))


def _merged(mending: Mending, edit: Merge) -> tuple[Box, NDArray[np.integer]]:
    numbers = mending.objects(edit.points)
    if len(numbers) < 2:
        raise CannotAct(
            f"{_share(mending, edit.points)} on object {numbers[0]}",
            "a merge needs 2 objects or more, click the other object too",
        )
    return _recoloured(mending, numbers[1:], numbers[0])


def _share(mending: Mending, points: Sequence[Point]) -> str:
    """Say how many points lie on objects: where these are one, it follows."""
    count, on = len(points), sum(number > 0 for number in mending.at(points))
    if on < count:
        return f"only {on} of {count} points {'lies' if on == 1 else 'lie'}"
    return "both points lie" if count == 2 else f"all {count} points lie"


def _recoloured(
    mending: Mending, numbers: Sequence[int], to: int
) -> tuple[Box, NDArray[np.integer]]:
    box = hull(mending.boxes[number] for number in numbers)
    after = mending.labels[box].copy()
    after[np.isin(after, numbers)] = to
    return box, after


def _split(mending: Mending, edit: Split) -> tuple[Box, NDArray[np.integer]]:
    seeds = [_seed(mending, i, seed) for i, seed in enumerate(edit.seeds, start=1)]
    owners = [sorted({int(mending.labels[x]) for x in seed}) for seed in seeds]
    numbers = sorted(set().union(*owners))
    box = hull(mending.boxes[number] for number in numbers)
    after, corner = mending.labels[box].copy(), corner_of(box)
    inside = np.isin(after, numbers)
    local = [
        [tuple(x - c for x, c in zip(p, corner, strict=True)) for p in seed]
        for seed in seeds
    ]
    embedding = np.asarray(mending.embedding[(slice(None), *box)])
    parts = cut(inside, embedding, mending.bandwidth, local)
    names = np.array([0, *_names(mending, owners)], dtype=after.dtype)
    after[inside] = names[parts[inside]]
    return box, after


def _seed(mending: Mending, number: int, seed: Sequence[Point]) -> list[Point]:
    """Return the pixels of a seed that lie on an object."""
    on = [p for p in map(mending.place, seed) if mending.labels[p]]
    if not on:
        raise CannotAct(
            f"seed {number} at {seed[0]} lies on background",
            "put every seed on the object to be split",
        )
    return on


def _names(mending: Mending, owners: Sequence[Sequence[int]]) -> list[int]:
    """Name the parts: an object's number to the first seed on it, else a new one.

    A number that would be left without a part goes to none.
    """
    taken: set[int] = set()
    names, new = [], mending.new_number()
    for numbers in owners:
        name = next((n for n in numbers if n not in taken), None)
        if name is None:
            name, new = new, mending.new_numbers.after(new)
        taken.add(name)
        names.append(name)
    mending.check_number(max(names))
    return names


def _redrawn(mending: Mending, edit: Redraw) -> tuple[Box, NDArray[np.integer]]:
    if mending.foreground is None:
        raise CannotAct(
            "an outline is redrawn to the foreground, which this model does not "
            "predict",
            "take a model with a foreground logit, or paint",
        )
    numbers = mending.objects(edit.points)
    boxes = [mending.boxes[number] for number in numbers]
    return redrawn(mending.labels, mending.foreground, numbers, boxes)


def _grown(mending: Mending, edit: Grow) -> tuple[Box, NDArray[np.integer]]:
    pixel, number = _start(mending, edit)
    window = _window(mending, pixel, number)
    after = mending.labels[window].copy()
    start = after == number
    if not number:
        start[...] = False
        start[tuple(x - s.start for x, s in zip(pixel, window, strict=True))] = True
    whole = grown(after, _similar(mending, window, start), start, mending.reach)
    if number and not (whole & ~start).any():
        raise CannotAct(
            f"object {number} has no free pixel like it beside it",
            "paint what is missing",
        )
    name = number or mending.new_number()
    mending.check_number(name)
    after[whole] = name
    return window, after


def _start(mending: Mending, edit: Grow) -> tuple[Point, int]:
    """Return the pixel to grow from in the arrays, and the number it carries."""
    pixel = mending.place(edit.point)
    number = int(mending.labels[pixel])
    if edit.new and number:
        raise CannotAct(
            f"{edit.point} lies on object {number}, a new one grows on background",
            "split the object, or let it grow",
        )
    if not (edit.new or number):
        raise CannotAct(
            f"{edit.point} lies on background",
            "click an object, or let a new one grow there",
        )
    if (
        not number
        and mending.logit is not None
        and not stands_out(mending.logit[pixel])
    ):
        raise CannotAct("nothing here stands out from the background", "paint it")
    return pixel, number


def _window(mending: Mending, pixel: Point, number: int) -> Box:
    """Return the box in which an object, or a pixel of background, can grow."""
    box = mending.boxes[number] if number else tuple(slice(x, x + 1) for x in pixel)
    return widened(box, mending.reach, mending.labels.shape)


def _similar(
    mending: Mending, window: Box, start: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which pixels are like those to grow from."""
    if mending.logit is not None:
        return as_bright(mending.logit[window], start)
    embedding = np.asarray(mending.embedding[(slice(None), *window)])
    return as_near(embedding, start, mending.bandwidth)


def _painted(mending: Mending, edit: Paint) -> tuple[Box, NDArray[np.integer]]:
    first = mending.place(edit.corner)
    last = tuple(c + n - 1 for c, n in zip(edit.corner, edit.shape, strict=True))
    mending.place(last)
    number = _painted_number(mending, edit)
    box = tuple(slice(x, x + n) for x, n in zip(first, edit.shape, strict=True))
    after = mending.labels[box].copy()
    after[edit.painted] = number
    return box, after


def _painted_number(mending: Mending, edit: Paint) -> int:
    if edit.to == "background":
        return 0
    if edit.to == "new":
        wished = edit.number
        is_free = wished is not None and wished not in mending.boxes
        number = wished if wished and is_free else mending.new_number()
        mending.check_number(number)
        return number
    return mending.objects(edit.points)[0]
