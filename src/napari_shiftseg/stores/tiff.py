"""TIFF files, as tifffile reads them: series, axes, calibration, photometry.

tifffile is used in full rather than bioio over it: of the same files bioio drops the
unit of ImageJ, invents sizes of 1 where none is said, shows min-is-white inverted and
indices of a palette as grey, does not join pages, and needs 30 packages more.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_shiftseg.stores import calibration
from napari_shiftseg.stores.damage import (
    DAMAGED,
    check_pages,
    decoded,
    refuse_absurd,
    refuse_lost,
)
from napari_shiftseg.stores.stored_image import (
    ALSO_CHANNELS,
    CHANNELS,
    SAMPLES,
    UNNAMED,
    DamagedError,
    RefusedError,
    Stored,
    in_order,
    unnamed,
)
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.stores.calibration import Calibration

PLAIN = ("generic", "uniform", "shaped")  # kinds of series that pages make by chance
NUMBERED = "numbered from 1 in every image of the axes "
WHITE_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR, LAB = 0, 2, 3, 5, 6, (8, 9, 10)
COLOURED, PLANAR = (RGB, YCBCR), 2
SAVE_WITH_AXES = "save it again with axes, or as .npy"
FRAMES = (
    "3 or 4 planes of more than 8 bits, marked as colours, were taken as frames: if "
    f"they are colours, {SAVE_WITH_AXES}"
)
MAYBE_FRAMES = (
    "its planes are marked as colours, as some programs mark any stack of 3 or 4: if "
    f"these are frames, {SAVE_WITH_AXES}"
)
TIFFFILE = "tifffile.py"  # as it signs what it writes
OPACITY = (1, 2)  # of TIFF's extra samples


@dataclass(frozen=True)
class About:
    """What a TIFF file says of its axes.

    Attributes
    ----------
    axes : str
        Of the series that is read, in the order TCZYX.
    image_axes : str
        Of one image in which labels are numbered from 1, where this program wrote the
        file; see `numbered`.
    """

    axes: str
    image_axes: str = ""


def numbered(image_axes: str) -> str:
    """Say in a file of labels of which axes one image is, numbered from 1."""
    return f"{NUMBERED}{image_axes}"


@dataclass(frozen=True)
class Chosen:
    """The series of a file that are read, and why."""

    series: tuple[tifffile.TiffPageSeries, ...]
    first: int
    notes: tuple[str, ...] = ()


def stored_tiff(path: Path, series: int | None = None) -> Stored:
    """Read a TIFF file.

    Parameters
    ----------
    path : Path
    series : int, optional
        Which one, counted from 1. If not given, pages that are alike are joined, and of
        several series the largest is taken.

    Raises
    ------
    ValueError
        If there is no such series, or the file is damaged; what is wrong is said.
    """
    with _log() as said:
        try:
            check_pages(path)
            with tifffile.TiffFile(path) as file:
                return _stored(file, series, said)
        except DAMAGED as error:
            raise _refusal(error) from None


def about_tiff(path: Path) -> About:
    """Return what a TIFF file says of its axes, without reading its pixels.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    with _log():
        try:
            check_pages(path)
            with tifffile.TiffFile(path) as file:
                chosen = _chosen(file.series, None)
                one = chosen.series[0]
                joined = UNNAMED * (len(chosen.series) > 1)
                axes = joined + _named(one.axes, one.shape, one.kind)
                return About(in_order(axes), _image_axes(file))
        except DAMAGED as error:
            raise ValueError(f"{path.name} cannot be read: {error}") from None


def _image_axes(file: tifffile.TiffFile) -> str:
    """Return what `numbered` says in a file; empty where it does not."""
    images = calibration.ome_images(file.ome_metadata) if file.is_ome else []
    known = images or list(file.shaped_metadata or ())
    said = str(known[0].get("Description", "")) if known else ""
    return said.removeprefix(NUMBERED) if said.startswith(NUMBERED) else ""


def _refusal(error: BaseException) -> ValueError:
    """Return what was said on purpose as it is, anything else as damage."""
    if isinstance(error, (DamagedError, RefusedError)):
        return error
    return DamagedError(f"the file is damaged ({type(error).__name__}: {error})")


def _stored(file: tifffile.TiffFile, series: int | None, said: list[str]) -> Stored:
    images = calibration.ome_images(file.ome_metadata) if file.is_ome else []
    refuse_absurd(images, file.filehandle.size)
    chosen = _chosen(file.series, series)
    refuse_lost(said)
    parts = [decoded(one) for one in chosen.series]
    first = chosen.series[0]
    data, axes = parts[0], _named(first.axes, first.shape, first.kind)
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
    return _with_photometry(stored, first.keyframe, first.kind)


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
        note = f"{len(found)} pages, written one by one, were joined to one series"
        return Chosen(tuple(found), 0, (note,))
    sizes = [prod(one.shape) for one in found]
    at = sizes.index(max(sizes))
    note = (
        f"of {len(found)} series the largest, number {at + 1} "
        f"({by(found[at].shape)}), was taken: choose another with --series"
    )
    return Chosen((found[at],), at, (note,))


def _are_pages_of_one(found: Sequence[tifffile.TiffPageSeries]) -> bool:
    """Whether each series is one page, and all are alike."""
    kinds = {
        (one.shape, one.dtype, one.axes, one.keyframe.photometric) for one in found
    }
    is_plain = all(one.kind in PLAIN and len(one) == 1 for one in found)
    return is_plain and len(kinds) == 1


