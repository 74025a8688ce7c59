"""Gradient magnitude of embeddings, and how much larger it is at the seams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_shiftseg.geometry.tiling import TilePlan

SEAM_RATIO = 1.2  # a seam ratio this many times the untiled one is a seam
LEAST_STRIDE = 3  # below it, no two offsets are away from the seam
WEAK_STRIDE = 16  # below it, the seam's z rests on few offsets


@dataclass(frozen=True)
class SeamScores:
    """How much the embedding jumps where tiles meet.

    Attributes
    ----------
    ratio : float or None
        Mean step over seam pairs / mean step over all other pairs. Near 1: no seam.
        Objects may be commensurate with the tiles, so compare with the ratio of the
        untiled prediction over the same pairs. None: not defined (no seam pairs, no
        others, or a denominator of 0).
    ratio_within : float or None
        The same over the pairs inside one true object; None without a truth.
    z : float or None
        The largest over the axes of (seam's value − mean of the other offsets) /
        their standard deviation in the seam profile. Needs no truth. None below a
        stride of 3.
    z_is_weak : bool
        Whether the stride is below 16 on the axis of `z`: few offsets to compare with.
    profile : tuple of ndarray
        Per axis, the mean step at each offset 0 … stride − 1 of the tile (units of the
        embedding); the last one is the seam. NaN at an offset without a pair. Along an
        axis of one tile there is no seam, and it ends at the last pair.
    """

    ratio: float | None
    ratio_within: float | None
    z: float | None
    z_is_weak: bool
    profile: tuple[NDArray[np.float64], ...]


def gradient_magnitude(embedding: ArrayLike) -> NDArray[np.floating[Any]]:
    r"""Return the gradient magnitude of an embedding.

    .. math::

        g(x) = \sqrt{\sum_a \lVert e(x + 1_a) - e(x) \rVert_2^2}

    Parameters
    ----------
    embedding : array_like
        (channels, \*spatial)

    Returns
    -------
    ndarray
        (\*spatial), in units of the embedding; along each axis the last pixel has no
        step.
    """
    e = as_float(embedding)
    squared = np.zeros(e.shape[1:], dtype=e.dtype)
    for axis in range(e.ndim - 1):
        squared[_all_but_last(e.ndim - 1, axis)] += step(e, axis) ** 2
    return np.sqrt(squared)


def distance(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    r"""Return the distance ``‖one − other‖₂`` of two embeddings, (\*spatial).

    Parameters
    ----------
    one, other : ndarray
        (channels, \*spatial)
    """
    squared: NDArray[Any] = sum(  # channel by channel: no copy of the whole
        ((a - b) ** 2 for a, b in zip(one, other, strict=True)),
        start=np.zeros((), dtype=one.dtype),
    )
    magnitude: NDArray[Any] = np.sqrt(squared)
    return magnitude


def step(embedding: NDArray[Any], axis: int) -> NDArray[Any]:
    r"""Return the steps ``‖e(x + 1_a) − e(x)‖₂`` along one spatial axis.

    They are (\*spatial), one shorter along `axis`.

    Parameters
    ----------
    embedding : ndarray
        (channels, \*spatial)
    axis : int
        Spatial axis, from 0.
    """
    before = (slice(None),) * (axis + 1)
    return distance(
        embedding[(*before, slice(1, None))], embedding[(*before, slice(None, -1))]
    )


def seam_scores(
    embedding: ArrayLike, plan: TilePlan, truth: ArrayLike | None = None
) -> SeamScores:
    r"""Measure the seams of an embedding.

    Seam pairs are the neighbouring pixels that different tiles of the plan predicted.

    Parameters
    ----------
    embedding : array_like
        (channels, \*plan.output_shape). It may come from another stitching: the
        untiled prediction over the same pairs is the reference.
    plan : TilePlan
        Whose tiles are looked at.
    truth : array_like of int, optional
        (\*plan.output_shape), 0 is background.

    Raises
    ------
    ValueError
        If the embedding or the truth has another shape than the plan's result.
    """
    e = as_float(embedding)
    _check_shape("embedding", e.shape[1:], plan)
    labels = None if truth is None else np.asarray(truth)
    if labels is not None:
        _check_shape("truth", labels.shape, plan)
    pairs = list(neighbours(e, plan, labels))
    profile = tuple(
        _profile(steps, plan, axis) for axis, (steps, _, _) in enumerate(pairs)
    )
    seamed = [p for p, borders in zip(profile, plan.boundaries, strict=True) if borders]
    zs = [(z, len(p)) for p in seamed if (z := _z(p)) is not None]
    z, stride = max(zs, default=(None, 0))
    everywhere: list[Pairs] = [(steps, seam, None) for steps, seam, _ in pairs]
    return SeamScores(
        ratio=_ratio(everywhere),
        ratio_within=None if labels is None else _ratio(pairs),
        z=z,
        z_is_weak=stride < WEAK_STRIDE,
        profile=profile,
    )


Pairs = tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_] | None]


def neighbours(
    embedding: NDArray[Any], plan: TilePlan, labels: NDArray[Any] | None
) -> Iterator[Pairs]:
    """Yield the pairs of neighbouring pixels along axis after axis.

    Their steps, which of them are seam pairs (broadcastable to the steps), and which
    lie inside one true object; None without labels.

    Parameters
    ----------
    embedding, plan, labels
        See `seam_scores`.
    """
    for axis, boundaries in enumerate(plan.boundaries):
        steps = step(embedding, axis)
        seam = np.zeros(steps.shape[axis], dtype=bool)
        seam[np.array(boundaries, dtype=int) - 1] = True
        along = [1] * steps.ndim
        along[axis] = len(seam)
        yield steps, seam.reshape(along), _inside(labels, axis)


def _inside(labels: NDArray[Any] | None, axis: int) -> NDArray[np.bool_] | None:
    if labels is None:
        return None
    here = labels[_all_but_last(labels.ndim, axis)]
    inside: NDArray[np.bool_] = (np.diff(labels, axis=axis) == 0) & (here > 0)
    return inside


def _ratio(pairs: list[Pairs]) -> float | None:
    total, number = np.zeros(2), np.zeros(2)  # [others, seams]
    for steps, seam, inside in pairs:
        for kind, chosen in enumerate((~seam, seam)):
            where = np.broadcast_to(chosen, steps.shape)
            where = where if inside is None else where & inside
            total[kind] += steps.sum(where=where, dtype=np.float64)
            number[kind] += where.sum()
    if not number.all() or total[0] == 0:
        return None
    other, at_seam = total / number
    return float(at_seam / other)


def _profile(steps: NDArray[Any], plan: TilePlan, axis: int) -> NDArray[np.float64]:
    """Mean step at every offset of the tile along one axis."""
    line = _line(steps, axis)
    along = plan.axes[axis]
    offset = np.concatenate(
        [np.arange(t.start - t.origin, t.stop - t.origin) for t in along.tiles]
    )[: len(line)]
    length = along.stride if along.boundaries else 0  # else as far as there are pairs
    number = np.bincount(offset, minlength=length)
    total = np.bincount(offset, weights=line, minlength=length)
    with np.errstate(invalid="ignore"):  # 0 / 0: no pair at this offset
        mean: NDArray[np.float64] = total / number
    return mean


def _line(steps: NDArray[Any], axis: int) -> NDArray[np.float64]:
    """Mean step at every pixel along one axis: (pixels − 1,)."""
    others = tuple(a for a in range(steps.ndim) if a != axis)
    mean: NDArray[np.float64] = steps.mean(axis=others, dtype=np.float64)
    return mean


def _check_shape(name: str, shape: tuple[int, ...], plan: TilePlan) -> None:
    if shape != plan.output_shape:
        raise ValueError(
            f"the {name} has the shape {shape}, the plan's result {plan.output_shape}"
        )


def _z(profile: NDArray[np.float64]) -> float | None:
    *others, seam = profile
    known = np.array(others)[~np.isnan(others)]
    if len(profile) < LEAST_STRIDE or len(known) < 2 or np.isnan(seam):
        return None
    spread = known.std()
    return None if spread == 0 else float((seam - known.mean()) / spread)


def as_float(embedding: ArrayLike) -> NDArray[np.floating[Any]]:
    """Return an embedding whose squared steps neither wrap around nor overflow."""
    e = np.asarray(embedding)
    return e.astype(np.result_type(e.dtype, np.float32), copy=False)


def _all_but_last(ndim: int, axis: int) -> tuple[slice, ...]:
    return tuple(slice(None, -1 if a == axis else None) for a in range(ndim))
