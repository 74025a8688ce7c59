"""What became of each edit of a frame: made, left out, or overruled by a newer one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame
    from napari_shiftseg.interaction.editing.edits import Edit


@dataclass(frozen=True)
class Status:
    """Why an edit does not stand in the labels.

    Attributes
    ----------
    mark : str
        Added to its row in a list.
    reason : str
        In full.
    is_made : bool
        It was, and a newer one undid it; else it could not be.
    """

    mark: str
    reason: str
    is_made: bool


class Statuses:
    """Finds them anew only where a frame or its edits are others."""

    def __init__(self) -> None:
        self._frame: ref[SteeredFrame] | None = None
        self._of: tuple[Any, ...] = ()
        self._known: dict[int, Status] = {}

    def of(
        self, edits: Sequence[Edit], frame: SteeredFrame | None
    ) -> dict[int, Status]:
        """Return what became of edits of a frame; see `statuses`."""
        if frame is None:
            self._frame, self._of, self._known = None, (), {}
            return self._known
        is_known = self._frame is not None and self._frame() is frame
        now = tuple(edits), tuple(frame.mending.made)
        if not is_known or not _same(self._of, now):
            self._frame, self._of = ref(frame), now  # no embedding is held here
            self._known = statuses(edits, frame)
        return self._known


def statuses(edits: Sequence[Edit], frame: SteeredFrame) -> dict[int, Status]:
    """Return what became of those edits of a frame that do not stand in its labels.

    Parameters
    ----------
    edits : sequence of Edit
        Of all frames, the oldest first.
    frame : SteeredFrame
        As it is clustered now, and with what was made on it since.

    Returns
    -------
    dict of int to Status
        By the index of an edit.
    """
    own = [n for n, edit in enumerate(edits) if edit.frame == frame.position]
    made = [n for i, n in enumerate(own) if i not in frame.left_out]
    if len(made) != len(frame.mending.made):  # a stroke is being taken
        return {}
    found = {
        own[i]: Status("left out", f"Left out: {why}.", is_made=False)
        for i, why in frame.left_out.items()
    }
    for old, new in frame.mending.overruled():
        number, newer = made[new] + 1, edits[made[new]]
        found[made[old]] = Status(
            f"overruled by {number}",
            f"No longer holds: edit {number} ({newer}) is newer and wins.",
            is_made=True,
        )
    return found


def _same(known: Sequence[Any], now: Sequence[Any]) -> bool:
    """Whether lists hold the very same things; comparing edits takes long."""
    return len(known) == len(now) and all(
        len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))
        for a, b in zip(known, now, strict=True)
    )
