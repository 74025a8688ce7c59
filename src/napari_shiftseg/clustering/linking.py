"""Objects of neighbouring planes joined by their overlap, and numbers over a stack."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.tiling import chunks
from napari_shiftseg.metrics.label_image import check_one_shape, shared_pixels

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from numpy.typing import NDArray

    Position = tuple[int, ...]


LINK_THRESHOLD = 0.25  # as in Cellpose
PIXELS = 2**22  # of a plane, looked at at once


def linked(
    one: NDArray[Any], other: NDArray[Any], threshold: float = LINK_THRESHOLD
) -> NDArray[np.int64]:
    r"""Find which object of a plane each object of the next plane goes on from.

    Two objects a and b can be one if

    .. math:: \mathrm{IoU}(a, b) = \frac{|a \cap b|}{|a \cup b|} \ge \text{threshold}

    Of those pairs the one of the largest IoU is linked first, then the largest of
    the objects that are left, and so on (of equals the lower numbers). So each object
    has one partner at most, no pair could both do better (the matching is stable), and
    the planes may change places. Of an object that splits, the part that overlaps more
    goes on, and the other is a new object. A matching of the largest sum of IoUs would
    give up a sure link for two doubtful ones.

    Parameters
    ----------
    one, other : array of int
        (\*spatial), of one shape; 0 is background, objects are numbered without gaps.
        Stores are read band by band.
    threshold : float
        Above 0, to 1.

    Returns
    -------
    ndarray of int64
        (objects of `other` + 1,), the number in `one` of each; 0: it begins here.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    The threshold and its usual value are those of Cellpose's stitching of planes
    (Stringer et al., Nature Methods 2021), where an object goes to its best partner
    alone.
    """
    check_one_shape("neighbouring planes", one, other)
    former, new, shared, sizes, others = _shared(one, other)
    overlap = shared / (sizes[former] + others[new] - shared)
    enough = overlap >= threshold
    former, new, overlap = former[enough], new[enough], overlap[enough]
    order = np.lexsort((new, former, -overlap))
    partner = np.zeros(len(others), dtype=np.int64)
    taken = np.zeros(len(sizes), dtype=bool)
    for a, b in zip(former[order].tolist(), new[order].tolist(), strict=True):
        if not (taken[a] or partner[b]):
            partner[b], taken[a] = a, True
    return partner


def _shared(one: Any, other: Any) -> tuple[NDArray[np.int64], ...]:
    """Return the pairs of objects that share pixels, how many; the sizes of all."""
    sizes = others = np.zeros(1, np.int64)
    found = [np.zeros((3, 0), np.int64)]
    for band in _bands(one.shape):
        before, after = np.asarray(one[band]), np.asarray(other[band])
        sizes, others = _with_sizes(sizes, before), _with_sizes(others, after)
        found.append(np.stack(shared_pixels(before, after)))
    *pairs, shared = np.concatenate(found, axis=1)
    (former, new), at = np.unique(np.stack(pairs), axis=1, return_inverse=True)
    total = np.zeros(len(former), np.int64)
    np.add.at(total, at.ravel(), shared)
    return former, new, total, sizes, others


def _bands(shape: tuple[int, ...]) -> Iterator[slice]:
    return chunks(shape[0], max(1, PIXELS // max(1, prod(shape[1:]))))


def _with_sizes(
    sizes: NDArray[np.int64], labels: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Return the sizes of objects with what a further part of them holds."""
    more = np.bincount(labels.ravel(), minlength=len(sizes))
    more[: len(sizes)] += sizes
    return more


@dataclass(frozen=True)
class Linking:
    """How the planes of a stack, each with objects of its own, become one.

    Attributes
    ----------
    leading : tuple of int
        Length of the axes that run over the planes.
    along : int or None
        On which of these neighbours are linked; None: on none.
    threshold : float
        See `linked`.
    """

    leading: Position
    along: int | None = None
    threshold: float = LINK_THRESHOLD

    @property
    def positions(self) -> list[Position]:
        """Of the planes, in their order; one image has ()."""
        return list(np.ndindex(self.leading))

    def before(self, at: Position) -> Position | None:
        """Return the plane that one is linked to; None: it is the first of its own."""
        if self.along is None or not at[self.along]:
            return None
        return (*at[: self.along], at[self.along] - 1, *at[self.along + 1 :])

    def steps(
        self, planes: Mapping[Position, NDArray[Any]]
    ) -> Generator[tuple[int, int], None, dict[Position, NDArray[np.int32]]]:
        r"""Find the numbers of objects in the stack; yields (done, total) planes.

        Objects are numbered as they come, plane after plane; one that goes on keeps its
        number. Two planes are looked at at once, those of stores band by band.

        Parameters
        ----------
        planes : mapping of tuple of int to array of int
            (\*spatial), the objects of each plane, numbered from 1 without gaps.

        Returns
        -------
        dict of tuple of int to ndarray of int32
            (objects + 1,), the number in the stack of each object of a plane; that of
            background is 0.
        """
        numbers: dict[Position, NDArray[np.int32]] = {}
        count = 0
        for done, at in enumerate(self.positions):
            yield done, len(planes)
            plane, before = planes[at], self.before(at)
            bands = (np.asarray(plane[band]) for band in _bands(plane.shape))
            highest = max((int(each.max(initial=0)) for each in bands), default=0)
            own = np.zeros(highest + 1, dtype=np.int32)
            if before is not None:
                partner = linked(planes[before], plane, self.threshold)
                own = numbers[before][partner]
            fresh = 1 + np.flatnonzero(own[1:] == 0)
            own[fresh] = count + 1 + np.arange(len(fresh))
            count += len(fresh)
            numbers[at] = own
        return numbers


ONE_IMAGE = Linking(())
