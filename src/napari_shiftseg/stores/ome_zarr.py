"""Results as OME-Zarr 0.5, written chunk by chunk: labels with a pyramid, images.

Arrays are zarr-python's. The metadata are a few lines of our own, which
ome-zarr-models checks in the tests: yaozarrs calls itself not ready for production,
ome-zarr-py writes no label pyramid of its own scale on Python 3.11, and ngff-zarr
brings a second zarr library.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import TYPE_CHECKING, Any

import zarr

from napari_shiftseg.stores.axes import MICRO, Distance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.stores.axes import Calibration


VERSION = "0.5"
LABELS: dict[str, Any] = {
    "image-label": {"colors": []}
}  # what OME says of a label image
KINDS = {"T": "time", "C": "channel", "Z": "space", "Y": "space", "X": "space"}
UNITS = {  # of OME-Zarr, for ours
    MICRO: "micrometer", "nm": "nanometer", "mm": "millimeter", "cm": "centimeter",
    "m": "meter", "Å": "angstrom", "in": "inch", "pm": "picometer", "km": "kilometer",
    "s": "second", "ms": "millisecond", "min": "minute", "h": "hour", "d": "day",
    "ns": "nanosecond", "\u00b5s": "microsecond",
}  # fmt: skip


@dataclass(frozen=True)
class Pyramid:
    """Levels of one image: each but the first half as large along some axes."""

    shape: tuple[int, ...]  # of the full resolution
    axes: str  # one letter an axis, of TCZYX
    chunks: tuple[int, ...]
    ndim: int  # axes, the last ones, that are halved

    @property
    def steps(self) -> list[tuple[int, ...]]:
        """Pixels of the full resolution to one of each level, per axis.

        An axis is halved as long as it is longer than a chunk.
        """
        each = [(1,) * len(self.axes)]
        first = len(self.axes) - self.ndim
        while True:
            shape = self.shape_of(each[-1])
            halved = tuple(
                2 if n > chunk and axis >= first else 1
                for axis, (n, chunk) in enumerate(zip(shape, self.chunks, strict=True))
            )
            if prod(halved) == 1:
                return each
            each.append(tuple(a * b for a, b in zip(each[-1], halved, strict=True)))

    def shape_of(self, step: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of a level."""
        return tuple(ceil(n / s) for n, s in zip(self.shape, step, strict=True))


def make_image(
    folder: Path,
    pyramid: Pyramid,
    dtype: np.dtype[Any] | str,
    calibration: Calibration,
    more: dict[str, Any] | None = None,
    name: str = "labels",
    levels: int | None = None,
    origin: Mapping[str, float] | None = None,
) -> list[Path]:
    """Make the group of a multiscale image; returns its levels, empty arrays.

    Parameters
    ----------
    folder : Path
    pyramid : Pyramid
    dtype : numpy dtype
    calibration : dict
        Of the full resolution, by the letter of the axis.
    more : dict, optional
        What else OME is to say of it.
    name : str
        Of the image.
    levels : int, optional
        How many; all if not given.
    origin : mapping of str to float, optional
        Where the first pixel is, by the letter of the axis, in the unit of its size. A
        pixel of a smaller level is the first of those that it stands for, so that this
        holds for all levels.
    """
    steps = pyramid.steps[:levels]
    multiscale = {
        "name": name,
        "axes": [_axis(letter, calibration) for letter in pyramid.axes],
        "datasets": [
            {
                "path": str(n),
                "coordinateTransformations": [
                    _scale(pyramid, step, calibration),
                    *_translation(pyramid, origin or {}),
                ],
            }
            for n, step in enumerate(steps)
        ],
    }
    said = {"version": VERSION, "multiscales": [multiscale], **(more or {})}
    zarr.create_group(str(folder), attributes={"ome": said})
    for number, step in enumerate(steps):
        shape = pyramid.shape_of(step)
        zarr.create_array(
            str(folder / str(number)), shape=shape, dtype=dtype,
            chunks=tuple(min(c, n) for c, n in zip(pyramid.chunks, shape, strict=True)),
            dimension_names=list(pyramid.axes.lower()), fill_value=0,
        )  # fmt: skip
    return [folder / str(number) for number in range(len(steps))]


def _axis(letter: str, calibration: Calibration) -> dict[str, str]:
    axis = {"name": letter.lower(), "type": KINDS[letter]}
    unit = UNITS.get(calibration[letter].unit) if letter in calibration else None
    return axis | ({"unit": unit} if unit else {})


def _scale(
    pyramid: Pyramid, step: Sequence[int], calibration: Calibration
) -> dict[str, Any]:
    one = Distance(1.0, "pixel")
    sizes = [
        calibration.get(letter, one).size * s
        for letter, s in zip(pyramid.axes, step, strict=True)
    ]
    return {"type": "scale", "scale": sizes}


def _translation(pyramid: Pyramid, origin: Mapping[str, float]) -> list[dict[str, Any]]:
    begins = [origin.get(letter, 0.0) for letter in pyramid.axes]
    return [{"type": "translation", "translation": begins}] if any(begins) else []


def bring_to_disk(array: zarr.Array, box: Box) -> None:
    """Wait until the chunks that a box touches are on the disk, not in a cache alone.

    Parameters
    ----------
    array : zarr.Array
        In a folder.
    box : tuple of slice
        One an axis.
    """
    root = array.store_path.store.root / array.store_path.path
    ranges = [
        range(side.start // c, ceil(side.stop / c))
        for side, c in zip(box, array.chunks, strict=True)
    ]
    for at in product(*ranges):
        path = root / array.metadata.encode_chunk_key(at)
        if path.exists():  # chunks of nothing but 0 are not written
            with path.open("r+b") as file:  # Windows brings no other to the disk
                os.fsync(file.fileno())
