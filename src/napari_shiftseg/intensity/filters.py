"""Filters of one plane, the values of those of scipy in a part of the time."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Floats = NDArray[np.float64]


ROWS = 32  # of a plane, filtered at once: they stay in the processor's cache
MOST_THREADS = 4
TRUNCATED = 4.0  # standard deviations, at which a blur ends


def blurred(pixels: Floats, width: float) -> Floats:
    r"""Return a plane blurred by a normal law, bit for bit `ndimage.gaussian_filter`.

    Along an axis that is not the last one scipy goes through the memory in leaps.

    Parameters
    ----------
    pixels : ndarray of float64
        (\*spatial)
    width : float
        Standard deviation of the law, in pixels.
    """
    along = pixels if pixels.ndim == 1 else _blurred_rows(pixels, width)
    lines, found = np.atleast_2d(along), np.empty_like(np.atleast_2d(along))

    def blur(rows: slice) -> None:
        ndimage.gaussian_filter1d(
            lines[rows], width, truncate=TRUNCATED, output=found[rows]
        )

    _in_threads(blur, len(lines))
    return found.reshape(pixels.shape)


def _blurred_rows(pixels: Floats, width: float) -> Floats:
    """Return a plane blurred along its first axis."""
    reach = int(TRUNCATED * width + 0.5)
    law = np.exp(-0.5 / (width * width) * np.arange(-reach, reach + 1) ** 2)
    law /= law.sum()
    wider = np.pad(pixels, ((reach, reach), (0, 0)), mode="symmetric")
    found = np.empty_like(pixels)

    def blur(rows: slice) -> None:
        here, size = found[rows], len(found[rows])
        lines = wider[rows.start : rows.start + size + 2 * reach]
        pair = np.empty_like(here)
        np.multiply(lines[reach : reach + size], law[reach], out=here)
        for n, weight in enumerate(law[:reach].tolist()):
            far = 2 * reach - n
            np.add(lines[n : n + size], lines[far : far + size], out=pair)
            np.multiply(pair, weight, out=pair)
            np.add(here, pair, out=here)

    _in_threads(blur, len(pixels))
    return found


def _in_threads(function: Callable[[slice], None], rows: int) -> None:
    """Call a function on every few rows of a plane, in several threads."""
    some = [slice(start, start + ROWS) for start in range(0, rows, ROWS)]
    with ThreadPoolExecutor(MOST_THREADS) as threads:
        deque(threads.map(function, some), maxlen=0)


def median_of_three(pixels: NDArray[Any]) -> NDArray[Any]:
    r"""Return the median of each pixel and its neighbours, in a square 3 wide.

    The values of `ndimage.median_filter`. Columns of three are sorted; the median of
    nine is that of the highest of the lowest, the middle of the middle and the lowest
    of the highest.

    Parameters
    ----------
    pixels : ndarray
        (\*spatial)

    References
    ----------
    Smith 1996, "Implementing median filters in XC4000E FPGAs", XCell 23.
    """
    if pixels.ndim != 2 or (pixels.dtype.kind == "f" and not np.isfinite(pixels).all()):
        return np.asarray(ndimage.median_filter(pixels, 3, mode="reflect"))
    wider = np.pad(pixels, 1, mode="edge")
    found = np.empty_like(pixels)
    for start in range(0, len(pixels), ROWS):
        rows = found[start : start + ROWS]
        rows[:] = _median_of_rows(wider[start : start + len(rows) + 2])
    return found


def _median_of_rows(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the medians of all but the first and last rows and columns."""
    above, middle, below = pixels[:-2], pixels[1:-1], pixels[2:]
    low, high = np.minimum(above, middle), np.maximum(above, middle)
    between = np.minimum(high, below)
    low, middle, high = (
        np.minimum(low, between), np.maximum(low, between), np.maximum(high, below),
    )  # fmt: skip
    left, here, right = slice(None, -2), slice(1, -1), slice(2, None)
    lowest = np.maximum(np.maximum(low[:, left], low[:, here]), low[:, right])
    highest = np.minimum(np.minimum(high[:, left], high[:, here]), high[:, right])
    middle = _median(middle[:, left], middle[:, here], middle[:, right])
    return _median(lowest, middle, highest)


def _median(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[Any] = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    return found


def dilated(mask: Mask, width: int = 3) -> Mask:
    r"""Return the pixels that have one of the mask in the square about them.

    Parameters
    ----------
    mask : ndarray of bool
        (\*spatial)
    width : int
        Of the square, an odd number of pixels.
    """
    return _along_axes(np.logical_or, mask, width, beyond=False)


def eroded(mask: Mask, width: int = 3, beyond: bool = False) -> Mask:
    r"""Return the pixels whose square lies in the mask.

    Parameters
    ----------
    mask, width
        See `dilated`.
    beyond : bool
        Whether what lies beyond the plane counts as of the mask.
    """
    return _along_axes(np.logical_and, mask, width, beyond)


def _along_axes(joined: np.ufunc, mask: Mask, width: int, beyond: bool) -> Mask:
    """Join each pixel with those of the square about it, axis after axis.

    Of windows of 1, 2, 4, … pixels the next ones are made.
    """
    for axis in range(mask.ndim):
        margin = [(0, 0)] * mask.ndim
        margin[axis] = (width // 2, width // 2)
        window = np.moveaxis(np.pad(mask, margin, constant_values=beyond), axis, 0)
        length = 1
        while length < width:
            step = min(length, width - length)
            window = joined(window[:-step], window[step:])
            length += step
        mask = np.moveaxis(window, 0, axis)
    return mask
