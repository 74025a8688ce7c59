"""The objects of a result while they are mended, edit by edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_shiftseg.interaction.boxes import corner_of, holds_point
from napari_shiftseg.interaction.contradictions import Made, contradicted, overruled
from napari_shiftseg.interaction.edits import Edit, Paint
from napari_shiftseg.interaction.frame import Change, MendedFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.interaction.edits import Point


class Mending:
    r"""The objects of an image, or of each frame of a series, and the edits made.

    Edits act in their order, so that of two that contradict each other the newer wins.

    Parameters
    ----------
    labels : ndarray of int
        ([leading,] \\*spatial), 0 is background; written to. Each frame has numbers
        of its own.
    embedding : array
        (channels, [leading,] \\*spatial), in memory or in a store; boxes of it are
        read. Of unit length for the kernel "von-mises-fisher".
    foreground : ndarray of bool, optional
        ([leading,] \\*spatial)
    bandwidth : float
        Of the mean shift, in units of the embedding.
    offset : sequence of int, optional
        Pixel of a frame at which these arrays begin, as `TilePlan.offset`.
    leading : int
        Axes (time, planes) before the spatial ones.

    Attributes
    ----------
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
        leading: int = 0,
    ) -> None:
        self.labels, self.embedding, self.foreground = labels, embedding, foreground
        self.bandwidth, self.offset, self.leading = bandwidth, offset, leading
        self.made: list[Made] = []
        self._frames: dict[Point, MendedFrame] = {}

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits made, the oldest first."""
        return tuple(made.edit for made in self.made)

    def frame(self, position: Point) -> MendedFrame:
        """Return the frame at a position on the leading axes.

        Raises
        ------
        ValueError
            If there is none.
        """
        if position not in self._frames:
            self._check_frame(position)
            foreground = None if self.foreground is None else self.foreground[position]
            self._frames[position] = MendedFrame(
                self.labels[position], self.embedding, foreground, self.bandwidth,
                self.offset, position,
            )  # fmt: skip
        return self._frames[position]

    def change_of(self, edit: Edit) -> Change:
        """Return what an edit would do now.

        Raises
        ------
        ValueError
            If it cannot act: it lies outside the image or on background, for example.
        """
        return self.frame(edit.frame).change_of(edit)

    def make(self, edit: Edit) -> Change:
        """Make an edit, and return what it did; see `change_of`."""
        change = self.frame(edit.frame).apply(edit)
        self._record(edit, change)
        return change

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
        frame = self.frame(change.frame)
        frame.labels[change.box] = change.after
        frame.note(change)
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
            One a frame and label, made already.
        """
        painted: list[Paint] = []
        leading = np.stack(indices)[: self.leading]
        for position in np.unique(leading, axis=1).T.tolist():
            here = (position == leading.T).all(axis=1)
            spatial = [axis[here] for axis in indices[self.leading :]]
            painted += self._adopted(tuple(position), spatial, before[here])
        return tuple(painted)

    def contradicted(self, change: Change) -> list[int]:
        """Return which of the edits made a change would undo; indices into `made`."""
        return contradicted(change, self.made, self.labels)

    def overruled(self) -> list[tuple[int, int]]:
        """Return which edits hold no more, and which newer one wins; see `made`."""
        return overruled(self.made, self.labels)

    def _adopted(
        self,
        position: Point,
        indices: Sequence[NDArray[np.integer]],
        before: NDArray[np.integer],
    ) -> list[Paint]:
        frame = self.frame(position)
        whole = _change(frame, indices, before)
        frame.note(whole)
        edits, now = [], whole.before
        for number in np.unique(whole.values[1]).tolist():
            mask = (whole.after == number) & (whole.before != number)
            edit = _paint(frame, whole, mask, number)
            after = np.where(mask, whole.after, now)
            self._record(edit, Change(position, whole.box, now, after))
            edits.append(edit)
            now = after
        return edits

    def _record(self, edit: Edit, change: Change) -> None:
        frame = self.frame(edit.frame)
        places = tuple(frame.place(point) for point in edit.points)
        self.made.append(Made(edit, change, places))

    def _check_frame(self, position: Point) -> None:
        shape = self.labels.shape[: self.leading]
        if len(position) != len(shape) or any(
            not 0 <= x < n for x, n in zip(position, shape, strict=True)
        ):
            there = f"frames of the shape {shape}" if shape else "one frame, ()"
            raise ValueError(
                f"there is no frame {position}, the result has {there}: give the "
                f"position on the leading axes"
            )


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
