"""Corrections of objects, anchored by pixels: they outlast a new clustering."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, combinations
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from napari_shiftseg.mending.boxes import (
    Point,
    Points,
    Whole,
    check_runs,
    listed,
    mask_of,
    of_frame,
    point_of,
    points_of,
    runs_of,
)
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class CannotAct(ValueError):
    """The labels are not such that an edit could act on them.

    Parameters
    ----------
    found : str
        What was found, a fact. Where an edit is made again, it is all that is said.
    advice : str
        What to do about it, for a user who made the edit just now.
    """

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}: {advice}")
        self.found = found


class _Edit:
    """What all edits have in common."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    kind: ClassVar[str]

    def holds(self, carried: Sequence[int]) -> bool:
        """Whether labels are as the edit wants them; always where it wants no more.

        `carried`: the number that each of its points carries, 0 for background.
        """
        return True

    def holds_already(self, carried: Sequence[int]) -> bool:
        """Whether an edit that cannot act has nothing left to do: it holds.

        Not so where only points that were lost to background make it hold: a merge of
        which one point is left on an object joins nothing.
        """
        return False


@dataclass(frozen=True)
class _AtPoints(_Edit):
    """An edit of the objects under some pixels of a frame.

    Raises
    ------
    ValueError
        If there is no point, or they are no pixel positions.
    """

    # one pixel of the frame or more; those on background are passed over
    points: Points
    # position on the leading axes (time, planes); () for a single image
    frame: Point = ()

    def __post_init__(self) -> None:
        _set(self, points=points_of(self.points), frame=point_of(self.frame))

    def __str__(self) -> str:
        return f"{self.kind} at {listed(self.points)}{of_frame(self.frame)}"


@dataclass(frozen=True)
class Merge(_AtPoints):
    """All objects under the points become one, which keeps the lowest number.

    It holds when the clustering changes ("must-link"). Its points are clicks, or those
    of a stroke, which may cross background; a `ValueError` says that they are fewer
    than two.
    """

    kind: ClassVar[str] = "merge"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.points)) < 2:
            raise ValueError(
                f"a merge needs 2 points or more, one on each object, got "
                f"{listed(self.points)}: click all objects that shall become one"
            )

    def holds(self, carried: Sequence[int]) -> bool:
        """Whether all its points that are on an object are on the same."""
        return len({number for number in carried if number}) < 2

    def holds_already(self, carried: Sequence[int]) -> bool:
        """Whether two points or more are on an object, all on the same."""
        return sum(number > 0 for number in carried) > 1 and self.holds(carried)


@dataclass(frozen=True)
class Split(_Edit):
    """The objects under the seeds are cut: one part a seed.

    It holds when the clustering changes ("cannot-link"). The first seed on an object
    leaves its part the number of the object, the others get new numbers.

    Raises
    ------
    ValueError
        If the seeds are fewer than two, two have a pixel in common, or they are no
        pixel positions.
    """

    kind: ClassVar[str] = "split"

    # two or more; each is one pixel of the frame, or those of a stroke
    seeds: tuple[Points, ...]
    # position on the leading axes (time, planes); () for a single image
    frame: Point = ()

    def __post_init__(self) -> None:
        seeds = tuple(points_of(seed) for seed in self.seeds)
        _set(self, seeds=seeds, frame=point_of(self.frame))
        if len(seeds) < 2:
            raise ValueError(
                f"a split needs 2 seeds or more, one a part, got {len(seeds)}: put a "
                f"seed on every part"
            )
        points_of(self.points)  # of one number of axes
        owners: dict[Point, int] = {}
        for number, seed in enumerate(seeds, start=1):
            for point in seed:
                if owners.setdefault(point, number) != number:
                    raise ValueError(
                        f"seeds {owners[point]} and {number} both lie on the pixel "
                        f"{point}: put every seed on a pixel of its own"
                    )

    @property
    def points(self) -> Points:
        """Pixels of all seeds, one seed after the other."""
        return tuple(chain.from_iterable(self.seeds))

    def holds(self, carried: Sequence[int]) -> bool:
        """Whether no two of its seeds are on the same object."""
        rest = iter(carried)
        seeds = [{next(rest) for _ in seed} - {0} for seed in self.seeds]
        return all(a.isdisjoint(b) for a, b in combinations(seeds, 2))

    def __str__(self) -> str:
        firsts = tuple(seed[0] for seed in self.seeds)
        return f"split at {listed(firsts)}{of_frame(self.frame)}"


