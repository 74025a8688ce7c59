"""What files say of the axes of their images, as far as can be without their pixels."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import tifffile

from napari_shiftseg.stores.axes import CHANNELS, ORDER, SAMPLES, unnamed
from napari_shiftseg.stores.reading import PICTURE_SUFFIXES, stored_in
from napari_shiftseg.stores.tiff import DAMAGED


def grey_axes(path: Path, series: int | None = None) -> tuple[str, tuple[int, ...]]:
    """Return the axes of an image and how long they are, without those of channels.

    As far as its format allows no pixel is read. Colours have no axes: they are
    empty.

    Parameters
    ----------
    path : Path
        See `read_image`.
    series : int, optional
        See `read_image`.

    Raises
    ------
    OSError, ValueError
        As `read_image`.
    """
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return "", ()
    if path.suffix.lower() == ".npy" and path.is_file():
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
        axes, kind = unnamed(shape), "grey"
    else:
        stored = stored_in(path, series, lazily=True)
        axes, shape, kind = stored.axes, stored.data.shape, stored.kind
    if SAMPLES in axes or kind != "grey":
        return "", ()
    order = sorted(
        (at for at, axis in enumerate(axes) if axis != CHANNELS),
        key=lambda at: ORDER.find(axes[at]),
    )
    return "".join(axes[at] for at in order), tuple(shape[at] for at in order)


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
