"""Areas of convex hulls, many objects at a time: what scikit-image's `area_convex` is.

In 2-D by whole numbers, from the first and last pixel of each row of an object; every
pixel stands for the middles of its four edges (`offset_coordinates`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.morphology import convex_hull_image

from napari_shiftseg.metrics.object_sums import beginnings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.metrics.object_sums import Runs

    Numbers = NDArray[np.int64]

POINTS = 2**21  # worked on at once
FAR = 2**40  # where a row has no pixel
MOST = 2**25  # pixels of the box of an object in 3-D


class Extents:
    """The first and last pixel of every row of objects, block after block."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.int64]] = []  # (4, rows): label, row, first, last

    def add(self, runs: Runs) -> None:
        """Add the runs of a block of an image of two axes."""
        begins = beginnings(np.stack([runs.label, runs.at[0]]))
        last = runs.at[1] + runs.length - 1
        self._parts.append(_reduced(runs.label, runs.at[0], runs.at[1], last, begins))

    def hull_areas(self, objects: Numbers) -> Numbers:
        """Return the pixels of the convex hull of each object.

        Parameters
        ----------
        objects : ndarray of int64
            All labels, upward.
        """
        none = np.zeros((4, 0), dtype=np.int64)
        rows = np.concatenate([none, *self._parts], axis=1)
        if len(self._parts) > 1:
            rows = rows[:, np.lexsort((rows[1], rows[0]))]
            label, row, first, last = rows
            rows = _reduced(label, row, first, last, beginnings(rows[:2]))
        begins = np.searchsorted(rows[0], objects)
        ends = np.append(begins, rows.shape[1])[1:]
        heights = rows[1][ends - 1] - rows[1][begins] + 1
        found = np.zeros(len(objects), dtype=np.int64)
        order = np.argsort(heights, kind="stable")
        while len(order):  # the lowest first, as many as fit
            number = _how_many(heights[order])
            some, order = order[:number], order[number:]
            found[some] = _areas(rows[1:], begins[some], ends[some], heights[some])
        return found


def _how_many(heights: Numbers) -> int:
    """Return how many objects, the lowest first, are worked on at once."""
    points = (2 * heights + 1) * np.arange(1, len(heights) + 1)
    similar = np.searchsorted(heights, 2 * heights[0], "right")
    return int(max(1, min(similar, np.searchsorted(points, POINTS, "right"))))


def _reduced(
    label: Numbers, row: Numbers, first: Numbers, last: Numbers, begins: Numbers
) -> Numbers:
    if not len(begins):
        return np.zeros((4, 0), dtype=np.int64)
    low, high = np.minimum.reduceat(first, begins), np.maximum.reduceat(last, begins)
    return np.stack([label[begins], row[begins], low, high])


def _areas(rows: Numbers, begins: Numbers, ends: Numbers, heights: Numbers) -> Numbers:
    """Return the areas of the hulls of objects whose rows stand one after another."""
    number, most = len(begins), int(heights.max())
    counts = ends - begins
    of = np.repeat(np.arange(number), counts)
    steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    taken = np.repeat(begins, counts) + steps
    row = rows[0][taken] - rows[0][begins][of]
    left, right = (np.full((number, most), FAR) for _ in range(2))
    middle = rows[1][begins]
    left[of, row] = rows[1][taken] - middle[of]
    right[of, row] = middle[of] - rows[2][taken]
    bounds = _least(np.concatenate([left, right]))  # of the pixels, on both sides
    width = -bounds[number:] - bounds[:number] + 1
    inside = np.arange(most) < heights[:, None]
    return np.asarray(np.where(inside, width, 0).sum(axis=1))


def _least(first: Numbers) -> Numbers:
    """Return the first pixel of the hull in each row, (objects, rows).

    Parameters
    ----------
    first : ndarray of int64
        (objects, rows), the first pixel of the object; FAR where there is none.
    """
    number, rows = first.shape
    points = np.full((number, 2 * rows + 1), 2 * FAR)  # twice as fine, from -1 on
    points[:, 1::2] = 2 * first - 1
    points[:, :-1:2] = 2 * first
    points[:, 2::2] = np.minimum(points[:, 2::2], 2 * first)
    corners = _corners(points)
    return _on_chain(*corners, rows)


def _corners(points: Numbers) -> tuple[Numbers, Numbers]:
    """Return places and values of the corners of the convex chain below points.

    Andrew's monotone chain of many objects at once; 1979, Information Processing
    Letters 9(5).
    """
    number, length = points.shape
    at, value = (np.zeros((number, length), dtype=np.int64) for _ in range(2))
    top = np.full(number, -1)
    for step in range(length):
        new = np.flatnonzero(points[:, step] < FAR)
        active = new[top[new] > 0]
        while len(active):
            i, j = top[active] - 1, top[active]
            run, rise = (
                at[active, j] - at[active, i],
                value[active, j] - value[active, i],
            )
            further = step - at[active, i]
            climb = points[active, step] - value[active, i]
            active = active[rise * further >= climb * run]  # the corner is not below
            top[active] -= 1
            active = active[top[active] > 0]
        top[new] += 1
        at[new, top[new]], value[new, top[new]] = step, points[new, step]
    beyond = np.arange(length) > top[:, None]
    at[beyond] = 2 * length
    return at, value


def _on_chain(at: Numbers, value: Numbers, rows: int) -> Numbers:
    """Return the first pixel not left of a chain in each row, rounded up."""
    number, length = at.shape
    every, here = np.arange(number), np.zeros(number, dtype=np.int64)
    found = np.zeros((number, rows), dtype=np.int64)
    for row in range(rows):
        place = 2 * row + 1
        following = np.minimum(here + 1, length - 1)
        here = np.where(at[every, following] <= place, following, here)
        following = np.minimum(here + 1, length - 1)
        here = np.where(at[every, following] <= place, following, here)
        following = np.minimum(here + 1, length - 1)
        run = np.maximum(at[every, following] - at[every, here], 1)
        rise = value[every, following] - value[every, here]
        above = value[every, here] * run + rise * (place - at[every, here])
        found[:, row] = -(-above // (2 * run))
    return found


def hull_volume(mask: NDArray[np.bool_]) -> float:
    """Return the pixels of the convex hull of an object in 3-D.

    NaN for one that lies in a plane, or whose box is too large to be looked at.

    Parameters
    ----------
    mask : ndarray of bool
        Its pixels in its box.
    """
    if mask.all():
        return float(mask.size)
    if min(mask.shape) == 1 or mask.size > MOST or _is_flat(mask):
        return float("nan")
    return float(convex_hull_image(mask).sum())


def _is_flat(mask: NDArray[Any]) -> bool:
    """Whether all pixels lie in one plane."""
    places = np.argwhere(mask)
    return bool(np.linalg.matrix_rank(places - places[0]) < mask.ndim)
