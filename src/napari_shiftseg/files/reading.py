"""Images and labels read from files, or made as samples."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_shiftseg.inference.image import luminance
from napari_shiftseg.metrics.contingency import as_labels
from napari_shiftseg.metrics.partly import partial_labels
from napari_shiftseg.metrics.parts import parts_per_id
from napari_shiftseg.samples.catalogue import SAMPLES, make_sample

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

IMAGE_SUFFIXES = (".tif", ".tiff", ".npy")
MOST_PARTS = 10  # connected parts an id; more are no objects


@dataclass(frozen=True)
class Source:
    r"""An image read from a file.

    Attributes
    ----------
    name : str
        Without folder and suffix.
    data : ndarray
        ([frames,] \\*spatial)
    resolution : dict
        Pixel size as tifffile writes it; empty if unknown.
    """

    name: str
    data: NDArray[Any]
    resolution: dict[str, Any]


def read_image(path: Path) -> Source:
    """Read a TIFF or .npy file, or make the sample of this name.

    A colour TIFF is read as grey (luminance).

    Raises
    ------
    FileNotFoundError
        If there is neither a file nor a sample of this name.
    IsADirectoryError
        If it is a folder.
    ValueError
        If the file is neither a TIFF nor a .npy, or cannot be read.
    """
    if is_sample(path):
        return Source(path.name, make_sample(str(path)).image, {})
    if path.is_dir():
        raise IsADirectoryError(
            f"{path} is a folder, one image is expected: name a TIFF or .npy file in "
            f"it; sweep takes several files, evaluate takes two folders"
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"no image {str(path)!r}: it is neither a file nor one of the samples "
            f"({', '.join(SAMPLES)})"
        )
    suffix = path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        raise ValueError(
            f"{path.name}: a TIFF or .npy file is expected, not {suffix!r}"
        )
    try:
        if suffix == ".npy":
            return Source(path.stem, np.load(path, allow_pickle=False), {})
        return _read_tiff(path)
    except (
        ValueError,
        EOFError,
        IndexError,
        KeyError,
        struct.error,
        tifffile.TiffFileError,
    ) as error:
        raise ValueError(
            f"{path.name} cannot be read: {error}; save the image again as a "
            f"{suffix} file"
        ) from None


def is_sample(path: Path) -> bool:
    """Whether this names a sample, not a file."""
    return not path.exists() and str(path) in SAMPLES


def read_labels(kind: str, path: Path, partly: bool = False) -> NDArray[np.integer]:
    """Read a label image; `kind` stands for it in errors. A sample gives its truth.

    Parameters
    ----------
    kind : str
    path : Path
    partly : bool
        Whether pixels may be −1, not known.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, is not of whole numbers from 0 upward, or no pixel of it
        is known.
    """
    if is_sample(path):
        return make_sample(str(path)).labels
    checked = partial_labels if partly else as_labels
    return checked(f"{kind} {path.name}", read_image(path).data)


def doubt(path: Path, labels: NDArray[np.integer]) -> str:
    """Say that labels look like a raw image or a mask; empty if they do not.

    More than 10 connected parts an id are not expected of objects.

    Parameters
    ----------
    path : Path
        The labels were read from.
    labels : ndarray of int
    """
    frames = labels if is_series(path) else labels[None]
    parts = max((parts_per_id(frame) for frame in frames), default=0)
    if parts <= MOST_PARTS:
        return ""
    return (
        f"{path.name} looks like a raw image or a mask, not like labels: "
        f"{parts:.0f} parts an id that do not touch; every object needs an id of "
        f"its own"
    )


def is_series(path: Path) -> bool:
    """Whether a TIFF says that its first axis is time: each frame has its own ids."""
    if path.suffix.lower() not in (".tif", ".tiff") or not path.is_file():
        return False
    with tifffile.TiffFile(path) as file:
        return bool(file.series[0].axes.startswith("T"))


def _read_tiff(path: Path) -> Source:
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        data, page = series.asarray(), series.keyframe
        resolution = {}
        if page.tags.get("XResolution") and all(page.resolution):
            resolution = {
                "resolution": page.resolution,
                "resolutionunit": int(page.resolutionunit),
            }
        known = file.imagej_metadata or {}
        units = {key: known[key] for key in ("unit", "spacing") if key in known}
        if "S" in series.axes:
            data = _grey(np.moveaxis(data, series.axes.index("S"), -1))
    return Source(path.stem, data, {**resolution, "metadata": units})


def _grey(samples: NDArray[Any]) -> NDArray[Any]:
    """Return the luminance of grey or colour pixels, with or without opacity."""
    number = samples.shape[-1]
    if number > 4:
        raise ValueError(f"a pixel has {number} samples, grey or RGB is expected")
    if number < 3:
        return samples[..., 0]
    grey: NDArray[Any] = luminance(samples)
    return grey
