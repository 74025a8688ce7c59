"""A small picture of an image with the outlines of its objects."""

from __future__ import annotations

from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from skimage.segmentation import find_boundaries

from napari_shiftseg.stores.lazy import in_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.stores.reading import Source

SIDE = 200  # pixels along the longer side, at most
OUTLINE = (255, 176, 0)  # red, green, blue; seen by the colour-blind, too, on grey
DARK, BRIGHT = 1, 99.8  # percentiles that are black and white
QUALITY = 70  # of the JPEG, of 100
LINE = 24  # rows of the picture of a 1-D image


def thumbnail_of(source: Source, result: Segmentation) -> bytes:
    """Return a JPEG: of a stack its middle plane, of several channels the first.

    Parameters
    ----------
    source : Source
    result : Segmentation
    """
    return thumbnail(source.data, result.labels, result.region)


def thumbnail(data: Any, labels: NDArray[Any], region: Region) -> bytes:
    r"""Return the same of labels, whatever they come from.

    Parameters
    ----------
    data : array
        Of the image.
    labels : ndarray of int
        ([leading,] \*spatial) of a part of it.
    region : sequence of (int, int)
        Which one, on the spatial axes.
    """
    inside = tuple(slice(start, stop) for start, stop in region)
    leading = labels.ndim - len(inside)
    pixels = _without_channels(data, labels.ndim, leading)
    middle = [n // 2 for n in labels.shape[:leading]]
    image = in_memory(pixels[(*middle, *inside)])
    return picture(_plane(image), _plane(labels[tuple(middle)]))


def _without_channels(pixels: Any, ndim: int, leading: int) -> Any:
    """Return the first channel of an image that has an axis more than its labels.

    That of channels comes after the leading ones, or is of length 1.
    """
    if pixels.ndim == ndim:
        return pixels
    single = [at for at, n in enumerate(pixels.shape) if n == 1]
    return pixels[(*[slice(None)] * (single[0] if single else leading), 0)]


def _plane(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the middle plane of a volume; of a line, a band."""
    if pixels.ndim == 1:
        return np.broadcast_to(pixels, (LINE, len(pixels)))
    return pixels[pixels.shape[0] // 2] if pixels.ndim == 3 else pixels


def picture(image: NDArray[Any], labels: NDArray[Any]) -> bytes:
    """Return a JPEG of an image, with outlines around its objects.

    Parameters
    ----------
    image, labels : ndarray
        (rows, columns)
    """
    factor = max(1, ceil(max(image.shape) / SIDE))
    grey = _grey(_reduced(image, factor))
    small = labels[factor // 2 :: factor, factor // 2 :: factor]
    rows, columns = (min(a, b) for a, b in zip(grey.shape, small.shape, strict=True))
    painted = np.repeat(grey[:rows, :columns, None], 3, axis=2)
    painted[find_boundaries(small[:rows, :columns], mode="inner")] = OUTLINE
    file = BytesIO()
    Image.fromarray(painted).save(file, "JPEG", quality=QUALITY, subsampling=0)
    return file.getvalue()


def _reduced(image: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Return the means of squares of pixels; those that are left over are dropped."""
    rows, columns = (max(1, n // factor) for n in image.shape)
    whole = image[: rows * factor, : columns * factor].astype(np.float32)
    if whole.shape != (rows * factor, columns * factor):  # a side below one square
        return whole[::factor, ::factor]
    squares = whole.reshape(rows, factor, columns, factor)
    mean: NDArray[np.float32] = squares.mean(axis=(1, 3))
    return mean


def _grey(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    known = image[np.isfinite(image)]
    low, high = np.percentile(known, (DARK, BRIGHT)) if known.size else (0.0, 1.0)
    scaled = (np.nan_to_num(image, nan=low) - low) / max(high - low, 1e-12) * 255
    grey: NDArray[np.uint8] = scaled.clip(0, 255).astype(np.uint8)
    return grey
