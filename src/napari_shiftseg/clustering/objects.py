"""From embeddings to objects: modes, their connected parts, small ones dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.measure import label
from skimage.segmentation import relabel_sequential

from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.neighbourhoods import piece_together

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.model.config import Clustering


@dataclass(frozen=True)
class Objects:
    r"""Objects of an image.

    Attributes
    ----------
    labels : ndarray of int32
        (\\*spatial), 0 is background, objects numbered from 1.
    modes : ndarray
        (modes, channels), the background's included.
    """

    labels: NDArray[np.int32]
    modes: NDArray[Any]


def cluster_steps(
    embedding: NDArray[Any],
    settings: Clustering,
    foreground: NDArray[np.bool_] | None = None,
    offset: Sequence[int] | None = None,
    neighbourhood: Sequence[int] | None = None,
    device: str = "auto",
) -> Generator[tuple[int, int], None, Objects]:
    r"""Cluster an embedding into objects; yields (done, total) mean shifts.

    Parameters
    ----------
    embedding : ndarray
        (channels, \\*spatial)
    settings : Clustering
        Bandwidth, kernel, scope and what is dropped.
    foreground : ndarray of bool, optional
        (\\*spatial); only these pixels are clustered.
    offset : sequence of int, optional
        Image pixel of the first pixel: subsamples are keyed by image position.
    neighbourhood : sequence of int, optional
        Per axis, about the training window: larger components are clustered in
        overlapping neighbourhoods of this size (scope "component").
    device : str
        Where the mean shift computes.

    Returns
    -------
    Objects

    Raises
    ------
    ValueError
        If the scope is "component" and there is no foreground.
    """
    if settings.scope == "component":
        if foreground is None:
            raise ValueError(
                'scope "component" needs a model with a foreground logit; '
                'take scope "global"'
            )
        return (
            yield from _component_steps(
                embedding, settings, foreground, offset, neighbourhood, device
            )
        )
    yield 0, 1
    objects = _global(embedding, settings, foreground, offset, device)
    yield 1, 1
    return objects


def _global(
    embedding: NDArray[Any],
    settings: Clustering,
    foreground: NDArray[np.bool_] | None,
    offset: Sequence[int] | None,
    device: str,
) -> Objects:
    spatial = embedding.shape[1:]
    if foreground is None:
        foreground = np.ones(spatial, dtype=bool)
    modes, mode_image = find_modes(embedding, foreground, settings, offset, device)
    if settings.background_embedding is not None and len(modes):
        distance = np.linalg.norm(modes - settings.background_embedding, axis=1)
        mode_image[mode_image == distance.argmin() + 1] = 0
    if settings.split_far_parts:
        mode_image = label(mode_image, background=0, connectivity=1)
    return Objects(_without_small(mode_image, settings.min_size), modes)


def _component_steps(
    embedding: NDArray[Any],
    settings: Clustering,
    foreground: NDArray[np.bool_],
    offset: Sequence[int] | None,
    neighbourhood: Sequence[int] | None,
    device: str,
) -> Generator[tuple[int, int], None, Objects]:
    components = label(foreground, connectivity=1)
    boxes = ndimage.find_objects(components)
    labels = np.zeros(components.shape, dtype=np.int32)
    corner = offset or (0,) * components.ndim
    found_before = 0
    modes = [np.zeros((0, len(embedding)), dtype=embedding.dtype)]
    for number, box in enumerate(boxes, start=1):
        yield number - 1, len(boxes)
        inside = components[box] == number
        if inside.sum() < settings.min_size:
            continue  # it would be dropped whatever its modes

        def pieces_of(
            block: tuple[slice, ...], box: Any = box, inside: Any = inside
        ) -> NDArray[np.int32]:
            at = [
                b.start + s.start + c
                for b, s, c in zip(box, block, corner, strict=True)
            ]
            part = embedding[(slice(None), *box)][(slice(None), *block)]
            found, image = find_modes(part, inside[block], settings, at, device)
            modes.append(found)
            if settings.split_far_parts:
                image = label(image, background=0, connectivity=1)
            return image.astype(np.int32)

        pieces = piece_together(pieces_of, inside, neighbourhood)
        pieces = _small_to_neighbours(pieces, settings.min_size)
        labels[box][inside] = np.where(pieces > 0, pieces + found_before, 0)[inside]
        found_before += int(pieces.max())
    yield len(boxes), len(boxes)
    return Objects(_without_small(labels, settings.min_size), np.concatenate(modes))


def find_modes(
    embedding: NDArray[Any],
    foreground: NDArray[np.bool_],
    settings: Clustering,
    offset: Sequence[int] | None,
    device: str,
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Return the modes and, per pixel, 1 + the index of its mode (0: no foreground)."""
    image = np.zeros(foreground.shape, dtype=np.int32)
    points = embedding[:, foreground].T  # (pixels, channels)
    if len(points) == 0:
        return np.zeros((0, len(embedding)), dtype=embedding.dtype), image
    shift = MeanShift(settings.bandwidth, kernel=settings.kernel, device=device)
    shift.fit(points, positions=_positions(foreground, offset))
    image[foreground] = shift.labels_ + 1
    return shift.cluster_centers_, image


def _positions(
    foreground: NDArray[np.bool_], offset: Sequence[int] | None
) -> NDArray[np.int64]:
    """One number per foreground pixel that only its place in the image decides."""
    number = np.zeros((), dtype=np.int64)
    for axis, index in enumerate(np.nonzero(foreground)):
        number = number * 2**21 + index + (offset[axis] if offset else 0)
    return number


def _small_to_neighbours(pieces: NDArray[np.int32], min_size: int) -> NDArray[np.int32]:
    """Give pieces below the minimum size to the nearest piece that is not."""
    small = np.bincount(pieces.ravel()) < min_size
    small[0] = False
    kept = (pieces > 0) & ~small[pieces]
    if not small.any() or not kept.any():
        return pieces
    nearest = ndimage.distance_transform_edt(
        ~kept, return_distances=False, return_indices=True
    )
    return np.where(small[pieces], pieces[tuple(nearest)], pieces)


def _without_small(labels: NDArray[Any], min_size: int) -> NDArray[np.int32]:
    """Drop objects below the minimum size and number the others from 1."""
    small = np.bincount(labels.ravel()) < min_size
    renumbered: NDArray[np.int32] = relabel_sequential(
        np.where(small[labels], 0, labels)
    )[0].astype(np.int32)
    return renumbered
