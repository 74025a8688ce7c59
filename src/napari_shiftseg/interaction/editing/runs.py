"""Pixels of a box as runs: few numbers, and plain ones, for a painted patch."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.foreign_text import brief
from napari_shiftseg.geometry.window import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

Runs = tuple[tuple[int, int], ...]


def runs_of(mask: NDArray[np.bool_]) -> Runs:
    """Return start and length of the runs of true values, the array read line by line.

    The mask ``[[0, 1, 1], [1, 0, 1]]`` has the runs (1, 3) and (5, 1).
    """
    edges = np.diff(mask.ravel().astype(np.int8), prepend=0, append=0)
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple(zip(starts.tolist(), (stops - starts).tolist(), strict=True))


def mask_of(runs: Iterable[tuple[int, int]], shape: Sequence[int]) -> NDArray[np.bool_]:
    """Return the array of this shape that has these runs; see `runs_of`."""
    mask = np.zeros(prod(shape), dtype=bool)
    for start, length in runs:
        mask[start : start + length] = True
    return mask.reshape(shape)


def check_runs(runs: Iterable[Iterable[Any]], shape: Sequence[int]) -> Runs:
    """Return runs that a box of this shape can have.

    Raises
    ------
    ValueError
        If there is none, or they are not in order, apart and inside.
    """
    known, end = tuple(tuple(run) for run in runs), 0
    for run in known:
        is_run = len(run) == 2 and all(is_whole(n) for n in run) and run[1] > 0
        if not is_run or run[0] < end:
            raise ValueError(
                f"runs are a start and a length of 1 pixel or more, in order and "
                f"apart, got {brief(run)}"
            )
        end = run[0] + run[1]
    if not 0 < end <= prod(shape):
        raise ValueError(
            f"runs must cover 1 pixel or more of the {brief(prod(shape))} of their "
            f"box, got {brief(known) if known else 'none'}"
        )
    return tuple((int(start), int(length)) for start, length in known)
