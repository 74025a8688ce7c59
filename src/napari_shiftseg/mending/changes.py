"""What each kind of edit makes of the labels of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.mending.boxes import corner_of, hull, widened
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
    reach_of,
    redrawn,
    stands_out,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.frame import MendedFrame


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

    @classmethod
    def none(cls, frame: Point, labels: NDArray[np.integer]) -> Change:
        """Return the change that changes nothing: its box has no pixel."""
        box = (slice(0, 0),) * labels.ndim
        return cls(frame, box, labels[box].copy(), labels[box].copy())

    def reversed(self) -> Change:
        """Return the change that takes this one back."""
        return Change(self.frame, self.box, self.after, self.before)


def acted(frame: MendedFrame, edit: Edit) -> tuple[Box, NDArray[np.integer]]:
    """Return where an edit would change labels, and the labels there after it.

    Parameters
    ----------
    frame : MendedFrame
        It stays as it is.
    edit : Edit

    Raises
    ------
    CannotAct
        If the labels are not such that it could.
    """
    match edit:
        case Merge():
            return _merged(frame, edit)
        case Split():
            return _split(frame, edit)
        case Delete():
            return _recoloured(frame, frame.objects(edit.points), 0)
        case Redraw():
            return _redrawn(frame, edit)
        case Grow():
            return _grown(frame, edit)
        case Paint():
            return _painted(frame, edit)


def reach(frame: MendedFrame, edit: Edit) -> float:
    """Return how many pixels an edit looks at; inf where only the work itself tells.

    Parameters
    ----------
    frame : MendedFrame
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
            box = _window(frame, *_start(frame, edit))
        case Paint():
            box = tuple(slice(0, n) for n in edit.shape)
        case _:
            box = hull(frame.boxes[number] for number in frame.objects(edit.points))
    return float(prod(along.stop - along.start for along in box))


def _merged(frame: MendedFrame, edit: Merge) -> tuple[Box, NDArray[np.integer]]:
    numbers = frame.objects(edit.points)
    if len(numbers) < 2:
        raise CannotAct(
            f"{_share(frame, edit.points)} on object {numbers[0]}",
            "a merge needs 2 objects or more, click the other object too",
        )
    return _recoloured(frame, numbers[1:], numbers[0])


def _share(frame: MendedFrame, points: Sequence[Point]) -> str:
    """Say how many points lie on objects: where these are one, it follows."""
    count, on = len(points), sum(number > 0 for number in frame.at(points))
    if on < count:
        return f"only {on} of {count} points {'lies' if on == 1 else 'lie'}"
    return "both points lie" if count == 2 else f"all {count} points lie"


def _recoloured(
    frame: MendedFrame, numbers: Sequence[int], to: int
) -> tuple[Box, NDArray[np.integer]]:
    box = hull(frame.boxes[number] for number in numbers)
    after = frame.labels[box].copy()
    after[np.isin(after, numbers)] = to
    return box, after


def _split(frame: MendedFrame, edit: Split) -> tuple[Box, NDArray[np.integer]]:
    seeds = [_seed(frame, i, seed) for i, seed in enumerate(edit.seeds, start=1)]
    owners = [sorted({int(frame.labels[x]) for x in seed}) for seed in seeds]
    numbers = sorted(set().union(*owners))
    box = hull(frame.boxes[number] for number in numbers)
    after, corner = frame.labels[box].copy(), corner_of(box)
    inside = np.isin(after, numbers)
    local = [
        [tuple(x - c for x, c in zip(p, corner, strict=True)) for p in seed]
        for seed in seeds
    ]
    embedding = np.asarray(frame.embedding[(slice(None), *box)])
    parts = cut(inside, embedding, frame.bandwidth, local)
    names = np.array([0, *_names(frame, owners)], dtype=after.dtype)
    after[inside] = names[parts[inside]]
    return box, after


