"""Connected components of the foreground, each clustered by itself, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.measure import label

from napari_shiftseg.clustering.neighbourhoods import piece_together
from napari_shiftseg.clustering.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.found import Box, Find, Pixels
    from napari_shiftseg.model.config import Clustering


@dataclass(frozen=True)
class Pieces:
    r"""Objects of one component.

    Attributes
    ----------
    image : ndarray of int32
        (\\*box), numbered from 1 without a gap; 0 outside and where they are too small.
    modes : ndarray
        (modes, channels)
    mode_of : ndarray of int64
        (pieces,), the index in `modes` of each one's mode, of the piece 1 first.
    """

    image: NDArray[np.int32]
    modes: NDArray[Any]
    mode_of: NDArray[np.int64]


class Components:
    r"""Components of a foreground, connected by faces, clustered when asked for.

    Parameters
    ----------
    pixels : Pixels
    settings : Clustering
    foreground : ndarray of bool
        (\\*spatial)
    neighbourhood : sequence of int, optional
        Per axis; larger components are clustered in overlapping neighbourhoods of this
        size.
    find : callable, optional
        Takes the place of ``pixels.find``: one that remembers, for example.
    """

    def __init__(
        self,
        pixels: Pixels,
        settings: Clustering,
        foreground: NDArray[np.bool_],
        neighbourhood: Sequence[int] | None = None,
        find: Find | None = None,
    ) -> None:
        self._pixels, self._settings = pixels, settings
        self._neighbourhood, self._find = neighbourhood, find or pixels.find
        self._components = label(foreground, connectivity=1)
        self._boxes: list[Box] = ndimage.find_objects(self._components)
        self._sizes = np.bincount(self._components.ravel()).tolist()
        self._pieces: dict[int, Pieces | None] = {}

    def view_steps(
        self, view: Box
    ) -> Generator[tuple[int, int], None, NDArray[np.int32]]:
        r"""Cluster what a view shows; yields (done, total) of all components.

        Returns
        -------
        ndarray of int32
            (\\*view), the objects as `steps` has them, but numbered anew.
        """
        shown = np.unique(self._components[view])
        yield from self._each(shown[shown > 0].tolist())
        return self._drawn(shown[shown > 0].tolist())[view]

    def touched(self, mask: NDArray[np.bool_]) -> list[int]:
        r"""Return the numbers of the components that a mask, (\\*spatial), touches."""
        numbers = np.unique(self._components[mask])
        return [int(number) for number in numbers if number]

    def steps_of(
        self, numbers: Sequence[int]
    ) -> Generator[tuple[int, int], None, NDArray[np.int32]]:
        r"""Cluster some components; their objects, (\\*spatial), are numbered anew."""
        for done, number in enumerate(numbers):
            yield done, len(numbers)
            self._cluster(number)
        yield len(numbers), len(numbers)
        return self._drawn(numbers)

    def steps(self) -> Generator[tuple[int, int], None, Objects]:
        """Cluster all that is not yet clustered; yields (done, total) components."""
        everything = range(1, len(self._boxes) + 1)
        yield from self._each(everything)
        yield len(self._boxes), len(self._boxes)
        known = [pieces for n in everything if (pieces := self._pieces[n]) is not None]
        begins = np.cumsum([0, *(len(pieces.modes) for pieces in known)])
        modes = np.concatenate([self._no_modes, *(pieces.modes for pieces in known)])
        mode_of = [
            pieces.mode_of + begin
            for pieces, begin in zip(known, begins[:-1], strict=True)
        ]
        return Objects(
            self._drawn(everything),
            modes,
            np.concatenate([np.array([-1], dtype=np.int64), *mode_of]),
        )

    def _each(self, numbers: Sequence[int]) -> Generator[tuple[int, int]]:
        for number in numbers:
            if number not in self._pieces:
                yield len(self._pieces), len(self._boxes)
                self._cluster(number)

    def _cluster(self, number: int) -> None:
        if number in self._pieces:
            return
        small = self._sizes[number] < self._settings.min_size
        # a small one would be dropped whatever its modes
        self._pieces[number] = None if small else self._clustered(number)

    def _clustered(self, number: int) -> Pieces:
        box = self._boxes[number - 1]
        inside = self._components[box] == number
        modes = [self._no_modes]
        mode_image = np.zeros(inside.shape, dtype=np.int64)

        def pieces_of(block: Box) -> NDArray[np.int32]:
            found_before = sum(map(len, modes))
            image = self._nearest(box, block, inside[block], modes)
            fresh = mode_image[block] == 0
            numbered = np.where(image > 0, image + found_before, 0)
            mode_image[block][fresh] = numbered[fresh]
            if self._settings.split_far_parts:
                image = label(image, background=0, connectivity=1)
            return image.astype(np.int32, copy=False)

        pieces = piece_together(pieces_of, inside, self._neighbourhood)
        own = _most(pieces[inside], mode_image[inside])
        pieces = _small_to_neighbours(pieces, self._settings.min_size)
        image, kept = without_small(pieces, self._settings.min_size)
        return Pieces(image, np.concatenate(modes), own[kept] - 1)

    def _nearest(
        self,
        box: Box,
        block: Box,
        inside: NDArray[np.bool_],
        modes: list[NDArray[Any]],
    ) -> NDArray[np.int32]:
        """Return 1 + the index of each pixel's mode, 0 outside; add to the modes."""
        place = tuple(
            slice(b.start + s.start, min(b.start + s.stop, b.stop))
            for b, s in zip(box, block, strict=True)
        )
        found = self._find(place, inside, self._settings)
        for part in found.parts:
            if not found.is_assigned(part):
                found.assign(part, self._pixels.points(place, inside, part))
        modes.append(found.modes)
        image = np.zeros(inside.shape, dtype=np.int32)
        image[inside] = found.nearest + 1
        return image

    @property
    def _no_modes(self) -> NDArray[Any]:
        embedding = self._pixels.embedding
        return np.zeros((0, len(embedding)), dtype=embedding.dtype)

    def _drawn(self, numbers: Sequence[int]) -> NDArray[np.int32]:
        """Draw the objects of these components, numbered in this order."""
        labels = np.zeros(self._components.shape, dtype=np.int32)
        before = 0
        for number in numbers:
            pieces = self._pieces[number]
            if pieces is not None:
                there = labels[self._boxes[number - 1]]
                np.add(pieces.image, before, out=there, where=pieces.image > 0)
                before += len(pieces.mode_of)
        return labels


