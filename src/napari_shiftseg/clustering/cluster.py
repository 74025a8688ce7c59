"""From embeddings to objects: modes, their connected parts, small ones dropped."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_shiftseg.clustering.basins import Basins
from napari_shiftseg.clustering.components import (
    Clusters,
    Components,
    Objects,
    connected,
    without_small,
)
from napari_shiftseg.clustering.modes import Pixels
from napari_shiftseg.progress import patiently, saying

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Steps
    from napari_shiftseg.clustering.modes import Find, Found
    from napari_shiftseg.clustering.settings import Clustering, Effort
    from napari_shiftseg.geometry.tiling import Box


NO_BACKGROUND = -1
BEGIN = (0, 2)  # done, total, before the modes are known


class Whole(Clusters):
    """Objects of an image whose pixels are clustered together, scope "global"."""

    _kept: Found | None = None

    def view_steps(self, view: Box) -> Steps:
        """Find the objects a view shows; see `Clusters.view_steps`.

        More is assigned than the view shows, until no object in it could go on where
        nothing is assigned yet.
        """
        yield from self._search()
        found = self._found
        order = np.cumsum(self._foreground.ravel()).reshape(self._foreground.shape)
        there = order[view][self._foreground[view]] - 1
        low, high = (there.min(), there.max() + 1) if len(there) else (0, 0)
        while True:
            parts = [p for p in found.parts if p.start < high and p.stop > low]
            yield from self._assign(parts)
            low, high = (parts[0].start, parts[-1].stop) if parts else (0, 0)
            labels = yield from patiently(
                self._so_far, self._foreground.size, self._whole_ones, view
            )
            if labels is not None:
                return labels
            reach = high - low
            low, high = low - reach, high + reach

    def steps(self) -> Generator[tuple[int, int], None, Objects]:
        """Find all objects; yields (done, total) parts of the pixels."""
        yield from self._search()
        yield from self._assign(self._found.parts)
        total = len(self._found.parts) + 1
        yield total, total
        size = self._foreground.size
        return (yield from patiently((total, total), size, self._objects))

    def _objects(self) -> Objects:
        image, background = self._mode_image()
        labels, _ = without_small(self._parted(image), self._settings.min_size)
        mode_of = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.int64)
        mode_of[labels] = image - 1
        mode_of[0] = background
        return Objects(labels, self._found.modes, mode_of)

    @property
    def _everywhere(self) -> Box:
        return tuple(slice(0, n) for n in self._foreground.shape)

    @property
    def _found(self) -> Found:
        if self._kept is None:
            raise RuntimeError("the modes are found first")
        return self._kept

    @property
    def _so_far(self) -> tuple[int, int]:
        """Parts that are done, the search among them, and all."""
        found = self._found
        done = sum(found.is_assigned(each) for each in found.parts)
        return done + 1, len(found.parts) + 1

    def _search(self) -> Generator[tuple[int, int]]:
        if self._kept is None:
            yield BEGIN
            place = self._everywhere, self._foreground
            search = self._find([place], self._settings)
            (self._kept,) = yield from saying(BEGIN, search)

    def _assign(self, parts: Any) -> Generator[tuple[int, int]]:
        found = self._found
        before, total = self._so_far
        waiting = [part for part in parts if not found.is_assigned(part)]
        for done, part in enumerate(waiting, start=before):
            yield done, total
            points = self._pixels.points(self._everywhere, self._foreground, part)
            found.assign(part, points)

    def _mode_image(self) -> tuple[NDArray[np.int32], int]:
        """Return 1 + the mode of each pixel, 0 where it is none; the background's."""
        image = np.zeros(self._foreground.shape, dtype=np.int32)
        image[self._foreground] = self._found.nearest + 1
        background = background_mode(self._found.modes, self._settings)
        image[image == background + 1] = 0
        return image, background

    def _parted(self, image: NDArray[np.int32]) -> NDArray[np.int32]:
        return connected(image) if self._settings.split_far_parts else image

    def _whole_ones(self, view: Box) -> NDArray[np.int32] | None:
        """Return the objects in a view, or None where one may go on elsewhere."""
        unknown = self._foreground.copy()
        unknown[self._foreground] = self._found.nearest < 0
        image, _ = self._mode_image()
        parts = self._parted(image)
        if unknown.any() and not self._is_known(parts, parts[view], unknown):
            return None
        labels, _ = without_small(parts, self._settings.min_size)
        return labels[view]

    def _is_known(
        self, parts: NDArray[np.int32], shown: NDArray[Any], unknown: NDArray[np.bool_]
    ) -> bool:
        """Whether what is unknown can change nothing of the objects that are shown."""
        ids = np.unique(shown)
        ids = ids[ids > 0]
        if self._settings.split_far_parts:
            near = ndimage.binary_dilation(unknown)
            return not np.isin(np.unique(parts[near & (parts > 0)]), ids).any()
        sizes = np.bincount(parts.ravel(), minlength=1)
        return bool((sizes[ids] >= self._settings.min_size).all())


