"""All modes of many points: seeds that climb, and new ones where none led."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from napari_shiftseg.clustering.kernels import Cloud
from napari_shiftseg.clustering.points import (
    Indices,
    WeightedRows,
    choose,
    spread,
    within,
)
from napari_shiftseg.geometry.tiling import chunks

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.clustering.kernels import Frame
    from napari_shiftseg.clustering.mean_shift import MeanShift
    from napari_shiftseg.clustering.settings import Effort


BATCH = 128  # seeds that climb together; the modes they find save later ones the way
CLOSE = 0.5  # bandwidths from a mode, where a climbing seed is as good as there
MET = 0.1  # bandwidths between two seeds that climb on as one
EVERY = 4  # steps between looks for seeds that met
STOP = 1e-3  # bandwidths; a shorter step ends a climb, as in scikit-learn
FINE = 1e-4  # bandwidths; the same for the seed that represents its mode
ROUNDING = 4  # units in the last place of a coordinate, within which a climb ends
WORK = 2**20  # distances between two looks whether anybody still waits
CALL = 2**13  # distances that take as long as one step on hardly any
DIGITS = 4  # of the density that decide an order; the rest is rounding


Some = Indices | None  # of the rows; None: all of them, of which no list is made


class Modes(NamedTuple):
    """Maxima of the density, in the frame."""

    points: Tensor  # (modes, channels)
    density: Tensor  # (modes,)

    def joined(self, other: Modes) -> Modes:
        """Return these and the others."""
        return Modes(*(torch.cat(pair) for pair in zip(self, other, strict=True)))


def _find_modes(
    seeds: Tensor, cloud: Cloud, known: Modes, limits: MeanShift, effort: Effort
) -> Generator[None, None, tuple[Modes, int]]:
    """Climb from the seeds, and merge the ends with the modes known before.

    Yields after about a million distances. Returns the modes, densest first and more
    than one bandwidth apart, and the steps of the longest climb. Once the effort is
    spent, seeds stay where they are.
    """
    longest = 1
    for batch in torch.split(seeds, BATCH):
        if effort.is_spent and len(known.points):
            break
        points = known.points
        ends, n_iter = yield from _climb(batch, cloud, points, STOP, limits, effort)
        best = (yield from _merge(ends, limits.chunk_size)).points
        fine, _ = yield from _climb(best, cloud, points, FINE, limits, effort)
        known = known.joined(fine)
        longest = max(longest, n_iter)
    return (yield from _merge(known, limits.chunk_size)), longest


def _climb(
    seeds: Tensor,
    cloud: Cloud,
    known: Tensor,
    stop: float,
    limits: MeanShift,
    effort: Effort,
) -> Generator[None, None, tuple[Modes, int]]:
    ended = [Modes(seeds[:0], seeds[:0, 0])]
    n_iter, work, chunk, max_iter = 0, 0, limits.chunk_size, limits.max_iter
    active = yield from _on_the_way(seeds, known, chunk)
    while len(active) and n_iter < max_iter:
        means, density = cloud.step(active)
        n_iter += 1
        distances = len(active) * (len(cloud) + len(known))
        effort.spend((distances + CALL) * cloud.cost)
        work += distances
        if work > WORK:
            work = 0
            yield
        still = (means - active).square().sum(1) <= _negligible(active, cloud, stop)
        if n_iter == max_iter or still.all() or effort.is_spent:
            ended.append(Modes(means, density))
            break
        active = means
        if still.any():
            ended.append(Modes(means[still], density[still]))
            active = means[~still]
        active = yield from _on_the_way(active, known, chunk)
        if n_iter % EVERY == 0:
            active = active[(yield from spread(active, MET, chunk))]
    return Modes(*(torch.cat(parts) for parts in zip(*ended, strict=True))), n_iter


def _negligible(seeds: Tensor, cloud: Cloud, stop: float) -> Tensor | float:
    """Return the squared step that ends a climb, (seeds,) where they may differ.

    Far from the origin rounding alone moves a seed by more than any fixed length.
    """
    if not cloud.reaches_far:
        return stop**2
    rounding = (ROUNDING * torch.finfo(seeds.dtype).eps) ** 2
    return (seeds.square().sum(1) * rounding).clamp_(min=stop**2)


def _on_the_way(
    seeds: Tensor, known: Tensor, chunk: int
) -> Generator[None, None, Tensor]:
    """Return the seeds that are not close to a known mode."""
    if not len(known):
        return seeds
    return seeds[~(yield from within(seeds, known, CLOSE, chunk))]


def _merge(modes: Modes, chunk: int) -> Generator[None, None, Modes]:
    """Keep the modes that no denser one has within a bandwidth, densest first."""
    if len(modes.points) <= 1:
        return modes
    unit = 10.0 ** (modes.density.log10().floor() - DIGITS)
    rounded = (modes.density / unit).round() * unit
    order = rounded.argsort(descending=True, stable=True)
    order = order[(yield from spread(modes.points[order], 1.0, chunk))]
    return Modes(modes.points[order], modes.density[order])


SURELY = 10  # expected points of a cluster that a sample hardly misses: e^-10


class ModeSearch:
    """Search for the modes of points.

    The seeds climb a sample of the points, all of them where they are few. They are
    spread over it, one bandwidth apart. Points that lie farther than a bandwidth from
    every mode and every seed so far are the seeds of the next round, and join the
    sample for it. Not so where known modes alone make the density so high that a
    cluster which stood out from it would be large enough to be in the sample.

    `modes` are those found so far, in the frame; `n_iter` is the most steps of a seed.

    Parameters
    ----------
    data : WeightedRows
    frame : Frame
    limits : MeanShift
        What a search may take.
    effort : Effort
        Spent on the way; once there is none left, there are no new seeds.
    """

    def __init__(
        self, data: WeightedRows, frame: Frame, limits: MeanShift, effort: Effort
    ) -> None:
        self._data, self._frame, self._limits = data, frame, limits
        self._effort, self._cost = effort, 1
        self._few = None  # all the points in the frame, where they may be held
        if data.rows.size <= limits.chunk_size:
            self._few = frame.enter(data.rows)
        self._points, self._weights = self._sample(None)
        self._thick = SURELY * float(self._weights.mean())
        self._sample_far = torch.ones_like(self._weights, dtype=torch.bool)
        self._seeds = self._points[:0]
        self.modes = Modes(self._points[:0], self._weights[:0])
        self.n_iter = 1

    def steps(self) -> Generator[None]:
        """Find all modes; yields after about a million distances.

        Warns
        -----
        ConvergenceWarning
            If the rounds are spent and points are still far from modes and seeds.
        """
        yield from self._climb(self._points, self._points, self._weights)
        far: Some = None
        for _ in range(self._limits.max_rounds):
            far = yield from self._still_far(far)
            if len(far) == 0 or self._effort.is_spent:
                return
            yield from self._climb(*(yield from self._sample_with(far)))
        if self._limits.max_rounds:
            self._warn((yield from self._still_far(far)))

    def _climb(
        self, candidates: Tensor, points: Tensor, weights: Tensor
    ) -> Generator[None]:
        """Let seeds among the candidates climb the weighted points."""
        limits, chunk = self._limits, self._limits.chunk_size
        chosen = yield from spread(candidates, 1.0, chunk, limits.max_seeds)
        self._seeds = candidates[chosen]
        cloud = Cloud(points, weights, self._frame, chunk)
        self._cost = cloud.cost
        self._effort.spend(len(candidates) * len(chosen) // 2 * self._cost)
        self.modes, n_iter = yield from _find_modes(
            self._seeds, cloud, self.modes, limits, self._effort
        )
        self.n_iter = max(self.n_iter, n_iter)

    def _sample(self, rows: Some) -> tuple[Tensor, Tensor]:
        """Return a sample of these rows, weighted to stand for all of them."""
        data, limits = self._data, self._limits
        positions = data.positions if rows is None else data.positions[rows]
        chosen, each = choose(positions, limits.max_points, limits.chunk_size)
        chosen = chosen if rows is None else rows[chosen]
        points = self._entered(chosen)
        weights = data.weights[chosen] * each
        return points, torch.tensor(weights, dtype=points.dtype, device=points.device)

    def _sample_with(
        self, far: Indices
    ) -> Generator[None, None, tuple[Tensor, Tensor, Tensor]]:
        """Return a sample of far rows, and with it what is near of the first sample."""
        points, weights = self._sample(far)
        at = self._sample_far.nonzero()[:, 0]
        self._sample_far[at] = yield from self._is_far(self._points[at])
        near = ~self._sample_far
        joined = torch.cat([points, self._points[near]])
        return points, joined, torch.cat([weights, self._weights[near]])

    def _still_far(self, rows: Some) -> Generator[None, None, Indices]:
        """Return those of these rows that the last round left far."""
        if self._few is not None and (rows is None or len(rows) == len(self._few)):
            still = yield from self._is_far(self._few)
            return np.flatnonzero(still.cpu().numpy())
        found = [np.empty(0, np.int64)]
        size = max(1, self._limits.chunk_size // self._data.rows.shape[1])
        for part in chunks(len(self._data if rows is None else rows), size):
            here = np.arange(part.start, part.stop) if rows is None else rows[part]
            far = yield from self._is_far(self._entered(here))
            found.append(here[far.cpu().numpy()])
        return np.concatenate(found)

    def _entered(self, rows: Indices) -> Tensor:
        """Return these rows in the frame."""
        if self._few is None:
            return self._frame.enter(self._data.rows[rows])
        return self._few[torch.from_numpy(rows).to(self._few.device)]

    def _is_far(self, points: Tensor) -> Generator[None, None, Tensor]:
        """Return which points neither the modes nor the last seeds answer for."""
        chunk = self._limits.chunk_size
        others = len(self.modes.points) + len(self._seeds)
        self._effort.spend(len(points) * others * self._cost)
        far = ~(yield from within(points, self.modes.points, 1.0, chunk))
        if far.any():
            tails = Cloud(*self.modes, self._frame, chunk)
            density = yield from tails.density(points[far])
            far[far.clone()] = density < self._thick
        if far.any():
            near = yield from within(points[far], self._seeds, 1.0, chunk)
            far[far.clone()] = ~near
        return far

    def _warn(self, far: Indices) -> None:
        if len(far):
            warnings.warn(
                f"{len(far)} points are farther than one bandwidth from every mode "
                f"after {self._limits.max_rounds} rounds of new seeds, and went to the "
                "nearest one: take a larger bandwidth, or raise max_rounds",
                ConvergenceWarning,
                stacklevel=4,
            )