def _named(axes: str, shape: tuple[int, ...], kind: str) -> str:
    """Return axes in letters that we know; what no one has named by its shape."""
    for letter in ALSO_CHANNELS:
        if CHANNELS not in axes:
            axes = axes.replace(letter, CHANNELS)
    axes = axes.replace("I", UNNAMED)
    is_unnamed = kind == "shaped" and axes == UNNAMED * (len(axes) - 2) + "YX"
    return unnamed(shape) if is_unnamed else axes


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
        return calibration.from_resolution(page) | calibration.from_ome(pixels)
    known = file.imagej_metadata
    if known:
        unit, unit_y = known.get("unit"), known.get("yunit")
        own = calibration.from_resolution(page, unit, unit_y)
        return own | calibration.from_imagej(known)
    if file.is_lsm and file.lsm_metadata:
        return calibration.from_lsm(file.lsm_metadata)
    shaped: dict[str, Any] = next(iter(file.shaped_metadata or ()), {})
    unit = shaped.get("unit")
    return calibration.from_resolution(page, unit) | calibration.from_shaped(shaped)


def _channels(file: tifffile.TiffFile, pixels: dict[str, Any]) -> tuple[str, ...]:
    if pixels:
        names = calibration.ome_channels(pixels)
        return names if any(names) else ()
    colours = (file.lsm_metadata or {}).get("ChannelColors", {}) if file.is_lsm else {}
    return tuple(map(str, colours.get("ColorNames", ())))


def _with_photometry(stored: Stored, page: tifffile.TiffPage, kind: str) -> Stored:
    """Add what the samples of a pixel stand for.

    tifffile marks every array of booleans as min-is-white, without inverting it: where
    it wrote the file, they are taken as they are.
    """
    photometric = int(page.photometric)
    if photometric == WHITE_IS_ZERO:
        is_mask = stored.data.dtype == bool and kind == "shaped"
        bits = None if is_mask else int(page.bitspersample)
        return replace(stored, white_is_low=bits)
    if photometric == PALETTE and _is_index(stored.data, page.colormap):
        is_lut = kind == "imagej"
        return replace(stored, kind="palette", palette=page.colormap, is_lut=is_lut)
    return _with_samples(stored, page, kind) if SAMPLES in stored.axes else stored


def _is_index(data: NDArray[Any], palette: NDArray[Any] | None) -> bool:
    return palette is not None and data.dtype.kind in "bu"


def _with_samples(stored: Stored, page: tifffile.TiffPage, kind: str) -> Stored:
    """Add what several samples a pixel stand for: colours, opacity, or channels.

    tifffile, and what saves with it, marks every stack of 3 or 4 planes as colours,
    plane by plane; of more than 8 bits that is a stack, of 8 bits it may be.
    """
    photometric, at = int(page.photometric), stored.axes.index(SAMPLES)
    samples = stored.data.shape[at]
    if photometric == SEPARATED and samples >= 4:
        return replace(stored, kind="cmyk")
    colours = 3 if photometric in COLOURED and samples >= 3 else 1
    opaque = sum(int(extra) in OPACITY for extra in page.extrasamples or ())
    if colours == 3 and samples - opaque <= 4:
        by_tifffile = kind == "shaped" or page.software == TIFFFILE
        if not by_tifffile or kind not in PLAIN or page.planarconfig != PLANAR:
            return replace(stored, kind="rgb")
        if stored.data.dtype == np.uint8:
            return replace(stored, kind="rgb", notes=(*stored.notes, MAYBE_FRAMES))
        axes, notes = stored.axes.replace(SAMPLES, UNNAMED), (*stored.notes, FRAMES)
        return replace(stored, axes=axes, notes=notes)
    if photometric in LAB or samples - opaque == 1:  # the lightness, or grey, alone
        data = stored.data.take(0, at)
        return replace(stored, data=data, axes=stored.axes.replace(SAMPLES, ""))
    if CHANNELS in stored.axes:
        return stored
    return replace(stored, axes=stored.axes.replace(SAMPLES, CHANNELS))


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


def axes_of_file(path: str | None, shape: tuple[int, ...]) -> str:
    """Return the axes of a TIFF whose first image has this shape, as ``TCYX``.

    Parameters
    ----------
    path : str, optional
        Of any file.
    shape : tuple of int
        Readers may leave out axes of length 1.

    Returns
    -------
    str
        Empty where it is no such TIFF.
    """
    file = Path(path or "")
    if file.suffix.lower() not in (".tif", ".tiff") or not file.is_file():
        return ""
    return _tiff_axes(file, file.stat().st_mtime_ns, shape)


@lru_cache(maxsize=64)
def _tiff_axes(path: Path, _changed: int, shape: tuple[int, ...]) -> str:
    try:
        with tifffile.TiffFile(path) as file:
            axes, full = file.series[0].axes, file.series[0].shape
    except DAMAGED:
        return ""
    if full == shape:
        return str(axes)
    long = [(axis, n) for axis, n in zip(axes, full, strict=True) if n > 1]
    if tuple(n for _, n in long) != shape:
        return ""
    return "".join(axis for axis, _ in long)
