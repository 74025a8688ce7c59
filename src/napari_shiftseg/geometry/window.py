"""The window a user asks for, the cheapest one, and its tiles along one axis."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, pairwise, product
from math import ceil, prod
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from napari_shiftseg.geometry.network_shape import AxisSizes, NetworkShape


Stitching = Literal["cropped", "naive", "whole"]
Border = Literal["mirror", "valid"]


@dataclass(frozen=True, slots=True)
class AxisTile:
    """What one tile keeps along one axis, in image pixels.

    The raw output (halo removed) begins at `origin`; of it [`start`, `stop`) is kept.
    """

    origin: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class AxisPlan:
    """The tiles along one axis."""

    # in order; what they keep is a partition of [`start`, `stop`)
    tiles: tuple[AxisTile, ...]
    reads: int  # legal input of every tile, in pixels
    lead: int  # pixels a tile reads before its origin: context/2 plus the halo
    halo: int  # raw-output pixels to crop on each side before the origin counts
    stride: int  # what a tile keeps
    # the predicted part of the axis, in image pixels
    start: int
    stop: int

    @property
    def boundaries(self) -> tuple[int, ...]:
        """First pixel of every tile but the first, counted from `start`."""
        return tuple(tile.start - self.start for tile in self.tiles[1:])


def kept(axis: AxisSizes, window: int, stitching: Stitching) -> int:
    """Return the stride along one axis: what a tile of this window keeps.

    Parameters
    ----------
    axis : AxisSizes
    window, stitching
        See `plan_tiles`.
    """
    if stitching == "naive":
        return window
    return max(window // axis.period, 1) * axis.period


def plan_axis(
    axis: AxisSizes,
    window: int,
    stitching: Stitching,
    border: Border,
    start: int,
    stop: int,
) -> AxisPlan:
    """Plan the tiles that predict [`start`, `stop`) of one axis.

    Parameters
    ----------
    axis : AxisSizes
    window : int
    stitching, border : str
        See `plan_tiles`.
    start, stop : int
        In image pixels.
    """
    halo = 0 if stitching == "naive" else axis.halo
    origin = origin_of(axis, border)
    if stitching == "whole":
        origin += (start - origin) // axis.period * axis.period
        stride = stop - origin
    else:
        stride = kept(axis, window, stitching)
        origin += (start - origin) // stride * stride
    edges = [*range(origin, stop, stride), stop]
    tiles = tuple(AxisTile(a, max(a, start), b) for a, b in pairwise(edges))
    longest = min(stride, stop - origin)
    reads = axis.input_for(longest + 2 * halo)
    return AxisPlan(tiles, reads, axis.context // 2 + halo, halo, stride, start, stop)


def origin_of(axis: AxisSizes, border: Border) -> int:
    """First pixel of the grid: phase 0, at or before the first predicted pixel.

    Parameters
    ----------
    axis : AxisSizes
    border : {"mirror", "valid"}
    """
    reach = axis.context // 2 + axis.halo
    if border == "valid":
        return reach
    return reach - ceil(reach / axis.period) * axis.period


def extent_of(
    axis: AxisSizes, size: int, border: Border, number: int
) -> tuple[int, int]:
    """Pixels that can be predicted along one axis: (start, stop).

    Parameters
    ----------
    axis : AxisSizes
    size : int
        Pixels of the image.
    border : {"mirror", "valid"}
    number : int
        Of the axis, for the error.
    """
    if border == "mirror":
        return 0, size
    reach = axis.context // 2 + axis.halo
    legal = axis.largest_legal(size)
    if legal is None or legal <= 2 * reach:
        raise ValueError(
            f'border="valid" needs at least {axis.input_for(1 + 2 * axis.halo)} pixels '
            f"along axis {number}, the image has {size}: "
            f'take border="mirror" or a larger image'
        )
    return reach, legal - reach


Window = int | Sequence[int] | None
STEPS_A_PERIOD = 4  # windows of a sweep from one valid one to the next
PERIODS = 4  # the largest window of a sweep
MOST_CANDIDATES = 24  # strides tried along an axis for the cheapest window


def as_window(window: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """Return the window as one positive int an axis.

    Parameters
    ----------
    window : int or sequence of int
    ndim : int
        Number of axes.

    Raises
    ------
    ValueError
        If a value is not a whole number from 1 upward, or their number is neither
        one nor the number of axes.
    """
    several = isinstance(window, Iterable) and not isinstance(window, (str, bytes))
    values: tuple[Any, ...] = tuple(window) if several else (window,) * ndim  # type: ignore[arg-type]
    if not all(is_whole(v) and v >= 1 for v in values):
        raise _not_a_window(window)
    if len(values) != ndim:
        raise ValueError(
            f"the window needs one value or {ndim} (one an axis), got {len(values)}: "
            f"{window}"
        )
    return tuple(int(v) for v in values)


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, of Python or NumPy, and no truth value."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _not_a_window(window: object) -> ValueError:
    return ValueError(
        f"a window is a whole number of pixels from 1 upward, or one an axis "
        f"(24x96x96), got {window!r}"
    )


def parse_window(text: str) -> int | tuple[int, ...]:
    """Read a window written as ``20`` or, per axis, ``24x96x96`` or ``24, 96, 96``."""
    try:
        values = tuple(int(part) for part in re.split("[x×,]", text.lower()))
    except ValueError:
        raise _not_a_window(text) from None
    if any(v < 1 for v in values):
        raise _not_a_window(text)
    return values[0] if len(values) == 1 else values


def parse_windows(text: str) -> list[int | tuple[int, ...]]:
    """Read several windows, ``16,20,36`` or, per axis, ``24x96x96, 32x96x96``."""
    return [parse_window(part) for part in text.split(",")]


def window_text(window: Sequence[int]) -> str:
    """Write a window as `parse_window` reads it."""
    same = len(set(window)) == 1
    return str(window[0]) if same else "x".join(str(w) for w in window)


def default_windows(shape: NetworkShape) -> list[tuple[int, ...]]:
    """Return the windows of a sweep: from one period to four, four a period.

    Naive tiles below the halo of a network that pads are little but padding: there they
    begin at the halo, which is a multiple of the period, and go on for three periods.
    """
    steps = [max(1, axis.period // STEPS_A_PERIOD) for axis in shape.axes]
    number = max(
        (PERIODS * axis.period - axis.period) // step
        for axis, step in zip(shape.axes, steps, strict=True)
    )
    more = [(PERIODS - 1) * axis.period for axis in shape.axes]
    largest = [
        axis.kept_of(max(axis.period, axis.halo) + rest)
        for axis, rest in zip(shape.axes, more, strict=True)
    ]
    first = [
        max(axis.period, most - rest)
        for axis, most, rest in zip(shape.axes, largest, more, strict=True)
    ]
    windows = (
        tuple(
            min(least + n * step, most)
            for least, step, most in zip(first, steps, largest, strict=True)
        )
        for n in range(number + 1)
    )
    return list(dict.fromkeys(windows))


def nearest_valid(axis: AxisSizes, window: int) -> tuple[int, int]:
    """Return the two multiples of the period nearest to a window that is none.

    Parameters
    ----------
    axis : AxisSizes
    window : int
        In pixels.
    """
    below = kept(axis, window, "cropped")
    return below, below + axis.period


@lru_cache(maxsize=64)  # widgets ask again and again
def cheapest_window(
    shape: NetworkShape,
    needed: tuple[int, ...],
    memory: int | None = None,
    before: tuple[int, ...] | None = None,
    pixels: int | None = None,
) -> tuple[int, ...]:
    """Return the n·p window that computes the fewest pixels for this image.

    The largest window is seldom the cheapest: its last tile may hang far over the
    image. Ties go to the fewer tiles.

    Parameters
    ----------
    shape : NetworkShape
        Sizes of the network.
    needed : tuple of int
        Pixels to predict along each axis.
    memory : int, optional
        Bytes one tile may take. Where not even one period fits, that is returned.
    before : tuple of int, optional
        Pixels of the grid before those needed; 0 if not given.
    pixels : int, optional
        That a tile may keep, one period at least; no limit if not given.
    """
    most = MOST_CANDIDATES if shape.ndim < 3 else MOST_CANDIDATES // 2
    spans = zip(shape.axes, needed, before or (0,) * shape.ndim, strict=True)
    per_axis = [_choices(*span, most) for span in spans]
    best = tuple(axis.period for axis in shape.axes)
    least = (float("inf"), 0)
    for choice in product(*per_axis):
        reads = tuple(c.reads for c in choice)
        tiles = prod(c.tiles for c in choice)
        cost = tiles * prod(reads), tiles
        if cost >= least or (pixels is not None and _keeps(choice, needed) > pixels):
            continue
        if memory is None or 4 * shape.peak_values(reads) <= memory:
            best, least = tuple(c.stride for c in choice), cost
    return best


def _keeps(choice: Sequence[_Choice], needed: Sequence[int]) -> int:
    """Return how many pixels a tile keeps of those needed, at most."""
    return prod(min(c.stride, n) for c, n in zip(choice, needed, strict=True))


def largest_window(shape: NetworkShape, memory: int) -> tuple[int, ...] | None:
    """Return the largest window of n periods whose tile fits in memory.

    n is one number for all axes. None: not even one period fits.

    Parameters
    ----------
    shape : NetworkShape
        Sizes of the network.
    memory : int
        Bytes one tile may take.
    """

    def fits(n: int) -> bool:
        if not all(axis.can_keep(n * axis.period) for axis in shape.axes):
            return False
        reads = tuple(a.input_for(n * a.period + 2 * a.halo) for a in shape.axes)
        return 4 * shape.peak_values(reads) <= memory

    if not fits(1):
        return None
    above = next(2**power for power in count(1) if not fits(2**power))
    most = bisect_left(range(above), True, lo=1, key=lambda n: not fits(n)) - 1
    return tuple(most * axis.period for axis in shape.axes)


class _Choice(NamedTuple):
    """A stride along one axis: how many tiles it takes, and what each reads."""

    stride: int
    tiles: int
    reads: int


def _strides(period: int, needed: int, before: int) -> Iterator[int]:
    """Yield multiples of the period up to the first that one tile holds all with.

    Where tiles begin with the pixels needed, the least for each number of tiles: those
    between read more, and no fewer tiles.
    """
    if before:
        yield from range(period, before + needed + period, period)
        return
    stride = period
    while True:
        yield stride
        fewer = ceil(needed / stride) - 1
        if fewer < 1:
            return
        stride = max(stride + period, ceil(needed / fewer / period) * period)


def _choices(axis: AxisSizes, needed: int, before: int, most: int) -> list[_Choice]:
    """Return the stride that reads least for each number of tiles, thinned when many.

    A tile of a region begins on the grid, which may be far before the region.
    """
    cheapest: dict[int, _Choice] = {}
    for stride in _strides(axis.period, needed, before):
        span = before % stride + needed
        tiles = ceil(span / stride)
        keeps = min(stride, span)
        if not axis.can_keep(keeps):
            break
        reads = axis.input_for(keeps + 2 * axis.halo)
        if tiles not in cheapest or reads < cheapest[tiles].reads:
            cheapest[tiles] = _Choice(stride, tiles, reads)
    choices = sorted(cheapest.values())
    if len(choices) <= most:
        return choices
    step = (len(choices) - 1) / (most - 1)
    return [choices[round(i * step)] for i in range(most)]
