"""Corrections of objects, anchored by pixels: they outlast a new clustering."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from napari_shiftseg.geometry.window import is_whole
from napari_shiftseg.interaction.editing.runs import check_runs, mask_of, runs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

Whole = Annotated[int, Field(strict=True)]
Point = tuple[Whole, ...]
Points = tuple[Point, ...]

SHOWN = 4  # positions named in the description of an edit


@dataclass(frozen=True)
class _AtPoints:
    """An edit of the objects under some pixels of a frame."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    kind: ClassVar[str]

    points: Points
    frame: Point = ()

    def __post_init__(self) -> None:
        _set(self, points=_points(self.points), frame=_point(self.frame))

    def __str__(self) -> str:
        return f"{self.kind} at {_listed(self.points)}{_of_frame(self.frame)}"


@dataclass(frozen=True)
class Merge(_AtPoints):
    """All objects under the points become one, which keeps the lowest number.

    It holds when the clustering changes ("must-link"). Points on background are
    passed over: a stroke across several objects may cross it.

    Parameters
    ----------
    points : tuple of tuple of int
        Two pixels or more of the frame: clicks, or those of a stroke.
    frame : tuple of int
        Position on the leading axes (time, planes); () for a single image.

    Raises
    ------
    ValueError
        If the points are fewer than two, or are no pixel positions.
    """

    kind: ClassVar[str] = "merge"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.points)) < 2:
            raise ValueError(
                f"a merge needs 2 points or more, one on each object, got "
                f"{_listed(self.points)}: click all objects that shall become one"
            )


@dataclass(frozen=True)
class Split:
    """The objects under the seeds are cut: one part a seed.

    It holds when the clustering changes ("cannot-link"). The first seed on an object
    leaves its part the number of the object, the others get new numbers.

    Parameters
    ----------
    seeds : tuple of tuple of tuple of int
        Two or more; each is one pixel of the frame, or those of a stroke.
    frame : tuple of int
        Position on the leading axes (time, planes); () for a single image.

    Raises
    ------
    ValueError
        If the seeds are fewer than two, two have a pixel in common, or they are no
        pixel positions.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    kind: ClassVar[str] = "split"

    seeds: tuple[Points, ...]
    frame: Point = ()

    def __post_init__(self) -> None:
        seeds = tuple(_points(seed) for seed in self.seeds)
        _set(self, seeds=seeds, frame=_point(self.frame))
        if len(seeds) < 2:
            raise ValueError(
                f"a split needs 2 seeds or more, one a part, got {len(seeds)}: put a "
                f"seed on every part"
            )
        _points(self.points)  # of one number of axes
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

    def __str__(self) -> str:
        firsts = tuple(seed[0] for seed in self.seeds)
        return f"split at {_listed(firsts)}{_of_frame(self.frame)}"


@dataclass(frozen=True)
class Delete(_AtPoints):
    """The objects under the points become background.

    Parameters
    ----------
    points : tuple of tuple of int
        One pixel of the frame or more; those on background are passed over.
    frame : tuple of int
        Position on the leading axes (time, planes); () for a single image.

    Raises
    ------
    ValueError
        If there is no point, or they are no pixel positions.
    """

    kind: ClassVar[str] = "delete"


@dataclass(frozen=True)
class Redraw(_AtPoints):
    """The outlines of the objects under the points follow the foreground.

    Parameters
    ----------
    points : tuple of tuple of int
        One pixel of the frame or more; those on background are passed over.
    frame : tuple of int
        Position on the leading axes (time, planes); () for a single image.

    Raises
    ------
    ValueError
        If there is no point, or they are no pixel positions.
    """

    kind: ClassVar[str] = "redraw"


@dataclass(frozen=True)
class Grow:
    """A missed object grows from a pixel, or one found too small grows around itself.

    The pixels that it gains are like it; see `interaction.editing.growth`. On an
    object, the same edit made again widens it further.

    Parameters
    ----------
    point : tuple of int
        A pixel of the frame: of background for a new object, else of an object.
    new : bool
        Whether it is a new object. An edit made for background is then left out where
        a later clustering found an object, and the other way round.
    frame : tuple of int
        Position on the leading axes (time, planes); () for a single image.

    Raises
    ------
    ValueError
        If the point is no pixel position, or `new` neither true nor false.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    kind: ClassVar[str] = "grow"

    point: Point
    new: Annotated[bool, Field(strict=True)] = False
    frame: Point = ()

    def __post_init__(self) -> None:
        _set(self, point=_points((self.point,))[0], frame=_point(self.frame))
        if not isinstance(self.new, bool):
            raise ValueError(
                f"new is true for an object on background, else false, got {self.new!r}"
            )

    @property
    def points(self) -> Points:
        """The pixel, as the only one."""
        return (self.point,)

    def __str__(self) -> str:
        what = "grow of a new object" if self.new else "grow"
        return f"{what} at {self.point}{_of_frame(self.frame)}"


