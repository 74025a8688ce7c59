"""Fewer points that stand for all: chosen by position, or binned on a grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_shiftseg.clustering.frame import Frame, Rows


Keys = NDArray[np.uint64]
Indices = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WeightedRows:
    """Points of the data, or cells that stand for them.

    Attributes
    ----------
    rows : ndarray of float32 or float64
        (points, channels)
    weights : ndarray of float32 or float64
        (points,)
    positions : ndarray of int
        (points,), each different; they decide which points are chosen.
    """

    rows: Rows
    weights: Rows
    positions: NDArray[np.integer]

    def __len__(self) -> int:
        return len(self.rows)


def mix(numbers: NDArray[np.integer]) -> Keys:
    """Scramble whole numbers: equal ones give equal 64 bits, others unlike ones.

    References
    ----------
    Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators"
    (splitmix64).
    """
    z = numbers.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def chunks(n: int, size: int) -> Iterator[slice]:
    """Cut ``range(n)`` into slices of at most this size."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def choose(
    positions: NDArray[np.integer], most: int, chunk: int
) -> tuple[Indices, float]:
    """Choose about ``most`` of the positions, in an order that they themselves set.

    One is chosen when its hash is below a threshold: where it stands among the others
    has no say, and the hashes need not be held all at once.

    Parameters
    ----------
    positions : ndarray of int
        (points,), each different.
    most : int
        Where there are no more, all are chosen.
    chunk : int
        Positions hashed at a time.

    Returns
    -------
    chosen : ndarray of int64
        Indices of the chosen positions, at least one.
    each : float
        How many positions each of them stands for.
    """
    n = len(positions)
    threshold = np.uint64(min(most / n, 1.0) * (2**64 - 2**11))
    found = []
    for part in chunks(n, chunk):
        keys = mix(positions[part])
        at = np.flatnonzero((keys < threshold) | (n <= most))
        found.append((keys[at], at + part.start))
    keys, chosen = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if len(chosen) == 0:
        return choose(positions, 2 * most, chunk)
    return chosen[np.argsort(keys, kind="stable")], n / len(chosen)


def bin_points(
    X: Rows, frame: Frame, width: float, most: int, chunk: int
) -> Generator[None, None, WeightedRows | None]:
    """Bin points on a grid; return the mean of every cell, weighted by its points.

    Yields between chunks. The grid is kept on the CPU: a GPU adds in any order, so that
    sums differ by run.

    Parameters
    ----------
    X : ndarray of float32 or float64
        (points, channels)
    frame : Frame
    width : float
        Of a cell, in bandwidths.
    most : int
        Cells; where there are more, a grid is of no use.
    chunk : int
        Points binned at a time.

    Returns
    -------
    WeightedRows or None
        The cells, in an order that does not depend on that of the points; None where
        there are more than ``most``.
    """
    here = replace(frame, device=torch.device("cpu"))
    keys, sums = np.empty(0, np.uint64), np.empty((0, X.shape[1] + 1))
    for part in chunks(len(X), chunk):
        if part.start:
            yield
        rows = here.enter(X[part]).numpy().astype(np.float64)
        counted = np.column_stack([rows, np.ones(len(rows))])
        keys = np.concatenate([keys, _cell_keys(rows / width)])
        keys, sums = _sum_by_key(keys, np.concatenate([sums, counted]))
        if len(keys) > most:
            return None
    means = here.leave(torch.from_numpy(sums[:, :-1] / sums[:, -1:]))
    return WeightedRows(means, sums[:, -1].astype(X.dtype), keys.view(np.int64))


def _cell_keys(cells: Floats) -> Keys:
    whole = np.clip(np.floor(cells), -(2.0**62), 2.0**62).astype(np.int64)
    keys = np.zeros(len(cells), np.uint64)
    for along in whole.T:
        keys = mix(keys.view(np.int64) ^ along)
    return keys


def _sum_by_key(keys: Keys, values: Floats) -> tuple[Keys, Floats]:
    """Add up the values of equal keys: (cells,) ascending and (cells, columns)."""
    cells, owner = np.unique(keys, return_inverse=True)
    sums = [np.bincount(owner, column, len(cells)) for column in values.T]
    return cells, np.column_stack(sums)
