"""How far apart embeddings are, and the bandwidth that makes them one, or two."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.kernels import coordinates
from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.points import choose
from napari_shiftseg.mending.replay import measured_by
from napari_shiftseg.metrics.seams import as_float, distance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.clustering.settings import Clustering

    Pair = tuple[NDArray[Any], NDArray[Any]]


SAME = 1.0  # bandwidths within which the mean shift keeps one mode


def measured(embedding: ArrayLike, clustering: Clustering) -> NDArray[Any]:
    r"""Return an embedding whose distances are those of the kernel.

    (channels, \*any), as it is or, for von Mises-Fisher, of unit length. There an
    embedding that is 0 in every channel has no direction: it becomes NaN. With a learnt
    spread, the places alone, in pixels.

    Parameters
    ----------
    embedding : array_like
        (channels, \*any)
    clustering : Clustering
        Its kernel.
    """
    e = coordinates(as_float(embedding), clustering.kernel)
    if clustering.kernel == "von-mises-fisher":
        e[:, ~e.any(axis=0)] = np.nan
    return e


def distances(
    one: ArrayLike, other: ArrayLike, clustering: Clustering
) -> NDArray[np.floating[Any]]:
    r"""Return distances in units of the bandwidth h.

    .. math::

        \lVert a - b \rVert / h
        \qquad\text{von Mises-Fisher:}\quad \sqrt{2\,(1 - \cos(a, b))} \,/\, h

    The second is the chord on the sphere of radius 1/h; for small angles, the angle in
    radians over h. With a learnt spread :math:`\sigma` it is the distance of places
    over :math:`h \sqrt{\sigma_a \sigma_b}`. By differences, which do not cancel.

    Parameters
    ----------
    one, other : array_like
        (channels, \*any), of shapes that broadcast.
    clustering : Clustering
        Its bandwidth and kernel.

    Returns
    -------
    ndarray
        (\*any); NaN for an embedding without a direction, see `measured`.
    """
    apart = distance(measured(one, clustering), measured(other, clustering))
    in_bandwidths: NDArray[Any] = apart / apart.dtype.type(clustering.bandwidth)
    if clustering.kernel == "learnt-spread":
        in_bandwidths /= np.exp((as_float(one)[-1] + as_float(other)[-1]) / 2)
    return in_bandwidths


def mean_embedding(rows: ArrayLike, clustering: Clustering) -> NDArray[np.float64]:
    """Return the mean of (points, channels), brought back to the sphere for vMF.

    That is where a mean shift whose kernel sees all of them would lead: (channels,).

    Parameters
    ----------
    rows : array_like
        (points, channels)
    clustering : Clustering
    """
    points = np.asarray(rows, dtype=np.float64).T
    if clustering.kernel != "von-mises-fisher":
        mean: NDArray[np.float64] = points.mean(axis=1)
        return mean
    return measured(measured(points, clustering).mean(axis=1), clustering)


POINTS = 4_000  # that the mean shift is tried on
LEAST = 100  # of them from either object, if it has so many
LOWEST = 0.25  # of the bandwidth; narrower ones break objects up


def merging_bandwidth(
    one: NDArray[Any], other: NDArray[Any], modes: Pair, clustering: Clustering
) -> float:
    r"""Return the smallest bandwidth with which two objects have one mode.

    It is measured: the mean shift runs on the pixels of both objects alone, with
    bandwidths of two digits from the present one upward, and the search halves their
    range. Objects around them may join them sooner, or keep them apart.

    Parameters
    ----------
    one, other : ndarray
        (pixels, channels), the embeddings of either object.
    modes : tuple of ndarray
        The mode of either object, (channels,).
    clustering : Clustering
        Its bandwidth and kernel.

    Notes
    -----
    Two objects of equal size whose embeddings lie a distance D apart, each object's
    within far less than that, have one mode from 0.48 D on (flat kernel: from D; on the
    sphere D is the chord). For the gaussian, the maxima of the density lie at ±a with
    a = (D/2)·tanh(a·D/2h²), and the mean shift merges them when they come within h, at
    D/h · tanh(D/4h) = 1. A smaller object is merged sooner (20 times smaller: from
    0.28 D), and so are embeddings that spread.
    """
    share = min(1.0, POINTS / (len(one) + len(other)))
    most = [max(LEAST, ceil(share * len(rows))) for rows in (one, other)]
    rows = np.concatenate([_sample(one, most[0]), _sample(other, most[1])])
    h = clustering.bandwidth
    reach = _diameter(rows, clustering)
    tried = _two_digits(h, max(reach, h))
    return tried[bisect_left(tried, True, key=_sharing(rows, modes, clustering))]


def parting_bandwidth(
    rows: NDArray[Any], points: Pair, clustering: Clustering
) -> float | None:
    """Return the largest bandwidth below the present one that parts two pixels.

    Measured on their object alone, down to a quarter of the present bandwidth; None if
    none of these parts them.

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
    tried = _two_digits(LOWEST * h, h)[:-1]
    share = _sharing(_sample(rows, POINTS), points, clustering)
    merged = bisect_left(tried, True, key=share)
    return tried[merged - 1] if merged else None


def sizes_of_modes(
    rows: NDArray[Any], points: Pair, clustering: Clustering
) -> tuple[int, int] | None:
    """Return how many pixels of an object have the mode of each of two of them.

    None where that is one mode. Parameters and measure as in `parting_bandwidth`.

    Parameters
    ----------
    rows, points, clustering
        See `parting_bandwidth`.
    """
    shift = _shift(_sample(rows, POINTS), clustering.bandwidth, clustering)
    one, other = shift.predict(np.stack(points).astype(rows.dtype))
    if one == other:
        return None
    modes = shift.predict(rows)
    return int((modes == one).sum()), int((modes == other).sum())


def _sharing(
    rows: NDArray[Any], points: Pair, clustering: Clustering
) -> Callable[[float], bool]:
    """Return a test whether two points have one mode with a bandwidth."""

    def share(bandwidth: float) -> bool:
        shift = _shift(rows, bandwidth, clustering)
        one, other = shift.predict(np.stack(points).astype(rows.dtype))
        return bool(one == other)

    return share


def _shift(rows: NDArray[Any], bandwidth: float, clustering: Clustering) -> MeanShift:
    shift = MeanShift(bandwidth, clustering.kernel, device="cpu", max_rounds=0)
    return shift.fit(rows)


def _sample(rows: NDArray[Any], most: int) -> NDArray[Any]:
    chosen, _ = choose(np.arange(len(rows)), most, len(rows))
    return rows[np.sort(chosen)]


def _diameter(rows: NDArray[Any], clustering: Clustering) -> float:
    """Return a bandwidth that no two rows are farther apart than."""
    if clustering.kernel == "von-mises-fisher":
        return 2.0
    points = measured_by(clustering, rows.T).T
    return float(2 * np.linalg.norm(points - points.mean(0), axis=1).max())


def _two_digits(low: float, high: float) -> Sequence[float]:
    """Return the numbers of two digits from `low` to the first not below `high`."""
    exponents = range(floor(log10(low)) - 1, floor(log10(high)) + 1)
    numbers = [float(f"{m}e{e}") for e in exponents for m in range(10, 100)]
    first = bisect_left(numbers, low)
    return numbers[first : bisect_left(numbers, high) + 1]
