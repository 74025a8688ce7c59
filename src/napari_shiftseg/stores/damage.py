"""What may be wrong with a TIFF file, found before and while its pixels are read."""

from __future__ import annotations

import struct
import zlib
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import psutil

from napari_shiftseg.stores.stored_image import DamagedError, RefusedError
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import tifffile
    from numpy.typing import NDArray


ORDERS = {b"II": "<", b"MM": ">"}
BIG = 43  # version of BigTIFF
MOST_TAGS = 4096  # of a page; more are damage
LARGEST_CLASSIC = 2**32  # bytes; beyond, offsets of a classic TIFF wrap


def check_pages(path: Path) -> None:
    """Refuse a file whose pages run in a circle, or lead out of it.

    A reader that follows a circle never ends; one that gives up at a broken link loses
    the pages behind it.

    Parameters
    ----------
    path : Path
        Of a TIFF file.

    Raises
    ------
    DamagedError
        If they do; the page is named.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        order = ORDERS.get(head[:2])
        if order is None or len(head) < 8:
            raise DamagedError("its header is cut off")
        is_big = struct.unpack(f"{order}H", head[2:4])[0] == BIG
        if size >= LARGEST_CLASSIC and not is_big:
            return
        first = file.read(8) if is_big else head[4:]
        _walk(file, order, is_big, first, size)


def _walk(file: BinaryIO, order: str, is_big: bool, link: bytes, size: int) -> None:
    """Follow the links from page to page."""
    count, tag, offset = ("Q", 20, "Q") if is_big else ("H", 12, "I")
    seen: set[int] = set()
    while True:
        if len(link) < struct.calcsize(offset):
            raise DamagedError(f"the file is cut off behind page {len(seen)}")
        at = struct.unpack(order + offset, link)[0]
        if not at:
            return
        if at in seen:
            raise DamagedError(f"its pages run in a circle behind page {len(seen)}")
        seen.add(at)
        file.seek(min(at, size))
        length = file.read(struct.calcsize(count))
        if len(length) < struct.calcsize(count):
            raise DamagedError(f"page {len(seen)} is cut off: it lies beyond the file")
        tags = struct.unpack(order + count, length)[0]
        if tags > MOST_TAGS:
            raise DamagedError(f"page {len(seen)} is damaged: it has {tags:,} tags")
        file.seek(tags * tag, 1)
        link = file.read(struct.calcsize(offset))


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
