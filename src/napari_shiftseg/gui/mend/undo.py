"""Edits of a labels layer: what one would do, and napari's own undo and redo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer

from napari_shiftseg.gui.mend.layers import forget_classes
from napari_shiftseg.gui.parts.records import LayerRecord, LayerSession
from napari_shiftseg.mending.changes import reach
from napari_shiftseg.mending.edit_lists import UndoStep, from_dict
from napari_shiftseg.mending.edits import CannotAct, Redraw
from napari_shiftseg.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.changes import Change, Made
    from napari_shiftseg.mending.edits import Edit
    from napari_shiftseg.mending.mending import Mending

    Pixels = Sequence[NDArray[np.int64]]


STILL_MODES = ("pan_zoom", "transform", "pick")


class DragWatch:
    """Knows whether a stroke of napari's brush, fill or eraser is under way.

    Until it ends, napari tells nobody about it, and forgets it if its history is reset.

    Parameters
    ----------
    layer : Labels
    ended : callable
        Called when a stroke has ended and napari has told of it.

    Attributes
    ----------
    is_drawing : bool
    """

    def __init__(self, layer: Labels, ended: Callable[[], None]) -> None:
        self.is_drawing = False
        self._layer, self._ended = layer, ended
        layer.mouse_drag_callbacks.append(self._drag)

    def stop(self) -> None:
        """Let the layer alone."""
        self.is_drawing = False
        if self._drag in self._layer.mouse_drag_callbacks:
            self._layer.mouse_drag_callbacks.remove(self._drag)

    def _drag(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        if str(layer.mode) in STILL_MODES:
            return
        self.is_drawing = True
        yield
        while event.type == "mouse_move":
            yield
        self.is_drawing = False
        QTimer.singleShot(0, self._ended)


class EditHistory:
    """Edits that act on a layer, kept in step with its undo and redo.

    Every edit is one item of napari's history, and every stroke of napari's own brush,
    fill and eraser becomes an edit. Edits that a new clustering was made with are
    settled: they can be taken out of the list, but napari has nothing to undo.

    Parameters
    ----------
    layer : Labels
        Whose data is an array in memory.
    mending_of : callable
        Takes a position on the leading axes, returns the `Mending` of this frame, whose
        labels are the layer's; None if it is not known yet.
    changed : callable
        Called when the edits are others.
    leading : int
        Axes (time, planes) of the layer before those of a frame.
    follow : callable, optional
        Called with the changes that were made or taken back; None: labels were made
        anew. If not given, classes of objects are forgotten.
    passing : callable, optional
        Takes the position of a frame that is not known yet, and the pixels painted (an
        array an axis); returns a `Mending` of its labels as they are, by which strokes
        on it become edits; None: they do not.

    Raises
    ------
    ValueError
        If the layer's metadata holds edits that are none.
    """

    def __init__(
        self,
        layer: Labels,
        mending_of: Callable[[Point], Mending | None],
        changed: Callable[[], None],
        leading: int = 0,
        passing: Callable[[Point, Pixels], Mending | None] = lambda *_: None,
        follow: Callable[[Sequence[Change] | None], None] | None = None,
    ) -> None:
        self._told = follow or (lambda _: forget_classes(layer))
        self._leading, self._passing = leading, passing
        self._layer, self._mending_of, self._changed = layer, mending_of, changed
        self._record = LayerRecord(layer)
        known, session = self._record.edits(), LayerSession.of(layer)
        if session.edits is None:
            session.edits = self._record.begun()
        elif session.edits.as_dicts() != known:
            session.edits.settle([from_dict(edit) for edit in known])
        self.store = session.edits
        self._strokes: list[Sequence[Any]] = []
        self._acting = False
        self._forget()  # what was done before is none of these steps
        layer.events.paint.connect(self._painted)
        layer.events.labels_update.connect(self._take_strokes)
        layer.events.set_data.connect(self._follow)

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All edits, the oldest first."""
        return self.store.edits

    def stop(self, further: Sequence[Edit] = ()) -> None:
        """Let the layer alone; `further` edits are to be made when it is met again."""
        self._layer.events.paint.disconnect(self._painted)
        self._layer.events.labels_update.disconnect(self._take_strokes)
        self._layer.events.set_data.disconnect(self._follow)
        self.store.settle([*self.edits, *further])
        self._record.write_edits(self.store)

    def do(self, edit: Edit, change: Change) -> None:
        """Let an edit act on the layer.

        Parameters
        ----------
        edit : Edit
        change : Change
            What it does to the labels.
        """
        self._acting = True
        try:
            self._layer.data_setitem(change.indices, change.values[1])
        finally:
            self._acting = False
        step = UndoStep((edit,), (change,))
        self._make(step)
        self.store.do(step)
        self._tell(step.changes)

    def settle(self, edits: Iterable[Edit]) -> None:
        """Take the edits that new labels were made with; there is nothing to undo.

        napari's history holds pixels of the old labels: it is forgotten.
        """
        self.store.settle(edits)
        self._forget()
        self._tell(None)

    def _forget(self) -> None:
        """Let napari have nothing to undo."""
        mode, pan = self._layer.mode, self._layer.mouse_pan
        locked = not self._layer.editable
        self._layer.editable = locked  # the public way to forget the history
        self._layer.editable = not locked
        self._layer.mode = mode
        self._layer.mouse_pan = pan

    def _tell(self, changes: Sequence[Change] | None) -> None:
        self._record.write_edits(self.store)
        self._told(changes)
        self._changed()

    def _make(self, step: UndoStep) -> None:
        for edit, change in zip(step.edits, step.changes, strict=True):
            mending = self._mending_of(change.frame)
            if mending is not None:
                mending.record(edit, change)

    def _follow(self) -> None:
        """Learn whether the last step was undone, or the next one done again."""
        if self._acting:
            return
        self._take_strokes()
        done, undone = self.store.done, self.store.undone
        if done and self._stands(done[-1].changes[0], "before"):
            step = self.store.undo()
            for change in reversed(step.changes):
                mending = self._mending_of(change.frame)
                if mending is not None:
                    mending.take_back()
            self._tell(step.changes)
        elif undone and self._stands(undone[-1].changes[-1], "after"):
            step = self.store.redo()
            self._make(step)
            self._tell(step.changes)

    def _stands(self, change: Change, side: str) -> bool:
        """Whether the layer shows the labels before or after a change."""
        shown = self._layer.data[change.place]
        return np.array_equal(shown, getattr(change, side))

    def _painted(self, event: Any) -> None:
        """Learn of a stroke of napari's own tools, written already or just about to."""
        if not self._acting:
            self._strokes.append(event.value)
            self._take_strokes()

    def _take_strokes(self) -> None:
        """Take the strokes that are written as edits."""
        while self._strokes and self._is_written(self._strokes[0][-1]):
            made = [
                made
                for frame, indices, before in self._pixels_by_frame(
                    self._strokes.pop(0)
                )
                for made in self._adopted(frame, indices, before)
            ]
            if made:
                changes = tuple(one.change for one in made)
                self.store.do(UndoStep(tuple(one.edit for one in made), changes))
                self._tell(changes)

    def _adopted(
        self,
        frame: Point,
        indices: list[NDArray[np.int64]],
        before: NDArray[np.integer],
    ) -> list[Made]:
        mending = self._mending_of(frame) or self._passing(frame, indices)
        if mending is None:
            return []
        edits = mending.adopt(indices, before)
        return mending.made[-len(edits) :] if edits else []

    def _is_written(self, atom: Any) -> bool:
        where, _ = _pixels_of(atom)
        return np.array_equal(
            self._layer.data[tuple(where.T)], np.broadcast_to(atom[-1], len(where))
        )

    def _pixels_by_frame(
        self, item: Sequence[Any]
    ) -> list[tuple[Point, list[NDArray[np.int64]], NDArray[np.integer]]]:
        """Return frame, pixels (an array an axis) and old labels of an item."""
        atoms = [_pixels_of(atom) for atom in item]
        where = np.concatenate([pixels for pixels, _ in atoms])
        old = np.concatenate([labels for _, labels in atoms])
        leading = where[:, : self._leading]
        found = []
        for frame in np.unique(leading, axis=0):
            here = (leading == frame).all(axis=1)
            indices = list(where[here, self._leading :].T)
            found.append((tuple(frame.tolist()), indices, old[here]))
        return found


