"""What a plot of an embedding shows: sampled pixels, the modes, the bandwidth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.inference.progress import Progress
from napari_shiftseg.interaction.seeing.components import Components
from napari_shiftseg.interaction.seeing.pixel_sample import (
    CHUNK,
    PixelSample,
    sample_steps,
    slabs,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.model.config import Kernel
    from napari_shiftseg.pipeline.segmentation import Prediction

MOST_POINTS = 3_000  # drawn in about 20 ms


@dataclass(frozen=True)
class Projection:
    """An embedding as it is seen along two components.

    Attributes
    ----------
    components : Components
    sample : PixelSample
    points : ndarray of float64
        (points, 2), where the pixels of the sample are seen.
    modes : ndarray of float64
        (modes, 2), where the modes are seen.
    outlines : ndarray of float64
        (modes, corners, 2), see `Components.outlines`.
    nearest : ndarray of int64
        (points,), the index of the mode nearest in the embedding itself; −1 if there
        are no modes.
    region : sequence of (int, int)
        Pixels (start, stop) of the embedding that were sampled, per axis.
    background : bool
        Whether the background was sampled, too.
    """

    components: Components
    sample: PixelSample
    points: NDArray[np.float64]
    modes: NDArray[np.float64]
    outlines: NDArray[np.float64]
    nearest: NDArray[np.int64]
    region: Region
    background: bool


def projection_steps(
    prediction: Prediction,
    labels: NDArray[Any],
    modes: NDArray[Any],
    bandwidth: float,
    kernel: Kernel,
    region: Region | None = None,
    background: bool = False,
    most: int = MOST_POINTS,
    components: Components | None = None,
) -> Generator[Progress, None, Projection]:
    r"""Project one embedding onto two components, yielding `Progress` on the way.

    The components are those of the sample, where an object counts as much as another,
    and not of all pixels, where a large one would count more.

    Parameters
    ----------
    prediction : Prediction
        Of one image, or of one frame of a series.
    labels : ndarray of int
        (\\*spatial), its objects.
    modes : ndarray
        (modes, channels)
    bandwidth : float
    kernel : {"gaussian", "flat", "von-mises-fisher"}
    region : sequence of (int, int), optional
        Pixels (start, stop) of the embedding, per axis; all by default.
    background : bool
        Whether it is sampled, too, as one more object.
    most : int
        Pixels of the sample; see `sample_steps`.
    components : Components, optional
        Found before, lest the points move when only the labels have changed.

    Returns
    -------
    Projection

    Raises
    ------
    ValueError
        If the labels do not cover the embedding, or there is nothing to be sampled.
    """
    spatial, plan = prediction.embedding.shape[1:], prediction.plan
    if labels.shape != spatial:
        raise ValueError(
            f"the labels must cover the embedding, {spatial}, but have the shape "
            f"{labels.shape}: segment the image again"
        )
    region = region or tuple((0, n) for n in spatial)
    sample = yield from sample_steps(
        labels, region, most, background, plan.offset, plan.image_shape
    )
    yield Progress(0, 0, stage="projecting")
    rows = _rows_at(prediction.embedding, sample.pixels, region)
    components = components or Components.of(rows, kernel)
    return Projection(
        components, sample, components.place(rows), components.place(modes),
        components.outlines(modes, bandwidth), components.nearest(rows, modes),
        region, background,
    )  # fmt: skip


def _rows_at(
    embedding: Any, pixels: NDArray[np.int64], region: Region
) -> NDArray[np.float64]:
    """Return the embedding of pixels, (points, channels), read slab by slab."""
    rows = np.empty((len(pixels), len(embedding)))
    for part in slabs(region, CHUNK):
        first = part[0]
        here = (pixels[:, 0] >= first.start) & (pixels[:, 0] < first.stop)
        values = np.asarray(embedding[(slice(None), first)])
        at = (pixels[here, 0] - first.start, *pixels[here, 1:].T)
        rows[here] = values[(slice(None), *at)].T
    return rows
