"""Squared distances, and what is chosen by them."""

from __future__ import annotations

from math import isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Generator

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
    if not isfinite(farthest):
        raise ValueError(
            f"points must lie within about {sqrt(torch.finfo(points.dtype).max):.0e} "
            "bandwidths of their mean: take a larger bandwidth, or drop such points"
        )
    return squares, torch.finfo(points.dtype).eps * farthest > LOSS


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    r"""Return :math:`\lVert a_i - b_j \rVert^2`, (len(a), len(b)).

    By a product of matrices, :math:`\lVert a \rVert^2 + \lVert b \rVert^2 - 2 a \cdot
    b`, unless the points lie so far out that this would cancel; then by differences,
    which takes longer.
    """
    a_squares, a_cancels = lengths(a)
    b_squares, b_cancels = (a_squares, a_cancels) if b is a else lengths(b)
    if a_cancels or b_cancels:
        return by_differences(a, b)
    products = torch.addmm(b_squares.T, a, b.T, alpha=-2)
    return products.add_(a_squares).clamp_(min=0)


def by_differences(a: Tensor, b: Tensor) -> Tensor:
    """Return squared distances that do not cancel, (len(a), len(b))."""
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cdist(a, b, compute_mode=mode).square_()


def within(points: Tensor, others: Tensor, radius: float, chunk: int) -> Steps:
    """Find which points lie within a radius of any of the others, (points,) bool.

    Yields between chunks.
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
    Yields after every few of them.

    Parameters
    ----------
    points : Tensor
        (points, channels), the preferred ones first.
    radius : float
    chunk : int
        Distances held at a time.
    most : int, optional
        Stop at so many; points may then be left far from all of them.

    Returns
    -------
    Tensor of int64
        Indices of the chosen points, ascending.
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
