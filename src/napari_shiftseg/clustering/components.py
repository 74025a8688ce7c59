"""Connected components of the foreground, each clustered by itself, in any order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.measure import label

from napari_shiftseg.clustering.modes import is_larger, piece_together
from napari_shiftseg.metrics.label_image import same_objects
from napari_shiftseg.progress import patiently, saying

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.modes import Find, Found, Piecing, Pixels
    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.geometry.tiling import Box

    Steps = Generator[tuple[int, int], None, NDArray[np.int32]]


@dataclass(frozen=True)
class Objects:
    """Objects of an image."""

    labels: NDArray[np.int32]  # (*spatial), 0 is background, objects numbered from 1
    modes: NDArray[Any]  # (modes, channels), the background's included
    # (objects + 1,), the index in `modes` of each object's mode: the one that most of
    # its pixels have, those aside that came from a piece below the minimum size. The
    # 0th is the background's mode, −1 where it has none.
    mode_of: NDArray[np.int64]


NO_MODE = np.array([-1])  # of the background
ALONE = np.array([-1, 0])  # the same, and of the only object its only mode
AT_ONCE = 2**14  # pixels of components that are searched together
BEGIN = (0, 1)  # done, total, before the components are known


class Clusters(ABC):
    r"""The objects of an image, found when they are asked for.

    Parameters
    ----------
    pixels : Pixels
    settings : Clustering
    foreground : ndarray of bool
        (\*spatial)
    find : callable, optional
        Takes the place of ``pixels.find``: one that remembers, for example.
    """

    def __init__(
        self,
        pixels: Pixels,
        settings: Clustering,
        foreground: NDArray[np.bool_],
        find: Find | None = None,
    ) -> None:
        self._pixels, self._settings = pixels, settings
        self._foreground, self._find = foreground, find or pixels.find

    @abstractmethod
    def steps(self) -> Generator[tuple[int, int], None, Objects]:
        """Find all objects; yields (done, total) of the parts of the work."""

    @abstractmethod
    def view_steps(self, view: Box) -> Steps:
        r"""Find the objects a view shows, (\*view): those of `steps`, numbered anew.

        Yields (done, total) parts of all work.
        """


class Components(Clusters):
    """Components of a foreground, connected by faces, clustered each by itself.

    Those larger than `neighbourhood`, per axis, are clustered in overlapping ones; see
    `Clusters` for the other parameters.
    """

    def __init__(
        self,
        pixels: Pixels,
        settings: Clustering,
        foreground: NDArray[np.bool_],
        neighbourhood: Sequence[int] | None = None,
        find: Find | None = None,
    ) -> None:
        super().__init__(pixels, settings, foreground, find)
        self._neighbourhood = neighbourhood
        self._boxes: list[Box] = []
        self._sizes: list[int] = []
        self._pieces: dict[int, Objects | None] = {}

    def view_steps(self, view: Box) -> Steps:
        """Cluster the components that a view shows; see `Clusters.view_steps`."""
        yield from self._separate()
        shown = np.unique(self._components[view])
        numbers = shown[shown > 0].tolist()
        yield from self._each(numbers)
        drawn = yield from self._drawn_steps(numbers)
        return drawn[view]

    def touched_steps(self, mask: NDArray[np.bool_]) -> Steps:
        r"""Cluster the components that a mask, (\*spatial), touches.

        Their objects, (\*spatial), are numbered anew.
        """
        yield from self._separate()
        touched = np.unique(self._components[mask])
        numbers = touched[touched > 0].tolist()
        for _ in self._each(numbers):
            yield sum(n in self._pieces for n in numbers), len(numbers)
        yield len(numbers), len(numbers)
        return (yield from self._drawn_steps(numbers))

    def steps(self) -> Generator[tuple[int, int], None, Objects]:
        """Cluster all that is not yet clustered; yields (done, total) components."""
        yield from self._separate()
        everything = range(1, len(self._boxes) + 1)
        yield from self._each(everything)
        yield len(self._boxes), len(self._boxes)
        known = [pieces for n in everything if (pieces := self._pieces[n]) is not None]
        begins = np.cumsum([0, *(len(pieces.modes) for pieces in known)])
        modes = np.concatenate([self._no_modes, *(pieces.modes for pieces in known)])
        mode_of = [
            pieces.mode_of[1:] + begin
            for pieces, begin in zip(known, begins[:-1], strict=True)
        ]
        return Objects(
            (yield from self._drawn_steps(everything)),
            modes,
            np.concatenate([NO_MODE, *mode_of]),
        )

    def _each(self, numbers: Sequence[int]) -> Generator[tuple[int, int]]:
        for some in self._at_once([n for n in numbers if n not in self._pieces]):
            found: dict[int, Found] = {}
            for number in some:
                so_far = len(self._pieces), len(self._boxes)
                yield so_far
                if number == some[0]:
                    found = yield from saying(so_far, self._search(some))
                yield from saying(so_far, self._cluster(number, found.get(number)))

    def _at_once(self, numbers: list[int]) -> Iterator[list[int]]:
        """Yield components whose modes are searched together: few pixels in all."""
        some: list[int] = []
        pixels = 0
        for number in numbers:
            if some and pixels + self._sizes[number] > AT_ONCE:
                yield some
                some, pixels = [], 0
            some.append(number)
            pixels += self._sizes[number]
        if some:
            yield some

    def _search(self, numbers: list[int]) -> Generator[None, None, dict[int, Found]]:
        """Find the modes of those that are clustered, and in one piece."""
        whole = [n for n in numbers if self._is_clustered(n) and not self._is_large(n)]
        places = [(self._boxes[n - 1], self._inside(n)) for n in whole]
        found = yield from self._find(places, self._settings)
        return dict(zip(whole, found, strict=True))

    def _is_clustered(self, number: int) -> bool:
        """Whether it may be an object: a smaller one is dropped whatever its modes."""
        return self._sizes[number] >= self._settings.min_size

    def _is_large(self, number: int) -> bool:
        """Whether it is clustered in neighbourhoods."""
        shape = [side.stop - side.start for side in self._boxes[number - 1]]
        return is_larger(shape, self._neighbourhood)

    def _inside(self, number: int) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = self._components[self._boxes[number - 1]] == number
        return inside

    def _separate(self) -> Generator[tuple[int, int]]:
        """Find the components, unless they are known."""
        if not self._sizes:
            size = self._foreground.size
            parts = yield from patiently(BEGIN, size, _parts, self._foreground)
            self._components, self._boxes, self._sizes = parts

    def _cluster(self, number: int, found: Found | None) -> Generator[None]:
        pieces = None
        if self._is_clustered(number):
            pieces = yield from self._clustered(number, found)
        self._pieces[number] = pieces

    def _clustered(
        self, number: int, known: Found | None
    ) -> Generator[None, None, Objects]:
        """Make objects of a component; its modes are known where it is in one piece."""
        box, inside = self._boxes[number - 1], self._inside(number)
        if known is not None and len(known.modes) == 1:
            return Objects(inside.astype(np.int32), known.modes, ALONE)
        modes = [self._no_modes]
        mode_image = np.zeros(inside.shape, dtype=np.int32)

        def pieces_of(block: Box) -> Piecing:
            found_before = sum(map(len, modes))
            image = yield from self._nearest(box, block, inside[block], modes, known)
            fresh = mode_image[block] == 0
            numbered = np.where(image > 0, image + found_before, 0)
            mode_image[block][fresh] = numbered[fresh]
            if self._settings.split_far_parts:
                image = yield from patiently(None, image.size, connected, image)
            return image.astype(np.int32, copy=False)

        pieces = yield from piece_together(pieces_of, inside, self._neighbourhood)

        def without_scraps() -> tuple[NDArray[np.int32], NDArray[np.int64]]:
            own = same_objects(mode_image[inside], pieces[inside]).former
            large = _small_to_neighbours(pieces, self._settings.min_size)
            image, kept = without_small(large, self._settings.min_size)
            return image, np.concatenate([NO_MODE, own[kept] - 1])

        image, mode_of = yield from patiently(None, inside.size, without_scraps)
        return Objects(image, np.concatenate(modes), mode_of)

    def _nearest(
        self,
        box: Box,
        block: Box,
        inside: NDArray[np.bool_],
        modes: list[NDArray[Any]],
        known: Found | None,
    ) -> Piecing:
        """Find 1 + the index of each pixel's mode, 0 outside; add to the modes."""
        place = tuple(
            slice(b.start + s.start, min(b.start + s.stop, b.stop))
            for b, s in zip(box, block, strict=True)
        )
        if known is None:
            (known,) = yield from self._find([(place, inside)], self._settings)
        image, found = yield from nearest_steps(self._pixels, known, place, inside)
        modes.append(found)
        return image

    @property
    def _no_modes(self) -> NDArray[Any]:
        embedding = self._pixels.embedding
        return np.zeros((0, len(embedding)), dtype=embedding.dtype)

    def _drawn_steps(self, numbers: Sequence[int]) -> Steps:
        so_far = len(self._pieces), len(self._boxes)
        size = self._foreground.size
        return (yield from patiently(so_far, size, self._drawn, numbers))

    def _drawn(self, numbers: Sequence[int]) -> NDArray[np.int32]:
        """Draw the objects of these components, numbered in this order."""
        labels = np.zeros(self._components.shape, dtype=np.int32)
        before = 0
        for number in numbers:
            pieces = self._pieces[number]
            if pieces is not None:
                there = labels[self._boxes[number - 1]]
                np.add(pieces.labels, before, out=there, where=pieces.labels > 0)
                before += len(pieces.mode_of) - 1
        return labels