def background_mode(modes: NDArray[Any], settings: Clustering) -> int:
    """Return which mode is the background, −1 where there is none.

    Parameters
    ----------
    modes : ndarray
        (modes, channels)
    settings : Clustering
        With the background's embedding.
    """
    embedding = settings.background_embedding
    if embedding is None or not len(modes):
        return NO_BACKGROUND
    times = modes.shape[1] // len(embedding)  # views, one after the other
    known = np.tile(embedding, times) / sqrt(times)
    return int(np.linalg.norm(modes - known, axis=1).argmin())


def cluster_steps(
    embedding: NDArray[Any],
    settings: Clustering,
    foreground: NDArray[np.bool_] | None = None,
    offset: Sequence[int] | None = None,
    neighbourhood: Sequence[int] | None = None,
    device: str = "auto",
    effort: Effort | None = None,
) -> Generator[tuple[int, int], None, Objects]:
    r"""Cluster an embedding into objects; yields (done, total) of its parts.

    Parameters
    ----------
    embedding, offset, device, effort
        Of `Pixels`.
    settings : Clustering
        Bandwidth, kernel, scope and what is dropped.
    foreground : ndarray of bool, optional
        (\*spatial); only these pixels are clustered.
    neighbourhood : sequence of int, optional
        Per axis, about the training window: larger components are clustered in
        overlapping neighbourhoods of this size (scope "component").

    Raises
    ------
    ValueError
        If the scope is "component" and there is no foreground.
    """
    pixels = Pixels(embedding, offset, device, effort)
    return (yield from to_cluster(pixels, settings, foreground, neighbourhood).steps())


def to_cluster(
    pixels: Pixels,
    settings: Clustering,
    foreground: NDArray[np.bool_] | None,
    neighbourhood: Sequence[int] | None = None,
    find: Find | None = None,
) -> Components | Whole:
    """Return what is to be clustered, nothing of it done yet; see `cluster_steps`.

    Parameters
    ----------
    pixels : Pixels
    settings, foreground, neighbourhood
        See `cluster_steps`.
    find : callable, optional
        Takes the place of ``pixels.find``: one that remembers, for example.
    """
    if settings.method != "mean-shift":
        everything = np.ones(pixels.embedding.shape[1:], dtype=bool)
        inside = everything if foreground is None else foreground
        return Basins(pixels, settings, inside)
    if settings.scope == "component":
        if foreground is None:
            raise ValueError(
                'scope "component" needs a model with a foreground logit; '
                'take scope "global"'
            )
        return Components(pixels, settings, foreground, neighbourhood, find)
    if foreground is None:
        foreground = np.ones(pixels.embedding.shape[1:], dtype=bool)
    return Whole(pixels, settings, foreground, find)
