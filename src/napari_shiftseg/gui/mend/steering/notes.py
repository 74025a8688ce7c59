"""What became of edits that were made again, told for all frames together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame
    from napari_shiftseg.interaction.editing.positions import Point

MOST_NOTES = 4


class Notes:
    """Tells the notes of all frames, since each is told in place of the last.

    Parameters
    ----------
    said : callable
        Takes what the user should read, and its kind.
    """

    def __init__(self, said: Callable[[str, str], None]) -> None:
        self._said = said
        self._last: tuple[str, ...] = ()

    def tell(self, taken: SteeredFrame, frames: Mapping[Point, SteeredFrame]) -> None:
        """Tell those of the frames clustered now, one of which has just been taken.

        Nothing is said where it had none and the others are told already; "" where
        what was told is no longer so.
        """
        notes = tuple(note for at in sorted(frames) for note in frames[at].notes)
        if taken.notes or notes != self._last:
            self._said(shortened(notes), "warning")
        self._last = notes


def shortened(notes: Sequence[str]) -> str:
    """Return the first notes, a line each, and how many more there are."""
    more = len(notes) - MOST_NOTES
    rest = [f"… and {more:,} more"] * (more > 0)
    return "\n".join([*notes[:MOST_NOTES], *rest])
