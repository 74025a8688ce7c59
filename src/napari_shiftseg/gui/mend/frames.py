"""One frame clustered anew and its edits made again: what a thread does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.progress import Progress, Returning

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.geometry.tiling import Box, Region
    from napari_shiftseg.gui.parts.records import MadeWith
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edits import Edit
    from napari_shiftseg.mending.mending import Mending
    from napari_shiftseg.pipeline.result import Prediction
    from napari_shiftseg.relabelling.relabel import InView, Kept, Relabelling


class WrittenBoxes:
    """Where frames were labelled by other clusterings than around it.

    A number means another object inside such a box than outside of it.
    """

    def __init__(self) -> None:
        self._boxes: dict[Point, list[Box]] = {}

    def note(self, position: Point, box: Box) -> None:
        """Learn that a box of a frame has new labels."""
        known = self._boxes.setdefault(position, [])
        known[:] = [other for other in known if not _is_within(other, box)]
        known.append(box)

    def forget(self, position: Point) -> None:
        """Learn that the labels of a frame are all of one clustering."""
        self._boxes.pop(position, None)

    def alike(
        self,
        position: Point,
        labels: NDArray[np.integer],
        indices: Sequence[NDArray[np.integer]],
    ) -> NDArray[np.integer]:
        r"""Return the labels of a frame that mean the same objects as a stroke's.

        Where a stroke reaches into several boxes, those of the newest are meant.

        Parameters
        ----------
        position : tuple of int
        labels : ndarray of int
            (\*spatial), of the frame, painted on already.
        indices : sequence of ndarray of int
            Pixels painted, one array an axis.

        Returns
        -------
        ndarray of int
            (\*spatial), 0 where labels are of another clustering than at the stroke.
        """
        boxes = self._boxes.get(position, [])
        if not boxes:
            return labels
        written = np.zeros(labels.shape, dtype=np.uint16)
        for number, box in enumerate(boxes, start=1):
            written[box] = number
        painted = tuple(indices)
        found = np.where(written == written[painted].max(), labels, 0)
        found[painted] = labels[painted]
        return found


def _is_within(box: Box, other: Box) -> bool:
    return all(
        b.start <= a.start and a.stop <= b.stop for a, b in zip(box, other, strict=True)
    )


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


@dataclass(frozen=True)
class SteeredFrame:
    """A frame as it is clustered now.

    Attributes
    ----------
    relabelling : Relabelling
        Clusters it again, and remembers.
    objects : Objects
        Before the edits.
    mending : Mending
        Its labels, mended.
    clustering : Clustering
        That made them.
    notes : tuple of str
        Edits that could not be made again, or no longer hold.
    adopted : tuple of Edit
        What others had painted.
    edits : tuple of Edit
        Of this frame, that were to be made, and those adopted.
    left_out : mapping of int to str
        Those of them, by their index, that could not be made, and why.
    """

    relabelling: Relabelling
    objects: Objects
    mending: Mending
    clustering: Clustering
    notes: tuple[str, ...]
    adopted: tuple[Edit, ...]
    edits: tuple[Edit, ...]
    left_out: Mapping[int, str]

    @property
    def position(self) -> Point:
        """On the leading axes."""
        return self.mending.frame.frame

    @property
    def predicted(self) -> Prediction:
        """What the network says of it."""
        return self.relabelling.prediction


@dataclass(frozen=True, slots=True)
class ShownLabels(Progress):
    r"""What is in view is labelled; the rest is not yet.

    Attributes
    ----------
    at : tuple
        Where in the layer: the frame, and a slice an axis.
    labels : ndarray of int
        (\*view), mended.
    """

    at: tuple[Any, ...] = ()
    labels: Any = None


def frame_steps(
    kept: Kept,
    known: SteeredFrame | None,
    position: Point,
    clustering: Clustering,
    edits: Sequence[Edit],
    view: Region | None,
    shown: NDArray[np.integer] | None,
) -> Generator[Progress, None, SteeredFrame]:
    """Cluster a frame, what is in view first, and make its edits again.

    Parameters
    ----------
    kept : Kept
    known : SteeredFrame or None
        The frame as it was clustered before.
    position : tuple of int
        Of the frame.
    clustering : Clustering
    edits : sequence of Edit
        Of all frames, the oldest first.
    view : sequence of (int, int) or None
        Pixels of the image that are shown.
    shown : ndarray of int or None
        Labels of the frame that others may have painted on: where they differ from what
        is made here, they are taken as edits.
    """
    from napari_shiftseg.mending.replay import notes_on
    from napari_shiftseg.relabelling.relabel import InView

    numbers = [n for n, edit in enumerate(edits) if edit.frame == position]
    own = [edits[n] for n in numbers]
    relabelling = known.relabelling if known else kept.relabelling(position)
    predicted, offset = relabelling.prediction, kept.offset
    if view is not None:
        view = tuple((a - o, b - o) for (a, b), o in zip(view, offset, strict=True))
    steps = Returning(relabelling.steps(clustering, view))
    for progress in steps:
        if not isinstance(progress, InView):
            yield progress
        elif shown is None:
            yield _mended_view(predicted, progress, clustering, own, position)
    objects = steps.value
    mending = _mending(predicted, objects.labels.copy(), clustering, position)
    left_out = mending.replay(own)
    acted = [n for i, n in enumerate(numbers) if i not in left_out]
    notes = notes_on(
        edits,
        {numbers[i] + 1: why for i, why in left_out.items()},
        {acted[old] + 1: acted[new] + 1 for old, new in mending.overruled()},
    )
    adopted = () if shown is None else _take_painted(mending, shown)
    len(mending.frame.boxes)  # found here, not in the GUI thread
    made = (*own, *adopted)
    return SteeredFrame(
        relabelling, objects, mending, clustering, notes, adopted, made, left_out
    )


def _mending(
    predicted: Prediction,
    labels: NDArray[np.integer],
    clustering: Clustering,
    position: Point,
    box: Box | None = None,
) -> Mending:
    """Return labels of a frame, or of a box of it, ready to be mended."""
    from napari_shiftseg.mending.mending import Mending
    from napari_shiftseg.mending.replay import measured_by

    foreground = predicted.foreground(clustering.foreground_threshold)
    box = tuple(slice(0, n) for n in labels.shape) if box is None else box
    corner = [along.start for along in box]
    return Mending(
        labels,
        measured_by(clustering, predicted.embedding[(slice(None), *box)]),
        None if foreground is None else foreground[box],
        clustering.bandwidth,
        [o + c for o, c in zip(predicted.plan.offset, corner, strict=True)],
        position,
        None if predicted.logit is None else predicted.logit[box],
    )


def _mended_view(
    predicted: Prediction,
    seen: InView,
    clustering: Clustering,
    edits: Sequence[Edit],
    position: Point,
) -> ShownLabels:
    """Make those edits that lie in view."""
    box = tuple(slice(*pair) for pair in seen.view)
    labels = seen.labels.copy()
    if edits and labels.size:
        mending = _mending(predicted, labels, clustering, position, box)
        mending.replay(edits)
    return ShownLabels(
        seen.done, seen.total, stage=seen.stage, at=(*position, *box), labels=labels
    )


def _take_painted(mending: Mending, shown: NDArray[np.integer]) -> tuple[Edit, ...]:
    """Take as edits where the labels shown differ from those of a frame."""
    where = np.nonzero(shown != mending.labels)
    if not len(where[0]):
        return ()
    before = mending.labels[where]
    mending.labels[where] = shown[where]
    return mending.adopt(where, before)
