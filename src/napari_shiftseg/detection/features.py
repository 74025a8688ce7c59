"""Features of objects: their shape, and how consistent the embedding is in them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.special import expit
from skimage.measure import regionprops_table

from napari_shiftseg.clustering.kernels import on_sphere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.pipeline.result import Prediction

    Labels = NDArray[np.integer]
    Values = NDArray[np.float64]


SHAPE = ("area", "relative_area", "extent", "solidity", "eccentricity")
CONSISTENCY = ("spread", "reach", "contact", "gap", "probability", "outside")
FAR = 10.0  # bandwidths; what is farther is as far
RIM = 2  # pixels across the border of an object that it is compared with


@dataclass(frozen=True)
class Features:
    """Numbers that describe objects, a row an object."""

    names: tuple[str, ...]
    values: Values  # (objects, features)

    def __len__(self) -> int:
        return len(self.values)

    def beside(self, name: str, values: ArrayLike) -> Features:
        """Return these with one feature more.

        Parameters
        ----------
        name : str
            Of the feature.
        values : array_like
            (objects,)
        """
        column = np.asarray(values, dtype=np.float64)[:, None]
        return Features((*self.names, name), np.hstack([self.values, column]))

    def of(self, rows: ArrayLike) -> Features:
        """Return some of the objects, by their rows."""
        return Features(self.names, self.values[np.asarray(rows, dtype=np.int64)])


def joined(several: list[Features]) -> Features:
    """Return the objects of several images, or bandwidths, one after the other.

    Raises
    ------
    ValueError
        If there are none, or they differ in their names.
    """
    names = {features.names for features in several}
    if len(names) != 1:
        raise ValueError(
            f"objects are joined that have the same features, one image or more, got "
            f"{len(several)} with {len(names)} sets of names"
        )
    return Features(names.pop(), np.concatenate([each.values for each in several]))


def features_of(
    labels: Labels, prediction: Prediction, clustering: Clustering
) -> Features:
    r"""Describe each object of a label image by its shape and its embedding.

    ================= ============================================================
    feature           of an object of N pixels, mean embedding μ, bandwidth h
    ================= ============================================================
    ``area``          N
    ``relative_area`` N, of the median object of these labels
    ``extent``        N, of the pixels of its box
    ``solidity``      N, of the pixels of its convex hull
    ``eccentricity``  :math:`\sqrt{1 - \lambda_{min} / \lambda_{max}}` of the
                      moments of inertia: 0 for a disk, 1 for a line
    ``spread``        :math:`\sqrt{\overline{\lVert x - \mu \rVert^2}} / h`
    ``reach``         the farthest of its pixels from μ, in h
    ``contact``       share of its border where another object lies across
    ``gap``           mean distance of those pixels across from μ, in h, 10 at
                      most; 10 where there are none
    ``probability``   mean probability of foreground; 1 without such a logit
    ``outside``       the same, of all pixels across its border
    ================= ============================================================

    Across its border are the pixels two steps along an axis from a pixel of the object
    that are no part of it. On the sphere embeddings have unit length; places with a
    spread are measured in h times the mean spread of the object.

    Parameters
    ----------
    labels : ndarray of int
        (\*spatial), 0 is background, objects numbered from 1 without gaps; one to three
        axes.
    prediction : Prediction
        Of the same pixels.
    clustering : Clustering
        Its bandwidth is the unit of distances, its kernel says how they are measured.

    Returns
    -------
    Features
        One row an object, in the order of their numbers.

    Raises
    ------
    ValueError
        If the labels do not fit the prediction, or numbers are left out.
    """
    if labels.shape != prediction.embedding.shape[1:]:
        raise ValueError(
            f"labels and prediction need one shape, got {labels.shape} and "
            f"{prediction.embedding.shape[1:]}: give labels of the same frame"
        )
    sizes = np.bincount(labels.ravel(), minlength=1)[1:]
    if not sizes.all():
        raise ValueError(
            f"objects must be numbered from 1 without gaps, number "
            f"{int(sizes.argmin()) + 1} is left out: number them anew with "
            f"skimage.segmentation.relabel_sequential"
        )
    names = (*SHAPE, *CONSISTENCY)
    if not len(sizes):
        return Features(names, np.zeros((0, len(names))))
    shapes = _shapes(labels, sizes)
    consistency = _consistency(labels, sizes, prediction, clustering)
    values = np.stack([*shapes, *consistency], axis=1)
    return Features(names, values)


def _shapes(labels: Labels, sizes: NDArray[np.int64]) -> Iterator[Values]:
    """Yield the features of `SHAPE`."""
    image = labels if labels.ndim > 1 else labels[None]
    wanted = ("extent", "solidity", "inertia_tensor_eigvals")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # flat objects of a volume have no hull
        found = regionprops_table(image, properties=wanted)
    most = found["inertia_tensor_eigvals-0"]
    least = found[f"inertia_tensor_eigvals-{image.ndim - 1}"]
    yield sizes.astype(np.float64)
    yield sizes / np.median(sizes)
    yield found["extent"]
    solidity = found["solidity"]
    yield np.where(np.isfinite(solidity), solidity, 1.0)
    round_ones = np.divide(least, most, out=np.ones(len(sizes)), where=most > 0)
    yield np.sqrt(np.clip(1 - round_ones, 0, 1))


def _consistency(
    labels: Labels,
    sizes: NDArray[np.int64],
    prediction: Prediction,
    clustering: Clustering,
) -> Iterator[Values]:
    """Yield the features of `CONSISTENCY`."""
    measured = _Measured(labels, sizes, prediction.embedding, clustering)
    inside = labels > 0
    numbers = labels[inside] - 1
    squares = measured.squares(numbers, inside)
    yield np.sqrt(_sums(numbers, squares, sizes) / sizes)
    yield np.sqrt(ndimage.maximum(squares, numbers, np.arange(len(sizes))).reshape(-1))
    own, across = _borders(labels)
    other = labels.ravel()[across] > 0
    border, touching = _sums(own, 1.0, sizes), _sums(own[other], 1.0, sizes)
    yield _shares(touching, border, 0.0)
    there = np.unravel_index(across[other], labels.shape)
    distances = np.minimum(np.sqrt(measured.squares(own[other], there)), FAR)
    yield _shares(_sums(own[other], distances, sizes), touching, FAR)
    logit = prediction.logit
    probability = np.ones(labels.shape) if logit is None else expit(logit)
    yield _sums(numbers, probability[inside], sizes) / sizes
    yield _shares(_sums(own, probability.ravel()[across], sizes), border, 0.0)


class _Measured:
    """Distances of pixels from the mean embeddings of objects, in bandwidths."""

    def __init__(
        self,
        labels: Labels,
        sizes: NDArray[np.int64],
        embedding: NDArray[Any],
        clustering: Clustering,
    ) -> None:
        inside = labels > 0
        numbers = labels[inside] - 1
        self._units = np.full(len(sizes), clustering.bandwidth)
        self._coordinates = embedding
        if clustering.kernel == "learnt-spread":
            self._coordinates = embedding[:-1]
            logarithms = _sums(numbers, embedding[-1][inside], sizes) / sizes
            self._units = self._units * np.exp(logarithms)
        elif clustering.kernel == "von-mises-fisher":
            self._coordinates = on_sphere(embedding, 0)
        self._means = [
            _sums(numbers, channel[inside], sizes) / sizes
            for channel in self._coordinates
        ]

    def squares(self, numbers: Labels, places: Any) -> Values:
        """Return squared distances, (pixels,), of places from the means of objects."""
        total = np.zeros(len(numbers))
        for channel, mean in zip(self._coordinates, self._means, strict=True):
            total += (channel[places] - mean[numbers]) ** 2
        squares: Values = total / self._units[numbers] ** 2
        return squares


def _borders(labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs across borders: an object, from 0, and a pixel of the flat image."""
    places = np.arange(labels.size).reshape(labels.shape)
    own, across = [], []
    for axis in range(labels.ndim):
        low, high = [slice(None)] * labels.ndim, [slice(None)] * labels.ndim
        low[axis], high[axis] = slice(None, -RIM), slice(RIM, None)
        for here, there in ((tuple(low), tuple(high)), (tuple(high), tuple(low))):
            is_border = (labels[here] > 0) & (labels[here] != labels[there])
            own.append(labels[here][is_border] - 1)
            across.append(places[there][is_border])
    return np.concatenate(own).astype(np.int64), np.concatenate(across)


def _sums(numbers: Labels, values: Any, sizes: NDArray[np.int64]) -> Values:
    """Add up the values of the pixels of each object."""
    weights = np.broadcast_to(np.asarray(values, dtype=np.float64), numbers.shape)
    sums: Values = np.bincount(numbers, weights, minlength=len(sizes)).astype(
        np.float64
    )
    return sums


def _shares(sums: Values, counts: Values, otherwise: float) -> Values:
    """Return means; where nothing was counted, another value."""
    whole = np.full(len(sums), otherwise)
    np.divide(sums, counts, out=whole, where=counts > 0)
    return whole
