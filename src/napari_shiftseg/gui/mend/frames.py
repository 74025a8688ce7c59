"""One frame clustered anew and its edits made again: what a thread does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.cluster import NO_BACKGROUND
from napari_shiftseg.gui.mend.layers import colour_table, kept_colours, usual_of
from napari_shiftseg.progress import Progress, Returning
from napari_shiftseg.relabelling.numbers import FrameNumbers

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
    from napari_shiftseg.relabelling.numbers import NewNumbers
    from napari_shiftseg.relabelling.relabel import InView, Kept, Relabelling


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
        What made the labels of the others, but for those
    unread : mapping of tuple of int to MadeWith
        of which this is known.
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

    def turn(self, frames: Iterable[Point]) -> None:
        """Let frames be stale."""
        self.stale.update(frames)

    def read_again(self, made: MadeWith) -> None:
        """Let all frames be unread, but for those of two clusterings.

        `made`: what made the labels of those that were read.
        """
        unfinished = self.unfinished
        self.unread = {
            at: self.unread.get(at, made) for at in self.all if at not in unfinished
        }


@dataclass(frozen=True, eq=False)
class SteeredFrame:
    """A frame as it is clustered now.

    Attributes
    ----------
    relabelling : Relabelling
        Clusters it again, and remembers.
    objects : Objects
        Before the edits, and
    numbers : FrameNumbers
        what they are called in the labels.
    mending : Mending
        Its labels, mended.
    clustering : Clustering
        That made them.
    adopted : tuple of Edit
        What others had painted.
    revision : int
        Of the edits that were to be made.
    left_out : mapping of int to str
        Those of its edits, by their index among them, that could not be made, and why.
    overruled : mapping of int to int
        Those that no longer hold, and the newer one that wins; by the same index.
    colours : ndarray
        (objects + 1, 4), of its objects before the edits.
    why_no_object : str
        What made all objects go, if there is none before the edits.
    """

    relabelling: Relabelling
    objects: Objects
    numbers: FrameNumbers
    mending: Mending
    clustering: Clustering
    adopted: tuple[Edit, ...]
    revision: int
    left_out: Mapping[int, str]
    overruled: Mapping[int, int]
    colours: NDArray[np.float32]
    why_no_object: str

    @property
    def position(self) -> Point:
        """On the leading axes."""
        return self.mending.frame

    @property
    def predicted(self) -> Prediction:
        """What the network says of it."""
        return self.relabelling.prediction

    @property
    def mode_of(self) -> NDArray[np.int64]:
        """The mode of each object that the labels may show; -1: it has none."""
        return self.numbers.by_number(self.objects.mode_of, NO_BACKGROUND)

    @property
    def number_found(self) -> int:
        """How many objects there are before the edits."""
        return len(self.objects.mode_of) - 1

    @property
    def why_none(self) -> str:
        """What made all objects go; "" where there are some."""
        if self.mending.boxes:
            return ""
        return self.why_no_object or f"edits removed the {self.number_found:,} found"


@dataclass(frozen=True, slots=True)
class ShownLabels(Progress):
    r"""What is in view is labelled; the rest is not yet.

    Attributes
    ----------
    at : tuple
        Where in the layer: the frame, and a slice an axis.
    labels : ndarray of int
        (\*view), mended.
    colours : ndarray
        (colours + 1, 4), of its objects.
    """

    at: tuple[Any, ...] = ()
    labels: Any = field(default=None, repr=False)
    colours: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class FrameRequest:
    r"""A frame to be clustered; nothing of it changes meanwhile.

    Attributes
    ----------
    kept : Kept
    position : tuple of int
        Of the frame.
    made : MadeWith
        Clustering and edits, of all frames, the oldest first.
    known : SteeredFrame or None
        The frame as it was clustered before.
    view : sequence of (int, int) or None
        Pixels of the image that are shown.
    painted : ndarray of int or None
        (\*spatial), labels of the frame that others may have painted on: where they
        differ from what is made here, they are taken as edits.
    colours : ndarray or None
        (objects + 1, 4), of the frame as it was clustered before, if it has others than
        the usual ones.
    numbers : FrameNumbers or None
        That the objects have, or are to have, with this clustering; None: from 1 on.
    """

    kept: Kept
    position: Point
    made: MadeWith
    known: SteeredFrame | None = None
    view: Region | None = None
    painted: NDArray[np.integer] | None = None
    colours: NDArray[np.float32] | None = None
    numbers: FrameNumbers | None = None

    def numbered(self, objects: Objects) -> FrameNumbers:
        """Return what objects are called; of another clustering, those that stay."""
        known, numbers, count = self.known, self.numbers, len(objects.mode_of)
        if numbers is None:
            return FrameNumbers.of_image(count - 1)
        is_same = (
            known is None
            or self.painted is not None
            or known.clustering == self.made.clustering
        )
        if is_same and len(numbers.own) == count:
            return numbers
        if known is not None:
            return known.numbers.following(known.objects.labels, objects.labels)
        nothing = FrameNumbers(numbers.own[:1], numbers.new)
        return nothing.following(np.zeros_like(objects.labels), objects.labels)

    def coloured(
        self,
        labels: NDArray[Any],
        numbers: NDArray[np.int32],
        box: tuple[Any, ...] = (...,),
    ) -> NDArray[np.float32]:
        r"""Return colours, (objects + 1, 4): objects that stay keep theirs.

        Parameters
        ----------
        labels : ndarray of int
            (\*box), from 1 without gaps.
        numbers : ndarray of int
            (objects + 1,), what they are called.
        box : tuple of slice
            Of the frame; all of it by default.
        """
        known, before = self.known, self.colours
        if known is None or self.painted is not None:
            if before is None or len(before) != len(numbers):
                return usual_of(numbers)
            return before
        if before is None:
            before = usual_of(known.numbers.own)
        return kept_colours(known.objects.labels[box], before, labels, numbers)


def frame_steps(request: FrameRequest) -> Generator[Progress, None, SteeredFrame]:
    """Cluster a frame, what is in view first, and make its edits again."""
    from napari_shiftseg.mending.replay import overruled
    from napari_shiftseg.relabelling.bandwidth import why_none_steps
    from napari_shiftseg.relabelling.relabel import InView

    kept, known, position = request.kept, request.known, request.position
    clustering, view = request.made.clustering, request.view
    own = [edit for edit in request.made.edits if edit.frame == position]
    relabelling = known.relabelling if known else kept.relabelling(position)
    predicted = relabelling.prediction
    if view is not None:
        sides = zip(view, kept.offset, strict=True)
        view = tuple((a - o, b - o) for (a, b), o in sides)
    steps = Returning(relabelling.steps(clustering, view))
    for progress in steps:
        if not isinstance(progress, InView):
            yield progress
        elif request.painted is None:
            yield _mended_view(request, predicted, progress, own)
    objects = steps.value
    numbers = request.numbered(objects)
    mending = _mending(
        predicted, numbers.own[objects.labels], clustering, position, numbers.new
    )
    left_out = mending.replay(own)
    acted = [i for i in range(len(own)) if i not in left_out]
    lost = {acted[old]: acted[new] for old, new in overruled(mending)}
    adopted = _take_painted(mending, request.painted)
    _ = mending.reach  # found here, not in the GUI thread
    why = ""
    if len(objects.mode_of) == 1:
        why = yield from why_none_steps(relabelling, clustering)
    return SteeredFrame(
        relabelling, objects, numbers, mending, clustering, adopted,
        request.made.revision, left_out, lost,
        request.coloured(objects.labels, numbers.own), why,
    )  # fmt: skip


def _mending(
    predicted: Prediction,
    labels: NDArray[np.integer],
    clustering: Clustering,
    position: Point,
    new_numbers: NewNumbers,
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
        [o + c for o, c in zip(predicted.offset, corner, strict=True)],
        position,
        None if predicted.logit is None else predicted.logit[box],
        new_numbers,
    )


def _mended_view(
    request: FrameRequest, predicted: Prediction, seen: InView, edits: Sequence[Edit]
) -> ShownLabels:
    """Make those edits that lie in view."""
    box = tuple(slice(*pair) for pair in seen.view)
    labels, position = seen.labels.copy(), request.position
    colours, own = None, FrameNumbers.of_image(int(labels.max(initial=0)))
    if request.known is not None:
        colours = colour_table(request.coloured(labels, own.own, box), own.own)
    if edits and labels.size:
        clustering = request.made.clustering
        _mending(predicted, labels, clustering, position, own.new, box).replay(edits)
    return ShownLabels(
        seen.done, seen.total, stage=seen.stage, at=(*position, *box), labels=labels,
        colours=colours,
    )  # fmt: skip


def _take_painted(
    mending: Mending, shown: NDArray[np.integer] | None
) -> tuple[Edit, ...]:
    """Take as edits where the labels shown differ from those of a frame."""
    if shown is None:
        return ()
    where = np.nonzero(shown != mending.labels)
    if not len(where[0]):
        return ()
    before = mending.labels[where]
    mending.labels[where] = shown[where]
    return mending.adopt(where, before)