@dataclass(frozen=True)
class Delete(_AtPoints):
    """The objects under the points become background."""

    kind: ClassVar[str] = "delete"

    def holds(self, carried: Sequence[int]) -> bool:
        """Whether its points are on no object."""
        return not any(carried)

    holds_already = holds


@dataclass(frozen=True)
class Redraw(_AtPoints):
    """The outlines of the objects under the points follow the foreground."""

    kind: ClassVar[str] = "redraw"


@dataclass(frozen=True)
class Grow(_Edit):
    """A missed object grows from a pixel, or one found too small grows around itself.

    The pixels that it gains are like it; see `mending.shapes`. On an
    object, the same edit made again widens it further.

    Raises
    ------
    ValueError
        If the point is no pixel position, or `new` neither true nor false.
    """

    kind: ClassVar[str] = "grow"

    # a pixel of the frame: of background for a new object, else of an object
    point: Point
    # whether it is a new object. Where a later clustering found an object there, such
    # an edit has nothing to do; one made on an object is left out where there is
    # background then.
    new: Annotated[bool, Field(strict=True)] = False
    # position on the leading axes (time, planes); () for a single image
    frame: Point = ()

    def __post_init__(self) -> None:
        _set(self, point=points_of((self.point,))[0], frame=point_of(self.frame))
        if not isinstance(self.new, bool):
            raise ValueError(
                f"new is true for an object on background, else false, got "
                f"{brief(self.new)}"
            )

    @property
    def points(self) -> Points:
        """The pixel, as the only one."""
        return (self.point,)

    def holds(self, carried: Sequence[int]) -> bool:
        """Whether its point is on an object."""
        return any(carried)

    holds_already = holds

    def __str__(self) -> str:
        what = "add" if self.new else "grow"
        return f"{what} at {self.point}{of_frame(self.frame)}"


@dataclass(frozen=True)
class Paint(_Edit):
    """Pixels set by hand: what napari's brush, fill and eraser do.

    Raises
    ------
    ValueError
        If there is no pixel, or these are no positions, box or runs.
    """

    kind: ClassVar[str] = "paint"

    # first pixel of a box of the frame, and pixels along its axes
    corner: Point
    shape: Point
    # start and length of runs of painted pixels, the box read line by line
    runs: tuple[tuple[Whole, Whole], ...]
    # what they become: no object, a new one, or the object at this pixel
    to: Literal["background", "new"] | Point
    # that a new object takes where it is free; else the next one
    number: Whole | None = None
    # position on the leading axes (time, planes); () for a single image
    frame: Point = ()

    def __post_init__(self) -> None:
        corner, shape = points_of((self.corner, self.shape))
        _set(self, corner=corner, shape=shape, frame=point_of(self.frame))
        _set(self, runs=check_runs(self.runs, shape))
        if self.to not in ("background", "new"):
            _set(self, to=points_of((self.to, corner))[0])
        if self.number is not None and (self.to != "new" or self.number < 1):
            raise ValueError(
                f"only a new object has a number, from 1 upward, got "
                f"{brief(self.number)} for {brief(self.to)}: leave it out"
            )

    @classmethod
    def of(
        cls,
        painted: NDArray[np.bool_],
        corner: Point,
        to: Literal["background", "new"] | Point,
        number: int | None = None,
        frame: Point = (),
    ) -> Paint:
        """Paint the pixels that are true in a box which begins at `corner`.

        Parameters
        ----------
        painted : ndarray of bool
            Pixels of a box.
        corner : tuple of int
            First pixel of the box.
        to, number, frame
            See `Paint`.
        """
        return cls(corner, painted.shape, runs_of(painted), to, number, frame)

    @property
    def painted(self) -> NDArray[np.bool_]:
        """Whether a pixel of the box is painted, (*shape)."""
        return mask_of(self.runs, self.shape)

    @property
    def middle(self) -> Point:
        """The middle one of the painted pixels, the box read line by line."""
        at = self.painted.nonzero()
        half = len(at[0]) // 2
        return tuple(int(x[half]) + c for x, c in zip(at, self.corner, strict=True))

    @property
    def points(self) -> Points:
        """The pixel that names the object, if one does."""
        return () if isinstance(self.to, str) else (self.to,)

    def __str__(self) -> str:
        to = {"background": "background", "new": "a new object"}.get(
            str(self.to), f"the object at {self.to}"
        )
        size = sum(length for _, length in self.runs)
        return f"paint of {size} px as {to}{of_frame(self.frame)}"


Edit = Merge | Split | Delete | Redraw | Grow | Paint


def _set(edit: Any, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(edit, name, value)  # frozen to all others
