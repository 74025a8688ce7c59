"""Results written to files that napari and Fiji open."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.files.reading import Source
    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.pipeline.segmentation import Segmentation


def write_segmentation(
    result: Segmentation,
    model: UNet,
    source: Source,
    folder: Path,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write labels, embedding and gradient magnitude as TIFFs, and a report.

    Parameters
    ----------
    result : Segmentation
    model : UNet
    source : Source
    folder : Path
    more : mapping, optional
        Figures that stand in the report besides.

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
        **(more or {}),
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
