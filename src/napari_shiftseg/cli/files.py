"""Images in, results out: files that napari and Fiji open."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_shiftseg.cli.terminal import note
from napari_shiftseg.inference.image import luminance
from napari_shiftseg.metrics.contingency import as_labels
from napari_shiftseg.metrics.parts import parts_per_id
from napari_shiftseg.samples.catalogue import SAMPLES, make_sample

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.pipeline.segmentation import Segmentation

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


def read_truth(image: Path, truth: Path | None) -> NDArray[np.integer] | None:
    """Read the true labels of an image; those of a sample are its own.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, or is no label image.
    """
    if truth is None:
        return make_sample(str(image)).labels if is_sample(image) else None
    return read_labels("truth", truth)


def read_labels(kind: str, path: Path) -> NDArray[np.integer]:
    """Read a label image; `kind` stands for it in errors. A sample gives its truth.

    What looks like a raw image or a mask is read all the same, but noted: more than 10
    connected parts an id are not expected of objects.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, or is not of whole numbers from 0 upward.
    """
    if is_sample(path):
        return make_sample(str(path)).labels
    labels = as_labels(f"{kind} {path.name}", read_image(path).data)
    frames = labels if is_series(path) else labels[None]
    parts = max((parts_per_id(frame) for frame in frames), default=0)
    if parts > MOST_PARTS:
        note(
            f"{kind} {path.name} looks like a raw image or a mask, not like labels: "
            f"{parts:.0f} parts an id that do not touch; every object needs an id of "
            f"its own"
        )
    return labels


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


def write_segmentation(
    result: Segmentation, model: UNet, source: Source, folder: Path
) -> dict[str, Any]:
    """Write labels, embedding and gradient magnitude as TIFFs, and a report.

    Returns
    -------
    dict
        The report, as written to ``NAME_report.json``.
    """
    axes = axis_names(result.labels.ndim, result.plan.shape.ndim)
    files = {
        "labels": (_label_dtype(result.labels), axes),
        "embedding": (result.embeddings, "C" + axes),
        "gradient": (result.gradient, axes),
    }
    written = {}
    for kind, (pixels, names) in files.items():
        path = folder / f"{source.name}_{kind}.tif"
        write_tiff(path, pixels, names, source.resolution)
        written[kind] = str(path)
    report = segmentation_report(result, model) | {
        "image": source.name,
        "files": written,
    }
    (folder / f"{source.name}_report.json").write_text(json.dumps(report, indent=2))
    return report


def segmentation_report(result: Segmentation, model: UNet) -> dict[str, Any]:
    """Return the figures and settings of a run, ready for JSON."""
    plan = result.plan
    return {
        "model": model.config.name,
        "objects": result.objects,
        "modes": len(result.modes),
        "window": list(plan.window),
        "stride": list(plan.stride),
        "tiles": len(plan),
        "period": list(plan.shape.period),
        "offset": list(plan.offset),
        "exact": plan.is_exact,
        "seconds": result.seconds,
        "notes": list(result.notes),
        "settings": asdict(result.settings) | {"window": list(plan.window)},
    }


def axis_names(ndim: int, spatial: int) -> str:
    """Name the axes of an image: time and planes (Q: others), then the spatial ones."""
    leading, free = ndim - spatial, "T" if spatial == 3 else "TZ"
    frames = free[:leading] if leading <= len(free) else "Q" * leading
    return frames + "ZYX"[-spatial:]


def write_tiff(
    path: Path, pixels: NDArray[Any], axes: str, resolution: dict[str, Any]
) -> None:
    """Write pixels as a TIFF; as an ImageJ hyperstack where ImageJ knows the dtype.

    Parameters
    ----------
    path : Path
    pixels : ndarray
        One axis a letter of `axes`.
    axes : str
        Of the letters T, Z, C, Y, X, and Q for any other; a hyperstack is written in
        the order TZCYX.
    resolution : dict
        Of the source.
    """
    if "Y" not in axes:
        pixels, axes = pixels[..., None, :], axes.replace("X", "YX")
    is_imagej = pixels.dtype in (np.uint8, np.uint16, np.float32) and "Q" not in axes
    if is_imagej:
        order = sorted(range(len(axes)), key=lambda axis: "TZCYX".index(axes[axis]))
        pixels, axes = pixels.transpose(order), "".join(axes[axis] for axis in order)
    metadata = {**resolution.get("metadata", {}), "axes": axes}
    tifffile.imwrite(
        path, pixels, imagej=is_imagej, compression=None if is_imagej else "zlib",
        photometric="minisblack", **{**resolution, "metadata": metadata},
    )  # fmt: skip


def _label_dtype(labels: NDArray[np.int32]) -> NDArray[Any]:
    """Return labels as uint16 where they fit, which ImageJ reads, else as uint32."""
    return labels.astype(np.uint16 if labels.max(initial=0) < 2**16 else np.uint32)
