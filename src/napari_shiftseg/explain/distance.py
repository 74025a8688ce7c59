"""Embedding distance from one pixel to all others, quick enough to follow the mouse."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.explain.evidence import place_of
from napari_shiftseg.metrics.seams import as_float

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.pipeline.result import Prediction

CHUNK = 2**18  # values compared at a time: they stay in the processor's cache

Block = tuple[slice, ...]


def distance_image(
    predicted: Prediction,
    pixel: Sequence[int],
    clustering: Clustering,
    region: Region | None = None,
) -> tuple[NDArray[np.floating[Any]], tuple[int, ...]]:
    r"""Return the embedding distance from one pixel to others, in bandwidths.

    .. math::

        \lVert e(x) - e(x_0) \rVert_2 / h
        \qquad\text{von Mises-Fisher:}\quad
        \sqrt{2\,(1 - \cos(e(x), e(x_0)))} \,/\, h

    As a rule, pixels well below 1 belong with the pixel asked, and those beyond 2 are
    another object's: the mean shift merges modes no farther than 1 apart, and two equal
    clusters of a gaussian kernel up to 2.1 (see `merging_bandwidth`).

    By differences, not by a product of matrices: the pixel itself is at 0, and nothing
    is prepared beforehand.

    Parameters
    ----------
    predicted : Prediction
        Its embedding may lie on disk (a memory map): it is read in chunks.
    pixel : sequence of int
        Of the image.
    clustering : Clustering
        Its bandwidth and kernel.
    region : sequence of (int, int), optional
        Image pixels (start, stop) an axis, "what is in view"; cut down to what was
        predicted. All of that if not given.

    Returns
    -------
    image : ndarray
        (\\*region) float32, float64 for an embedding of float64. For von Mises-Fisher
        NaN at pixels whose embedding is 0 in every channel: they have no direction.
    offset : tuple of int
        Image pixel at which it begins.

    Raises
    ------
    ValueError
        If the pixel was not predicted, the region holds no pixel that was, or the
        pixel's embedding has no direction and the kernel is von Mises-Fisher.
    """
    plan = predicted.plan
    index = place_of(plan, pixel).index
    bounds = _clipped(region or plan.region, plan.region)
    embedding: Any = predicted.embedding
    asked = as_float(embedding[(slice(None), *index)])
    at = tuple(
        slice(a - start, b - start)
        for (a, b), start in zip(bounds, plan.offset, strict=True)
    )
    spherical = clustering.kernel == "von-mises-fisher"
    measure = _Chords(asked) if spherical else _Differences(asked)
    image = np.empty([b - a for a, b in bounds], dtype=asked.dtype)
    for block in _blocks(image.shape, max(1, CHUNK // len(asked))):
        there = tuple(
            slice(a.start + b.start, a.start + b.stop)
            for a, b in zip(at, block, strict=True)
        )
        image[block] = measure.squared(embedding[(slice(None), *there)])
    np.sqrt(image, out=image)
    image /= asked.dtype.type(clustering.bandwidth)
    return image, tuple(a for a, _ in bounds)


class _Differences:
    """Squared distances to one point."""

    def __init__(self, point: NDArray[Any]) -> None:
        self._point = point

    def squared(self, embedding: NDArray[Any]) -> NDArray[Any]:
        r"""Return ‖e − point‖², (\\*spatial) of (channels, \\*spatial)."""
        ones = (1,) * (embedding.ndim - 1)
        difference = embedding - self._point.reshape(-1, *ones)
        return _squares(difference)


class _Chords(_Differences):
    """Squared distances on the unit sphere."""

    def __init__(self, point: NDArray[Any]) -> None:
        length = np.sqrt(_squares(point))
        if length == 0:
            raise ValueError(
                "the von Mises-Fisher kernel needs a pixel with a direction, but the "
                "embedding of this one is 0 in every channel: ask another pixel, or "
                "take another kernel"
            )
        super().__init__(point / length)

    def squared(self, embedding: NDArray[Any]) -> NDArray[Any]:
        e = as_float(embedding)
        lengths = np.sqrt(_squares(e))
        lengths[lengths == 0] = np.nan
        return super().squared(e / lengths)


def _squares(values: NDArray[Any]) -> NDArray[Any]:
    squares: NDArray[Any] = np.einsum("c...,c...->...", values, values)
    return squares


def _blocks(shape: Sequence[int], most: int) -> Iterator[Block]:
    """Cut an array into blocks of at most so many pixels, whole rows where they fit."""
    axis = next(
        (a for a in range(len(shape)) if prod(shape[a + 1 :]) <= most), len(shape) - 1
    )
    step = max(1, most // prod(shape[axis + 1 :]))
    behind = tuple(slice(0, n) for n in shape[axis + 1 :])
    for before in np.ndindex(*shape[:axis]):
        fixed = tuple(slice(i, i + 1) for i in before)
        for start in range(0, shape[axis], step):
            along = slice(start, min(start + step, shape[axis]))
            yield (*fixed, along, *behind)


def _clipped(region: Region, predicted: Region) -> Region:
    if len(region) != len(predicted):
        raise ValueError(
            f"the region must give (start, stop) for {len(predicted)} axes, got "
            f"{region}"
        )
    clipped = tuple(
        (max(a, low), min(b, high))
        for (a, b), (low, high) in zip(region, predicted, strict=True)
    )
    if any(a >= b for a, b in clipped):
        raise ValueError(
            f"the region {region} holds no pixel that was predicted: choose one within "
            f"{predicted}"
        )
    return clipped
