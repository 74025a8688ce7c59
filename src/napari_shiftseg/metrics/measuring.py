"""The table of objects: where each is, how large, of what shape, and how bright."""

from __future__ import annotations

from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.measure import label, regionprops_table

from napari_shiftseg.metrics.label_image import as_labels, as_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

Table = dict[str, "NDArray[Any]"]  # column → (objects,), all of one length
SPATIAL = "ZYX"
FRAME, PLANE = "T", "P"  # letters of axes along which labels are of other objects
LEADING = {FRAME: "frame", PLANE: "plane"}
UNITS = {"µm": "um", "\u03bcm": "um", "Å": "angstrom"}  # as columns spell them


def measure(
    labels: ArrayLike,
    image: ArrayLike | None = None,
    spacing: float | Sequence[float] | None = None,
    *,
    axes: str | None = None,
    offset: Sequence[int] | None = None,
    unit: str = "um",
    channels: Sequence[str] = (),
) -> Table:
    """Measure the objects of a label image."""
    pixels = as_labels("labels", as_whole(np.asarray(labels)))
    names = axes_of(pixels.ndim, axes)
    spatial = len(names.lstrip(FRAME + PLANE))
    sizes = spacing_of(spacing, spatial)
    start = tuple(offset or (0,) * spatial)
    light = None if image is None else channels_first(image, pixels.shape, spatial)
    tables = []
    for at in np.ndindex(pixels.shape[: pixels.ndim - spatial]):
        own = None if light is None else light[(slice(None), *at)]
        table = _of_one(pixels[at], own, sizes, start, unit, channels)
        place = {LEADING[name]: i for name, i in zip(names, at, strict=False)}
        number = len(table["label"])
        leading = {name: np.full(number, i) for name, i in place.items()}
        tables.append({"label": table.pop("label"), **leading, **table})
    return {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}


def axes_of(ndim: int, axes: str | None) -> str:
    """Return a letter an axis."""
    names = (axes or SPATIAL[-min(ndim, 3) :].rjust(ndim, FRAME)).upper()
    leading = names.rstrip(SPATIAL)
    if len(names) != ndim or set(leading) - {FRAME, PLANE} or names == leading:
        raise ValueError(
            f"axes must name the {ndim} axes of the labels: T (frames) or P (planes of "
            f"objects of their own), then Z, Y, X; got {axes!r}"
        )
    return names


def spacing_of(
    spacing: float | Sequence[float] | None, spatial: int
) -> tuple[float, ...]:
    """Return the distance of two pixels along each axis; empty: not known."""
    if spacing is None:
        return ()
    sizes = tuple(float(s) for s in np.atleast_1d(spacing))
    sizes = sizes * spatial if len(sizes) == 1 else sizes
    if len(sizes) != spatial or not all(isfinite(s) and s > 0 for s in sizes):
        raise ValueError(
            f"spacing must be {spatial} numbers above 0, one for each axis of an "
            f"object, or one for all; got {spacing!r}: leave it out if it is not known"
        )
    return sizes


def channels_first(image: ArrayLike, shape: tuple[int, ...], spatial: int) -> Any:
    """Return an image with its channels before all other axes."""
    light = np.asarray(image)
    if light.shape == shape:
        return light[None]
    for at in (len(shape) - spatial, 0, len(shape)):
        if light.ndim == len(shape) + 1 and np.delete(light.shape, at).tolist() == [
            *shape
        ]:
            return np.moveaxis(light, at, 0)
    raise ValueError(
        f"labels and image must have one shape, got {shape} and {light.shape}: give "
        f"the image that was segmented, or the same part of it"
    )


def _of_one(
    labels: NDArray[Any],
    light: NDArray[Any] | None,
    sizes: tuple[float, ...],
    start: tuple[int, ...],
    unit: str,
    channels: Sequence[str],
) -> Table:
    ndim = labels.ndim
    names = [name.lower() for name in SPATIAL[-ndim:]]
    flat = labels if ndim > 1 else labels[None]
    wanted = ["label", "num_pixels", "bbox", "centroid", "solidity"]
    wanted += ["axis_major_length", "axis_minor_length"] if ndim > 1 else []
    wanted += ["eccentricity"] if ndim == 2 else []
    found = regionprops_table(flat, spacing=sizes or None, properties=wanted)
    table = {"label": found["label"], "area": found["num_pixels"]}
    short = UNITS.get(unit, unit)
    if sizes:
        column = f"volume_{short}3" if ndim == 3 else f"area_{short}{ndim}"
        table[column] = table["area"] * prod(sizes)
    more = flat.ndim - ndim
    middle = [found[f"centroid-{a + more}"] for a in range(ndim)]
    pixel = sizes or (1.0,) * ndim
    for n, m, s, o in zip(names, middle, pixel, start, strict=True):
        table[f"centroid_{n}"] = m / s + o
    for n, m, s, o in zip(names, middle, pixel, start, strict=True):
        if sizes:
            table[f"centroid_{n}_{short}"] = m + o * s
    first = [found[f"bbox-{a + more}"] for a in range(ndim)]
    after = [found[f"bbox-{a + more + flat.ndim}"] for a in range(ndim)]
    table |= {f"bbox_{n}0": b + o for n, b, o in zip(names, first, start, strict=True)}
    table |= {f"bbox_{n}1": b + o for n, b, o in zip(names, after, start, strict=True)}
    table |= {n: found[n] for n in wanted[5:]} | {"solidity": found["solidity"]}
    for i, pixels in enumerate(() if light is None else light):
        end = f"_{channels[i]}" if len(channels) > i else f"_{i + 1}"
        end = end if len(light) > 1 else ""
        table |= _brightness(flat, pixels.reshape(flat.shape), end)
    edge = [
        (b == 0) | (a == n) for b, a, n in zip(first, after, labels.shape, strict=True)
    ]
    table["touches_border"] = np.any(edge, axis=0)
    pieces = label(flat, connectivity=1)
    pairs = np.unique(np.stack([flat[flat > 0], pieces[flat > 0]]), axis=1)
    table["parts"] = np.searchsorted(pairs[0], table["label"], "right")
    table["parts"] = table["parts"] - np.searchsorted(pairs[0], table["label"], "left")
    return table


def _brightness(labels: NDArray[Any], pixels: NDArray[Any], end: str) -> Table:
    kinds = ["intensity_mean", "intensity_min", "intensity_max"]
    found = regionprops_table(labels, pixels, properties=["num_pixels", *kinds])
    table = {f"{k[10:]}_intensity{end}": found[k] for k in kinds}
    table[f"sum_intensity{end}"] = found[kinds[0]] * found["num_pixels"]
    return table
