"""Pixels whose embedding is seen within a polygon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.sampling import chunks
from napari_shiftseg.inference.progress import Progress
from napari_shiftseg.interaction.seeing.pixel_sample import slabs

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.interaction.seeing.components import Components

PART = 2**14  # pixels: testing them holds up other threads


def lassoed_steps(
    embedding: Any,
    components: Components,
    polygon: ArrayLike,
    region: Region,
    labels: NDArray[Any] | None = None,
) -> Generator[Progress, None, NDArray[np.uint8]]:
    r"""Find all pixels that are seen within a polygon, yielding `Progress`.

    Where the polygon crosses itself, a place enclosed twice is outside (even-odd rule).

    Parameters
    ----------
    embedding : array
        (channels, \\*spatial)
    components : Components
    polygon : array_like
        (corners, 2), at least 3.
    region : sequence of (int, int)
        Pixels (start, stop) that are looked at, per axis.
    labels : ndarray of int, optional
        (\\*spatial); pixels that are 0 here are left out.

    Returns
    -------
    ndarray of uint8
        (\\*spatial), 1 within the polygon, else 0.
    """
    mask = np.zeros(embedding.shape[1:], dtype=np.uint8)
    parts = list(slabs(region, PART))
    for done, part in enumerate(parts):
        yield Progress(done, len(parts), stage="looking into the lasso")
        values = np.asarray(embedding[(slice(None), *part)])
        points = components.place(values.reshape(len(values), -1).T)
        found = within(points, polygon).reshape(values.shape[1:])
        mask[part] = found if labels is None else found & (labels[part] != 0)
    return mask


def within(points: NDArray[np.float64], polygon: ArrayLike) -> NDArray[np.bool_]:
    """Return which points, (points, 2), lie within a polygon, (corners, 2)."""
    from matplotlib.path import Path

    corners = np.asarray(polygon, dtype=np.float64)
    inside: NDArray[np.bool_] = (
        (points >= corners.min(0)) & (points <= corners.max(0))
    ).all(1)
    near, path = np.flatnonzero(inside), Path(corners)
    for part in chunks(len(near), PART):
        inside[near[part]] = path.contains_points(points[near[part]])
    return inside
