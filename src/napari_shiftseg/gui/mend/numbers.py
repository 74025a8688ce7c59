"""What numbers mean in a layer whose frames are clustered one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.gui.parts.records import LayerSession
from napari_shiftseg.progress import Progress, Returning
from napari_shiftseg.relabelling.numbers import numbers_of

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.mending import Mending
    from napari_shiftseg.relabelling.numbers import FrameNumbers
    from napari_shiftseg.relabelling.relabel import Kept

    Linked = dict[Point, FrameNumbers]


class StackNumbers:
    """What the objects of all frames of a layer are called; it goes with the layer.

    A frame that is clustered anew keeps the numbers of objects that stay, and takes
    others that no frame has. Once all frames are clustered they are linked as a run
    links them, and those are taken again whose numbers are others then.

    Parameters
    ----------
    kept : Kept
        Of the run; one image needs no numbers but its own.

    Attributes
    ----------
    are_linked : bool
        Whether the numbers are those that a run would give.
    """

    def __init__(self, kept: Kept) -> None:
        self._linking = kept.linking
        self._known = dict(kept.numbers)
        self._wished: Linked = {}
        self.are_linked = True

    @classmethod
    def of(cls, layer: Labels, kept: Kept) -> StackNumbers:
        """Return those of a layer; those of its run if nobody has turned a knob."""
        session = LayerSession.of(layer)
        if session.numbers is None:
            session.numbers = cls(kept)
        known: StackNumbers = session.numbers
        return known

    def at(self, position: Point) -> FrameNumbers | None:
        """Return numbers that a frame is to have, or has; None of one image."""
        return self._wished.get(position) or self._known.get(position)

    def take(self, frame: SteeredFrame) -> None:
        """Learn of a frame that was clustered, and whose labels are shown."""
        at, numbers = frame.position, frame.numbers
        if at not in self._known:
            return
        self.are_linked &= numbers is self.at(at)
        self._wished.pop(at, None)
        self._known[at] = numbers

    def steps(
        self, frames: Mapping[Point, SteeredFrame]
    ) -> Generator[Progress, None, Linked]:
        """Link the frames, all of which are clustered, in a thread."""
        planes = {at: frame.objects.labels for at, frame in frames.items()}
        steps = Returning(self._linking.steps(planes))
        for done, total in steps:
            yield Progress(done, total, stage="linking")
        return numbers_of(self._linking, steps.value)

    def link(self, found: Linked, frames: Mapping[Point, SteeredFrame]) -> set[Point]:
        """Take numbers that were found; return which frames are to be taken again.

        Parameters
        ----------
        found : dict of tuple of int to FrameNumbers
        frames : mapping of tuple of int to SteeredFrame
            All of them.
        """
        self.are_linked = True
        for at, numbers in found.items():
            known = frames[at].numbers
            is_same = known.new == numbers.new or not frames[at].mending.made
            if is_same and np.array_equal(known.own, numbers.own):
                self._known[at] = numbers
                frames[at].mending.new_numbers = numbers.new
            else:
                self._wished[at] = numbers
        return set(self._wished)


class WrittenBoxes:
    """Where a number means another object: boxes labelled by a newer clustering."""

    def __init__(self) -> None:
        self._written: dict[Point, NDArray[np.uint16]] = {}

    def note(self, at: tuple[Any, ...], shape: tuple[int, ...]) -> None:
        """Learn that a box of a frame has new labels.

        Parameters
        ----------
        at : tuple
            The frame, and a slice a spatial axis.
        shape : tuple of int
            Of the frame.
        """
        position, box = at[: -len(shape)], at[-len(shape) :]
        known = self._written.setdefault(position, np.zeros(shape, np.uint16))
        known[box] = known.max() + 1

    def forget(self, position: Point) -> None:
        """Learn that the labels of a frame are all of one clustering."""
        self._written.pop(position, None)

    def mending(
        self,
        frame: SteeredFrame,
        labels: NDArray[np.integer],
        painted: Sequence[NDArray[np.integer]],
    ) -> Mending:
        r"""Return what makes edits of a stroke on a frame that is being clustered.

        Labels that mean other objects than at the stroke are 0 in it. Where a stroke
        reaches into several boxes, those of the newest are meant.

        Parameters
        ----------
        frame : SteeredFrame
            As it was clustered last.
        labels : ndarray of int
            (\*spatial), of the frame, painted on already.
        painted : sequence of ndarray of int
            Pixels painted, one array an axis.
        """
        from napari_shiftseg.mending.mending import Mending

        written, at = self._written.get(frame.position), tuple(painted)
        if written is not None:
            found = np.where(written == written[at].max(), labels, 0)
            found[at] = labels[at]
            labels = found
        known = frame.mending
        return Mending(
            labels, known.embedding, offset=known.offset, frame=frame.position,
            new_numbers=known.new_numbers,
        )  # fmt: skip
