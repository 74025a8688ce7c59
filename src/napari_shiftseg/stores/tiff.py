"""TIFF files, as tifffile reads them: series, axes, calibration, photometry.

tifffile is used in full rather than bioio over it: of the same files bioio drops the
unit of ImageJ, invents sizes of 1 where none is said, shows min-is-white inverted and
indices of a palette as grey, does not join pages, and needs 30 packages more.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_shiftseg.stores import calibration
from napari_shiftseg.stores.axes import UNNAMED, in_order, named_axes
from napari_shiftseg.stores.damage import (
    DAMAGED,
    check_pages,
    decoded,
    refuse_absurd,
    refuse_lost,
)
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

    from napari_shiftseg.stores.calibration import Calibration


NUMBERED = "numbered from 1 in every image of the axes "


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
                axes = joined + named_axes(one.axes, one.shape, one.kind)
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
