"""Outlines that follow the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_shiftseg.interaction.editing.boxes import (
    Box,
    box_of,
    corner_of,
    hull,
    widened,
)
from napari_shiftseg.interaction.editing.refusal import CannotAct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FIRST_MARGIN = 8  # pixels around the objects that are looked at first


def redrawn(
    labels: NDArray[np.integer],
    foreground: NDArray[np.bool_],
    numbers: Sequence[int],
    boxes: Sequence[Box],
) -> tuple[Box, NDArray[np.integer]]:
    r"""Let objects follow the foreground; those beside them stay as they are.

    An object loses its pixels outside the foreground. It gains pixels of the foreground
    that no object has, that are connected with it (over faces) by others like them, and
    that are nearer to it than to another object; of equals it goes first.

    Parameters
    ----------
    labels : ndarray of int
        (\\*spatial)
    foreground : ndarray of bool
        (\\*spatial)
    numbers : sequence of int
        Of the objects to be redrawn.
    boxes : sequence of tuple of slice
        Of these objects.

    Returns
    -------
    tuple of slice, ndarray of int
        Where labels may change, and the labels there.

    Raises
    ------
    CannotAct
        If one of the objects has no pixel in the foreground.
    """
    window = _reach(labels, foreground, numbers, hull(boxes))
    after, is_bright = labels[window].copy(), foreground[window]
    is_own = np.isin(after, numbers)
    is_free, is_other = is_bright & (after == 0), (after > 0) & ~is_own
    kept = np.where(is_own & is_bright, after, 0)
    for number in numbers:
        if not (kept == number).any():
            raise CannotAct(
                f"object {number} has no pixel of the foreground and would vanish",
                "lower the foreground threshold, or delete it",
            )
    away, nearest = ndimage.distance_transform_edt(kept == 0, return_indices=True)
    closer = ndimage.distance_transform_edt(~is_other) if is_other.any() else np.inf
    won = np.where(is_free & (away <= closer), kept[tuple(nearest)], 0)
    after[is_own] = 0
    for number in numbers:
        parts, _ = ndimage.label((kept == number) | (won == number))
        after[np.isin(parts, np.unique(parts[kept == number]))] = number
    return window, after


def _reach(
    labels: NDArray[np.integer],
    foreground: NDArray[np.bool_],
    numbers: Sequence[int],
    box: Box,
) -> Box:
    """Return the box of all that decides what the objects gain.

    That is all they are connected with, and as far around it as another object may lie
    that is nearer.
    """
    margin = FIRST_MARGIN
    while True:
        window = widened(box, margin, labels.shape)
        is_own = np.isin(labels[window], numbers)
        parts, _ = ndimage.label(is_own | (foreground[window] & (labels[window] == 0)))
        reached = np.isin(parts, np.unique(parts[is_own]))
        found = box_of(reached, corner_of(window)) or box
        if all(
            inner.start > outer.start or outer.start == 0
            for inner, outer in zip(found, window, strict=True)
        ) and all(
            inner.stop < outer.stop or outer.stop == size
            for inner, outer, size in zip(found, window, labels.shape, strict=True)
        ):
            break
        margin *= 2
    kept = is_own & foreground[window]
    away = ndimage.distance_transform_edt(~kept) if kept.any() else np.zeros(1)
    farthest = int(np.ceil(away[reached].max())) if kept.any() else 0
    return widened(hull((found, box)), farthest, labels.shape)
