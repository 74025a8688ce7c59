"""Boundaries found against true ones: precision and recall with a tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.feature import hessian_matrix
from skimage.morphology import skeletonize
from skimage.segmentation import find_boundaries

from napari_shiftseg.metrics.label_image import as_labels, check_one_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


TOLERANCE = 2.0  # pixels
THRESHOLDS = 200  # tried, quantiles of the evidence at ridges
ACROSS = 1.0  # pixels, of the Gaussian with which the direction of a ridge is found


@dataclass(frozen=True)
class BoundaryScores:
    r"""Boundaries of one or several images against the true ones, as counts.

    A pixel found is right where a true boundary lies within the tolerance, and a true
    one is reached where a found one does. Several pixels found may be right by the same
    true pixel: unlike the benchmark of BSDS, which pairs them one to one, this does not
    count a line as wrong that runs within the tolerance of another.

    Attributes
    ----------
    thresholds : ndarray
        (thresholds,), ascending.
    found, right, reached : ndarray of int
        (images, thresholds); pixels found, those of them that are right, and true
        pixels that are reached, where the evidence at ridges is at the threshold or
        above it.
    true : ndarray of int
        (images,), pixels of true boundaries.
    tolerance : float
        In pixels.
    """

    thresholds: Floats
    found: NDArray[np.int64]
    right: NDArray[np.int64]
    reached: NDArray[np.int64]
    true: NDArray[np.int64]
    tolerance: float

    @property
    def precision(self) -> Floats:
        """Share of the pixels found that are right, (thresholds,); 1 if none."""
        return _share(self.right.sum(0), self.found.sum(0))

    @property
    def recall(self) -> Floats:
        """Share of the true pixels that are reached, (thresholds,); 1 if none."""
        return _share(self.reached.sum(0), self.true.sum())

    @property
    def f(self) -> Floats:
        """Harmonic mean of precision and recall, (thresholds,)."""
        return _harmonic(self.precision, self.recall)

    @property
    def best(self) -> int:
        """Which threshold has the highest `f`; of equals the lowest."""
        return int(self.f.argmax())

    @property
    def ods(self) -> float:
        """The highest `f`: all images at one threshold (optimal data set scale)."""
        return float(self.f[self.best])

    @property
    def ois(self) -> float:
        """F of the counts of all images, each at its own best threshold.

        Optimal image scale: what is lost where one threshold must do for all of them.
        """
        each = _harmonic(
            _share(self.right, self.found), _share(self.reached, self.true[:, None])
        )
        at = np.arange(len(self.true)), each.argmax(1)
        precision = _share(self.right[at].sum(), self.found[at].sum())
        recall = _share(self.reached[at].sum(), self.true.sum())
        return float(_harmonic(precision, recall))

    def figures(self) -> dict[str, float | int]:
        """Return the figures at the best threshold, and OIS, ready for JSON."""
        return {
            "f": self.ods,
            "precision": float(self.precision[self.best]),
            "recall": float(self.recall[self.best]),
            "threshold": float(self.thresholds[self.best]),
            "f_of_best_per_image": self.ois,
            "tolerance": self.tolerance,
            "images": len(self.true),
        }


def boundary_scores(
    truths: Sequence[ArrayLike],
    evidence: Sequence[ArrayLike],
    tolerance: float = TOLERANCE,
) -> BoundaryScores:
    r"""Score evidence of boundaries against label images, threshold after threshold.

    .. math::

        P = \frac{\#\{p : d(p, B) \le r\}}{\#\{p\}} \qquad
        R = \frac{\#\{b \in B : d(b, \{p\}) \le r\}}{\#B} \qquad
        F = \frac{2PR}{P + R}

    B are the true boundaries, see `true_boundaries`; p the pixels at which the
    evidence, thinned to its ridges (see `thinned`), is at the threshold or above it;
    d the distance between the centres of pixels, r the tolerance. Thresholds are 200
    quantiles of the evidence at the ridges of all images.

    Parameters
    ----------
    truths : sequence of array_like of int
        Label images (y, x), 0 is background.
    evidence : sequence of array_like
        (y, x) each, finite and 0 or above: larger where a boundary is more likely.
    tolerance : float
        In pixels, 0 or above.

    Raises
    ------
    ValueError
        If there is no image, one is not of two axes, shapes differ, evidence is
        negative or not finite, or the tolerance is negative.

    References
    ----------
    Martin, Fowlkes & Malik, PAMI 2004, "Learning to Detect Natural Image Boundaries
    Using Local Brightness, Color, and Texture Cues" (the measure); Arbeláez et al.,
    PAMI 2011 (optimal scale of a data set and of an image).
    """
    if not len(truths) or len(truths) != len(evidence):
        raise ValueError(
            f"boundaries are scored on one image or more, evidence for each truth, got "
            f"{len(truths)} truths and {len(evidence)} of evidence"
        )
    if not tolerance >= 0:
        raise ValueError(f"the tolerance must be 0 pixels or more, got {tolerance}")
    pairs = zip(truths, evidence, strict=True)
    ridges = [_Ridges.of(truth, found, tolerance) for truth, found in pairs]
    every = np.concatenate([each.found for each in ridges])
    steps = np.linspace(0, 1, THRESHOLDS)
    thresholds = np.unique(np.quantile(every, steps)) if len(every) else np.ones(1)
    counts = [each.counts(thresholds) for each in ridges]
    found, right, reached = (np.stack(of) for of in zip(*counts, strict=True))
    true = np.array([len(each.reached) for each in ridges])
    return BoundaryScores(thresholds, found, right, reached, true, tolerance)


@dataclass(frozen=True)
class _Ridges:
    """The evidence, ascending, at which the pixels of an image begin to count."""

    found: Floats  # of the pixels at ridges
    right: Floats  # of those of them that are right
    reached: Floats  # largest one within the tolerance of each true pixel

    @classmethod
    def of(cls, truth: ArrayLike, evidence: ArrayLike, tolerance: float) -> _Ridges:
        true, ridges = true_boundaries(truth), thinned(evidence)
        check_one_shape("truth and evidence", true, ridges)
        is_found = ridges > 0
        right = is_found & (_distance_to(true) <= tolerance)
        near = ndimage.maximum_filter(
            ridges, footprint=_ball(tolerance), mode="constant"
        )
        values = ridges[is_found], ridges[right], near[true]
        return cls(*map(np.sort, values))

    def counts(self, thresholds: Floats) -> tuple[NDArray[np.int64], ...]:
        """Return how many are found, right and reached at each threshold."""
        return tuple(
            len(of) - np.searchsorted(of, thresholds)
            for of in (self.found, self.right, self.reached)
        )


def true_boundaries(labels: ArrayLike) -> NDArray[np.bool_]:
    """Return where objects end, (y, x): lines one pixel wide.

    Pixels that have a neighbour of another object, or of the background, by a side,
    thinned to their skeleton. Where two objects touch there is one line between them;
    where the image ends there is none.

    Parameters
    ----------
    labels : array_like of int
        (y, x), 0 is background.

    Raises
    ------
    ValueError
        If it is no label image of two axes.
    """
    known = _of_two_axes("truth", as_labels("truth", labels))
    lines: NDArray[np.bool_] = skeletonize(find_boundaries(known, mode="thick"))
    return lines


def thinned(evidence: ArrayLike) -> Floats:
    """Return evidence at its ridges, and 0 elsewhere, (y, x).

    A pixel is at a ridge where no evidence one pixel to either side is larger, across
    the ridge: in the direction in which the evidence, smoothed by a Gaussian of one
    pixel, is bent down most (Canny's suppression of what is no maximum). On a plateau
    two pixels wide one of both stays; on a wider one none.

    Parameters
    ----------
    evidence : array_like
        (y, x), finite and 0 or above.

    Raises
    ------
    ValueError
        If it has other than two axes, or a pixel that is negative or not finite.
    """
    image = _of_two_axes("evidence", np.asarray(evidence, dtype=np.float64))
    if not (np.isfinite(image) & (image >= 0)).all():
        raise ValueError(
            "evidence of boundaries must be finite and 0 or above at every pixel: give "
            "a gradient magnitude or a probability"
        )
    here, across = np.indices(image.shape), _across(image)
    before, after = (
        ndimage.map_coordinates(image, here + way * across, order=1, mode="nearest")
        for way in (-1, 1)
    )
    return np.where((image > before) & (image >= after), image, 0)


def _across(image: Floats) -> Floats:
    """Return the direction in which an image is bent down most, (2, y, x).

    Of the two opposite ones that whose larger part is positive.
    """
    yy, yx, xx = hessian_matrix(
        image, ACROSS, mode="nearest", order="rc", use_gaussian_derivatives=False
    )
    up = np.arctan2(2 * yx, yy - xx) / 2  # from y, of the largest curvature
    across = np.stack([-np.sin(up), np.cos(up)])
    across[:, across.sum(0) < 0] *= -1
    return across


def _of_two_axes(name: str, image: NDArray[Any]) -> NDArray[Any]:
    if image.ndim != 2 or not image.size:
        raise ValueError(
            f"boundaries are scored in images of two axes, but the {name} has the "
            f"shape {image.shape}: score a stack plane by plane"
        )
    return image


def _distance_to(lines: NDArray[np.bool_]) -> Floats:
    """Return how far the nearest pixel of lines is; infinite where there is none."""
    if not lines.any():
        return np.full(lines.shape, np.inf)
    far: Floats = ndimage.distance_transform_edt(~lines)
    return far


def _ball(radius: float) -> NDArray[np.bool_]:
    """Return the pixels within a radius of the middle one."""
    along = np.arange(-int(radius), int(radius) + 1)
    near: NDArray[np.bool_] = along[:, None] ** 2 + along**2 <= radius**2
    return near


def _share(part: Any, whole: Any) -> Floats:
    part, whole = np.broadcast_arrays(part, whole)
    share: Floats = np.ones(part.shape)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def _harmonic(one: Floats, other: Floats) -> Floats:
    both: Floats = one + other
    mean: Floats = np.zeros(np.shape(both))
    np.divide(2 * one * other, both, out=mean, where=both > 0)
    return mean
