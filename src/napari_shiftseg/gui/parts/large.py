"""Images that are not segmented at once: what they are, and which part is in view."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
import psutil

from napari_shiftseg.gui.parts.source import finest, frame_in_view, full_shape
from napari_shiftseg.gui.parts.viewer import IN_VIEW, WHOLE_IMAGE, region_in_view
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from napari.layers import Image, Labels, Layer

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.parts.viewer import RegionChoice


AT_ONCE = 2**20  # pixels that are segmented in seconds


def is_on_disk(layer: Layer) -> bool:
    """Whether pixels of a layer are read when they are needed, or fill the memory.

    Those of dask, of zarr and of other stores, mapped files, several resolutions, and
    what takes more than half of the memory.
    """
    data = finest(layer)
    if layer.multiscale or not isinstance(data, np.ndarray):
        return True
    half = psutil.virtual_memory().total / 2
    return isinstance(data, np.memmap) or data.nbytes > half


def is_large(layer: Layer | None) -> bool:
    """Whether a layer is on disk, and takes longer than seconds."""
    if layer is None or not is_on_disk(layer):
        return False
    return prod(full_shape(layer)) > AT_ONCE


def part_in_view(layer: Image | Labels, viewer: napari.Viewer, ndim: int) -> Region:
    """Return what the canvas shows of a large layer, its middle if that is too much.

    Parameters
    ----------
    layer : Image or Labels
    viewer : napari.Viewer
    ndim : int
        Axes of the region, the last ones of the layer.

    Raises
    ------
    ValueError
        If the layer is not in view.
    """
    region, dims = region_in_view(layer, viewer, ndim), viewer.dims
    side = _side([stop - start for start, stop in region])
    at = frame_in_view(layer, dims, layer.ndim)[-ndim:]
    displayed = {axis - dims.ndim + ndim for axis in dims.displayed}
    return tuple(
        _around((a + b) // 2 if axis in displayed else at[axis], (a, b), side)
        for axis, (a, b) in enumerate(region)
    )


def _side(sizes: Sequence[int]) -> int:
    """Return the longest side that a part may have, `AT_ONCE` pixels at most."""
    free, left = len(sizes), AT_ONCE
    for size in sorted(sizes):
        side = int(left ** (1 / free) + 1e-9)
        if size > side:
            return max(side, 1)
        free, left = free - 1, left // max(size, 1)
    return max(sizes)


def _around(middle: int, inside: tuple[int, int], side: int) -> tuple[int, int]:
    start, stop = inside
    if stop - start <= side:
        return inside
    first = min(max(middle - side // 2, start), stop - side)
    return first, first + side


def part_words(region: Region) -> str:
    """Say which part it is: its size, and the first and last pixels of each axis."""
    size = by(tuple(stop - start for start, stop in region))
    names = ("planes", "rows", "columns")[-len(region) :]
    where = (
        f"{name} {start:,}–{stop - 1:,}"
        for name, (start, stop) in zip(names, region, strict=True)
    )
    return f"{size} pixels ({', '.join(where)})"


def follow_size(choice: RegionChoice, image: Image | None, before: bool) -> bool:
    """Choose the part in view for a large image, all of one that follows it.

    Parameters
    ----------
    choice : RegionChoice
    image : Image or None
        That was chosen.
    before : bool
        Whether the one before was large.

    Returns
    -------
    bool
        Whether this one is.
    """
    large = is_large(image)
    if large != before:
        choice.value = IN_VIEW if large else WHOLE_IMAGE
    return large
