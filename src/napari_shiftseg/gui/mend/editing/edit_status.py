"""What became of each edit: made, left out, or overruled by a newer one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame
    from napari_shiftseg.interaction.editing.edits import Edit
    from napari_shiftseg.interaction.editing.positions import Point


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


@dataclass(frozen=True)
class _Known:
    """Statuses of a frame, and what they were found for."""

    frame: ref[SteeredFrame]  # no embedding is held here
    of: tuple[Sequence[Any], ...]
    found: dict[int, Status]


class Statuses:
    """Finds them anew only where a frame or its own edits are others."""

    def __init__(self) -> None:
        self._known: dict[Point, _Known] = {}

    def of(
        self, edits: Sequence[Edit], frames: Iterable[SteeredFrame]
    ) -> dict[int, Status]:
        """Return what became of edits of frames; see `statuses`."""
        self._known = {frame.position: self._of(edits, frame) for frame in frames}
        return {
            n: why for known in self._known.values() for n, why in known.found.items()
        }

    def _of(self, edits: Sequence[Edit], frame: SteeredFrame) -> _Known:
        numbers = [n for n, edit in enumerate(edits) if edit.frame == frame.position]
        now = numbers, [edits[n] for n in numbers], tuple(frame.mending.made)
        known = self._known.get(frame.position)
        if known is not None and known.frame() is frame and _same(known.of, now):
            return known
        return _Known(ref(frame), now, statuses(edits, frame))


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
