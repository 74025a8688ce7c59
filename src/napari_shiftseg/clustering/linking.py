"""Objects of neighbouring planes joined by their overlap, and numbers over a stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.label_image import check_one_shape, shared_pixels

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    Position = tuple[int, ...]


LINK_THRESHOLD = 0.25  # as in Cellpose


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
    one, other : ndarray of int
        (\*spatial), of one shape; 0 is background, objects are numbered without gaps.
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
    former, new, shared = shared_pixels(one, other)
    sizes, others = np.bincount(one.ravel()), np.bincount(other.ravel())
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
        number. Two planes are looked at at once.

        Parameters
        ----------
        planes : mapping of tuple of int to ndarray of int
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
            own = np.zeros(int(plane.max(initial=0)) + 1, dtype=np.int32)
            if before is not None:
                partner = linked(planes[before], plane, self.threshold)
                own = numbers[before][partner]
            fresh = 1 + np.flatnonzero(own[1:] == 0)
            own[fresh] = count + 1 + np.arange(len(fresh))
            count += len(fresh)
            numbers[at] = own
        return numbers


ONE_IMAGE = Linking(())
