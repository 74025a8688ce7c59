"""Medians and percentiles of grey values; whole numbers are counted, not sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


MOST_COUNTED = 2**16  # different whole numbers
FEWEST_COUNTED = 2**12  # values; fewer are sorted as fast


def others(pixels: NDArray[Any], out: NDArray[np.bool_]) -> NDArray[Any]:
    r"""Return the grey values of pixels that are not out, (pixels,).

    Parameters
    ----------
    pixels : ndarray
        (\*spatial)
    out : ndarray of bool
        (\*spatial)
    """
    return pixels[~out] if out.any() else pixels.ravel()


def median(values: NDArray[Any]) -> float:
    """Return the median, that of `numpy.median`."""
    counted = _counted(values)
    return float(np.median(values)) if counted is None else _middle(*counted)


def middle_and_spread(values: NDArray[Any]) -> tuple[float, float]:
    """Return the median, and the spread about it as of a normal law."""
    counted = _counted(values)
    if counted is None:
        middle = float(np.median(values))
        return middle, 1.4826 * float(np.median(np.abs(values - middle)))
    numbers, counts = counted
    middle = _middle(numbers, counts)
    away = np.abs(numbers - middle)
    order = np.argsort(away)
    return middle, 1.4826 * _middle(away[order], counts[order])


def percentile(values: NDArray[Any], percent: float) -> float:
    """Return a percentile, that of `numpy.percentile`."""
    counted = _counted(values)
    if counted is None:
        whole = values.dtype.kind in "iu"  # whose differences may overflow
        return float(
            np.percentile(values.astype(np.float64) if whole else values, percent)
        )
    numbers, counts = counted
    ends = np.cumsum(counts)
    place = (int(ends[-1]) - 1) * (percent / 100)
    at = [int(place), min(int(place) + 1, int(ends[-1]) - 1)]
    low, high = numbers[np.searchsorted(ends, at, "right")].tolist()
    return float(low + (high - low) * (place - at[0]))


def _middle(numbers: NDArray[np.float64], counts: NDArray[np.integer]) -> float:
    ends = np.cumsum(counts)
    n = int(ends[-1])
    low, high = numbers[np.searchsorted(ends, [(n - 1) // 2, n // 2], "right")]
    return float(low + high) / 2


def _counted(
    values: NDArray[Any],
) -> tuple[NDArray[np.float64], NDArray[np.integer]] | None:
    """Return the different whole numbers, ascending, and how often each is there.

    None where values are no whole numbers, few, or of a wide range.
    """
    if values.dtype.kind not in "iu" or values.size < FEWEST_COUNTED:
        return None
    low, high = int(values.min()), int(values.max())
    if high - low >= MOST_COUNTED:
        return None
    if values.dtype.kind == "u":  # of 64 bits, perhaps
        above = (values.ravel() - values.dtype.type(low)).astype(np.int64)
    else:
        above = values.ravel().astype(np.int64) - low
    counts = np.bincount(above)
    numbers = np.flatnonzero(counts)
    return numbers.astype(np.float64) + low, counts[numbers]
