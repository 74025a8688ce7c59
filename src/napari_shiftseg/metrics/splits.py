"""Objects that seams split, seam by seam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.contingency import as_labels
from napari_shiftseg.metrics.seams import as_float, step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import Region, TilePlan


@dataclass(frozen=True)
class Seam:
    """The border between two neighbouring tiles.

    Attributes
    ----------
    axis : int
        Across which it lies.
    pairs : tuple of (int, int)
        Pixels of the result on both sides of it, (start, stop) an axis; two along
        `axis`.
    split : tuple of int
        Objects of the reference that it splits.
    jump : float
        Mean step of the embedding over its pairs.
    at : tuple of int
        Pixel of the result, before the border, in the middle of where the first of
        `split` is parted.
    """

    axis: int
    pairs: Region
    split: tuple[int, ...]
    jump: float
    at: tuple[int, ...]


def splitting_seams(
    labels: ArrayLike, reference: ArrayLike, embedding: ArrayLike, plan: TilePlan
) -> list[Seam]:
    r"""Return the seams that split an object, the worst first.

    A seam splits an object of the reference when two different labels, none of them
    background, meet along the seam inside that object.

    Parameters
    ----------
    labels : array_like of int
        (\\*plan.output_shape), of the stitching to be judged.
    reference : array_like of int
        (\\*plan.output_shape): true labels, or those of a stitching without seams.
    embedding : array_like
        (channels, \\*plan.output_shape), of the stitching to be judged.
    plan : TilePlan
        Whose tiles are looked at.

    Returns
    -------
    list of Seam
        By the number of objects split, then by the jump of the embedding.

    Raises
    ------
    ValueError
        If an array has another shape than the plan's result, or labels or reference
        are not of whole numbers from 0 upward.
    """
    found, whole = as_labels("labels", labels), as_labels("reference", reference)
    e = as_float(embedding)
    for shape in (found.shape, whole.shape, e.shape[1:]):
        if shape != plan.output_shape:
            raise ValueError(
                f"labels, reference and embedding must have the shape of the plan's "
                f"result {plan.output_shape}, got {shape}"
            )
    seams = [
        seam
        for axis in range(found.ndim)
        for seam in _along(found, whole, e, plan, axis)
    ]
    return sorted(seams, key=lambda seam: (-len(seam.split), -seam.jump))


def split_objects(seams: Iterable[Seam]) -> int:
    """Return how many objects at least one of these seams splits."""
    return len({split for seam in seams for split in seam.split})


def _along(
    labels: NDArray[Any],
    whole: NDArray[Any],
    embedding: NDArray[Any],
    plan: TilePlan,
    axis: int,
) -> Iterator[Seam]:
    """Go through the borders across one axis."""
    for border in plan.boundaries[axis]:
        sides = (border - 1, border)
        here, there = (labels.take([at], axis) for at in sides)  # 1 pixel along axis
        inside, beyond = (whole.take([at], axis) for at in sides)
        parted = (here != there) & (here > 0) & (there > 0)
        parted &= (inside == beyond) & (inside > 0)
        if not parted.any():
            continue
        jumps = step(embedding.take(sides, axis + 1), axis)
        for pieces in _pieces(plan, axis, parted):
            split = tuple(np.unique(inside[pieces][parted[pieces]]).tolist())
            bounds = [(piece.start, piece.stop) for piece in pieces]
            bounds[axis] = (border - 1, border + 1)
            cut = np.argwhere(parted[pieces] & (inside[pieces] == split[0]))
            at = np.add(cut[len(cut) // 2], [start for start, _ in bounds])
            jump = float(jumps[pieces].mean())
            yield Seam(axis, tuple(bounds), split, jump, tuple(at.tolist()))


def _pieces(
    plan: TilePlan, axis: int, parted: NDArray[np.bool_]
) -> Iterator[tuple[slice, ...]]:
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