@dataclass(frozen=True)
class Paint:
    """Pixels set by hand: what napari's brush, fill and eraser do.

    Parameters
    ----------
    corner, shape : tuple of int
        First pixel of a box of the frame, and pixels along its axes.
    runs : tuple of (int, int)
        Start and length of runs of painted pixels, the box read line by line.
    to : "background", "new" or tuple of int
        What they become: no object, a new one, or the object at this pixel.
    number : int, optional
        That a new object takes where it is free; else the next one.
    frame : tuple of int
        Position on the leading axes (time, planes); () for a single image.

    Raises
    ------
    ValueError
        If there is no pixel, or these are no positions, box or runs.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    kind: ClassVar[str] = "paint"

    corner: Point
    shape: Point
    runs: tuple[tuple[Whole, Whole], ...]
    to: Literal["background", "new"] | Point
    number: Whole | None = None
    frame: Point = ()

    def __post_init__(self) -> None:
        corner, shape = _points((self.corner, self.shape))
        _set(self, corner=corner, shape=shape, frame=_point(self.frame))
        _set(self, runs=check_runs(self.runs, shape))
        if self.to not in ("background", "new"):
            _set(self, to=_points((self.to, corner))[0])
        if self.number is not None and (self.to != "new" or self.number < 1):
            raise ValueError(
                f"only a new object has a number, from 1 upward, got {self.number} "
                f"for {self.to!r}: leave it out"
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
        """Paint the pixels that are true in a box which begins at `corner`."""
        return cls(corner, painted.shape, runs_of(painted), to, number, frame)

    @property
    def painted(self) -> NDArray[np.bool_]:
        """Whether a pixel of the box is painted, (*shape)."""
        return mask_of(self.runs, self.shape)

    @property
    def points(self) -> Points:
        """The pixel that names the object, if one does."""
        return () if isinstance(self.to, str) else (self.to,)

    def __str__(self) -> str:
        to = {"background": "background", "new": "a new object"}.get(
            str(self.to), f"the object at {self.to}"
        )
        size = sum(length for _, length in self.runs)
        return f"paint of {size} px as {to}{_of_frame(self.frame)}"


Edit = Merge | Split | Delete | Redraw | Grow | Paint
KINDS: dict[str, type[Edit]] = {
    kind.kind: kind for kind in (Merge, Split, Delete, Redraw, Grow, Paint)
}
_ADAPTERS = {name: TypeAdapter(kind) for name, kind in KINDS.items()}


def to_dict(edit: Edit) -> dict[str, Any]:
    """Return an edit as a plain dict, ready for JSON; see `from_dict`."""
    return {"kind": edit.kind, **asdict(edit)}


def from_dict(known: Mapping[str, Any]) -> Edit:
    """Make an edit of what `to_dict` returns, or of that read from JSON.

    Raises
    ------
    ValueError
        If the kind is unknown, or a value is missing or out of range; it is named.
    """
    if not hasattr(known, "keys") or known.get("kind") not in KINDS:
        said = known.get("kind") if hasattr(known, "keys") else known
        raise ValueError(f"the kind of an edit is {', '.join(KINDS)}, got {said!r}")
    values = {key: value for key, value in known.items() if key != "kind"}
    try:
        return _ADAPTERS[known["kind"]].validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"][:1])
        message = first["msg"].removeprefix("Value error, ")
        got = "" if first["type"] == "value_error" else f", got {first['input']!r}"
        raise ValueError(f"{known['kind']}: {place}{message}{got}") from None


def _set(edit: Any, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(edit, name, value)  # frozen to all others


def _point(position: Any) -> Point:
    known = tuple(position)
    if not all(is_whole(x) and x >= 0 for x in known):
        raise ValueError(
            f"a position is whole pixels from 0 upward, got {known}: round it, and "
            f"leave out what is outside the image"
        )
    return tuple(int(x) for x in known)


def _points(positions: Any) -> Points:
    known = tuple(_point(position) for position in positions)
    if not known or not all(known):
        raise ValueError(f"an edit needs the position of a pixel, got {known}")
    if len({len(point) for point in known}) > 1:
        raise ValueError(
            f"positions must have one number of axes, got {_listed(known)}: give them "
            f"in pixels of the frame"
        )
    return known


def _listed(points: Points) -> str:
    shown = points if len(points) <= SHOWN else (*points[: SHOWN - 1], points[-1])
    words = [str(point) for point in shown]
    return ", ".join([*words[:-1], "…", words[-1]] if len(points) > SHOWN else words)


def _of_frame(frame: Point) -> str:
    return f" of frame {', '.join(map(str, frame))}" if frame else ""
