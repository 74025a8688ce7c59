"""Shapes of edited objects: drawn anew from the foreground, grown, cut at seeds."""

from __future__ import annotations

from math import ceil, gamma, pi
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.special import expit

from napari_shiftseg.geometry.tiling import widened
from napari_shiftseg.mending.boxes import box_of, corner_of, hull
from napari_shiftseg.mending.edits import CannotAct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.mending.boxes import Point


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
        (\*spatial)
    foreground : ndarray of bool
        (\*spatial)
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


SHARE = 0.2  # of the start's probability: 0.15 to 0.2 match most missed nuclei
FAINTEST = 0.003  # probability: of 1,225 clicks on empty ground 99.8 % lie below it,
# of 75 on nuclei that were missed 24 %, 1 of which growth would match
DIM = 0.1  # quantile of the start's probability that is meant: its dim outline
REACH = 1.25  # typical radii: 0.75 to 1.5 match as many
FIRST_REACH = 16  # pixels, where there is no object yet to learn a size from


def reach_of(boxes: Iterable[Box]) -> int:
    """Return how far, in pixels, something grows among objects of these boxes.

    1.25 times the median radius, that of a box being half the geometric mean of its
    edges.
    """
    known = list(boxes)
    if not known:
        return FIRST_REACH
    lengths = (along.stop - along.start for box in known for along in box)
    edges = np.fromiter(lengths, np.int64).reshape(len(known), -1)
    radii = np.exp(np.log(edges).mean(axis=1)) / 2
    return ceil(REACH * float(np.median(radii)))


def stands_out(logit: Any) -> bool:
    """Whether a pixel is foreground with a probability from which something can grow.

    That is 0.003 or more. On nuclei of the Data Science Bowl, what lies below is empty
    ground, and growth would cover the whole reach with it.

    Parameters
    ----------
    logit : number
        Of the foreground.
    """
    return bool(expit(float(logit)) >= FAINTEST)


