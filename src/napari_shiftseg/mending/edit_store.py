"""The edits of a labels layer in one place, with a number that rises at each change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.mending.edit_files import to_dict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.changes import Change
    from napari_shiftseg.mending.edits import Edit


@dataclass(frozen=True)
class UndoStep:
    """What one undo takes back: an edit and its change, or those of a brush stroke."""

    edits: tuple[Edit, ...]
    changes: tuple[Change, ...]

    @property
    def frames(self) -> set[Point]:
        """Frames that it changes."""
        return {change.frame for change in self.changes}


class EditStore:
    """The edits of a layer: settled ones, and the steps that can be undone.

    What was made of the edits of a frame is stale once `revision_of` the frame is
    higher than the `revision` at which it was made.

    Parameters
    ----------
    edits : iterable of Edit
        The oldest first. They count as saved.

    Attributes
    ----------
    revision : int
        Rises at each change.
    done, undone : list of UndoStep
        What can be undone, and done again; the next one last.
    """

    def __init__(self, edits: Iterable[Edit] = ()) -> None:
        self._settled = self._saved = tuple(edits)
        self.done: list[UndoStep] = []
        self.undone: list[UndoStep] = []
        self.revision = 0
        self._changed: dict[Point, int] = {}
        self._dicts: list[tuple[Edit, dict[str, Any]]] = []

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All edits, the oldest first."""
        return (*self._settled, *(edit for step in self.done for edit in step.edits))

    def revision_of(self, frame: Point) -> int:
        """Return the revision at which the edits of a frame changed last."""
        return self._changed.get(frame, 0)

    def acts_in(self, frame: Point) -> bool:
        """Whether an edit of a frame can be undone, or done again."""
        return any(frame in step.frames for step in (*self.done, *self.undone))

    def do(self, step: UndoStep) -> None:
        """Add a step; what was undone cannot be done again."""
        self.undone.clear()
        self.done.append(step)
        self._rise(step.frames)

    def undo(self) -> UndoStep:
        """Take the newest step back, and return it."""
        self.undone.append(self.done.pop())
        self._rise(self.undone[-1].frames)
        return self.undone[-1]

    def redo(self) -> UndoStep:
        """Do the step again that was undone last, and return it."""
        self.done.append(self.undone.pop())
        self._rise(self.done[-1].frames)
        return self.done[-1]

    def settle(self, edits: Iterable[Edit]) -> None:
        """Let these be the edits; nothing is left to undo."""
        before, self._settled = self.edits, tuple(edits)
        self.done.clear()
        self.undone.clear()
        old, new = by_frame(before), by_frame(self._settled)
        self._rise({at for at in old | new if old.get(at) != new.get(at)})

    def mark_saved(self) -> None:
        """Take the edits for saved."""
        self._saved = self.edits

    @property
    def number_unsaved(self) -> int:
        """How many edits were made, or taken out, since they were saved."""
        now, saved = self.edits, self._saved
        return max(len(now), len(saved)) - _alike(now, saved)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the edits as plain dicts; only new ones are converted."""
        edits = self.edits
        same = _alike(edits, [edit for edit, _ in self._dicts])
        self._dicts[same:] = [(edit, to_dict(edit)) for edit in edits[same:]]
        return [known for _, known in self._dicts]

    def _rise(self, frames: Iterable[Point]) -> None:
        changed = set(frames)
        if changed:
            self.revision += 1
            self._changed |= dict.fromkeys(changed, self.revision)


def by_frame(edits: Iterable[Edit]) -> dict[Point, list[Edit]]:
    """Return the edits of each frame, the oldest first."""
    found: dict[Point, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.frame, []).append(edit)
    return found


def _alike(one: Iterable[Edit], other: Iterable[Edit]) -> int:
    """Return how many edits at the beginning of two lists are the same."""
    number = 0
    for a, b in zip(one, other, strict=False):
        if a is not b and a != b:
            break
        number += 1
    return number
