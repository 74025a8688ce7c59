"""The objects of a frame while they are mended, edit by edit."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_shiftseg.mending.boxes import corner_of, holds_point
from napari_shiftseg.mending.changes import Change
from napari_shiftseg.mending.contradictions import (
    Made,
    contradicted,
    holds_already,
    overruled,
)
from napari_shiftseg.mending.edits import CannotAct, Edit, Paint
from napari_shiftseg.mending.frame import MendedFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.mending.boxes import Point


class Mending:
    r"""The objects of one image, or of one frame of a series, and the edits made.

    Edits act in their order, so that of two that contradict each other the newer wins.

    Parameters
    ----------
    labels, embedding, foreground, bandwidth, offset, frame, logit
        See `MendedFrame`; the labels are written to.

    Attributes
    ----------
    frame : MendedFrame
    made : list of Made
        The edits, the oldest first.
    """

    def __init__(
        self,
        labels: NDArray[np.integer],
        embedding: Any,
        foreground: NDArray[np.bool_] | None = None,
        bandwidth: float = 1.0,
        offset: Sequence[int] | None = None,
        frame: Point = (),
        logit: NDArray[Any] | None = None,
    ) -> None:
        self.frame = MendedFrame(
            labels, embedding, foreground, bandwidth, offset, frame, logit
        )
        self.made: list[Made] = []

    @property
    def labels(self) -> NDArray[np.integer]:
        r"""As they are mended, (\*spatial)."""
        return self.frame.labels

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits made, the oldest first."""
        return tuple(made.edit for made in self.made)

    def copy(self) -> Mending:
        """Return the objects as they are now: what is done to them later is not seen.

        Embedding, foreground and logit are shared: nobody writes to them.
        """
        copied = copy(self)
        copied.frame, copied.made = self.frame.copy(), list(self.made)
        return copied

    def move_to(self, labels: NDArray[np.integer]) -> None:
        """Go on in another array, which is given the present labels."""
        labels[...] = self.frame.labels
        self.frame.labels = labels

    def change_of(self, edit: Edit) -> Change:
        """Return what an edit would do now.

        Raises
        ------
        ValueError
            If it is of another frame.
        CannotAct
            If it lies outside the image or on background, for example.
        """
        self._check_frame(edit)
        return self.frame.change_of(edit)

    def make(self, edit: Edit) -> Change:
        """Make an edit, and return what it did; see `change_of`."""
        self._check_frame(edit)
        change = self.frame.apply(edit)
        self._add(edit, change)
        return change

    def record(self, edit: Edit, change: Change) -> None:
        """Take an edit as made whose change stands in the labels already."""
        self.frame.note(change)
        self._add(edit, change)

    def take_back(self) -> Change:
        """Undo the newest edit, and return what that did.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not self.made:
            raise ValueError("no edit has been made: there is nothing to take back")
        change = self.made.pop().change.reversed()
        self.labels[change.box] = change.after
        self.frame.note(change)
        return change

    def adopt(
        self, indices: Sequence[NDArray[np.integer]], before: NDArray[np.integer]
    ) -> tuple[Paint, ...]:
        """Take what others wrote into the labels (a brush, a fill) as edits.

        Parameters
        ----------
        indices : sequence of ndarray of int
            Of the pixels in the labels, one array an axis; of a pixel named twice the
            first value counts.
        before : ndarray of int
            Their labels before.

        Returns
        -------
        tuple of Paint
            One a label, made already.
        """
        whole = _change(self.frame, indices, before)
        self.frame.note(whole)
        edits, now = [], whole.before
        for number in np.unique(whole.values[1]).tolist():
            mask = (whole.after == number) & (whole.before != number)
            edit = _paint(self.frame, whole, mask, number)
            after = np.where(mask, whole.after, now)
            self._add(edit, Change(self.frame.frame, whole.box, now, after))
            edits.append(edit)
            now = after
        return tuple(edits)

    def replay(self, edits: Sequence[Edit]) -> dict[int, str]:
        """Make edits one after the other; see `replay`.

        Returns
        -------
        dict of int to str
            Edits, by their index, that could not act and are left out, and what was
            found in place of what they need. One that cannot act since what it asks
            for is so already is as good as made.
        """
        left_out = {}
        for index, edit in enumerate(edits):
            try:
                self.make(edit)
            except CannotAct as error:
                if self._holds_already(edit):
                    self._add(edit, Change.none(self.frame.frame, self.labels))
                else:
                    left_out[index] = error.found
        return left_out

    def contradicted(self, change: Change) -> list[int]:
        """Return which of the edits made a change would undo; indices into `made`."""
        return contradicted(change, self.made, self.labels)

    def overruled(self) -> list[tuple[int, int]]:
        """Return which edits hold no more, and which newer one wins; see `made`."""
        return overruled(self.made, self.labels)

    def _check_frame(self, edit: Edit) -> None:
        if edit.frame != self.frame.frame:
            raise ValueError(
                f"this is frame {self.frame.frame}, the edit is of frame {edit.frame}: "
                f"give the position on the leading axes"
            )

    def _holds_already(self, edit: Edit) -> bool:
        try:
            return holds_already(edit, self.frame.at(edit.points))
        except CannotAct:  # outside the image
            return False

    def _add(self, edit: Edit, change: Change) -> None:
        places = tuple(self.frame.place(point) for point in edit.points)
        self.made.append(Made(edit, change, places))


def _change(
    frame: MendedFrame,
    indices: Sequence[NDArray[np.integer]],
    before: NDArray[np.integer],
) -> Change:
    """Return the change that others made to pixels of a frame."""
    box = tuple(slice(int(x.min()), int(x.max()) + 1) for x in indices)
    after = frame.labels[box].copy()
    known, corner = after.copy(), corner_of(box)
    local = tuple(x[::-1] - c for x, c in zip(indices, corner, strict=True))
    known[local] = before[::-1]  # of a pixel painted twice the first value stays
    return Change(frame.frame, box, known, after)


def _paint(
    frame: MendedFrame, whole: Change, mask: NDArray[np.bool_], number: int
) -> Paint:
    """Describe painted pixels by a pixel of the object elsewhere, if there is one."""
    corner = tuple(s.start + o for s, o in zip(whole.box, frame.offset, strict=True))
    if not number:
        return Paint.of(mask, corner, "background", frame=frame.frame)
    anchor = _middle(frame, whole, number)
    if anchor is None:
        return Paint.of(mask, corner, "new", number, frame.frame)
    return Paint.of(mask, corner, anchor, frame=frame.frame)


def _middle(frame: MendedFrame, whole: Change, number: int) -> Point | None:
    """Return the deepest pixel of an object that a change left as it was."""
    box = frame.boxes[number]
    kept = np.pad(frame.labels[box] == number, 1)
    changed = np.stack(whole.indices[len(whole.frame) :], axis=1)
    inside = [holds_point(box, pixel) for pixel in changed]
    kept[tuple((changed[inside] - corner_of(box) + 1).T)] = False
    if not kept.any():
        return None
    depth = ndimage.distance_transform_edt(kept)
    deepest = np.unravel_index(depth.argmax(), depth.shape)
    return tuple(
        int(x) - 1 + s.start + o
        for x, s, o in zip(deepest, box, frame.offset, strict=True)
    )
