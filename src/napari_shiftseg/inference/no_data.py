"""Pixels that hold no data: borders of one value, and what was drawn into an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

OF_THE_EDGE = 0.02  # of the pixels at the edge, that a border takes
CANDIDATES = 4  # values at the edge that are looked at
LEAST_LEFT = 0.15  # of the pixels, that a border leaves
IN_ONE_BLOCK = 0.9  # of the pixels between what it leaves in a row or a column
FEWEST = 8  # pixels that are drawn, or a border
MOST_DRAWN = 0.1  # of the pixels; more is what the image shows
FAR = 10.0  # times the spread of the others, that no data are away from them
NEAR = 1.5  # times that spread, where a dark border is three pixels thick
CLOSE = 0.7  # of the way to the ground, that most pixels beside such a border are at
SHARP = 0.5  # of the way to the ground, that the next pixel is at
ROUGH = 10  # percentile of the next pixels that are so
DARK_NOISE, OVEREXPOSED = 0.25, 0.01  # of its pixels, that may show something
FLAT = 0.9  # of the pixels equal their neighbour: no noise that tells what is drawn


def no_data(
    pixels: NDArray[Any], masked: Mask | None = None
) -> tuple[Mask, tuple[float, ...]]:
    r"""Return the pixels of one plane that hold no data, and the values that say so.

    A border is a region of one value that reaches the edge, as registration, rotation
    or padding leave it. What is drawn (a scale bar, text) has the highest value of all
    and no blur. Both end in a step: the ground and objects go over into each other by
    values in between, and so does what is overexposed.

    Parameters
    ----------
    pixels : ndarray
        (\\*spatial), of one axis or two.
    masked : ndarray of bool, optional
        (\\*spatial), pixels of which it is known.

    Returns
    -------
    ndarray of bool, tuple of float
        Among the values are only those of which no pixel seems to show anything.
    """
    out = np.zeros(pixels.shape, dtype=np.bool_) if masked is None else masked.copy()
    values: list[float] = []
    for value in _at_the_edge(pixels, out):
        region = _reaching_the_edge((pixels == value) & ~out)
        is_border = region.sum() >= FEWEST and _frames(region, out)
        if is_border and _ends_in_a_step(pixels, region, out, value):
            out |= region
            values.append(value)
    if _has_noise(pixels, out):
        for _ in range(CANDIDATES):
            if out.all():
                break
            value = pixels[~out].max()
            region = (pixels == value) & ~out
            if not _is_drawn(pixels, region, out, value):
                break
            out |= region
            values.append(value)
    sure = [float(v) for v in dict.fromkeys(values) if _is_sure(pixels, out, v)]
    return out, tuple(sure)


def _at_the_edge(pixels: NDArray[Any], out: Mask) -> Iterator[Any]:
    """Yield the commonest values of the pixels at the edge."""
    ends = [
        np.moveaxis(array, axis, 0)[[0, -1]].ravel()
        for array in (pixels, out)
        for axis in range(pixels.ndim)
    ]
    edge = np.concatenate(ends[: pixels.ndim])
    edge = edge[~np.concatenate(ends[pixels.ndim :]) & ~np.isnan(edge)]
    found, counts = np.unique(edge, return_counts=True)
    for at in np.argsort(-counts, kind="stable")[:CANDIDATES]:
        if counts[at] >= max(1, OF_THE_EDGE * edge.size):
            yield found[at]


def _reaching_the_edge(region: Mask) -> Mask:
    parts, _ = ndimage.label(region)
    inside = np.zeros_like(region)
    inside[(slice(1, -1),) * region.ndim] = True
    reaching: Mask = np.isin(parts, np.unique(parts[~inside & region])) & region
    return reaching


def _frames(region: Mask, out: Mask) -> bool:
    """Whether what a region leaves is one block, as an image is, not many objects.

    A ground without any noise has one value and reaches the edge, too.
    """
    rest = ~region & ~out
    if rest.sum() < LEAST_LEFT * rest.size:
        return False
    for axis in range(rest.ndim):
        before = np.maximum.accumulate(rest, axis)
        after = np.flip(np.maximum.accumulate(np.flip(rest, axis), axis), axis)
        between = before & after
        if (rest | (out & between)).sum() < IN_ONE_BLOCK * between.sum():
            return False
    return True


def _ends_in_a_step(
    pixels: NDArray[Any], region: Mask, out: Mask, value: Any, is_border: bool = True
) -> bool:
    """Whether what is around a region is as far from it as all the others.

    Interpolation leaves one pixel between a dark border and the image.
    """
    others = pixels[~region & ~out].astype(np.float64)
    if not others.size:
        return False
    ground = float(np.median(others))
    spread = 1.4826 * float(np.median(np.abs(others - ground)))
    jump = abs(float(value) - ground)
    is_dark = is_border and value < ground
    is_thick = is_dark and bool(ndimage.binary_erosion(region, _square(region)).any())
    if jump <= (NEAR if is_thick else FAR) * spread or jump == 0:
        return False
    skipped = ndimage.binary_dilation(region, _square(region)) if is_dark else region
    ring = ndimage.binary_dilation(skipped, _square(region))
    around = pixels[ring & ~skipped & ~out]
    if not around.size:
        return False
    steps = np.abs(around.astype(np.float64) - float(value))
    if is_thick:
        return float(np.median(steps)) >= CLOSE * jump
    return float(np.percentile(steps, ROUGH)) >= SHARP * jump


def _square(region: Mask) -> Mask:
    return np.ones((3,) * region.ndim, dtype=np.bool_)


def _is_drawn(pixels: NDArray[Any], region: Mask, out: Mask, value: Any) -> bool:
    if not FEWEST <= region.sum() <= MOST_DRAWN * region.size:
        return False
    parts, _ = ndimage.label(region)
    if np.bincount(parts.ravel())[1:].max() < FEWEST:
        return False  # single pixels are left to the median
    return _ends_in_a_step(pixels, region, out, value, is_border=False)


def _is_sure(pixels: NDArray[Any], out: Mask, value: Any) -> bool:
    """Whether all pixels of this value but a few hold no data.

    Dark noise may have that value too, and the ground may stand for it.
    """
    same = pixels == value
    is_dark = not out.all() and value < np.median(pixels[~out])
    share = DARK_NOISE if is_dark else OVEREXPOSED
    return bool((same & ~out).sum() <= share * same.sum())


def _has_noise(pixels: NDArray[Any], out: Mask) -> bool:
    """Whether neighbours differ, as they do not in a drawing."""
    near = (slice(None),) * (pixels.ndim - 1)
    here = ~out[(*near, slice(1, None))] & ~out[(*near, slice(None, -1))]
    same = pixels[(*near, slice(1, None))] == pixels[(*near, slice(None, -1))]
    return bool(here.any()) and float(same[here].mean()) < FLAT


def is_without_data(plane: Any) -> bool:
    """Whether every pixel of a plane is NaN, or masked.

    Parameters
    ----------
    plane : array
        Of one plane or frame; read only where its first pixel is NaN or masked.
    """
    if isinstance(plane, np.ma.MaskedArray) and np.ma.getmaskarray(plane).all():
        return True
    if np.dtype(plane.dtype).kind != "f":
        return False
    first = np.asarray(plane[(0,) * plane.ndim])
    return bool(np.isnan(first)) and bool(np.isnan(np.asarray(plane)).all())
