"""Which frames of a layer are clustered as the knobs and edits say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame
    from napari_shiftseg.gui.mend.steering.made_with import MadeWith
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
    made : MadeWith
        What made the labels of the others.
    unread : mapping of tuple of int to MadeWith
        But for these.

    Attributes
    ----------
    all : frozenset of tuple of int
    stale : set of tuple of int
    unread : dict of tuple of int to MadeWith
        And what made their labels.
    """

    def __init__(
        self,
        positions: Iterable[Point],
        unfinished: Collection[Point],
        made: MadeWith,
        unread: Mapping[Point, MadeWith],
    ) -> None:
        self.all = frozenset(positions)
        self.stale: set[Point] = set(self.all)
        self.unread: dict[Point, MadeWith] = {
            at: unread.get(at, made) for at in self.all if at not in unfinished
        }
        self._known: dict[Point, SteeredFrame] = {}

    @property
    def unfinished(self) -> set[Point]:
        """Frames whose labels may be of two clusterings now."""
        read = self.all - self.unread.keys()
        return {at for at in read if at in self.stale or at not in self._known}

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

    def keep(self, frame: SteeredFrame) -> None:
        """Take a frame that was clustered, and whose labels are shown."""
        self.unread.pop(frame.position, None)
        self._known[frame.position] = frame

    def give_up(self, position: Point) -> None:
        """Know nothing of a frame, nor try it again: its labels are not all its own."""
        self.stale.discard(position)
        self._known.pop(position, None)

    def turn(self) -> None:
        """Let all frames be stale."""
        self.stale = set(self.all)

    def read_again(self, made: MadeWith) -> None:
        """Let all frames be unread, but for those of two clusterings.

        `made`: what made the labels of those that were read.
        """
        unfinished = self.unfinished
        self.unread = {
            at: self.unread.get(at, made) for at in self.all if at not in unfinished
        }
