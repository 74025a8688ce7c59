"""Images in zarr stores: OME-Zarr 0.1 to 0.5, and arrays that no one has named."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_shiftseg.stores.axes import CHANNELS, SAMPLES, known_sizes, unnamed
from napari_shiftseg.stores.lazy import Lazy, open_array
from napari_shiftseg.stores.own_stores import record_in
from napari_shiftseg.stores.stored_image import DamagedError, RefusedError, Stored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_shiftseg.stores.axes import Calibration
    from napari_shiftseg.stores.stored_image import Kind


METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
BEFORE_AXES = "TCZYX"  # of OME-Zarr 0.1 and 0.2
OF_SHAPE = "its axes have no names, so they were taken from its shape: {}"
HOLES = (
    "{} of {} {} are not there, and were read as {}: they hold nothing else, or "
    "the copy is incomplete"
)


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr store, or an array or a group in one."""
    return path.is_dir() and any((path / name).is_file() for name in METADATA)


def leading_of(path: Path) -> int:
    """Return over how many leading axes of a store of labels objects are others.

    The first one where it is time; as many as the record says of what we wrote.
    """
    axes = stored_zarr(path).axes
    whole = str(record_in(path).get("report", {}).get("whole", ""))
    return len(axes) - len(whole) if whole else axes.find("T") + 1


def stored_zarr(path: Path, series: int | None = None) -> Stored:
    """Open an image of a zarr store; its pixels stay on disk.

    Parameters
    ----------
    path : Path
        Of a group with a multiscale image (OME-Zarr), whose full resolution is taken,
        or of an array.
    series : int, optional
        Which of several images, counted from 1: the groups 0, 1, … that
        bioformats2raw writes, or the multiscales of one group.

    Raises
    ------
    DamagedError
        If the store cannot be read.
    RefusedError
        If it holds no image, or no such series.
    """
    try:
        node = zarr.open(str(path), mode="r")
    except (ValueError, KeyError, OSError, TypeError) as error:
        raise DamagedError(f"the zarr store is damaged ({error})") from None
    if isinstance(node, zarr.Array):
        return _bare(path, series)
    said = _said_of(node)
    if said.get("bioformats2raw.layout") and not said.get("multiscales"):
        return stored_zarr(_numbered(path, node, series))
    if "plate" in said or "well" in said:
        raise RefusedError(_of_a_plate(path, said))
    multiscales = said.get("multiscales")
    if not isinstance(multiscales, list) or not multiscales:
        raise RefusedError(
            f"the zarr group holds no multiscale image ({_inside(node)}): give the "
            f"path of an OME-Zarr image or of an array in it"
        )
    number = 1 if series is None else series
    if not 1 <= number <= len(multiscales):
        raise RefusedError(
            f"the store has {len(multiscales)} multiscale images, counted from 1: "
            f"there is no series {number}"
        )
    return _multiscale(path, multiscales[number - 1], said)


def _bare(path: Path, series: int | None) -> Stored:
    """Return an array without a word on its axes."""
    if series not in (None, 1):
        raise RefusedError(f"an array is one series: there is no series {series}")
    data = Lazy.of(open_array, str(path))
    axes = unnamed(data.shape)
    notes = (OF_SHAPE.format(axes),) if data.ndim > 2 else ()
    kind: Kind = "rgb" if SAMPLES in axes else "grey"
    pixels = np.asarray(data) if kind == "rgb" else data
    return Stored(pixels, axes, notes=(*notes, *_holes(path)), kind=kind)


def _numbered(path: Path, node: zarr.Group, series: int | None) -> Path:
    """Return the image of a collection; its first one if none is chosen."""
    known = sorted((name for name in node if name.isdecimal()), key=int)
    number = 1 if series is None else series
    if not 1 <= number <= len(known):
        raise RefusedError(
            f"the store has {len(known)} series, counted from 1: there is no series "
            f"{number}"
        )
    return path / str(known[number - 1])


def _said_of(node: zarr.Group) -> Mapping[str, Any]:
    """Return what OME says in a group: since 0.5 under ``ome``, before at the top."""
    said = dict(node.attrs)
    own = said.get("ome")
    return own if isinstance(own, dict) else said


def _of_a_plate(path: Path, said: Mapping[str, Any]) -> str:
    """Say that a store holds many images, and name one of them."""
    of_plate, of_well = said.get("plate"), said.get("well")
    wells = _paths(of_plate, "wells")
    if wells:
        return (
            f"it is a plate of {len(wells)} wells: give the path of one image in it, "
            f"for example {path / wells[0] / '0'}"
        )
    images = _paths(of_well, "images")
    return (
        f"it is a well of {len(images)} images: give the path of one of them, for "
        f"example {path / (images or ['0'])[0]}"
    )


