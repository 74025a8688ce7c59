"""Points of the mean shift: distances, samples, cells of a grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_shiftseg.geometry.tiling import chunks

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_shiftseg.clustering.kernels import Frame

    Steps = Generator[None, None, Tensor]


BLOCK = 256  # candidates compared with one another at a time
LOSS = 1e-3  # squared bandwidths that rounding may cost


def lengths(points: Tensor) -> tuple[Tensor, bool]:
    """Return squared lengths, and whether products of matrices would cancel.

    Raises
    ------
    ValueError
        If a point lies so far out that its squared length overflows.
    """
    squares = points.square().sum(1, keepdim=True)
    farthest = float(squares.max()) if len(points) else 0.0
    about = torch.finfo(points.dtype)
    refuse_too_far(farthest, about.max)
    return squares, about.eps * farthest > LOSS


def refuse_too_far(farthest: float, most: float) -> None:
    """Raise a ValueError where the largest squared length overflows.

    Parameters
    ----------
    farthest : float
    most : float
        Of the floats they are.
    """
    if not isfinite(farthest):
        raise ValueError(
            f"points must lie within about {sqrt(most):.0e} bandwidths of their mean: "
            f"take a larger bandwidth, or drop such points"
        )


def refuse_not_finite(points: Rows) -> None:
    """Raise a ValueError where a point, (points, channels), has a NaN or infinity."""
    if not np.isfinite(points.sum()) and not np.isfinite(points).all():
        raise ValueError(
            f"points must be finite, but {int((~np.isfinite(points)).any(1).sum())} of "
            f"{len(points)} have a NaN or infinite channel: predict the image again"
        )


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    r"""Return :math:`\lVert a_i - b_j \rVert^2`, (len(a), len(b)).

    By a product of matrices, :math:`\lVert a \rVert^2 + \lVert b \rVert^2 - 2 a \cdot
    b`, unless the points lie so far out that this would cancel; then by differences,
    which takes longer.

    Parameters
    ----------
    a, b : Tensor
        (points, channels) each.
    """
    a_squares, a_cancels = lengths(a)
    b_squares, b_cancels = (a_squares, a_cancels) if b is a else lengths(b)
    if a_cancels or b_cancels:
        return by_differences(a, b)
    products = torch.addmm(b_squares.T, a, b.T, alpha=-2)
    return products.add_(a_squares).clamp_(min=0)


def by_differences(a: Tensor, b: Tensor) -> Tensor:
    """Return squared distances that do not cancel, (len(a), len(b)).

    Parameters
    ----------
    a, b : Tensor
        (points, channels) each.
    """
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cdist(a, b, compute_mode=mode).square_()


def within(points: Tensor, others: Tensor, radius: float, chunk: int) -> Steps:
    """Find which points lie within a radius of any of the others, (points,) bool.

    Yields between chunks.

    Parameters
    ----------
    points, others : Tensor
        (points, channels) each.
    radius : float
    chunk : int
        Distances held at a time.
    """
    if len(others) == 0:
        return torch.zeros(len(points), dtype=torch.bool, device=points.device)
    rows = max(1, chunk // len(others))
    if len(points) <= rows:
        return squared_distances(points, others).amin(1) <= radius**2
    near = []
    for part in torch.split(points, rows):
        yield
        near.append(squared_distances(part, others).amin(1) <= radius**2)
    return torch.cat(near)


def spread(points: Tensor, radius: float, chunk: int, most: int | None = None) -> Steps:
    """Find points such that every point has one of them within the radius.

    Greedy, in the given order: a point is taken when none taken before it is near.
    Yields after every few of them. Returns their indices, ascending.

    Parameters
    ----------
    points : Tensor
        (points, channels), the preferred ones first.
    radius : float
    chunk : int
        Distances held at a time.
    most : int, optional
        Stop at so many; points may then be left far from all of them.
    """
    room = len(points) if most is None else most
    if 0 < len(points) <= BLOCK:
        return _spread_block(points, radius)[:room]
    left = torch.arange(len(points), device=points.device)
    chosen = [left[:0]]
    while len(left) and room > 0:
        taken = left[_spread_block(points[left[:BLOCK]], radius)[:room]]
        chosen.append(taken)
        room -= len(taken)
        left = left[BLOCK:]  # a block has no point that its own choice leaves far
        yield
        near = yield from within(points[left], points[taken], radius, chunk)
        left = left[~near]
    return torch.cat(chosen)


def _spread_block(points: Tensor, radius: float) -> Tensor:
    if len(points) == 1:
        return torch.zeros(1, dtype=torch.int64, device=points.device)
    far = ~(squared_distances(points, points) <= radius**2).cpu().numpy()
    free = np.ones(len(points), dtype=bool)
    chosen = []
    while free.any():
        first = int(free.argmax())
        chosen.append(first)
        free &= far[first]
        free[first] = False  # also where rounding takes a point from itself
    return torch.tensor(chosen, device=points.device)


Keys = NDArray[np.uint64]
Indices = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WeightedRows:
    """Points of the data, or cells that stand for them."""

    rows: Rows  # (points, channels)
    weights: Rows  # (points,)
    # (points,), each different; they decide which points are chosen
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


def place_numbers(
    places: Sequence[NDArray[np.integer]], corner: Sequence[int]
) -> NDArray[np.int64]:
    """Return one number a pixel that only its place in the image decides, (pixels,).

    Parameters
    ----------
    places : sequence of ndarray of int
        (pixels,) an axis, counted from a corner.
    corner : sequence of int
        Image pixel of the corner.
    """
    number = np.zeros((), dtype=np.int64)
    for place, begin in zip(places, corner, strict=True):
        number = number * 2**21 + place + begin
    return number


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
    ndarray of int64, float
        Indices of the chosen, at least one; how many positions each stands for.
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
    sums differ by run. The order of the cells does not depend on that of the points.

    Parameters
    ----------
    X : ndarray of float32 or float64
        (points, channels)
    frame : Frame
    width : float
        Of a cell, in bandwidths.
    most : int
        Cells; where there are more, a grid is of no use: None.
    chunk : int
        Points binned at a time.
    """
    here = replace(frame, device=torch.device("cpu"))
    channels = X.shape[1] - frame.has_spread
    keys, sums = np.empty(0, np.uint64), np.empty((0, channels + 1))
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


Rows = NDArray[np.floating]