def as_bright(logit: NDArray[Any], start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    r"""Whether a pixel is foreground with a fifth of the start's probability or more.

    Of a start of many pixels the dim ones are meant, that is the first decile. Growth
    that starts from a wider outline is therefore held to a lower threshold, though
    never to one below 0.003; see `stands_out`.

    Parameters
    ----------
    logit : ndarray
        (\*window), of the foreground.
    start : ndarray of bool
        (\*window), what grows.
    """
    probability = expit(np.asarray(logit, dtype=np.float64))
    threshold = max(SHARE * np.quantile(probability[start], DIM), FAINTEST)
    enough: NDArray[np.bool_] = probability >= threshold
    return enough


def as_near(
    embedding: NDArray[Any], start: NDArray[np.bool_], bandwidth: float
) -> NDArray[np.bool_]:
    r"""Whether a pixel's embedding lies within a bandwidth of the start's mean.

    Parameters
    ----------
    embedding : ndarray
        (channels, \*window)
    start : ndarray of bool
        (\*window), what grows.
    bandwidth : float
        In units of the embedding.
    """
    channels = (slice(None), *(None,) * start.ndim)
    mean = embedding[:, start].mean(axis=1, dtype=np.float64)
    near: NDArray[np.bool_] = ((embedding - mean[channels]) ** 2).sum(
        axis=0
    ) <= bandwidth**2
    return near


def grown(
    labels: NDArray[np.integer],
    similar: NDArray[np.bool_],
    start: NDArray[np.bool_],
    reach: int,
) -> NDArray[np.bool_]:
    r"""Let an object, or one pixel of background, grow over pixels like it.

    It gains pixels that no object has, that are connected with it (over faces) by
    others like them and lie no farther from it than the reach, and the holes they
    leave. One pixel of background gains only what is not nearer to an object.

    Parameters
    ----------
    labels : ndarray of int
        (\*window), as far around the start as the reach.
    similar : ndarray of bool
        (\*window), see `as_bright` and `as_near`.
    start : ndarray of bool
        (\*window), an object or a pixel of background.
    reach : int
        In pixels.

    Returns
    -------
    ndarray of bool
        (\*window), the start and all that it gained.
    """
    is_free, is_other = labels == 0, (labels > 0) & ~start
    away = ndimage.distance_transform_edt(~start)
    open_to = similar & is_free & (away <= reach)
    if is_free[start].any() and is_other.any():
        open_to &= away <= ndimage.distance_transform_edt(~is_other)
    parts, _ = ndimage.label(open_to | start)
    whole = ndimage.binary_fill_holes(np.isin(parts, np.unique(parts[start])))
    after: NDArray[np.bool_] = (whole & is_free) | start
    return after


def cut(
    inside: NDArray[np.bool_],
    embedding: NDArray[Any],
    bandwidth: float,
    seeds: Sequence[Sequence[Point]],
) -> NDArray[np.int32]:
    r"""Give every pixel to its nearest seed by embedding, place and shape.

    The distance is the length of the shortest path inside the object, over pixels that
    share a face; a step from x to y is as long as

    .. math::

        \sqrt{\frac{\|e(x) - e(y)\|^2}{h^2} + \frac{1}{r^2}}
        \cdot \frac{1}{2}\left(\frac{r}{D(x)} + \frac{r}{D(y)}\right)

    where h is the bandwidth, r the radius in pixels of a ball as large as the mean
    part, and D(x) the distance of x to the outside. So the border lies where the
    embedding steps, and else at a neck, midway. A part is connected where its seed is,
    since it holds the whole path of each of its pixels. Pieces of the object that hold
    no seed go to the nearest part as a whole.

    Parameters
    ----------
    inside : ndarray of bool
        (\*spatial), the pixels to be cut.
    embedding : ndarray
        (channels, \*spatial)
    bandwidth : float
        In units of the embedding.
    seeds : sequence of sequence of tuple of int
        Pixels of each seed, inside.

    Returns
    -------
    ndarray of int32
        (\*spatial), 1 + the index of the seed; 0 outside.
    """
    marked = np.zeros(inside.shape, dtype=np.int32)
    for number, seed in enumerate(seeds, start=1):
        marked[tuple(np.transpose(seed))] = number
    size = inside.sum() / len(seeds)
    source = _nearest_marked(inside, marked, embedding / bandwidth, size)
    parts: NDArray[np.int32] = np.zeros_like(marked)
    parts[inside] = source
    return _with_lone_pieces(parts, inside)


def _nearest_marked(
    inside: NDArray[np.bool_],
    marked: NDArray[np.int32],
    embedding: NDArray[Any],
    size: float,
) -> NDArray[np.int32]:
    """Return, of each inner pixel, the mark that the shortest path leads to, or 0."""
    node = np.cumsum(inside).reshape(inside.shape) - 1
    radius = _radius(size, inside.ndim)
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))
    narrow = radius / depth[(slice(1, -1),) * inside.ndim].clip(min=1)
    starts, stops, lengths = [], [], []
    for axis in range(inside.ndim):
        here, there = (
            tuple(s if a == axis else slice(None) for a in range(inside.ndim))
            for s in (slice(None, -1), slice(1, None))
        )
        both = inside[here] & inside[there]
        step = embedding[(slice(None), *here)] - embedding[(slice(None), *there)]
        squares = (step[:, both].astype(np.float64) ** 2).sum(axis=0) + radius**-2
        lengths.append(np.sqrt(squares) * (narrow[here] + narrow[there])[both] / 2)
        starts.append(node[here][both])
        stops.append(node[there][both])
    number = int(inside.sum())
    edges = np.concatenate(starts), np.concatenate(stops)
    graph = coo_array((np.concatenate(lengths), edges), (number, number)).tocsr()
    marks = marked[inside]
    _, _, source = dijkstra(
        graph, directed=False, indices=np.flatnonzero(marks), min_only=True,
        return_predecessors=True,
    )  # fmt: skip
    return np.where(source >= 0, marks[source.clip(min=0)], 0)


def _with_lone_pieces(
    parts: NDArray[np.int32], inside: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Give each piece that no path leads to to the part that is nearest in place."""
    lone = inside & (parts == 0)
    if not lone.any():
        return parts
    away, nearest = ndimage.distance_transform_edt(parts == 0, return_indices=True)
    pieces, number = ndimage.label(lone)
    for piece in range(1, number + 1):
        pixels = np.argwhere(pieces == piece)
        closest = pixels[away[tuple(pixels.T)].argmin()]
        parts[pieces == piece] = parts[tuple(nearest[(slice(None), *closest)])]
    return parts


def _radius(size: float, ndim: int) -> float:
    """Return the radius of a ball of so many pixels."""
    unit = pi ** (ndim / 2) / gamma(ndim / 2 + 1)
    return float((size / unit) ** (1 / ndim))
