"""Grey values scaled by the rules that other programs train their networks with."""

from __future__ import annotations

from math import inf, prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.tiling import chunks
from napari_shiftseg.intensity.no_data import not_finite, refuse_not_finite, values_of
from napari_shiftseg.intensity.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_shiftseg.intensity.scale import Rule

AT_ONCE = 2**24  # pixels that are read at once, and that percentiles are taken of


def scale_by(rule: Rule, data: Any, ignore_nan: bool = False) -> Scale:
    r"""Return how a rule has the grey values of an image read.

    Parameters
    ----------
    rule : Rule
    data : array
        ([leading,] [channels,] \*spatial), channels first where the rule is of each.
    ignore_nan : bool
        Whether pixels that are not finite count for nothing.
    """
    is_standardized = rule.kind == "standardized"
    if not rule.per_channel:
        return Scale(*ends(data, rule, ignore_nan), is_standardized=is_standardized)
    each = tuple(ends(data[i], rule, ignore_nan) for i in range(data.shape[0]))
    return Scale(*each[0], channels=each, is_standardized=is_standardized)


def ends(data: Any, rule: Rule, ignore_nan: bool = False) -> tuple[float, float]:
    r"""Return the grey values that a rule reads as 0 and as 1.

    Mean and standard deviation are of all pixels, percentiles of an image of more than
    16 million pixels of every n-th one.

    Parameters
    ----------
    data : array
        ([leading,] [channels,] \*spatial)
    rule : Rule
    ignore_nan : bool
        Whether pixels that are not finite count for nothing.

    Raises
    ------
    ValueError
        If pixels that are read are not finite.
    """
    if rule.kind == "linear":
        return rule.low, rule.high
    if rule.kind == "standardized":
        return _standardized(data, rule, ignore_nan)
    step = max(1, prod(data.shape) // AT_ONCE)
    sampled = [part[::step] for part in _parts(data, ignore_nan)]
    values = np.concatenate(sampled) if sampled else np.zeros(1)
    if values.dtype.kind == "b" or values.dtype.itemsize < 4:  # whose steps overflow
        values = values.astype(np.float32)
    low, high = np.percentile(values, (rule.low, rule.high))
    return float(low), float(high) + rule.least


def _standardized(data: Any, rule: Rule, ignore_nan: bool) -> tuple[float, float]:
    """Return mean, and mean and deviation; the mean first, which rounds less."""
    number, total = 0, 0.0
    for part in _parts(data, ignore_nan):
        number, total = number + part.size, total + float(part.sum(dtype=np.float64))
    mean, squares = total / max(number, 1), 0.0
    for part in _parts(data, ignore_nan):
        squares += float(((part.astype(np.float64) - mean) ** 2).sum())
    return mean, mean + sqrt(squares / max(number, 1)) + rule.least


def value_range(data: Any, ignore_nan: bool) -> tuple[float, float]:
    """Return minimum and maximum of what holds data, read slab by slab.

    Parameters
    ----------
    data, ignore_nan
        See `ends`.
    """
    low, high = inf, -inf
    for part in _parts(data, ignore_nan):
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _parts(data: Any, ignore_nan: bool) -> Iterator[NDArray[Any]]:
    """Yield the pixels that hold data, (pixels,), slab by slab."""
    rows = max(1, AT_ONCE // max(prod(data.shape[1:]), 1))
    for part in chunks(data.shape[0], rows):
        block, masked = values_of(data[part])
        left_out = without_data(block, masked, ignore_nan)
        if left_out is not None:
            yield block[~left_out]


def without_data(
    plane: NDArray[Any], masked: NDArray[np.bool_] | None, ignore_nan: bool
) -> NDArray[np.bool_] | None:
    """Return the pixels known to hold no data; None if there are no others.

    Parameters
    ----------
    plane : ndarray
    masked : ndarray of bool, optional
        Pixels that a mask hides.
    ignore_nan : bool

    Raises
    ------
    ValueError
        If other pixels are not finite, unless these hold no data.
    """
    out = np.zeros(plane.shape, np.bool_) if masked is None else masked
    wrong = not_finite(plane)
    if wrong is not None:
        if ignore_nan or (out | wrong).all():
            out = out | wrong
        else:
            refuse_not_finite(plane, None, out)
    return None if out.all() else out
