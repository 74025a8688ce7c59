"""The window a user asks for: reading it, and choosing the cheapest one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil, prod
from numbers import Integral
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .unet_shape import AxisShape, UNetShape

Window = int | Sequence[int] | None

MOST_CANDIDATES = 24  # strides tried along an axis for the cheapest window


def as_window(window: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """Return the window as one positive int an axis.

    Raises
    ------
    ValueError
        If a value is not a whole number from 1 upward, or their number is neither
        one nor the number of axes.
    """
    several = isinstance(window, Sequence) and not isinstance(window, str)
    values: tuple[Any, ...] = tuple(window) if several else (window,) * ndim  # type: ignore[arg-type]
    if not all(_is_whole(v) and v >= 1 for v in values):
        raise _not_a_window(window)
    if len(values) != ndim:
        raise ValueError(
            f"the window needs one value or {ndim} (one an axis), got {len(values)}: "
            f"{window}"
        )
    return tuple(int(v) for v in values)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _not_a_window(window: object) -> ValueError:
    return ValueError(
        f"a window is a whole number of pixels from 1 upward, or one an axis "
        f"(24x96x96), got {window!r}"
    )


def parse_window(text: str) -> int | tuple[int, ...]:
    """Read a window written as ``20`` or, per axis, ``24x96x96``.

    Raises
    ------
    ValueError
        If the text is anything else.
    """
    try:
        values = tuple(int(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise _not_a_window(text) from None
    if any(v < 1 for v in values):
        raise _not_a_window(text)
    return values[0] if len(values) == 1 else values


def nearest_valid(axis: AxisShape, window: int) -> tuple[int, int]:
    """Return the two multiples of the period nearest to a window that is none."""
    below = max(window // axis.period, 1) * axis.period
    return below, below + axis.period


def cheapest_window(
    shape: UNetShape, needed: Sequence[int], memory: int | None = None
) -> tuple[int, ...]:
    """Return the n·p window that computes the fewest pixels for this image.

    The largest window is seldom the cheapest: its last tile may hang far over the
    image. Ties go to the fewer tiles.

    Parameters
    ----------
    shape : UNetShape
        Sizes of the network.
    needed : sequence of int
        Pixels to predict along each axis, from the beginning of the grid.
    memory : int, optional
        Bytes one tile may take. Where not even one period fits, that is returned.
    """
    per_axis = [_strides(axis, n) for axis, n in zip(shape.axes, needed, strict=True)]
    smallest = tuple(axis.period for axis in shape.axes)
    best, least = smallest, (float("inf"), 0)
    for strides in product(*per_axis):
        reads = _reads(shape, strides)
        if memory is not None and 4 * shape.peak_values(reads) > memory:
            continue
        tiles = prod(ceil(n / s) for n, s in zip(needed, strides, strict=True))
        best, least = min((best, least), (strides, (tiles * prod(reads), tiles)),
                          key=lambda pair: pair[1])  # fmt: skip
    return best


def _reads(shape: UNetShape, strides: Sequence[int]) -> tuple[int, ...]:
    return tuple(
        axis.input_for(s + 2 * axis.halo)
        for axis, s in zip(shape.axes, strides, strict=True)
    )


def _strides(axis: AxisShape, needed: int) -> list[int]:
    """Return the smallest stride for each number of tiles, thinned when many."""
    periods = ceil(needed / axis.period)
    strides = sorted({ceil(periods / t) * axis.period for t in range(1, periods + 1)})
    if len(strides) <= MOST_CANDIDATES:
        return strides
    step = (len(strides) - 1) / (MOST_CANDIDATES - 1)
    return [strides[round(i * step)] for i in range(MOST_CANDIDATES)]
