"""Mean shift on CPU or GPU, as a scikit-learn estimator."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from napari_shiftseg.clustering.kernels import KERNELS, Frame
from napari_shiftseg.clustering.points import (
    Rows,
    WeightedRows,
    bin_points,
    refuse_not_finite,
    squared_distances,
)
from napari_shiftseg.clustering.search import ModeSearch
from napari_shiftseg.clustering.sets import MOST_POINTS, modes_of_sets
from napari_shiftseg.clustering.settings import Effort
from napari_shiftseg.device import resolve_device
from napari_shiftseg.geometry.tiling import chunks
from napari_shiftseg.progress import exhaust, patiently

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.clustering.sets import PointSet, SetModes
    from napari_shiftseg.clustering.settings import Kernel

GRID_CHANNELS = 4  # most, with which a grid has far fewer cells than points
GRID_POINTS = 2_000  # from which a grid is worth its sorting
CELLS = (0.25, 0.5)  # widths in bandwidths; the coarser where the finer are too many


class MeanShift(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    r"""Cluster points by the mode of their density that is nearest.

    A seed :math:`s` moves to the mean of the points, weighted by a kernel, until it
    stands on a mode:

    .. math::

        s \leftarrow \frac{\sum_j K(s, x_j)\, x_j}{\sum_j K(s, x_j)}

    ================= ==========================================================
    kernel            :math:`K(s, x)`
    ================= ==========================================================
    gaussian          :math:`\exp(-\lVert s - x \rVert^2 / 2h^2)`
    flat              1 where :math:`\lVert s - x \rVert \le h`, else 0
    von-mises-fisher  :math:`\exp((\cos(s, x) - 1) / h^2)`, modes of unit length
    learnt-spread     :math:`\exp(-\lVert s - x \rVert^2 / 2(h \sigma)^2)`, where the
                      last channel is not in x but the logarithm of a spread
                      :math:`\sigma`, of which the median is taken
    ================= ==========================================================

    Modes within :math:`h` of a denser one are merged with it. Points farther than
    :math:`h` from every mode and seed become seeds in their turn, until there are none,
    so that small clusters among many points are found; but not points in the tail of a
    mode so dense that a small cluster there has no mode of its own.

    Parameters
    ----------
    bandwidth : float
        :math:`h`, in units of the points (of the unit sphere for von Mises-Fisher).
        A kernel :math:`\exp(-\lVert d \rVert^2 / b)` is :math:`h = \sqrt{b / 2}`.
    kernel : {"gaussian", "flat", "von-mises-fisher", "learnt-spread"}
    device : str
        Where to compute: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; ``"auto"`` is
        CUDA, else MPS, else the CPU. float32 points are computed in float32, float64
        ones in float64 (on MPS in float32).
    max_iter : int
        Steps of a seed, at most.
    max_points : int
        About so many points are climbed, a sample where there are more. With up to 4
        channels, the cells of a grid h/4 or h/2 wide, if there are no more of them.
    max_seeds : int
        Of one round.
    max_rounds : int
        Rounds of new seeds; 0 leaves out what the sample missed.
    chunk_size : int
        Distances held at a time. It bounds the memory, whatever the number of points.

    Attributes
    ----------
    cluster_centers_ : ndarray of float32 or float64
        (modes, channels), densest first.
    labels_ : ndarray of int32
        (points,), the index of each point's nearest mode.
    n_iter_ : int
        Steps of the seed that took the most.
    n_features_in_ : int
        Channels.

    Notes
    -----
    Up to 2,000 points that need no more than 32 seeds are climbed in NumPy, on the CPU,
    whatever the device: they are too few to be worth a call of torch.

    The same points at the same positions have the same labels, in whatever order they
    are given: the sample and the seeds are chosen by a hash of the positions.

    References
    ----------
    Comaniciu & Meer 2002, "Mean shift: a robust approach toward feature space
    analysis"; Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping",
    section 4 (the sphere).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1.0, 1], [2, 1], [4, 7], [3, 5], [3, 6]])
    >>> MeanShift(bandwidth=2, kernel="flat", device="cpu").fit(X).labels_
    array([1, 1, 0, 0, 0], dtype=int32)
    """

    def __init__(
        self,
        bandwidth: float = 1.0,
        kernel: Kernel = "gaussian",
        device: str = "auto",
        *,
        max_iter: int = 300,
        max_points: int = 20_000,
        max_seeds: int = 1_000,
        max_rounds: int = 10,
        chunk_size: int = 2**20,
    ) -> None:
        self.bandwidth = bandwidth
        self.kernel = kernel
        self.device = device
        self.max_iter = max_iter
        self.max_points = max_points
        self.max_seeds = max_seeds
        self.max_rounds = max_rounds
        self.chunk_size = chunk_size

    def fit(
        self, X: ArrayLike, y: object = None, positions: ArrayLike | None = None
    ) -> Self:
        """Find the modes and label every point.

        Parameters
        ----------
        X : array-like of float
            (points, channels)
        y : ignored
        positions : array-like of int, optional
            (points,), one for each, such as the index of a pixel in the whole image;
            by default the index in ``X``.

        Raises
        ------
        ValueError
            If a parameter is out of its range, the device is not there, or ``X`` is
            empty, not finite or not two-dimensional.

        Warns
        -----
        ConvergenceWarning
            If points are still far from every mode when the rounds are spent.
        """
        self._check_parameters()
        X = self._validated(X, reset=True)
        places = _as_positions(positions, len(X))
        exhaust(self._search(X, places))
        self.labels_ = self.nearest(X)
        return self

    def find_steps(
        self,
        X: Rows,
        positions: NDArray[np.integer],
        effort: Effort | None = None,
    ) -> Generator[None, None, Self]:
        """Find the modes alone, as `fit` does; `nearest` labels the points after it.

        Yields after about a million distances. For many small calls: all that is
        checked of the points is that they are finite.

        Parameters
        ----------
        X : ndarray of float32 or float64
            (points, channels), one point or more; or what stands for it on disk, see
            `StoredRows`.
        positions : ndarray of int
            (points,), one for each.
        effort : Effort, optional
            Spent on the way; without it the search goes on to its end.
        """
        self._check_parameters()
        if X.dtype not in (np.float32, np.float64):
            X = X.astype(np.float64)
        refuse_not_finite(X)
        yield from self._search(X, positions, effort)
        return self

    @property
    def centre(self) -> Rows:
        """Where distances are measured from, (channels,), of what was found."""
        return self._frame.centre

    def found_before(self, modes: Rows, centre: Rows) -> Self:
        """Take up what was found before, so that `nearest` labels points by it.

        Parameters
        ----------
        modes : ndarray
            (modes, channels), the `cluster_centers_`.
        centre : ndarray
            (channels,)
        """
        device, bandwidth = resolve_device(self.device), float(self.bandwidth)
        self.cluster_centers_ = modes
        self._frame = Frame(bandwidth, self.kernel, centre, device)
        return self

    def nearest(self, X: Rows) -> NDArray[np.int32]:
        """Return the index of every point's nearest mode, as `predict` but unchecked.

        (points, channels) → (points,). Points given part by part, see `parts`, have the
        labels that `fit` gives them.
        """
        if len(self.cluster_centers_) == 1:
            return np.zeros(len(X), dtype=np.int32)
        labels = np.empty(len(X), dtype=np.int32)
        with torch.inference_mode():
            frame = replace(self._frame, device=resolve_device(self.device))
            modes = frame.enter(self.cluster_centers_)
            for part in self.parts(len(X)):
                points = frame.enter(X[part])
                labels[part] = squared_distances(points, modes).argmin(1).cpu().numpy()
        return labels

    def parts(self, n: int) -> tuple[slice, ...]:
        """Return the parts of n points that are labelled at once."""
        size = max(1, self.chunk_size // max(self.cluster_centers_.shape))
        return tuple(chunks(n, size))

    @torch.inference_mode()
    def _search(
        self, X: Rows, positions: NDArray[np.integer], effort: Effort | None = None
    ) -> Generator[None]:
        device, bandwidth = resolve_device(self.device), float(self.bandwidth)
        effort = effort or Effort()
        if self._is_small(X) and not effort.is_spent:
            (found,) = self._modes_of([(X[:], positions[:])], effort)
            if found is not None:
                self._take(found)
                return
        self._frame = yield from patiently(
            None, X.size, Frame.around, X, bandwidth, self.kernel, device
        )
        data = yield from self._reduced(X, positions)
        if effort.is_spent:
            self.cluster_centers_ = X.mean(0, keepdims=True)
            self.n_iter_ = 0
            return
        search = yield from patiently(
            None, data.rows.size, ModeSearch, data, self._frame, self, effort
        )
        yield from search.steps()
        self.cluster_centers_ = self._frame.leave(search.modes.points)
        self.n_iter_ = search.n_iter

    def find_sets_steps(
        self, sets: Sequence[PointSet], effort: Effort | None = None
    ) -> Generator[None, None, list[Self]]:
        """Find the modes of several sets of points, each by itself.

        Returns an estimator a set, as `find_steps` makes it of that set, bit for bit;
        small sets are searched all at once, which takes far less time.

        Parameters
        ----------
        sets : sequence of (ndarray, ndarray)
            Points and positions of each; see `find_steps`.
        effort : Effort, optional
            See `find_steps`.
        """
        self._check_parameters()
        effort = effort or Effort()
        small = [each for each in sets if self._is_small(each[0])]
        known: Iterator[SetModes | None] = iter(())
        if small and not effort.is_spent:
            known = iter(self._modes_of(small, effort))
        made = []
        for points, positions in sets:
            shift = self._alike()
            found = next(known, None) if self._is_small(points) else None
            if found is None:
                yield from shift.find_steps(points, positions, effort)
            else:
                shift._take(found)
            made.append(shift)
        return made

    def _alike(self) -> Self:
        """Return another with the same parameters; `clone` takes far longer."""
        return type(self)(
            self.bandwidth, self.kernel, self.device, max_iter=self.max_iter,
            max_points=self.max_points, max_seeds=self.max_seeds,
            max_rounds=self.max_rounds, chunk_size=self.chunk_size,
        )  # fmt: skip

    def _is_small(self, X: Rows) -> bool:
        return len(X) <= min(MOST_POINTS, self.max_points)

    def _modes_of(
        self, sets: Sequence[PointSet], effort: Effort
    ) -> list[SetModes | None]:
        device = resolve_device(self.device)
        limits = self.max_iter, self.max_seeds, effort
        return modes_of_sets(sets, float(self.bandwidth), self.kernel, device, *limits)

    def _take(self, found: SetModes) -> None:
        self.cluster_centers_, self.n_iter_ = found.modes, found.n_iter
        self._frame = found.frame

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:
        """Return the index of every point's nearest mode, (points,).

        Raises
        ------
        NotFittedError
            If there are no modes yet.
        ValueError
            If ``X``, (points, channels), is not finite or has other channels.
        """
        check_is_fitted(self)
        return self.nearest(self._validated(X, reset=False))

    def _reduced(
        self, X: Rows, positions: NDArray[np.integer]
    ) -> Generator[None, None, WeightedRows]:
        """Return the points, or the cells of a grid where the channels are few."""
        if X.shape[1] <= GRID_CHANNELS and len(X) > GRID_POINTS:
            rows = max(1, self.chunk_size // X.shape[1])
            for width in CELLS:
                cells = yield from bin_points(
                    X, self._frame, width, self.max_points, rows
                )
                if cells is not None:
                    return cells
        return WeightedRows(X, np.broadcast_to(X.dtype.type(1), len(X)), positions)

    def _validated(self, X: ArrayLike, reset: bool) -> Rows:
        if isinstance(X, torch.Tensor):
            X = X.detach().cpu()
        checked: Rows = validate_data(
            self, X, reset=reset, dtype=[np.float64, np.float32]
        )
        return checked

    def _check_parameters(self) -> None:
        h = self.bandwidth
        if not isinstance(h, Real) or isinstance(h, bool) or not 0 < h < np.inf:
            raise ValueError(
                f"bandwidth must be a finite number above 0, got {h!r}: take about the "
                "radius of a cluster"
            )
        if self.kernel not in KERNELS:
            raise ValueError(
                f"kernel must be one of {', '.join(KERNELS)}, got {self.kernel!r}"
            )
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < least:
                raise ValueError(
                    f"{name} must be a whole number from {least} upward, got {value!r}"
                )


_LEAST = {
    "max_iter": 1,
    "max_points": 1,
    "max_seeds": 1,
    "max_rounds": 0,
    "chunk_size": 1,
}


def _as_positions(positions: ArrayLike | None, n: int) -> NDArray[np.integer]:
    if positions is None:
        return np.arange(n)
    given = np.asarray(positions)
    if given.shape != (n,) or not np.issubdtype(given.dtype, np.integer):
        raise ValueError(
            f"positions must be whole numbers, one for each of the {n} points, got "
            f"{given.dtype} of shape {given.shape}"
        )
    return given
