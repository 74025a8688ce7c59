"""What may be wrong with a TIFF file, found before and while its pixels are read."""

from __future__ import annotations

import struct
import zlib
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from napari_shiftseg.files.stored import DamagedError, RefusedError
from napari_shiftseg.geometry.words import by

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tifffile
    from numpy.typing import NDArray

# What tifffile and imagecodecs raise on files that are damaged; TiffFileError and
# UnicodeError are ValueErrors, the errors of all codecs RuntimeErrors.
DAMAGED = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError,
    RuntimeError, AssertionError, MemoryError, OSError, SyntaxError, struct.error,
    zlib.error,
)  # fmt: skip
LOST = ("corrupt", "invalid page offset", "invalid offset to page", "circular")


def decoded(series: tifffile.TiffPageSeries) -> NDArray[Any]:
    """Decode a series; a page that is damaged is named."""
    _refuse_too_large(series)
    _refuse_cut_off(series)
    try:
        return np.asarray(series.asarray())
    except DAMAGED as error:
        number = _damaged_page(series)
        if number is None:
            raise
        raise DamagedError(
            f"page {number} of {len(series.pages)} is damaged ({error})"
        ) from None


def _damaged_page(series: tifffile.TiffPageSeries) -> int | None:
    for number, page in enumerate(series.pages, start=1):
        try:
            page.asarray()
        except DAMAGED:
            return number
    return None


def _refuse_too_large(series: tifffile.TiffPageSeries) -> None:
    if series.dtype is None:
        return
    needed = prod(series.shape) * series.dtype.itemsize
    free = psutil.virtual_memory().available
    if needed > free:
        raise RefusedError(
            f"an image of {by(series.shape)} takes {needed / 2**30:,.1f} GiB, free are "
            f"{free / 2**30:,.1f}: crop it, or take a smaller series"
        )


def _refuse_cut_off(series: tifffile.TiffPageSeries) -> None:
    """Refuse a file that ends before its pixels, or lacks pages; the page is named."""
    total = len(series.pages)
    for number, page in enumerate(series.pages, start=1):
        if page is None:
            raise DamagedError(
                f"page {number} of {total} is missing: it lies in another file, which "
                f"is not here, or was cut off"
            )
        size = page.parent.filehandle.size
        ends = zip(page.dataoffsets, page.databytecounts, strict=False)
        if any(start + length > size for start, length in ends):
            raise DamagedError(
                f"page {number} of {total} is cut off: the file ends before its pixels"
            )
        parts, known = prod(page.keyframe.chunked), len(page.databytecounts)
        if known < parts and page.databytecounts != (page.nbytes,):
            raise DamagedError(
                f"page {number} of {total} is damaged: of its {parts:,} parts only "
                f"{known:,} have a place in the file"
            )


def refuse_absurd(images: Sequence[dict[str, Any]], size: int) -> None:
    """Refuse OME-XML that promises more planes than the file has bytes."""
    for image in images:
        pixels = image.get("Pixels")
        sizes = pixels if isinstance(pixels, dict) else {}
        planes = prod(int(sizes.get(f"Size{axis}", 1)) for axis in "TCZ")
        if planes > size:
            raise DamagedError(f"its OME-XML promises {planes:,} planes: it is damaged")


def refuse_lost(said: Sequence[str]) -> None:
    """Refuse a file of which tifffile could not find all pages."""
    lost = [line for line in said if any(word in line for word in LOST)]
    if lost:
        raise DamagedError(
            f"pages are lost, the file is cut off or damaged ({lost[0].strip()})"
        )
