"""Distances of embeddings in bandwidths, as the mean shift measures them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_shiftseg.clustering.distances import by_differences
from napari_shiftseg.clustering.frame import Frame

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.model.config import Clustering

SAME = 1.0  # bandwidths within which the mean shift keeps one mode


def distances(
    points: ArrayLike, others: ArrayLike, clustering: Clustering
) -> NDArray[np.float64]:
    r"""Return distances in units of the bandwidth h.

    .. math::

        \lVert a - b \rVert / h
        \qquad\text{von Mises-Fisher:}\quad \sqrt{2\,(1 - \cos(a, b))} \,/\, h

    The second is the chord on the sphere of radius 1/h; for small angles, the angle in
    radians over h.

    Parameters
    ----------
    points, others : array_like
        (points, channels) and (others, channels)
    clustering : Clustering
        Its bandwidth and kernel.

    Returns
    -------
    ndarray of float64
        (points, others)

    Raises
    ------
    ValueError
        If a point has no direction, and the kernel is von Mises-Fisher.
    """
    a, b = _entered(points, others, clustering)
    apart: NDArray[np.float64] = by_differences(a, b).sqrt_().numpy()
    return apart


def paired_distances(
    points: ArrayLike, others: ArrayLike, clustering: Clustering
) -> NDArray[np.float64]:
    """Return the distance of each point to its partner, (points,); see `distances`."""
    a, b = _entered(points, others, clustering)
    apart: NDArray[np.float64] = (a - b).norm(dim=1).numpy()
    return apart


def mean_embedding(points: ArrayLike, clustering: Clustering) -> NDArray[np.float64]:
    """Return the mean of points (points, channels), brought back to the sphere for vMF.

    That is where a mean shift whose kernel sees all of them would lead: (channels,).
    """
    frame = _frame(points, clustering)
    mean = frame.enter(np.asarray(points, dtype=np.float64)).mean(0, keepdim=True)
    left: NDArray[Any] = frame.leave(
        frame.onto_sphere(mean) if frame.spherical else mean
    )
    mean_point: NDArray[np.float64] = left[0]
    return mean_point


def _entered(
    points: ArrayLike, others: ArrayLike, clustering: Clustering
) -> list[torch.Tensor]:
    frame = _frame(points, clustering)
    return [frame.enter(np.asarray(p, dtype=np.float64)) for p in (points, others)]


def _frame(points: ArrayLike, clustering: Clustering) -> Frame:
    centre = np.zeros(np.shape(points)[1])
    return Frame(clustering.bandwidth, clustering.kernel, centre, torch.device("cpu"))
