"""Seams place by place: whether two stitchings jump by more than chance gives."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.chance import paired_difference
from napari_shiftseg.metrics.seams import as_float, neighbours

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.metrics.chance import Difference, Figure

MOST_PLACES = 400


def place_size(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """Return the size of places: a tile, or so many that there are 400 places at most.

    Parameters
    ----------
    shape : tuple of int
        Pixels of the result along each axis.
    strides : tuple of int
        Of the largest tile.
    """
    tiles = 1
    while prod(ceil(n / (tiles * s)) for n, s in zip(shape, strides, strict=True)) > (
        MOST_PLACES
    ):
        tiles *= 2
    return tuple(tiles * stride for stride in strides)


def steps_by_place(
    embedding: ArrayLike,
    plan: TilePlan,
    size: tuple[int, ...],
    truth: ArrayLike | None = None,
) -> NDArray[np.float64]:
    r"""Add up the steps of an embedding, place by place.

    Parameters
    ----------
    embedding : array_like
        (channels, \\*plan.output_shape)
    plan : TilePlan
        Whose tiles are looked at.
    size : tuple of int
        Pixels of a place along each axis.
    truth : array_like of int, optional
        (\\*plan.output_shape): then only steps inside one true object count.

    Returns
    -------
    ndarray
        (places, 2): the sums over seam pairs, and over all others, of pairs that begin
        in a place.
    """
    labels = None if truth is None else np.asarray(truth)
    sums = np.zeros(
        (2, *(ceil(n / s) for n, s in zip(plan.output_shape, size, strict=True)))
    )
    for axis, (steps, seam, inside) in enumerate(
        neighbours(as_float(embedding), plan, labels)
    ):
        for kind, chosen in enumerate((seam, ~seam)):
            where = chosen if inside is None else chosen & inside
            sums[kind] += _added(np.where(where, steps, 0), axis, size)
    return sums.reshape(2, -1).T


def _added(
    steps: NDArray[Any], axis: int, size: tuple[int, ...]
) -> NDArray[np.float64]:
    """Add up the values of every place; the last pixel along `axis` has no step."""
    widths = [(0, int(a == axis)) for a in range(steps.ndim)]
    sums: NDArray[np.float64] = np.pad(steps, widths)
    for along, length in enumerate(size):
        begins = np.arange(0, sums.shape[along], length)
        sums = np.add.reduceat(sums, begins, along, dtype=np.float64)
    return sums


def seam_difference(naive: NDArray[Any], cropped: NDArray[Any]) -> Difference | None:
    """Compare how far two stitchings' seam ratios are from the untiled one.

    Parameters
    ----------
    naive, cropped : ndarray
        (places, 4): steps at seams and others, and those of the untiled embedding over
        the same pairs; see `steps_by_place`.

    Returns
    -------
    Difference or None
        Of ``|ratio / untiled ratio − 1|``; resampled are the places. None where a ratio
        is not defined.
    """
    excess = [_excess(side.sum(axis=0)) for side in (naive, cropped)]
    if not np.isfinite(excess).all():
        return None
    return paired_difference(naive, cropped, *map(_signed, np.sign(excess)))


def _excess(sums: NDArray[Any]) -> NDArray[Any]:
    """Return ratio / untiled ratio − 1: the numbers of pairs cancel."""
    seam, other, seam_untiled, other_untiled = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess: NDArray[Any] = seam * other_untiled / (other * seam_untiled) - 1
    return excess


def _signed(sign: float) -> Figure:
    """Return the distance from 1, which a resampling may cross: it has no bias then."""
    return lambda sums: sign * _excess(sums)
