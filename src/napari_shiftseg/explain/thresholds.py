"""At which bandwidth the mean shift gives two embeddings one mode, or two."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.special import logit as logit_of
from skimage.measure import label as connected

from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.points import Frame, by_differences, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.mending.boxes import Point


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


STEP = 0.01  # of the thresholds that are tried


def touching_threshold(
    logit: NDArray[Any], one: Sequence[Point], other: Sequence[Point], present: float
) -> float | None:
    r"""Return the largest foreground threshold that joins pixels of two objects.

    In steps of 0.01 below the present one. The search halves their range: what is
    connected stays so when the threshold is lowered.

    Parameters
    ----------
    logit : ndarray
        (\\*spatial), the foreground logit.
    one, other : sequence of tuple of int
        A pixel of each component of the foreground that an object lies in.
    present : float
        The foreground threshold that parts them all.

    Returns
    -------
    float or None
        None if not even 0.01 joins one of the first with one of the others.
    """

    def apart(threshold: float) -> bool:
        components = connected(logit > logit_of(threshold), connectivity=1)
        return {components[at] for at in one}.isdisjoint(components[at] for at in other)

    tried = [round(n * STEP, 2) for n in range(1, ceil(present / STEP - 1e-9))]
    joined = bisect_left(tried, True, key=apart)
    return tried[joined - 1] if joined else None


POINTS = 4_000  # that the mean shift is tried on
LEAST = 100  # of them from either object, if it has so many
LOWEST = 0.25  # of the bandwidth; narrower ones break objects up


def merging_bandwidth(
    one: NDArray[Any],
    other: NDArray[Any],
    modes: tuple[NDArray[Any], NDArray[Any]],
    clustering: Clustering,
) -> float:
    r"""Return the smallest bandwidth with which two objects have one mode.

    It is measured: the mean shift runs on the pixels of both objects alone, with
    bandwidths of two digits from the present one upward, and the search halves their
    range. A third object whose embeddings lie between may join them sooner.

    Notes
    -----
    What to expect of two objects of equal size whose embeddings lie a distance D apart,
    each object's within far less than that:

    ================= ====================================================
    kernel            one mode from the bandwidth
    ================= ====================================================
    gaussian          0.48 D
    flat              D
    von Mises-Fisher  0.48 D for small angles; D is the chord on the sphere
    ================= ====================================================

    For the gaussian, the maxima of the density lie at ±a with a = (D/2)·tanh(a·D/2h²),
    and the mean shift merges them when they come within h, at D/h · tanh(D/4h) = 1;
    at h = D/2 the density has one maximum. An object that is smaller than the other
    is merged sooner (20 times smaller: from 0.28 D), and so are embeddings that spread.

    Parameters
    ----------
    one, other : ndarray
        (pixels, channels), the embeddings of either object.
    modes : tuple of ndarray
        The mode of either object, (channels,).
    clustering : Clustering
        Its bandwidth and kernel.
    """
    rows, h = np.concatenate(_thinned(one, other)), clustering.bandwidth
    reach = 2.0 if clustering.kernel == "von-mises-fisher" else _diameter(rows)
    tried = _two_digits(h, max(reach, h))
    share = _sharing(rows, np.stack(modes), clustering)
    return tried[bisect_left(tried, True, key=share)]


def parting_bandwidth(
    rows: NDArray[Any],
    points: tuple[NDArray[Any], NDArray[Any]],
    clustering: Clustering,
) -> float | None:
    """Return the largest bandwidth found that parts two pixels of one object.

    Measured as in `merging_bandwidth`, from the present bandwidth down to a quarter of
    it; None if none of these parts them.

    Parameters
    ----------
    rows : ndarray
        (pixels, channels), the embeddings of the object.
    points : tuple of ndarray
        Those of the two pixels, (channels,).
    clustering : Clustering
        Its bandwidth and kernel.
    """
    h = clustering.bandwidth
    tried = _two_digits(LOWEST * h, h)
    share = _sharing(_sample(rows, POINTS), np.stack(points), clustering)
    merged = bisect_left(tried, True, key=share)
    return tried[merged - 1] if merged else None


def modes_with(
    rows: NDArray[Any], bandwidth: float, clustering: Clustering
) -> NDArray[np.integer]:
    """Return which mode each pixel of an object has with a bandwidth, (pixels,).

    Measured as in `parting_bandwidth`.
    """
    return _shift(_sample(rows, POINTS), bandwidth, clustering).predict(rows)


def _sharing(
    rows: NDArray[Any], points: NDArray[Any], clustering: Clustering
) -> Callable[[float], bool]:
    """Return a test whether two points have one mode with a bandwidth."""

    def share(bandwidth: float) -> bool:
        shift = _shift(rows, bandwidth, clustering)
        one, other = shift.predict(points.astype(rows.dtype))
        return bool(one == other)

    return share


def _shift(rows: NDArray[Any], bandwidth: float, clustering: Clustering) -> MeanShift:
    shift = MeanShift(bandwidth, clustering.kernel, device="cpu", max_rounds=0)
    return shift.fit(rows)


def _thinned(one: NDArray[Any], other: NDArray[Any]) -> list[NDArray[Any]]:
    """Return a sample of both, in proportion to their sizes."""
    share = min(1.0, POINTS / (len(one) + len(other)))
    return [_sample(rows, max(LEAST, ceil(share * len(rows)))) for rows in (one, other)]


def _sample(rows: NDArray[Any], most: int) -> NDArray[Any]:
    chosen, _ = choose(np.arange(len(rows)), most, len(rows))
    return rows[np.sort(chosen)]


def _diameter(rows: NDArray[Any]) -> float:
    """Return a length that no two rows are farther apart than."""
    return float(2 * np.linalg.norm(rows - rows.mean(0), axis=1).max())


def _two_digits(low: float, high: float) -> Sequence[float]:
    """Return the numbers of two digits from `low` to the first not below `high`."""
    exponents = range(floor(log10(low)) - 1, floor(log10(high)) + 1)
    numbers = [float(f"{m}e{e}") for e in exponents for m in range(10, 100)]
    first = bisect_left(numbers, low)
    return numbers[first : bisect_left(numbers, high) + 1]