def _seed(frame: MendedFrame, number: int, seed: Sequence[Point]) -> list[Point]:
    """Return the pixels of a seed that lie on an object."""
    on = [p for p in map(frame.place, seed) if frame.labels[p]]
    if not on:
        raise CannotAct(
            f"seed {number} at {seed[0]} lies on background",
            "put every seed on the object to be split",
        )
    return on


def _names(frame: MendedFrame, owners: Sequence[Sequence[int]]) -> list[int]:
    """Name the parts: an object's number to the first seed on it, else a new one.

    A number that would be left without a part goes to none.
    """
    taken: set[int] = set()
    names, new = [], frame.new_number()
    for numbers in owners:
        name = next((n for n in numbers if n not in taken), None)
        if name is None:
            name, new = new, new + 1
        taken.add(name)
        names.append(name)
    frame.check_number(max(names))
    return names


def _redrawn(frame: MendedFrame, edit: Redraw) -> tuple[Box, NDArray[np.integer]]:
    if frame.foreground is None:
        raise CannotAct(
            "an outline is redrawn to the foreground, which this model does not "
            "predict",
            "take a model with a foreground logit, or paint",
        )
    numbers = frame.objects(edit.points)
    boxes = [frame.boxes[number] for number in numbers]
    return redrawn(frame.labels, frame.foreground, numbers, boxes)


def _grown(frame: MendedFrame, edit: Grow) -> tuple[Box, NDArray[np.integer]]:
    pixel, number = _start(frame, edit)
    window = _window(frame, pixel, number)
    after = frame.labels[window].copy()
    start = after == number
    if not number:
        start[...] = False
        start[tuple(x - s.start for x, s in zip(pixel, window, strict=True))] = True
    far = reach_of(frame.boxes.values())
    whole = grown(after, _similar(frame, window, start), start, far)
    if number and not (whole & ~start).any():
        raise CannotAct(
            f"object {number} finds no pixel like it around it that is free",
            "brush what it lacks",
        )
    name = number or frame.new_number()
    frame.check_number(name)
    after[whole] = name
    return window, after


def _start(frame: MendedFrame, edit: Grow) -> tuple[Point, int]:
    """Return the pixel to grow from in the arrays, and the number it carries."""
    pixel = frame.place(edit.point)
    number = int(frame.labels[pixel])
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
    if not number and frame.logit is not None and not stands_out(frame.logit[pixel]):
        raise CannotAct("nothing here stands out from the background", "paint it")
    return pixel, number


def _window(frame: MendedFrame, pixel: Point, number: int) -> Box:
    """Return the box in which an object, or a pixel of background, can grow."""
    box = frame.boxes[number] if number else tuple(slice(x, x + 1) for x in pixel)
    return widened(box, reach_of(frame.boxes.values()), frame.labels.shape)


def _similar(
    frame: MendedFrame, window: Box, start: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which pixels are like those to grow from."""
    if frame.logit is not None:
        return as_bright(frame.logit[window], start)
    embedding = np.asarray(frame.embedding[(slice(None), *window)])
    return as_near(embedding, start, frame.bandwidth)


def _painted(frame: MendedFrame, edit: Paint) -> tuple[Box, NDArray[np.integer]]:
    first = frame.place(edit.corner)
    last = tuple(c + n - 1 for c, n in zip(edit.corner, edit.shape, strict=True))
    frame.place(last)
    number = _painted_number(frame, edit)
    box = tuple(slice(x, x + n) for x, n in zip(first, edit.shape, strict=True))
    after = frame.labels[box].copy()
    after[edit.painted] = number
    return box, after


def _painted_number(frame: MendedFrame, edit: Paint) -> int:
    if edit.to == "background":
        return 0
    if edit.to == "new":
        wished = edit.number
        is_free = wished is not None and wished not in frame.boxes
        number = wished if wished and is_free else frame.new_number()
        frame.check_number(number)
        return number
    return frame.objects(edit.points)[0]
