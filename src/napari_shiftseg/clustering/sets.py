"""The modes of many small sets of points, found all at once.

An operation on hardly any points takes as long as one on thousands. Here each is done
once for many sets; every sum is over the points of one set, in an order that they alone
decide, so that a set has the same modes, bit for bit, by itself and among others.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_shiftseg.clustering.kernels import (
    NOTHING,
    RIM,
    Frame,
    refuse_no_direction,
)
from napari_shiftseg.clustering.points import (
    Indices,
    Rows,
    mix,
    refuse_not_finite,
    refuse_too_far,
)
from napari_shiftseg.clustering.search import (
    DIGITS,
    EVERY,
    FINE,
    MET,
    ROUNDING,
    STOP,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from napari_shiftseg.clustering.settings import Effort, Kernel

    # points, (points, channels), and a number for each that decides its turn
    PointSet = tuple[Rows, NDArray[np.integer]]


MOST_POINTS = 2_000  # of a set; of more, a grid may be made
MOST_SEEDS = 32  # of a set; with more, products of matrices are faster


@dataclass(frozen=True)
class SetModes:
    """What was found of one set."""

    modes: Rows  # (modes, channels), densest first
    frame: Frame
    n_iter: int  # steps of the seed that took the most


def modes_of_sets(
    sets: Sequence[PointSet],
    bandwidth: float,
    kernel: Kernel,
    device: torch.device,
    max_iter: int,
    max_seeds: int,
    effort: Effort,
) -> list[SetModes | None]:
    """Find the modes of sets of points, as `ModeSearch` does those of one.

    None for a set that takes more seeds than are climbed here: it is to be searched by
    itself.

    Parameters
    ----------
    sets : sequence of (ndarray, ndarray)
        One or more, each of 1 to `MOST_POINTS` points: (points, channels), float32 or
        float64, and their positions, (points,).
    bandwidth, kernel
        Of the mean shift.
    device : torch.device
        Of the frames; what is done here is done on the CPU.
    max_iter, max_seeds : int
        See `MeanShift`.
    effort : Effort
        Spent on the way.

    Raises
    ------
    ValueError
        If points lie too far out, or have no direction that need one.
    """
    with np.errstate(over="ignore"):  # it is looked for
        cloud = _Clouds(sets, bandwidth, kernel, device)
        most = min(MOST_SEEDS, max_seeds)
        chosen, crowded = _spread(cloud.points, cloud.of, 1.0, most)
        chosen = chosen[~np.isin(cloud.of[chosen], crowded)]
        seeds = _Seeds(cloud.points, cloud.of).some(chosen)
        modes, steps = cloud.climbed(seeds, STOP, max_iter)
        modes, _ = cloud.climbed(_merged(modes), FINE, max_iter)
        modes = _merged(modes)
        effort.spend(cloud.distances)
    left = cloud.leave(modes)
    ends = np.cumsum(np.bincount(modes.of, minlength=len(sets))).tolist()
    begins = [0, *ends]
    return [
        SetModes(left[begin:end], frame, n_iter) if end > begin else None
        for begin, end, frame, n_iter in zip(
            begins, ends, cloud.frames, steps.tolist(), strict=False
        )
    ]


Coordinates = NDArray[np.floating]  # (channels, points), in the frames of the sets


class _Seeds(NamedTuple):
    """Seeds, or modes, of all sets, set by set."""

    points: Coordinates
    of: Indices  # (seeds,), the set of each, ascending
    density: Rows | None = None  # (seeds,)

    def some(self, which: Indices) -> _Seeds:
        density = None if self.density is None else self.density[which]
        return _Seeds(self.points.take(which, 1), self.of[which], density)


class _Clouds:
    """The points of all sets, in the order of a hash of their positions."""

    def __init__(
        self,
        sets: Sequence[PointSet],
        bandwidth: float,
        kernel: Kernel,
        device: torch.device,
    ) -> None:
        self._kernel, self._bandwidth = kernel, bandwidth
        self._sizes = np.array([len(points) for points, _ in sets])
        self._begins = np.cumsum(self._sizes) - self._sizes
        self.of = np.repeat(np.arange(len(sets)), self._sizes)
        self.frames = _frames(sets, bandwidth, kernel, device)
        keys = mix(np.concatenate([positions for _, positions in sets]))
        ends = self._begins + self._sizes
        order = [
            begin + keys[begin:end].argsort(kind="stable")
            for begin, end in zip(self._begins.tolist(), ends.tolist(), strict=True)
        ]
        points = np.concatenate([rows.T for rows, _ in sets], axis=1)
        refuse_not_finite(points.T)
        self.points = self._entered(points.take(np.concatenate(order), 1))
        self.distances = 0
        most = float(np.finfo(self.points.dtype).max)
        refuse_too_far(float(_squares(self.points).max()), most)

    def _entered(self, points: Coordinates) -> Coordinates:
        """Return points in the frames of their sets."""
        if self._kernel == "von-mises-fisher":
            there = _directions(points)
            refuse_no_direction(np.asarray(there.any(0)))
            return there / points.dtype.type(self._bandwidth)
        widths, centres = self._scales(points.dtype)
        placed = (points - centres.take(self.of, 1)) / widths[self.of]
        return placed[:-1] if self._kernel == "learnt-spread" else placed

    def _scales(self, dtype: np.dtype[Any]) -> tuple[Rows, Coordinates]:
        """Return the bandwidths of the sets, (sets,), and their centres."""
        widths = np.array([frame.bandwidth for frame in self.frames], dtype)
        return widths, np.stack([frame.centre for frame in self.frames], 1)

    def leave(self, modes: _Seeds) -> Rows:
        """Return modes in the coordinates of the data, (modes, channels)."""
        if self._kernel == "von-mises-fisher":
            return (modes.points * modes.points.dtype.type(self._bandwidth)).T
        widths, centres = self._scales(modes.points.dtype)
        rows = centres.take(modes.of, 1)
        rows[: len(modes.points)] += modes.points * widths[modes.of]
        return rows.T

    def climbed(
        self, seeds: _Seeds, stop: float, max_iter: int
    ) -> tuple[_Seeds, Indices]:
        """Return where seeds stand still, with the density there, and (sets,) steps.

        Of seeds that meet on the way one goes on.
        """
        ends, density = seeds.points.copy(), np.zeros_like(seeds.points[0])
        steps = np.ones(len(self._sizes), np.int64)
        is_left = np.ones(len(seeds.of), np.bool_)
        active, seen = np.arange(len(seeds.of)), self._seen(seeds.of)
        for number in range(1, max_iter + 1):
            if not len(active):
                break
            before = ends.take(active, 1)
            means, density[active] = self._step(before, seen)
            for row, along in zip(ends, means, strict=True):
                row[active] = along
            steps[seeds.of[active]] = number
            moves = _squares(means - before) > _negligible(before, stop)
            if number % EVERY == 0:
                here = active[moves]
                alone, _ = _spread(ends.take(here, 1), seeds.of[here], MET)
                is_left[np.delete(here, alone)] = False
                moves &= is_left[active]
            if not moves.all():
                active = active[moves]
                seen = self._seen(seeds.of[active])
        return _Seeds(ends, seeds.of, density).some(np.flatnonzero(is_left)), steps

    def _seen(self, of: Indices) -> tuple[Coordinates, Indices, Indices]:
        """Return the points of the set of each seed, seed by seed.

        (channels, pairs); where those of a seed begin, and how many there are.
        """
        sizes = self._sizes[of]
        begins = np.cumsum(sizes) - sizes
        at = np.arange(int(sizes.sum())) + np.repeat(self._begins[of] - begins, sizes)
        return self.points.take(at, 1), begins, sizes

    def _step(
        self, seeds: Coordinates, seen: tuple[Coordinates, Indices, Indices]
    ) -> tuple[Coordinates, Rows]:
        """Move seeds to the means of what they see; see `Cloud.step`."""
        points, begins, sizes = seen
        self.distances += points.shape[1]
        squares = _squares(points - np.repeat(seeds, sizes, axis=1))
        if self._kernel == "flat":
            kernel = (squares <= RIM).astype(points.dtype)
        else:
            kernel = np.exp(np.maximum(squares / -2, NOTHING))
        density = np.add.reduceat(kernel, begins)
        sums = np.stack([np.add.reduceat(row * kernel, begins) for row in points])
        means = np.divide(sums, density, out=seeds.copy(), where=density > 0)
        if self._kernel == "von-mises-fisher":
            means = _directions(means) / points.dtype.type(self._bandwidth)
        return means, density


def _frames(
    sets: Sequence[PointSet], bandwidth: float, kernel: Kernel, device: torch.device
) -> list[Frame]:
    means = np.stack([points.mean(0, dtype=np.float64) for points, _ in sets])
    spreads = np.array([_median(points[:, -1]) for points, _ in sets])
    dtype = sets[0][0].dtype
    return Frame.at(means, spreads, dtype, bandwidth, kernel, device)


def _median(values: Rows) -> float:
    ordered, half = np.sort(values), len(values) // 2
    return (float(ordered[half]) + float(ordered[-half - 1])) / 2


def _squares(points: Coordinates) -> Rows:
    """Return squared lengths, added up channel by channel, (points,)."""
    total: Rows = points[0] * points[0]
    for row in points[1:]:
        total += row * row
    return total


def _directions(points: Coordinates) -> Coordinates:
    """Return points moved to the unit sphere, see `on_sphere`.

    A norm of NumPy adds up the channels of one point in another order than of several.
    """
    length = np.sqrt(_squares(points))
    length[length == 0] = inf
    directions: Coordinates = points / length
    return directions


def _negligible(points: Coordinates, stop: float) -> Rows:
    rounding = (ROUNDING * np.finfo(points.dtype).eps) ** 2
    return np.maximum(_squares(points) * rounding, stop**2)


def _spread(
    points: Coordinates, of: Indices, radius: float, most: int | None = None
) -> tuple[Indices, Indices]:
    """Find points such that each one of a set has one of them within the radius.

    As `spread`, in each set. Returns them, ascending, and the sets that need more of
    them than the most.
    """
    left = np.arange(len(of))
    chosen = [left[:0]]
    while len(left) and (most is None or len(chosen) <= most):
        begins, sizes = _runs(of)
        chosen.append(left[begins])  # the first that is left of each set
        apart = points - np.repeat(points.take(begins, 1), sizes, axis=1)
        far = _squares(apart) > radius**2
        far[begins] = False  # also where rounding takes a point from itself
        at = np.flatnonzero(far)
        left, of, points = left[at], of[at], points.take(at, 1)
    return np.sort(np.concatenate(chosen)), np.unique(of)


def _runs(of: Indices) -> tuple[Indices, Indices]:
    """Return where the runs of equal numbers begin, and how long they are."""
    is_next = np.empty(len(of) + 1, np.bool_)
    is_next[[0, -1]] = True
    np.not_equal(of[1:], of[:-1], out=is_next[1:-1])
    ends = np.flatnonzero(is_next)
    return ends[:-1], ends[1:] - ends[:-1]


def _merged(modes: _Seeds) -> _Seeds:
    """Keep the modes that no denser one of their set has within a bandwidth.

    Densest first, set by set.
    """
    assert modes.density is not None
    density = modes.density.astype(np.float64)
    exponent = np.log10(density, where=density > 0, out=np.zeros_like(density))
    unit = 10.0 ** (np.floor(exponent) - DIGITS)
    order = np.lexsort((-np.rint(density / unit) * unit, modes.of))
    ordered = modes.some(order)
    return ordered.some(_spread(ordered.points, ordered.of, 1.0)[0])