def _pixels_of(atom: Any) -> tuple[NDArray[np.int64], NDArray[np.integer]]:
    """Return the pixels of an atom of napari's history, and their labels before.

    An atom is as `Labels.events.paint` gives it: a box, a mask (None: the whole box)
    and old labels, or (indices, old labels, new ones).

    Returns
    -------
    ndarray of int, ndarray of int
        (pixels, axes), (pixels,)
    """
    if not hasattr(atom, "slice_key"):
        indices, old, _ = atom
        where = np.stack([np.ravel(x) for x in indices], axis=1)
        return where, np.broadcast_to(old, len(where))
    starts = [s.start or 0 for s in atom.slice_key]
    mask = atom.mask
    if mask is None:
        mask = np.ones(np.shape(atom.old_values), dtype=bool)
    return np.argwhere(mask) + starts, np.ravel(atom.old_values)


@dataclass(frozen=True)
class EditOutcome:
    """What an edit would do to a frame with a revision of its edits.

    New numbers, and how far objects reach, depend on the whole frame: after any other
    edit of it they are to be computed again.

    Attributes
    ----------
    change : Change or None
        None: it cannot act, for this `error`.
    contradicted : tuple of Edit
        Edits made that it would undo.
    """

    frame: SteeredFrame
    revision: int
    change: Change | None = None
    contradicted: tuple[Edit, ...] = ()
    error: ValueError | None = None


