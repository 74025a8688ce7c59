"""What the objects of a frame are called in the labels of its stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.label_image import same_objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.linking import Linking

    Position = tuple[int, ...]


@dataclass(frozen=True)
class NewNumbers:
    """Numbers of objects that are made later: ``first``, ``first + step``, and so on.

    Each frame of a stack of F frames with N objects takes every F-th number above N,
    from another one on. So no two frames take the same, in whatever order objects are
    made in them, and the same ones in the same order always get the same numbers.
    """

    first: int = 1
    step: int = 1

    def after(self, highest: int) -> int:
        """Return the first of them that is above a number."""
        before = max(0, (highest - self.first) // self.step + 1)
        return self.first + before * self.step

    @classmethod
    def of_frames(cls, linking: Linking, highest: int) -> dict[Position, NewNumbers]:
        """Return those of every frame of a stack; one image takes the next number.

        Parameters
        ----------
        linking : Linking
            Whose positions are those of the frames.
        highest : int
            Number of objects of the stack.
        """
        places = linking.positions
        if places == [()]:
            return {(): cls()}
        return {at: cls(highest + 1 + n, len(places)) for n, at in enumerate(places)}


@dataclass(frozen=True, eq=False)
class FrameNumbers:
    """Numbers of the objects of one frame.

    Attributes
    ----------
    own : ndarray of int32
        (objects + 1,), of those that were clustered; 0 of background.
    new : NewNumbers
        Of those that edits make.
    """

    own: NDArray[np.int32]
    new: NewNumbers = NewNumbers()

    @classmethod
    def of_image(cls, objects: int) -> FrameNumbers:
        """Return those of one image: from 1 on."""
        return cls(np.arange(objects + 1, dtype=np.int32))

    @property
    def highest(self) -> int:
        """The highest one of an object that was clustered; 0: there is none."""
        return int(self.own.max(initial=0))

    def following(
        self, former: NDArray[np.integer], labels: NDArray[np.integer]
    ) -> FrameNumbers:
        r"""Return numbers of a new clustering: objects that stay keep theirs.

        Parameters
        ----------
        former, labels : ndarray of int
            (\*spatial), from 1 without gaps: objects as these numbers call them, and
            the new ones.
        """
        same = same_objects(former, labels)
        own = np.where(same.stays, self.own[same.former], 0).astype(np.int32)
        fresh = 1 + np.flatnonzero(own[1:] == 0)
        begin = self.new.after(int(own.max(initial=0)))
        own[fresh] = begin + self.new.step * np.arange(len(fresh))
        return FrameNumbers(own, self.new)

    def by_number(self, values: NDArray[Any], none: int) -> NDArray[Any]:
        """Return a value a number, (highest + 1,), of one an object, (objects + 1,).

        Parameters
        ----------
        values : ndarray
        none : int
            Stands where no object has the number.
        """
        found = np.full(self.highest + 1, none, dtype=values.dtype)
        found[self.own] = values
        return found


def numbers_of(
    linking: Linking, own: Mapping[Position, NDArray[np.int32]]
) -> dict[Position, FrameNumbers]:
    """Return the numbers of all frames of a stack.

    Parameters
    ----------
    linking : Linking
    own : mapping of tuple of int to ndarray of int32
        As its steps give them.
    """
    highest = max((int(numbers.max(initial=0)) for numbers in own.values()), default=0)
    new = NewNumbers.of_frames(linking, highest)
    return {at: FrameNumbers(numbers, new[at]) for at, numbers in own.items()}