def nearest_steps(
    pixels: Pixels, found: Found, box: Box, inside: NDArray[np.bool_]
) -> Generator[None, None, tuple[NDArray[np.int32], NDArray[Any]]]:
    r"""Find 1 + the index of each pixel's mode, (\*box), 0 outside; and the modes.

    Parameters
    ----------
    pixels : Pixels
    found : Found
        Their modes; see `Pixels.find`.
    box : tuple of slice
    inside : ndarray of bool
        (\*box)
    """
    for part in found.parts:
        if not found.is_assigned(part):
            yield
            found.assign(part, pixels.points(box, inside, part))
    image = np.zeros(inside.shape, dtype=np.int32)
    image[inside] = found.nearest + 1
    return image, found.modes


def _parts(
    foreground: NDArray[np.bool_],
) -> tuple[NDArray[np.integer], list[Box], list[int]]:
    """Return the numbered components, their boxes, and their sizes from number 0."""
    components = connected(foreground)
    sizes = np.bincount(components.ravel(), minlength=1).tolist()
    return components, ndimage.find_objects(components), sizes


def connected(image: NDArray[Any]) -> NDArray[np.int32]:
    """Return the parts of equal values, connected by faces, numbered from 1.

    In the order of a scan: scikit-image keeps to it but where an axis has one pixel.
    """
    flat = image.reshape([n for n in image.shape if n > 1] or [1])
    numbered: NDArray[np.int32] = label(flat, background=0, connectivity=1)
    return numbered.reshape(image.shape)


def without_small(
    labels: NDArray[Any], min_size: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    r"""Drop objects below the minimum size; number the others from 1, in their order.

    Parameters
    ----------
    labels : ndarray of int
        (\*spatial)
    min_size : int
        In pixels.

    Returns
    -------
    ndarray of int32, ndarray of int64
        The labels, and the former numbers, (objects,).
    """
    sizes = np.bincount(labels.ravel(), minlength=1)
    is_kept = sizes >= max(min_size, 1)
    is_kept[0] = False
    number = np.where(is_kept, np.cumsum(is_kept), 0).astype(np.int32)
    return number[labels], np.flatnonzero(is_kept)


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