def without_small(
    labels: NDArray[Any], min_size: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Drop objects below the minimum size and number the others from 1, in their order.

    Returns
    -------
    labels : ndarray of int32
    kept : ndarray of int64
        (objects,), the former numbers.
    """
    sizes = np.bincount(labels.ravel(), minlength=1)
    is_kept = sizes >= max(min_size, 1)
    is_kept[0] = False
    number = np.where(is_kept, np.cumsum(is_kept), 0).astype(np.int32)
    return number[labels], np.flatnonzero(is_kept)


def _most(pieces: NDArray[np.int32], modes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, per number of a piece, the mode that most of its pixels have."""
    if int(modes.max()) == 1:
        return np.ones(int(pieces.max()) + 1, dtype=np.int64)
    base = int(modes.max()) + 1
    pairs, counts = np.unique(pieces * np.int64(base) + modes, return_counts=True)
    most = np.zeros(int(pieces.max()) + 1, dtype=np.int64)
    order = np.lexsort((-pairs, counts))  # the largest is written last
    most[pairs[order] // base] = pairs[order] % base
    return most


def _small_to_neighbours(pieces: NDArray[np.int32], min_size: int) -> NDArray[np.int32]:
    """Give pieces below the minimum size to the nearest piece that is not."""
    small = np.bincount(pieces.ravel()) < min_size
    small[0] = False
    kept = (pieces > 0) & ~small[pieces]
    if not small.any() or not kept.any():
        return pieces
    nearest = ndimage.distance_transform_edt(
        ~kept, return_distances=False, return_indices=True
    )
    return np.where(small[pieces], pieces[tuple(nearest)], pieces)