def _paths(said: Any, name: str) -> list[str]:
    known = said.get(name) if isinstance(said, dict) else None
    each = known if isinstance(known, list) else []
    return [str(e["path"]) for e in each if isinstance(e, dict) and "path" in e]


def _inside(node: zarr.Group) -> str:
    names = sorted(node)[:8]
    return f"in it: {', '.join(names)}" if names else "it is empty"


def _multiscale(path: Path, image: Any, said: Mapping[str, Any]) -> Stored:
    try:
        levels = image["datasets"]
        inner = path / str(levels[0]["path"])
        data = Lazy.of(open_array, str(inner))
    except (KeyError, IndexError, TypeError, ValueError, OSError) as error:
        raise DamagedError(
            f"its multiscale names no array that can be read ({error})"
        ) from None
    axes = _axes(image, data.ndim)
    if len(axes) != data.ndim:
        raise DamagedError(f"its axes {axes} are not those of its array {data.shape}")
    usual = _scale(image, data.ndim, [1.0] * data.ndim)  # comes after that of a level
    sizes = _scale(levels[0], data.ndim, usual)
    begins = [
        a + size * b
        for a, size, b in zip(
            _translation(image, data.ndim), usual, _translation(levels[0], data.ndim),
            strict=True,
        )
    ]  # fmt: skip
    units = [
        axis.get("unit") if isinstance(axis, dict) else None
        for axis in image.get("axes") or [None] * data.ndim
    ]
    return Stored(
        data, axes, _calibration(axes, sizes, units), _channels(said, data, axes),
        _holes(inner),
        origin={axis: at for axis, at in zip(axes, begins, strict=True) if at},
    )  # fmt: skip


def _axes(image: Mapping[str, Any], ndim: int) -> str:
    """Return the axes as letters; those of the first versions are always TCZYX."""
    named = image.get("axes")
    if not named:
        return BEFORE_AXES[-ndim:]
    names = [
        str(each.get("name", "") if isinstance(each, dict) else each) for each in named
    ]
    kinds = [each.get("type") if isinstance(each, dict) else None for each in named]
    letters = [
        CHANNELS if kind == "channel" else "T" if kind == "time" else name[:1].upper()
        for name, kind in zip(names, kinds, strict=True)
    ]
    return "".join(letter if letter in BEFORE_AXES else "Q" for letter in letters)


def _scale(said: Mapping[str, Any], ndim: int, usual: list[float]) -> list[float]:
    """Return the scale of a transformation, times the usual one."""
    for each in said.get("coordinateTransformations") or ():
        scale = each.get("scale") if isinstance(each, dict) else None
        if isinstance(scale, list) and len(scale) == ndim:
            return [a * float(b) for a, b in zip(usual, scale, strict=True)]
    return usual


def _translation(said: Mapping[str, Any], ndim: int) -> list[float]:
    """Return where a transformation moves the first pixel."""
    for each in said.get("coordinateTransformations") or ():
        moved = each.get("translation") if isinstance(each, dict) else None
        if isinstance(moved, list) and len(moved) == ndim:
            return [float(at) for at in moved]
    return [0.0] * ndim


def _calibration(axes: str, sizes: list[float], units: list[Any]) -> Calibration:
    """Return the sizes that somebody gave: a scale of 1 without a unit says nothing."""
    said = {
        axis: (size, unit)
        for axis, size, unit in zip(axes, sizes, units, strict=True)
        if axis in "TZYX" and (unit or size != 1)
    }
    return known_sizes(said)


def _channels(said: Mapping[str, Any], data: Lazy, axes: str) -> tuple[str, ...]:
    omero = said.get("omero")
    named = omero.get("channels") if isinstance(omero, dict) else None
    if CHANNELS not in axes or not isinstance(named, list):
        return ()
    labels = [str(c.get("label", "")) if isinstance(c, dict) else "" for c in named]
    number = data.shape[axes.index(CHANNELS)]
    return tuple(labels) if len(labels) == number else ()


def _holes(path: Path) -> tuple[str, ...]:
    """Say how many chunks are not there."""
    array = open_array(str(path))
    files, inside = array.shards or array.chunks, 1
    if array.shards:  # whose chunks zarr counts even beyond the end of an axis
        inside = prod(array.shards) // prod(array.chunks)
    all_of_them = prod(ceil(n / f) for n, f in zip(array.shape, files, strict=True))
    there = array.nchunks_initialized // inside
    if there >= all_of_them:
        return ()
    lacking, fill = all_of_them - there, array.fill_value or 0
    what = "shards" if array.shards else "chunks"
    return (HOLES.format(f"{lacking:,}", f"{all_of_them:,}", what, fill),)
