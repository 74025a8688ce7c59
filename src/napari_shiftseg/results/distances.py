"""How far the pixels of objects lie from their own mode, and from those around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_shiftseg.clustering.kernels import coordinates
from napari_shiftseg.geometry.tiling import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.results.touching import Touching

    Floats = NDArray[np.floating[Any]]


PIXELS = 2**20  # looked at at once
RIVALS = 8  # of an object, those with the longest common border


class Some(NamedTuple):
    """Some pixels of objects."""

    band: slice  # rows of the image that they are in
    at: NDArray[np.int64]  # (pixels,), where they are in these rows made flat
    labels: NDArray[np.integer]  # (pixels,), their objects

    def of(self, image: NDArray[Any], leading: int = 0) -> NDArray[Any]:
        """Return their values, ([leading,] pixels), in an image that is read there."""
        rows = image[(slice(None),) * leading + (self.band,)]
        found: NDArray[Any] = rows.reshape(*rows.shape[:leading], -1)[..., self.at]
        return found


def pixels_of(labels: NDArray[np.integer]) -> Iterator[Some]:
    r"""Yield the pixels of the objects of a label image, (\*spatial), band by band."""
    for band in chunks(len(labels), max(1, PIXELS // max(1, labels[:1].size))):
        rows = labels[band].ravel()
        at = np.flatnonzero(rows)
        yield Some(band, at, rows[at])


class Measured(NamedTuple):
    """Distances of pixels, (pixels,) each, in bandwidths."""

    own: Floats  # to the mode of their object
    # to the nearest mode of an object that it touches, or of the background; NaN where
    # there is none
    rival: Floats
    disagreement: Floats  # of the views about the first one, a standard deviation


class Distances:
    r"""Distances of pixels to modes, in bandwidths.

    :math:`\lVert x - m \rVert / h`; on the sphere the chord; with a learnt spread of
    places over :math:`h \sqrt{\sigma_x \sigma_m}`.

    Parameters
    ----------
    embedding : ndarray
        (channels, \*spatial)
    objects : Objects
    clustering : Clustering
        That made them.
    touching : Touching
        Of these objects.
    views : int
        Whose embeddings follow one another.
    """

    def __init__(
        self,
        embedding: NDArray[Any],
        objects: Objects,
        clustering: Clustering,
        touching: Touching,
        views: int = 1,
    ) -> None:
        self._embedding, self._clustering, self._views = embedding, clustering, views
        self._own_mode = objects.mode_of
        self._rivals = rivals_of(objects, touching)
        self._modes = coordinates(objects.modes, clustering.kernel, axis=1)
        self._spreads = objects.modes[:, -1]  # their logarithms, if learnt

    def of(self, some: Some) -> Measured:
        """Measure some pixels."""
        points = some.of(self._embedding, leading=1)
        by_view = self._to(points, self._own_mode[some.labels])
        nearest = np.full(points.shape[1], np.inf, dtype=np.float32)
        for rivals in self._rivals:
            mode = rivals[some.labels]
            there = np.flatnonzero(mode >= 0)
            found = _together(self._to(points[:, there], mode[there]))
            nearest[there] = np.minimum(nearest[there], found)
        nearest[np.isinf(nearest)] = np.nan
        return Measured(_together(by_view), nearest, by_view.std(axis=0))

    def _to(self, points: NDArray[Any], mode: NDArray[np.int64]) -> Floats:
        """Return distances of points, (channels, pixels), each to a mode, by view.

        (views, pixels); NaN where there is no mode.
        """
        kernel = self._clustering.kernel
        place = coordinates(points, kernel)
        squares = np.zeros((self._views, points.shape[1]), dtype=np.float32)
        for channel, values in enumerate(place):
            view = channel * self._views // len(place)
            squares[view] += (values - self._modes[mode, channel]) ** 2
        apart: Floats = np.sqrt(squares * self._views)
        apart /= np.float32(self._clustering.bandwidth)
        if kernel == "learnt-spread":
            apart /= np.exp((points[-1] + self._spreads[mode]) / 2)
        apart[:, mode < 0] = np.nan
        return apart


def _together(by_view: Floats) -> Floats:
    """Return the distances that all views see, (pixels,): their root mean square."""
    found: Floats = np.sqrt((by_view**2).mean(axis=0))
    return found


def rivals_of(objects: Objects, touching: Touching) -> list[NDArray[np.int64]]:
    """Return the modes that an object competes with, −1 where there are no more.

    Those of the objects it touches, and of the background where it has one. One array,
    (objects + 1,), for the first rival of each object, one for the second, …

    Parameters
    ----------
    objects : Objects
    touching : Touching
        Of these objects.
    """
    one, other = touching.neighbours
    rank = np.arange(len(one)) - np.searchsorted(one, one)
    found = []
    for number in range(min(RIVALS, int(rank.max(initial=-1)) + 1)):
        rivals = np.full(len(objects.mode_of), -1)
        rivals[one[rank == number]] = objects.mode_of[other[rank == number]]
        found.append(rivals)
    background = int(objects.mode_of[0])
    if background >= 0:
        found.append(np.full(len(objects.mode_of), background))
    return found