def outcome_of(
    edit: Edit, frame: SteeredFrame, mending: Mending, revision: int
) -> EditOutcome:
    """Compute what an edit would do to a frame.

    Parameters
    ----------
    edit : Edit
    frame : SteeredFrame
    mending : Mending
        Of the frame; in a thread a copy, which nobody changes.
    revision : int
        Of the edits in it.
    """
    from napari_shiftseg.mending.replay import contradicted

    try:
        change = mending.change_of(edit)
    except ValueError as error:
        return EditOutcome(frame, revision, error=error)
    broken = tuple(contradicted(mending, change))
    return EditOutcome(frame, revision, change, broken)


AS_PREDICTED = (
    "The outline follows the predicted foreground already. To make the object larger, "
    "use Add or napari's brush, or lower “Foreground above”."
)


def why_nothing(edit: Edit) -> str:
    """Say why an edit changes no pixel."""
    return AS_PREDICTED if isinstance(edit, Redraw) else "This changes nothing."


AT_ONCE = 2**15  # pixels; the slowest edit of so many, a split in 3-D, takes 25 ms


def is_small(edit: Edit, mending: Mending) -> bool:
    """Whether an edit takes so little time that the GUI can wait for it.

    Parameters
    ----------
    edit : Edit
    mending : Mending
        Of its frame.
    """
    try:
        return reach(mending, edit) <= AT_ONCE
    except CannotAct:  # which is found out soon
        return True


def outcome_steps(
    edit: Edit, frame: SteeredFrame, revision: int
) -> Generator[Progress, None, EditOutcome]:
    """Return steps that compute what an edit would do, for a thread.

    Parameters
    ----------
    edit : Edit
    frame : SteeredFrame
        It is copied now.
    revision : int
        Of the edits in it.
    """
    copied = frame.mending.copy()

    def steps() -> Generator[Progress, None, EditOutcome]:
        yield Progress(0, 1, stage="mending")
        return outcome_of(edit, frame, copied, revision)

    return steps()
