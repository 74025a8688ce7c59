"""Filters of one plane, the values of those of scipy in a part of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Floats = NDArray[np.float64]


ROWS = 32  # of a plane, filtered at once: they stay in the processor's cache
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
    for axis in range(pixels.ndim - 1):
        pixels = np.moveaxis(
            _blurred_rows(np.moveaxis(pixels, axis, 0), width), 0, axis
        )
    found: Floats = ndimage.gaussian_filter1d(pixels, width, truncate=TRUNCATED)
    return found


def _blurred_rows(pixels: Floats, width: float) -> Floats:
    """Return a plane blurred along its first axis."""
    reach = int(TRUNCATED * width + 0.5)
    law = np.exp(-0.5 / (width * width) * np.arange(-reach, reach + 1) ** 2)
    law /= law.sum()
    wider = np.pad(
        pixels, [(reach, reach), *[(0, 0)] * (pixels.ndim - 1)], mode="symmetric"
    )
    found = np.empty_like(pixels)
    pair = np.empty_like(pixels[:ROWS])
    for start in range(0, len(pixels), ROWS):
        rows = found[start : start + ROWS]
        stop, both = start + len(rows), pair[: len(rows)]
        np.multiply(wider[start + reach : stop + reach], law[reach], out=rows)
        for near, weight in enumerate(law[:reach].tolist()):
            far = 2 * reach - near
            np.add(wider[start + near : stop + near], wider[start + far : stop + far],
                   out=both)  # fmt: skip
            rows += np.multiply(both, weight, out=both)
    return found


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
