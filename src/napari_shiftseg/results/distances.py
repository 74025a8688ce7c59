"""How far the pixels of objects lie from their own mode, and from those around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.kernels import coordinates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.results.touching import Touching

    Floats = NDArray[np.floating[Any]]


PIXELS = 2**20  # looked at at once
RIVALS = 8  # of an object, those with the longest common border


@dataclass(frozen=True)
class Pixels:
    """Some pixels of objects.

    Attributes
    ----------
    at : ndarray of int64
        (pixels,), where they are in the image made flat.
    labels : ndarray of int
        (pixels,), their objects.
    own, rival : ndarray of float
        (pixels,), distances to the mode of their object, and to the nearest mode of
        another that it touches, in bandwidths; NaN where there is none.
    disagreement : ndarray of float
        (pixels,), standard deviation of the distance to the own mode over the views,
        in bandwidths; 0 of one view.
    """

    at: NDArray[np.int64]
    labels: NDArray[np.integer]
    own: Floats
    rival: Floats
    disagreement: Floats


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
        self._embedding, self._objects = embedding, objects
        self._clustering, self._views = clustering, views
        self._rivals = rivals_of(objects, touching)

    def __iter__(self) -> Iterator[Pixels]:
        """Yield the pixels of objects, some rows at a time."""
        labels = self._objects.labels
        rows = max(1, PIXELS // max(1, labels[:1].size))
        for begin in range(0, len(labels), rows):
            band = labels[begin : begin + rows].ravel()
            there = np.flatnonzero(band)
            flat = self._embedding[:, begin : begin + rows].reshape(
                len(self._embedding), -1
            )
            yield Pixels(
                there + begin * labels[:1].size,
                band[there],
                *self._measured(flat[:, there], band[there]),
            )

    def _measured(
        self, points: NDArray[Any], labels: NDArray[np.integer]
    ) -> tuple[Floats, Floats, Floats]:
        """Return what there is to know of points, (channels, pixels); see `Pixels`."""
        by_view = self._to(points, self._objects.mode_of[labels])
        own = np.sqrt((by_view**2).mean(axis=0))
        nearest = np.full_like(own, np.inf)
        for rivals in self._rivals:
            mode = rivals[labels]
            with_one = np.flatnonzero(mode >= 0)
            squares = self._to(points[:, with_one], mode[with_one]) ** 2
            found = np.sqrt(squares.mean(axis=0))
            nearest[with_one] = np.minimum(nearest[with_one], found)
        nearest[np.isinf(nearest)] = np.nan
        return own, nearest, by_view.std(axis=0)

    def _to(self, points: NDArray[Any], mode: NDArray[np.int64]) -> Floats:
        """Return distances of points, (channels, pixels), each to a mode, by view.

        (views, pixels); what several views see is their root mean square.
        """
        kernel = self._clustering.kernel
        place = coordinates(points, kernel)
        modes = coordinates(self._objects.modes, kernel, axis=1)
        squares = np.zeros((self._views, points.shape[1]), dtype=np.float32)
        own = len(place) // self._views
        for channel, values in enumerate(place):
            squares[channel // own] += (values - modes[mode, channel]) ** 2
        apart = np.sqrt(squares * self._views) / np.float32(self._clustering.bandwidth)
        if kernel == "learnt-spread":
            apart /= np.exp((points[-1] + self._objects.modes[mode, -1]) / 2)
        return np.where(mode >= 0, apart, np.float32(np.nan))


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
    first = np.searchsorted(one, one)
    rank = np.arange(len(one)) - first
    found = []
    for number in range(min(RIVALS, int(rank.max(initial=-1)) + 1)):
        rivals = np.full(len(objects.mode_of), -1)
        rivals[one[rank == number]] = objects.mode_of[other[rank == number]]
        found.append(rivals)
    background = int(objects.mode_of[0])
    if background >= 0:
        found.append(np.full(len(objects.mode_of), background))
    return found
