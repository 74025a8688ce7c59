"""Pixels that stand for all, an equal number of every object."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.points import mix
from napari_shiftseg.geometry.tiling import chunks, slices
from napari_shiftseg.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.relabelling.projection import PrincipalComponents


CHUNK = 2**17  # pixels looked at in one step


@dataclass(frozen=True)
class PixelSample:
    """A sample by object: as many pixels of a small one as of a large one."""

    pixels: NDArray[np.int64]  # (points, axes), of the label image
    each: int  # pixels of an object, at most; 0 where not every object has one
    objects: int  # there are in the region, the background counted if it was asked for
    of: int  # pixels of these


def slabs(region: Region, size: int) -> Iterator[tuple[slice, ...]]:
    """Cut a region along its first axis into parts of about ``size`` pixels.

    Parameters
    ----------
    region : sequence of (int, int)
        Start and stop per axis.
    size : int
        Pixels of a part, about.
    """
    (start, stop), *rest = region
    across = slices(rest)
    thick = max(1, size // max(1, prod(high - low for low, high in rest)))
    for part in chunks(stop - start, thick):
        yield (slice(start + part.start, start + part.stop), *across)


def sample_steps(
    labels: NDArray[Any],
    region: Region,
    most: int,
    background: bool,
    offset: Sequence[int],
    image_shape: Sequence[int],
) -> Generator[Progress, None, PixelSample]:
    r"""Sample a region of a label image, yielding `Progress` after every part.

    Every object gives :math:`\min(n_i, t)` of its :math:`n_i` pixels, with the largest
    whole t for which these are ``most`` together: one of few pixels gives all. They are
    those with the least hash of their place in the image, so that neither order nor
    parts have a say. Where there are more objects than points, ``most`` of them give
    one pixel each.

    Parameters
    ----------
    labels : ndarray of int
        (\*spatial), 0 is background.
    region : sequence of (int, int)
        Pixels (start, stop) of the labels, per axis.
    most : int
        Pixels of the sample.
    background : bool
        Whether it is sampled as an object is.
    offset, image_shape : sequence of int
        Where the labels begin in the image, and its size.

    Raises
    ------
    ValueError
        If there is nothing to be sampled.
    """
    parts = list(slabs(region, CHUNK))
    sizes = _Sizes()
    for done, part in enumerate(parts):
        yield Progress(done, 2 * len(parts), stage="choosing pixels")
        sizes.add(labels[part], background)
    each = points_of_each(sizes.counts, most)
    best = _Least(max(each, 1))
    for done, part in enumerate(parts, start=len(parts)):
        yield Progress(done, 2 * len(parts), stage="choosing pixels")
        best.add(labels, part, background, _numbers(part, offset, image_shape))
    return PixelSample(
        best.pixels(most, labels.shape),
        each,
        len(sizes.counts),
        int(sizes.counts.sum()),
    )


def points_of_each(counts: NDArray[np.int64], most: int) -> int:
    """Return the largest t with Σ min(count, t) ≤ most, not above the largest count.

    Parameters
    ----------
    counts : ndarray of int
        Pixels of each object.
    most : int
        Pixels of the sample.

    Raises
    ------
    ValueError
        If there are no counts.
    """
    if len(counts) == 0:
        raise ValueError(
            "the sample needs pixels of objects, and there are none here: look at "
            "another part of the image, or take the background, too"
        )

    def are_too_many(each: int) -> bool:
        return bool(np.minimum(counts, each).sum() > most)

    tried = range(int(counts.max()) + 1)
    return bisect_left(tried, True, key=are_too_many) - 1


def _numbers(
    part: tuple[slice, ...], offset: Sequence[int], image_shape: Sequence[int]
) -> NDArray[np.int64]:
    """Return the number of each pixel in the image, row by row."""
    number = np.zeros((), dtype=np.int64)
    for index, first, n in zip(np.ogrid[part], offset, image_shape, strict=True):
        number = number * n + (index + first)
    return number


class _Sizes:
    """Counts pixels of objects, part by part."""

    def __init__(self) -> None:
        self._ids = np.empty(0, np.int64)
        self.counts = np.empty(0, np.int64)

    def add(self, labels: NDArray[Any], background: bool) -> None:
        ids, counts = np.unique(labels.astype(np.int64), return_counts=True)
        wanted = (ids != 0) | background
        every = np.concatenate([self._ids, ids[wanted]])
        self._ids, owner = np.unique(every, return_inverse=True)
        together = np.concatenate([self.counts, counts[wanted]])
        self.counts = np.bincount(owner, together, len(self._ids)).astype(np.int64)


class _Least:
    """Keeps the pixels with the least hashes of every object, part by part."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._ids = np.empty(0, np.int64)
        self._keys = np.empty(0, np.uint64)
        self._at = np.empty(0, np.int64)

    def add(
        self,
        labels: NDArray[Any],
        part: tuple[slice, ...],
        background: bool,
        numbers: NDArray[np.int64],
    ) -> None:
        inside = labels[part]
        wanted = (inside != 0) | background
        ids = np.concatenate([self._ids, inside[wanted].astype(np.int64)])
        keys = np.concatenate([self._keys, mix(numbers[wanted])])
        at = np.concatenate(
            [self._at, _numbers(part, (0,) * labels.ndim, labels.shape)[wanted]]
        )
        order = np.lexsort((keys, ids))
        order = order[_rank_in_run(ids[order]) < self._each]
        self._ids, self._keys, self._at = ids[order], keys[order], at[order]

    def pixels(self, most: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Return (points, axes), no more than ``most``, those of least hash first."""
        at = self._at[np.argsort(self._keys, kind="stable")][:most]
        return np.stack(np.unravel_index(at, shape), axis=-1)


def _rank_in_run(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count equal neighbours from 0: [5, 5, 7] gives [0, 1, 0]."""
    index = np.arange(len(values))
    begins = np.ones(len(values), dtype=bool)
    begins[1:] = values[1:] != values[:-1]
    return index - np.maximum.accumulate(np.where(begins, index, 0))


PART = 2**14  # pixels: testing them holds up other threads


def lassoed_steps(
    embedding: Any,
    components: PrincipalComponents,
    polygon: ArrayLike,
    region: Region,
    labels: NDArray[Any] | None = None,
) -> Generator[Progress, None, NDArray[np.uint8]]:
    r"""Find all pixels that are seen within a polygon, yielding `Progress`.

    Where the polygon crosses itself, a place enclosed twice is outside (even-odd rule).

    Parameters
    ----------
    embedding : array
        (channels, \*spatial)
    components : PrincipalComponents
    polygon : array_like
        (corners, 2), at least 3.
    region : sequence of (int, int)
        Pixels (start, stop) that are looked at, per axis.
    labels : ndarray of int, optional
        (\*spatial); pixels that are 0 here are left out.

    Returns
    -------
    ndarray of uint8
        (\*spatial), 1 within the polygon, else 0.
    """
    mask = np.zeros(embedding.shape[1:], dtype=np.uint8)
    parts = list(slabs(region, PART))
    for done, part in enumerate(parts):
        yield Progress(done, len(parts), stage="looking into the lasso")
        values = np.asarray(embedding[(slice(None), *part)])
        points = components.place(values.reshape(len(values), -1).T)
        found = within(points, polygon).reshape(values.shape[1:])
        mask[part] = found if labels is None else found & (labels[part] != 0)
    return mask


def within(points: NDArray[np.float64], polygon: ArrayLike) -> NDArray[np.bool_]:
    """Return which points, (points, 2), lie within a polygon, (corners, 2).

    Parameters
    ----------
    points : ndarray
        (points, 2)
    polygon : array_like
        (corners, 2)
    """
    from matplotlib.path import Path

    corners = np.asarray(polygon, dtype=np.float64)
    inside: NDArray[np.bool_] = (
        (points >= corners.min(0)) & (points <= corners.max(0))
    ).all(1)
    near, path = np.flatnonzero(inside), Path(corners)
    for part in chunks(len(near), PART):
        inside[near[part]] = path.contains_points(points[near[part]])
    return inside
