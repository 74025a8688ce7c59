"""Pixels, labels and colours written as TIFF and PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import tifffile
from PIL import Image

from napari_shiftseg.stores.axes import ORDER, ordered, to_ome

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.stores.axes import Calibration


BY_OME = ("u1", "u2", "u4", "i1", "i2", "i4", "f4", "f8")  # dtypes
LARGEST = 2.0**31  # number of pixels a unit, and its inverse, that a tag can hold
A_CENTIMETRE = {"nm": 1e7, "µm": 1e4, "mm": 10.0, "cm": 1.0, "in": 1 / 2.54}


def write_pixels(
    path: Path,
    pixels: NDArray[Any],
    axes: str,
    calibration: Calibration,
    description: str = "",
) -> None:
    """Write pixels as an OME-TIFF; of axes that OME does not name, in tifffile's JSON.

    Parameters
    ----------
    path : Path
        Of a file that may be lost; see `all_or_none`.
    pixels : ndarray
        One axis a letter of `axes`.
    axes : str
        Of the letters T, Z, C, Y, X, and others; they are written in the order TZCYX.
    calibration : dict
        Of the source.
    description : str
        Of the image.
    """
    if "Y" not in axes:
        pixels, axes = pixels[..., None, :], axes.replace("X", "YX")
    is_ome = set(axes) <= set(ORDER) and pixels.dtype in map(np.dtype, BY_OME)
    if is_ome:
        pixels, axes = ordered(pixels, axes, "TZCYX")
    sizes, _ = to_ome(calibration)
    about = {"Description": description} if description else {}
    if is_ome:
        said = f"{pixels.shape} {axes} {sizes} {description}"
        about |= {"Creator": "napari-shiftseg", "UUID": str(uuid5(NAMESPACE_OID, said))}
    packed = None if pixels.dtype.kind == "f" else "zlib"  # floats hardly shrink
    tifffile.imwrite(
        path, pixels, ome=is_ome, compression=packed, photometric="minisblack",
        metadata={"axes": axes, **sizes, **about},
        **_resolution(calibration),
    )  # fmt: skip


def write_colours(
    path: Path,
    pixels: NDArray[np.uint8],
    axes: str,
    calibration: Calibration,
    is_png: bool = False,
) -> None:
    """Write colours as an OME-TIFF, or one picture as a PNG.

    Parameters
    ----------
    path : Path
        Of a file that may be lost; see `all_or_none`.
    pixels : ndarray of uint8
        One axis a letter of `axes`, then red, green and blue.
    axes : str
        Of the letters Z, Y, X; without Y it is a line.
    calibration : dict
        Of the source; a PNG has none.
    is_png : bool

    Raises
    ------
    ValueError
        If a PNG is asked for of a volume.
    """
    if "Y" not in axes:
        pixels, axes = pixels[None], f"Y{axes}"
    if is_png:
        if pixels.ndim != 3:
            raise ValueError(
                f"a PNG holds one picture, but the colours have the shape "
                f"{pixels.shape}: write a .tif file"
            )
        Image.fromarray(pixels).save(path, format="PNG")
        return
    sizes, _ = to_ome(calibration)
    tifffile.imwrite(
        path, pixels, ome=True, compression="zlib", photometric="rgb",
        metadata={"axes": f"{axes}S", **sizes}, **_resolution(calibration),
    )  # fmt: skip


def _resolution(calibration: Calibration) -> dict[str, Any]:
    """Return the pixel size as tags, for readers that know no OME-XML."""
    if "X" not in calibration:
        return {}
    x = calibration["X"]
    y = calibration.get("Y", x)
    unit = A_CENTIMETRE.get(x.unit) if x.unit == y.unit else None
    name = "NONE" if unit is None else "CENTIMETER"
    sizes = tuple((unit or 1) / distance.size for distance in (x, y))
    if not all(1 / LARGEST < size < LARGEST for size in sizes):
        return {}
    return {"resolution": sizes, "resolutionunit": name}


def label_dtype(labels: NDArray[np.int32]) -> NDArray[Any]:
    """Return labels as uint16 where they fit, which ImageJ reads, else as uint32."""
    return labels.astype(np.uint16 if labels.max(initial=0) < 2**16 else np.uint32)
