"""Objects that seams split, seam by seam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.label_image import as_labels
from napari_shiftseg.metrics.seams import as_float, step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import Box, Region, TilePlan


CUT_SHARE = (
    0.25  # of an object's pairs along a seam; a crack that only crosses it: less
)


@dataclass(frozen=True)
class Cut:
    """Where a seam cuts an object that the other stitching leaves whole there."""

    object: int  # of the reference
    # the pixels on both sides of the cut, (start, stop) an axis; two along the seam's
    # axis
    pairs: Region
    length: int  # number of pairs that are parted


@dataclass(frozen=True)
class Seam:
    """The border between two neighbouring tiles."""

    axis: int  # across which it lies
    # pixels of the result on both sides of it, (start, stop) an axis; two along `axis`
    pairs: Region
    split: tuple[int, ...]  # objects of the reference that it splits
    jump: float  # mean step of the embedding over its pairs
    # pixel of the result, before the border, in the middle of the longest cut or, if
    # there is none, of where the first of `split` is parted
    at: tuple[int, ...]
    # the longest first. An object of `split` is cut if at least a quarter of its pairs
    # along the seam are parted by it alone: one that is in pieces anyway is crossed by
    # a seam, and not cut.
    cuts: tuple[Cut, ...] = ()


def splitting_seams(
    labels: ArrayLike,
    reference: ArrayLike,
    embedding: ArrayLike,
    plan: TilePlan,
    other: ArrayLike | None = None,
) -> list[Seam]:
    r"""Return the seams that split an object, the worst first.

    A seam splits an object of the reference when two different labels, none of them
    background, meet along the seam inside that object.

    Parameters
    ----------
    labels : array_like of int
        (\*plan.output_shape), of the stitching to be judged.
    reference : array_like of int
        (\*plan.output_shape): true labels, or those of a stitching without seams.
    embedding : array_like
        (channels, \*plan.output_shape), of the stitching to be judged.
    plan : TilePlan
        Whose tiles are looked at.
    other : array_like of int, optional
        (\*plan.output_shape), labels of a stitching to compare with: what it parts
        too, the seam does not cut.

    Returns
    -------
    list of Seam
        By the number of objects cut, the length of the cuts, the number of objects
        split, then by the jump of the embedding.

    Raises
    ------
    ValueError
        If an array has another shape than the plan's result, or labels or reference
        are not of whole numbers from 0 upward.
    """
    found, whole = as_labels("labels", labels), as_labels("reference", reference)
    beside = whole if other is None else as_labels("other", other)
    e = as_float(embedding)
    for shape in (found.shape, whole.shape, beside.shape, e.shape[1:]):
        if shape != plan.output_shape:
            raise ValueError(
                f"labels, reference and embedding must have the shape of the plan's "
                f"result {plan.output_shape}, got {shape}"
            )
    seams = [
        seam
        for axis in range(found.ndim)
        for seam in _along(found, whole, beside, e, plan, axis)
    ]
    return sorted(seams, key=_harm, reverse=True)


def _harm(seam: Seam) -> tuple[int, int, int, float]:
    length = sum(cut.length for cut in seam.cuts)
    return len(seam.cuts), length, len(seam.split), seam.jump


def split_objects(seams: Iterable[Seam]) -> int:
    """Return how many objects at least one of these seams splits."""
    return len({split for seam in seams for split in seam.split})


def _along(
    labels: NDArray[Any],
    whole: NDArray[Any],
    other: NDArray[Any],
    embedding: NDArray[Any],
    plan: TilePlan,
    axis: int,
) -> Iterator[Seam]:
    """Go through the borders across one axis."""
    for border in plan.boundaries[axis]:
        sides = (border - 1, border)
        inside, beyond = (whole.take([at], axis) for at in sides)  # 1 pixel along axis
        objects = np.where(inside == beyond, inside, 0)
        parted = _parted(labels, sides, axis) & (objects > 0)
        if not parted.any():
            continue
        alone = parted & ~_parted(other, sides, axis)
        jumps = step(embedding.take(sides, axis + 1), axis)
        for pieces in _pieces(plan, axis, parted):
            begin = [piece.start for piece in pieces]
            begin[axis] = border - 1
            bounds = [(piece.start, piece.stop) for piece in pieces]
            bounds[axis] = (border - 1, border + 1)
            split = tuple(np.unique(objects[pieces][parted[pieces]]).tolist())
            cuts = _cuts(objects[pieces], alone[pieces], begin, axis)
            chosen = objects[pieces] == (cuts[0].object if cuts else split[0])
            where = np.argwhere(chosen & (alone if cuts else parted)[pieces])
            at = np.add(where[len(where) // 2], begin)
            jump = float(jumps[pieces].mean())
            yield Seam(axis, tuple(bounds), split, jump, tuple(at.tolist()), cuts)


def _parted(
    labels: NDArray[Any], sides: tuple[int, int], axis: int
) -> NDArray[np.bool_]:
    """Return where two different labels meet, none of them background."""
    here, there = (labels.take([at], axis) for at in sides)
    parted: NDArray[np.bool_] = (here != there) & (here > 0) & (there > 0)
    return parted


def _cuts(
    objects: NDArray[Any], alone: NDArray[np.bool_], begin: list[int], axis: int
) -> tuple[Cut, ...]:
    """Return the cuts of one seam, whose first pair is at `begin`."""
    cuts = []
    for number in np.unique(objects[alone]).tolist():
        chord = objects == number
        where = np.argwhere(chord & alone)
        if len(where) < CUT_SHARE * chord.sum():
            continue
        first, last = where.min(axis=0) + begin, where.max(axis=0) + begin + 1
        last[axis] += 1
        pairs = tuple(zip(first.tolist(), last.tolist(), strict=True))
        cuts.append(Cut(number, pairs, len(where)))
    return tuple(sorted(cuts, key=lambda cut: -cut.length))


def _pieces(plan: TilePlan, axis: int, parted: NDArray[np.bool_]) -> Iterator[Box]:
    """Return the parts of a border, tile by tile, where objects are parted."""
    edges = [
        (0, 1) if a == axis else (0, *plan.boundaries[a], plan.output_shape[a])
        for a in range(parted.ndim)
    ]
    tiles = [
        np.searchsorted(edge, at, side="right") - 1
        for edge, at in zip(edges, np.nonzero(parted), strict=True)
    ]
    for tile in np.unique(np.stack(tiles), axis=1).T:
        yield tuple(slice(e[t], e[t + 1]) for e, t in zip(edges, tile, strict=True))
