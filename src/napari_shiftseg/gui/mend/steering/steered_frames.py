"""Which frames of a layer are clustered as the knobs and edits say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame
    from napari_shiftseg.interaction.editing.positions import Point


class SteeredFrames:
    """Frames as they were clustered last, by their positions on the leading axes.

    A frame is *stale* until it is clustered as the knobs say now. It is *unread* until
    it was clustered as its labels were made: where these differ, others have painted,
    and what they painted becomes edits.

    Parameters
    ----------
    positions : iterable of tuple of int
    unfinished : iterable of tuple of int
        Frames whose labels are of two clusterings: nobody has painted the difference.

    Attributes
    ----------
    all : frozenset of tuple of int
    stale, unread : set of tuple of int
    """

    def __init__(self, positions: Iterable[Point], unfinished: Iterable[Point]) -> None:
        self.all = frozenset(positions)
        self.stale: set[Point] = set(self.all)
        self.unread: set[Point] = self.stale - set(unfinished)
        self._known: dict[Point, SteeredFrame] = {}

    @property
    def unfinished(self) -> set[Point]:
        """Frames whose labels may be of two clusterings now."""
        return self.stale - self.unread

    @property
    def current(self) -> dict[Point, SteeredFrame]:
        """Frames as they are clustered now."""
        return {at: known for at, known in self._known.items() if at not in self.stale}

    def now(self, position: Point) -> SteeredFrame | None:
        """Return a frame as it is clustered now; None while it is not yet."""
        return None if position in self.stale else self._known.get(position)

    def last(self, position: Point) -> SteeredFrame | None:
        """Return a frame as it was clustered last, whatever the knobs say."""
        return self._known.get(position)

    def next(self, shown: Point, others: bool = True) -> Point | None:
        """Return the frame to cluster next: the one that is shown, then the first."""
        if shown in self.stale:
            return shown
        return min(self.stale, default=None) if others else None

    def keep(self, frame: SteeredFrame) -> None:
        """Take a frame that was clustered, and whose labels are shown."""
        self.unread.discard(frame.position)
        self._known[frame.position] = frame

    def give_up(self, position: Point) -> None:
        """Know nothing of a frame, nor try it again: its labels are not all its own."""
        self.stale.discard(position)
        self._known.pop(position, None)

    def turn(self) -> None:
        """Let all frames be stale."""
        self.stale = set(self.all)

    def read_again(self) -> None:
        """Let all frames be unread, but for those of two clusterings."""
        self.unread = set(self.all) - self.unfinished
