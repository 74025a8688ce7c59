"""TIFF files, as tifffile reads them: series, calibration, and what is damaged.

tifffile is used in full rather than bioio over it: of the same files bioio drops the
unit of ImageJ, invents sizes of 1 where none is said, shows min-is-white inverted and
indices of a palette as grey, does not join pages, and needs 30 packages more.
"""

from __future__ import annotations

import logging
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import tifffile

from napari_shiftseg.stores.axes import (
    UNNAMED,
    from_imagej,
    from_lsm,
    from_ome,
    from_resolution,
    in_order,
    named_axes,
    ome_channels,
    ome_images,
)
from napari_shiftseg.stores.lazy import Lazy, open_series, refuse_too_large
from napari_shiftseg.stores.stored_image import (
    PLAIN,
    DamagedError,
    RefusedError,
    Stored,
    with_photometry,
)
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.stores.axes import Calibration


ORDERS = {b"II": "<", b"MM": ">"}
BIG = 43  # version of BigTIFF
MOST_TAGS = 4096  # of a page; more are damage
LARGEST_CLASSIC = 2**32  # bytes; beyond, offsets of a classic TIFF wrap


def _check_pages(path: Path) -> None:
    """Refuse a file whose pages run in a circle, or lead out of it.

    A reader that follows a circle never ends; one that gives up at a broken link loses
    the pages behind it.
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
            raise DamagedError(f"the file is cut off after page {len(seen)}")
        at = struct.unpack(order + offset, link)[0]
        if not at:
            return
        if at in seen:
            raise DamagedError(f"its pages run in a circle after page {len(seen)}")
        seen.add(at)
        file.seek(min(at, size))
        length = file.read(struct.calcsize(count))
        if len(length) < struct.calcsize(count):
            raise DamagedError(f"page {len(seen)} lies beyond the end of the file")
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
BLACK_IS_ZERO = 1  # of TIFF's photometric interpretations
LOST = ("corrupt", "invalid page offset", "invalid offset to page", "circular")


def _decoded(series: tifffile.TiffPageSeries) -> NDArray[Any]:
    """Decode a series; a page that is damaged is named."""
    if series.dtype is not None:
        refuse_too_large(series.shape, series.dtype)
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


def _refuse_cut_off(series: tifffile.TiffPageSeries) -> None:
    """Refuse a file that ends before its pixels, or lacks pages; the page is named."""
    total = len(series.pages)
    for number, page in enumerate(series.pages, start=1):
        if page is None:
            raise DamagedError(
                f"page {number} of {total} is missing: it was cut off, or lies in "
                f"another file that is not here"
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
                f"page {number} of {total} is damaged: only {known:,} of its "
                f"{parts:,} parts are in the file"
            )


def _refuse_absurd(images: Sequence[dict[str, Any]], size: int) -> None:
    """Refuse OME-XML that promises more planes than the file has bytes."""
    for image in images:
        pixels = image.get("Pixels")
        sizes = pixels if isinstance(pixels, dict) else {}
        planes = prod(int(sizes.get(f"Size{axis}", 1)) for axis in "TCZ")
        if planes > size:
            raise DamagedError(f"its OME-XML lists {planes:,} planes: it is damaged")


def _refuse_lost(said: Sequence[str]) -> None:
    """Refuse a file of which tifffile could not find all pages."""
    lost = [line for line in said if any(word in line for word in LOST)]
    if lost:
        raise DamagedError(
            f"pages are lost: the file is cut off or damaged ({lost[0].strip()})"
        )


NUMBERED = (  # as files say it now, and as they did
    "objects are whole in every image of the axes ",
    "numbered from 1 in every image of the axes ",
)


@dataclass(frozen=True)
class About:
    """What a TIFF file says of its axes."""

    axes: str  # of the series that is read, in the order TCZYX
    # of one image in which objects are whole, where this program wrote the file; see
    # `numbered`
    image_axes: str = ""


def numbered(image_axes: str) -> str:
    """Say in a file of labels of which axes an image is in which objects are whole."""
    return f"{NUMBERED[0]}{image_axes}"


@dataclass(frozen=True)
class Chosen:
    """The series of a file that are read, and why."""

    series: tuple[tifffile.TiffPageSeries, ...]
    first: int
    notes: tuple[str, ...] = ()


def stored_tiff(path: Path, series: int | None = None, lazily: bool = False) -> Stored:
    """Read a TIFF file.

    Parameters
    ----------
    path : Path
    series : int, optional
        Which one, counted from 1. If not given, pages that are alike are joined, and of
        several series the largest is taken.
    lazily : bool
        Whether the pixels may stay on disk, as `Lazy`.
    """
    with _log() as said:
        try:
            _check_pages(path)
            with tifffile.TiffFile(path) as file:
                return _stored(file, series, said, path if lazily else None)
        except DAMAGED as error:
            raise _refusal(error) from None


def about_tiff(path: Path) -> About:
    """Return what a TIFF file says of its axes, without reading its pixels."""
    with _log():
        try:
            _check_pages(path)
            with tifffile.TiffFile(path) as file:
                chosen = _chosen(file.series, None)
                one = chosen.series[0]
                joined = UNNAMED * (len(chosen.series) > 1)
                axes = joined + named_axes(one.axes, one.shape, one.kind)
                return About(in_order(axes), _image_axes(file))
        except DAMAGED as error:
            raise ValueError(f"{path.name} cannot be read: {error}") from None


def _image_axes(file: tifffile.TiffFile) -> str:
    """Return what `numbered` says in a file; empty where it does not."""
    images = ome_images(file.ome_metadata) if file.is_ome else []
    known = images or list(file.shaped_metadata or ())
    said = str(known[0].get("Description", "")) if known else ""
    rest = (said.removeprefix(each) for each in NUMBERED if said.startswith(each))
    return next(rest, "")


def _refusal(error: BaseException) -> ValueError:
    """Return what was said on purpose as it is, anything else as damage."""
    if isinstance(error, (DamagedError, RefusedError)):
        return error
    return DamagedError(f"the file is damaged ({type(error).__name__}: {error})")


def _stored(
    file: tifffile.TiffFile, series: int | None, said: list[str], path: Path | None
) -> Stored:
    images = ome_images(file.ome_metadata) if file.is_ome else []
    _refuse_absurd(images, file.filehandle.size)
    chosen = _chosen(file.series, series)
    _refuse_lost(said)
    if path is not None and _is_plain(chosen):
        _refuse_cut_off(chosen.series[0])
        parts: list[Any] = [Lazy.of(open_series, str(path), chosen.first)]
    else:
        parts = [_decoded(one) for one in chosen.series]
    first = chosen.series[0]
    data, axes = parts[0], named_axes(first.axes, first.shape, first.kind)
    if axes.endswith("X" + UNNAMED):  # (Y, X, 1), which tifffile keeps
        data, axes = data[..., 0], axes[:-1]
    if len(parts) > 1:
        data, axes = np.stack(parts), UNNAMED + axes
    pixels = _ome_pixels(images, chosen.first, len(file.series), first.name)
    if len(axes) != data.ndim:
        raise DamagedError(f"its axes {axes} are not those of its pixels {data.shape}")
    stored = Stored(
        data,
        axes,
        _calibration(file, first.keyframe, pixels),
        _channels(file, pixels),
        chosen.notes,
    )
    return with_photometry(stored, first.keyframe, first.kind)


def _is_plain(chosen: Chosen) -> bool:
    """Whether a file holds one series of grey values, as they are to be read."""
    page = chosen.series[0].keyframe
    is_grey = int(page.photometric) == BLACK_IS_ZERO and page.samplesperpixel == 1
    return len(chosen.series) == 1 and is_grey


def _chosen(found: Sequence[tifffile.TiffPageSeries], number: int | None) -> Chosen:
    """Choose among the series of a file."""
    if not found:
        raise DamagedError("the file holds no image")
    if number is not None:
        if not 1 <= number <= len(found):
            raise RefusedError(
                f"the file has {len(found)} series, counted from 1: there is no "
                f"series {number}"
            )
        return Chosen((found[number - 1],), number - 1)
    if len(found) == 1:
        return Chosen((found[0],), 0)
    if _are_pages_of_one(found):
        note = f"{len(found)} pages, saved one by one, were joined to one series"
        return Chosen(tuple(found), 0, (note,))
    sizes = [prod(one.shape) for one in found]
    at = sizes.index(max(sizes))
    note = (
        f"the file has {len(found)} series, the largest was read, number {at + 1} "
        f"({by(found[at].shape)}): choose another with --series"
    )
    return Chosen((found[at],), at, (note,))


def _are_pages_of_one(found: Sequence[tifffile.TiffPageSeries]) -> bool:
    """Whether each series is one page, and all are alike."""
    kinds = {
        (one.shape, one.dtype, one.axes, one.keyframe.photometric) for one in found
    }
    is_plain = all(one.kind in PLAIN and len(one) == 1 for one in found)
    return is_plain and len(kinds) == 1


def _ome_pixels(
    images: Sequence[dict[str, Any]], at: int, number: int, name: str
) -> dict[str, Any]:
    """Return what OME-XML says of the pixels of a series."""
    named = [image for image in images if image.get("Name", image.get("ID")) == name]
    if len(images) == number:
        image = images[at]
    elif named:
        image = named[0]
    else:
        return {}
    pixels = image.get("Pixels")
    return pixels if isinstance(pixels, dict) else {}


def _calibration(
    file: tifffile.TiffFile, page: tifffile.TiffPage, pixels: dict[str, Any]
) -> Calibration:
    if pixels:
        return from_resolution(page) | from_ome(pixels)
    known = file.imagej_metadata
    if known:
        unit, unit_y = known.get("unit"), known.get("yunit")
        own = from_resolution(page, unit, unit_y)
        return own | from_imagej(known)
    if file.is_lsm and file.lsm_metadata:
        return from_lsm(file.lsm_metadata)
    shaped: dict[str, Any] = next(iter(file.shaped_metadata or ()), {})
    unit = shaped.get("unit")
    return from_resolution(page, unit) | from_imagej(shaped) | from_ome(shaped)


def _channels(file: tifffile.TiffFile, pixels: dict[str, Any]) -> tuple[str, ...]:
    if pixels:
        names = ome_channels(pixels)
        return names if any(names) else ()
    colours = (file.lsm_metadata or {}).get("ChannelColors", {}) if file.is_lsm else {}
    return tuple(map(str, colours.get("ColorNames", ())))


class _Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def _log() -> Iterator[list[str]]:
    """Keep the log lines of tifffile, in place of printing them."""
    logger, kept = logging.getLogger("tifffile"), _Kept()
    passed_on, logger.propagate = logger.propagate, False
    logger.addHandler(kept)
    try:
        yield kept.said
    finally:
        logger.removeHandler(kept)
        logger.propagate = passed_on
