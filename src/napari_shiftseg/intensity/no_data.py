"""Pixels that hold no data: borders of one value, and what was drawn into an image."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_shiftseg.geometry.tiling import widened
from napari_shiftseg.intensity.filters import dilated, eroded, median_of_three
from napari_shiftseg.intensity.order import (
    median,
    middle_and_spread,
    others,
    percentile,
)
from napari_shiftseg.intensity.plane import smallest_step
from napari_shiftseg.intensity.scale import REMEDY
from napari_shiftseg.progress import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


LOOKED_AT = 0.45  # of the time that a plane takes, for what holds no data


def values_of(part: Any) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return the pixels of a part of an array, and which are masked; None: none is."""
    if hasattr(part, "compute"):  # dask forgets a mask when it is made an array
        part = part.compute()
    if isinstance(part, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(part)
        return np.asarray(part.data), mask if mask.any() else None
    return np.asarray(part), None


def workable(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pixels of a dtype that filters take: not of half precision."""
    return pixels.astype(np.float32) if pixels.dtype == np.float16 else pixels


def not_finite(pixels: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which pixels are NaN or infinite; None if none is."""
    if pixels.dtype.kind != "f":
        return None
    wrong = ~np.isfinite(pixels)
    return wrong if wrong.any() else None


def refuse_not_finite(
    pixels: NDArray[Any],
    where: tuple[slice, ...] | None,
    masked: NDArray[np.bool_] | None = None,
) -> None:
    """Raise a ValueError if pixels that are not masked are NaN or infinite.

    Parameters
    ----------
    pixels : ndarray
    where : tuple of slice or None
        Their place in the image.
    masked : ndarray of bool, optional
        Pixels that hold no data.
    """
    wrong = not_finite(pixels)
    if wrong is None:
        return
    number = int(wrong.sum() if masked is None else (wrong & ~masked).sum())
    if not number:
        return
    place = "" if where is None else f" within {[(s.start, s.stop) for s in where]}"
    raise ValueError(f"the image has {number} NaN or infinite pixels{place}: {REMEDY}")


OF_THE_EDGE = 0.02  # of the pixels at the edge, that a border takes
CANDIDATES = 4  # values at the edge that are looked at
LEAST_LEFT = 0.15  # of the pixels, that a border leaves
IN_ONE_BLOCK = 0.9  # of the pixels between what it leaves in a row or a column
FEWEST = 8  # pixels that are drawn, or a border
MOST_DRAWN = 0.1  # of the pixels; more is what the image shows
FAR = 10.0  # times the spread of the others, that no data are away from them
BLOCK = 5  # pixels, width of squares of one value that noise does not make
GROUND = 75  # percentile of the grey values, below which the ground is judged
SHARP = 0.5  # of the way to the ground, that the next pixel is at
ROUGH = 10  # percentile of the next pixels that are so
BRIGHT = 99  # percentile of the grey values, that what is drawn is above
OBJECT = 30  # pixels of a drawn thing, that may as well be an object
COMPACT = 0.4  # of the root of its size, that its middle is from its edge; 0.56: round
FLAT = 0.9  # of the pixels equal their neighbour: no noise that tells what is drawn


@dataclass(frozen=True)
class NoData:
    r"""Where one plane holds no data, and which grey values say so elsewhere."""

    where: Mask  # (*spatial)
    values: tuple[float, ...] = ()  # no pixel of these seems to show anything
    # pixels of these hold no data where squares of `BLOCK` have one value; elsewhere
    # they are dark noise, cut off at 0
    in_blocks: tuple[float, ...] = ()


def no_data(pixels: NDArray[Any], masked: Mask | None = None) -> NoData:
    r"""Return what of one plane holds no data.

    A border is a region of one value that reaches the edge, as registration, rotation
    or padding leave it. What is drawn (a scale bar, lines, text) is bright, of one
    value and thin. Both end in a step: the ground and objects go over into each other
    by values in between, and so does what is overexposed.

    Parameters
    ----------
    pixels : ndarray
        (\*spatial), of one axis or two.
    masked : ndarray of bool, optional
        (\*spatial), pixels of which it is known.
    """
    out = np.zeros(pixels.shape, dtype=np.bool_) if masked is None else masked.copy()
    values: list[Any] = []
    in_blocks: list[Any] = []
    for value in _at_the_edge(pixels, out):
        same = (pixels == value) & ~out
        region = _reaching_the_edge(same)
        if _is_border(pixels, region, out, value):
            values.append(value)
        else:
            region = _reaching_the_edge(blocks_of(same))
            if not _is_dark_border(pixels, region, out, value):
                continue
            in_blocks.append(value)
        out |= region
    values += _drawn(pixels, out)
    tell(LOOKED_AT)
    sure = [value for value in values if _is_sure(pixels, out, value)]
    unsure = [value for value in values if value not in sure]
    if unsure:
        middle = median(others(pixels, out))
        in_blocks += [value for value in unsure if value < middle]
    return NoData(out, _floats(sure), _floats(in_blocks))


def _floats(values: list[Any]) -> tuple[float, ...]:
    return tuple(map(float, dict.fromkeys(values)))


def blocks_of(same: Mask) -> Mask:
    r"""Return the pixels of squares `BLOCK` wide that are all True, (\*spatial)."""
    return dilated(eroded(same, BLOCK, beyond=True), BLOCK)


def _drawn(pixels: NDArray[Any], out: Mask) -> list[Any]:
    """Return the values of what is drawn, and add its pixels to those without data."""
    values: list[Any] = []
    if not _has_noise(pixels, out):
        return values
    ground, spread = _ground(others(pixels, out))
    calm = median_of_three(pixels)  # without hot pixels
    least = max(ground + FAR * spread, percentile(others(calm, out), BRIGHT))
    bright = pixels[~out & (pixels >= least)]
    found, counts = np.unique(bright, return_counts=True)
    for at in np.argsort(-counts, kind="stable")[:CANDIDATES]:
        region = (pixels == found[at]) & ~out
        if _is_drawn(pixels, region, out, found[at]):
            out |= region
            values.append(found[at])
    return values


def _ground(values: NDArray[Any]) -> tuple[float, float]:
    """Return the median of grey values, and their spread: a step or more."""
    if not values.size:
        return 0.0, 0.0
    middle, spread = middle_and_spread(values)
    return middle, max(spread, smallest_step(values))


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
    parts, number = ndimage.label(region)
    reaches = np.zeros(number + 1, dtype=np.bool_)
    for axis in range(region.ndim):
        reaches[np.moveaxis(parts, axis, 0)[[0, -1]]] = True
    reaches[0] = False
    reaching: Mask = reaches[parts]
    return reaching


def _frames(region: Mask, out: Mask) -> bool:
    """Whether what a region leaves is one block, as an image is, not many objects.

    A ground without any noise has one value and reaches the edge, too.
    """
    rest = ~region & ~out
    if rest.sum() < LEAST_LEFT * rest.size:
        return False
    return all(
        _is_one_block(np.moveaxis(rest, axis, -1), np.moveaxis(out, axis, -1))
        for axis in range(rest.ndim)
    )


def _is_one_block(rest: Mask, out: Mask) -> bool:
    """Whether hardly a pixel is missing between the first and last of each line."""
    length = rest.shape[-1]
    first, last = rest.argmax(-1), length - 1 - rest[..., ::-1].argmax(-1)
    last = np.where(rest.any(-1), last, -1)  # a line without any: first is 0
    there = np.count_nonzero(rest)
    if out.any():
        at = np.arange(length)
        between = (at >= first[..., None]) & (at <= last[..., None])
        there += np.count_nonzero(out & between)
    return bool(there >= IN_ONE_BLOCK * (last - first + 1).sum())


def _is_border(pixels: NDArray[Any], region: Mask, out: Mask, value: Any) -> bool:
    if region.sum() < FEWEST or not _frames(region, out):
        return False
    return _ends_in_a_step(pixels, region, out, value, is_border=True)


def _is_dark_border(pixels: NDArray[Any], region: Mask, out: Mask, value: Any) -> bool:
    """Whether a thick dark border lies beside a ground whose noise reaches its value.

    The dark noise is cut off at that value; the ground is told by means.
    """
    if region.sum() < FEWEST or not _frames(region, out):
        return False
    rest = pixels[~region & ~out].astype(np.float64)
    if value > rest.min():
        return False
    most = np.percentile(rest, GROUND)
    ring = dilated(region, 5) & ~region & ~out
    around = pixels[ring].astype(np.float64)
    ground, beside = (v[v <= most].mean() - float(value) for v in (rest, around))
    return bool(ground > 0 and beside >= SHARP * ground)


def _ends_in_a_step(
    pixels: NDArray[Any], region: Mask, out: Mask, value: Any, is_border: bool = False
) -> bool:
    """Whether what is around a region is as far from it as all the others.

    Interpolation leaves one pixel between a dark border and the image.
    """
    rest = pixels[~region & ~out]
    if rest.dtype.kind == "f":
        rest = rest.astype(np.float64)
    ground, spread = _ground(rest)
    jump = abs(float(value) - ground)
    if not rest.size or jump <= FAR * spread:
        return False
    is_dark = is_border and value < ground
    skipped = dilated(region) if is_dark else region
    around = pixels[dilated(skipped) & ~skipped & ~out].astype(np.float64)
    if not around.size:
        return False
    steps = np.abs(around - float(value))
    return float(np.percentile(steps, ROUGH)) >= SHARP * jump


def _square(region: Mask) -> Mask:
    return np.ones((3,) * region.ndim, dtype=np.bool_)


def _is_drawn(pixels: NDArray[Any], region: Mask, out: Mask, value: Any) -> bool:
    if not FEWEST <= region.sum() <= MOST_DRAWN * region.size:
        return False
    parts, _ = ndimage.label(region, _square(region))
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    if sizes.max() < FEWEST or _are_compact(parts, sizes):
        return False  # single pixels are left to the median
    filled = eroded(dilated(region))  # of hot pixels in it
    return _ends_in_a_step(pixels, region | filled, out, value)


def _are_compact(parts: NDArray[Any], sizes: NDArray[np.integer[Any]]) -> bool:
    """Whether most of a region are round or square things, as objects are.

    Parts do not touch at corners either: what is nearest to a pixel of one and not of
    it lies in the box about it, one pixel wider.
    """
    compact = 0
    for number, box in enumerate(ndimage.find_objects(parts), 1):
        if sizes[number] >= OBJECT:
            part = parts[widened(box, 1, parts.shape)] == number
            depth = ndimage.distance_transform_edt(part)
            if depth.max() >= COMPACT * np.sqrt(sizes[number]):
                compact += int(sizes[number])
    return 2 * compact > int(sizes.sum())


def _is_sure(pixels: NDArray[Any], out: Mask, value: Any) -> bool:
    """Whether what else has this value is nothing but single pixels."""
    rest = (pixels == value) & ~out
    return not eroded(rest).any()


def _has_noise(pixels: NDArray[Any], out: Mask) -> bool:
    """Whether neighbours differ, as they do not in a drawing."""
    near = (slice(None),) * (pixels.ndim - 1)
    here = ~out[(*near, slice(1, None))] & ~out[(*near, slice(None, -1))]
    same = pixels[(*near, slice(1, None))] == pixels[(*near, slice(None, -1))]
    return bool(here.any()) and float(same[here].mean()) < FLAT


AT_ONCE = 2**24  # values that are read


def is_without_data(plane: Any) -> bool:
    """Whether all of a plane is NaN, or masked; read only where its first pixel is."""
    if isinstance(plane, np.ma.MaskedArray) and np.ma.getmaskarray(plane).all():
        return True
    if np.dtype(plane.dtype).kind != "f":
        return False
    if not np.isnan(np.asarray(plane[(0,) * plane.ndim])):
        return False
    thick = max(1, AT_ONCE // prod(plane.shape[1:]))
    return all(
        bool(np.isnan(np.asarray(plane[at : at + thick])).all())
        for at in range(0, plane.shape[0], thick)
    )
