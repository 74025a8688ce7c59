"""All modes of many points: seeds over a sample, and new ones where none led."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from .climbing import Modes, find_modes
from .cloud import Cloud
from .distances import spread, within
from .frame import Frame
from .sampling import Indices, WeightedRows, choose, chunks


@dataclass(frozen=True)
class Limits:
    """What a search may take, see `MeanShift`."""

    max_iter: int
    max_points: int
    max_seeds: int
    max_rounds: int
    chunk_size: int


class ModeSearch:
    """Search for the modes of points.

    The seeds climb a sample of the points, all of them where they are few. They are
    spread over it, one bandwidth apart. Points that lie farther than a bandwidth from
    every mode and every seed so far are the seeds of the next round, and join the
    sample for it.

    Parameters
    ----------
    data : WeightedRows
    frame : Frame
    limits : Limits

    Attributes
    ----------
    modes : Modes
        Found so far, in the frame.
    n_iter : int
        Most steps of a seed.
    """

    def __init__(self, data: WeightedRows, frame: Frame, limits: Limits) -> None:
        self._data, self._frame, self._limits = data, frame, limits
        self._points, self._weights = self._sample(np.arange(len(data)))
        self._tried = self._points[:0]
        self.modes = Modes(self._points[:0], self._weights[:0])
        self.n_iter = 1

    def run(self) -> None:
        """Find all modes.

        Warns
        -----
        ConvergenceWarning
            If the rounds are spent and points are still far from modes and seeds.
        """
        self._climb(self._points, self._points, self._weights)
        rounds = self._limits.max_rounds
        far = np.arange(len(self._data))
        for left in reversed(range(rounds + 1 if rounds else 0)):
            far = self._far_among(far)
            if len(far) == 0:
                return
            if left:
                self._climb(*self._sample_with(far))
        if rounds:
            self._warn(len(far))

    def _climb(self, candidates: Tensor, points: Tensor, weights: Tensor) -> None:
        """Let seeds among the candidates climb the weighted points."""
        limits, chunk = self._limits, self._limits.chunk_size
        seeds = candidates[spread(candidates, 1.0, chunk, limits.max_seeds)]
        cloud = Cloud(points, weights, self._frame, chunk)
        self.modes, n_iter = find_modes(
            seeds, cloud, self.modes, chunk, limits.max_iter
        )
        self._tried = torch.cat([self._tried, seeds])
        self.n_iter = max(self.n_iter, n_iter)

    def _sample(self, rows: Indices) -> tuple[Tensor, Tensor]:
        """Return a sample of these rows, weighted to stand for all of them."""
        limits = self._limits
        chosen, each = choose(
            self._data.positions[rows], limits.max_points, limits.chunk_size
        )
        points = self._frame.enter(self._data.rows[rows[chosen]])
        weights = torch.tensor(self._data.weights[rows[chosen]] * each).to(points)
        return points, weights

    def _sample_with(self, far: Indices) -> tuple[Tensor, Tensor, Tensor]:
        """Return a sample of far rows, and the first sample with these in place of its own."""
        points, weights = self._sample(far)
        near = ~self._is_far(self._points)
        return (
            points,
            torch.cat([points, self._points[near]]),
            torch.cat([weights, self._weights[near]]),
        )

    def _far_among(self, rows: Indices) -> Indices:
        """Return those of these rows that are far from every mode and seed."""
        found = [rows[:0]]
        size = max(1, self._limits.chunk_size // self._data.rows.shape[1])
        for part in chunks(len(rows), size):
            far = self._is_far(self._frame.enter(self._data.rows[rows[part]]))
            found.append(rows[part][far.cpu().numpy()])
        return np.concatenate(found)

    def _is_far(self, points: Tensor) -> Tensor:
        """Return which points are over a bandwidth from modes and seeds, (points,)."""
        chunk = self._limits.chunk_size
        far = ~within(points, self.modes.points, 1.0, chunk)
        far[far.clone()] = ~within(points[far], self._tried, 1.0, chunk)
        return far

    def _warn(self, far: int) -> None:
        warnings.warn(
            f"after {self._limits.max_rounds} rounds of new seeds {far} points are still "
            "farther than one bandwidth from every mode and seed, and went to the nearest "
            "mode: take a larger bandwidth, or raise max_seeds or max_rounds",
            ConvergenceWarning,
            stacklevel=4,
        )
