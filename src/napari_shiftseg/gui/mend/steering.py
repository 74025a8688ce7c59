"""A labels layer that is steered: clustered anew, mended, all off the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.gui.mend.appearance import SeenLabels, SeenLayer, seen_steps
from napari_shiftseg.gui.mend.frames import SteeredFrames, WrittenBoxes, frame_steps
from napari_shiftseg.gui.mend.history import DragWatch, EditHistory, outcome_of
from napari_shiftseg.gui.mend.table import Notes
from napari_shiftseg.gui.parts.jobs import FrameTask, OneJob
from napari_shiftseg.gui.parts.records import (
    MadeWith,
    forget_frames,
    record_clustering,
    record_frames,
    recorded_clustering,
    recorded_frames,
)
from napari_shiftseg.mending.edits import Redraw
from napari_shiftseg.progress import Progress
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.mend.appearance import SeenFrame
    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.gui.mend.history import EditOutcome
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edits import Edit
    from napari_shiftseg.mending.mending import Mending
    from napari_shiftseg.relabelling.relabel import Kept

AS_PREDICTED = (
    "This outline is that of the predicted foreground already. To widen the object use "
    "Add or napari's brush, or lower “Foreground above”."
)


@dataclass(frozen=True)
class Listener:
    """Whom a steered layer tells, in the GUI thread.

    Attributes
    ----------
    changed : callable
        Labels or edits are others, or a job has begun or ended.
    said : callable
        Takes what the user should read, and its kind ("note", "warning", "error").
    """

    changed: Callable[[], None]
    said: Callable[[str, str], None]


class Steering:
    """A labels layer, what its run kept, and the edits of it.

    One job at a time works in a thread: first the frame in view is clustered, if the
    knobs say otherwise than it was, then come the tasks, then the other frames, which
    give way to what is wanted in view. See `SteeredFrames` for when a frame is done.

    Parameters
    ----------
    layer : Labels
    kept : Kept
        Of the run that made it.
    in_view : callable
        Returns the frame that is shown, and the region of it, in pixels of the image;
        None: all of it.
    listener : Listener
    """

    def __init__(
        self,
        layer: Labels,
        kept: Kept,
        in_view: Callable[[], tuple[Point, Region | None]],
        listener: Listener,
    ) -> None:
        self.layer, self.kept = layer, kept
        self.clustering = recorded_clustering(layer, kept)
        self._in_view, self._listener = in_view, listener
        unfinished, unread = recorded_frames(layer)
        self.history = EditHistory(
            layer,
            self._mending_of,
            listener.changed,
            layer.ndim - kept.ndim,
            self._passing_mending,
        )
        forget_frames(layer)  # known now; not if the edits are none
        self._frames = SteeredFrames(kept.frames, unfinished, self._made, unread)
        self._job = OneJob(self._progressed, self._failed, self._job_ended)
        self._seen, self._notes = SeenLayer(layer), Notes(listener.said)
        self._written = WrittenBoxes()
        self._shape = layer.data.shape
        self._stopped = False
        self._drag = DragWatch(layer, self._continue)
        layer.events.data.connect(self._data_replaced)
        self._continue()

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return self._job.is_busy

    @property
    def is_clustering(self) -> bool:
        """Whether labels are being made anew."""
        return self._job.frame is not None

    def frame(self, position: Point) -> SteeredFrame | None:
        """Return a frame as it is clustered now; None while it is not yet."""
        return self._frames.now(position)

    def clustered(self, position: Point) -> SteeredFrame:
        """Return a frame as it is clustered now.

        Raises
        ------
        ValueError
            If it is not yet.
        """
        frame = self.frame(position)
        if frame is None:
            raise ValueError("this plane is still being clustered: try again")
        return frame

    @property
    def frames(self) -> dict[Point, SteeredFrame]:
        """Frames as they are clustered now, by their positions."""
        return self._frames.current

    def why_none(self, position: Point) -> str:
        """Return what made all objects of a frame go; "" where there are some."""
        return self._seen.why_none(self.frame(position))

    def turn(self, clustering: Clustering) -> None:
        """Cluster anew; what was begun with an older turn is given up."""
        if clustering != self.clustering:
            self.clustering = clustering
            record_clustering(self.layer, self.kept, clustering)
            self._begin_anew()

    def use(self, edits: Sequence[Edit]) -> None:
        """Let these be the edits, and make them on the objects as clustered."""
        self.history.settle(edits)
        strange = sum(edit.frame not in self._frames.all for edit in edits)
        if strange:
            self._listener.said(
                f"{number_of(strange, 'edit')} of frames that this result does "
                f"not have: they do nothing here.",
                "warning",
            )
        self._begin_anew()

    def do(self, edit: Edit) -> None:
        """Let an edit act; what it contradicts is named, and it wins."""
        self.add(self._task_of(edit))

    def add(self, task: FrameTask) -> None:
        """Queue what needs the frame in view to be clustered, or others."""
        self._job.add(task)
        self._give_way()
        self._continue()

    def look(self) -> None:
        """Learn that another frame is shown: it comes first."""
        shown, _ = self._in_view()
        self._seen.go_to(shown, self._frames.last(shown))
        self._give_way()
        self._continue()

    def stop(self) -> None:
        """Give up what is being done, and let the layer alone.

        Edits that wait are made when it is steered again, as all that is not finished.
        """
        if self._stopped:
            return
        self._stopped = True
        tasks, made = self._job.abandon(), self._made
        self.history.stop([task.edit for task in tasks if task.edit is not None])
        self._drag.stop()
        self.layer.events.data.disconnect(self._data_replaced)
        unfinished = self._frames.unfinished
        self._frames.read_again(made)
        others = {
            at: known
            for at, known in self._frames.unread.items()
            if not known.is_like(self._made, at)
        }
        record_frames(self.layer, unfinished, others)

    @property
    def _made(self) -> MadeWith:
        """What frames are made with that are as knobs and edits say."""
        return MadeWith(self.clustering, self.history.edits)

    # One job at a time

    def _begin_anew(self) -> None:
        self._frames.turn()
        if self.is_clustering and self._job.frame not in self._frames.unread:
            self._job.cancel()  # the next begins when its thread has ended
        self._continue()

    def _give_way(self) -> None:
        """Give up a frame in the background for what is wanted sooner."""
        if not self.is_clustering:
            return
        task, following = self._job.next_task, self._next_frame
        sooner = (None, self._in_view()[0], task.frame if task is not None else None)
        if following in sooner and following != self._job.frame:
            self._job.cancel()

    @property
    def _next_frame(self) -> Point | None:
        """The frame to cluster next; None: a task can be done, or nothing is left."""
        stale, task = self._frames.stale, self._job.next_task
        shown, _ = self._in_view()
        if shown in stale:
            return shown
        if task is None or task.all_frames:
            return min(stale, default=None)
        return task.frame if task.frame in stale else None

    def _continue(self) -> None:
        if self.is_busy or self._stopped or self._drag.is_drawing:
            return
        position = self._next_frame
        if position is not None:
            self._cluster(position)
        elif self._job.next_task is not None:
            self._job.do_task()
            self._listener.changed()

    def _cluster(self, position: Point) -> None:
        shown, view = self._in_view()
        known, unread = self._frames.last(position), self._frames.unread.get(position)
        labels = self.layer.data[position].copy() if unread is not None else None
        made = self._made if unread is None else unread
        clustered = frame_steps(
            self.kept,
            known,
            position,
            made.clustering,
            made.edits,
            view if position == shown else None,
            labels,
        )
        former = known if unread is None else None
        steps = seen_steps(clustered, former, self._seen.colours)
        self._job.run(steps, lambda seen: self._take(seen, labels), position)
        self._listener.changed()

    def _progressed(self, progress: Progress) -> None:
        position = self._job.frame
        if position is None or self._drag.is_drawing:
            return
        if isinstance(progress, SeenLabels):
            at = progress.shown.at
            if self.history.acts_in(position):  # on labels that are no more
                self.history.settle(self.history.edits)
            self.layer.data[at] = progress.shown.labels
            self._written.note(position, at[len(position) :])
            self._seen.refresh(progress.colours)

    def _job_ended(self) -> None:
        self._continue()
        self._listener.changed()

    def _failed(self, error: BaseException, position: Point | None) -> None:
        if position is not None:  # the same would fail again
            self._frames.give_up(position)
        self._listener.said(str(error), "error")

    # What comes out

    def _take(self, seen: SeenFrame, read: NDArray[np.integer] | None) -> None:
        """Show a frame that was clustered anew, its edits made again.

        Knobs, edits and labels may have changed meanwhile: then it is done again.
        """
        frame = seen.frame
        position = frame.position
        if self._drag.is_drawing:
            return
        if read is None:
            if not self._is_current(frame):
                return
        elif not np.array_equal(read, self.layer.data[position]):
            return
        frame.mending.move_to(self.layer.data[position])
        self._frames.keep(frame)
        self._written.forget(position)
        if frame.adopted or self.history.acts_in(position):
            self.history.settle((*self.history.edits, *frame.adopted))
        if self._is_current(frame):
            self._frames.stale.discard(position)
            record_clustering(self.layer, self.kept, self.clustering)
        self._seen.keep(seen, is_shown=position == self._in_view()[0])
        self._notes.tell(frame, self.frames)

    def _is_current(self, frame: SteeredFrame) -> bool:
        """Whether knobs and edits are those that a frame was made with."""
        edits = [e for e in self.history.edits if e.frame == frame.position]
        return frame.clustering == self.clustering and list(frame.edits) == edits

    def _task_of(self, edit: Edit) -> FrameTask:
        def steps() -> Generator[Progress, None, EditOutcome]:
            yield Progress(0, 1, stage="mending")
            return outcome_of(edit, self.clustered(edit.frame))

        return FrameTask(
            steps, lambda found: self._act(edit, found), frame=edit.frame, edit=edit
        )

    def _act(self, edit: Edit, found: EditOutcome) -> None:
        frame, change = self.frame(edit.frame), found.change
        if self._drag.is_drawing or not found.holds(frame, self.layer.data):
            self._job.add(self._task_of(edit), first=True)  # others changed the labels
            self._continue()
            return
        if change is None:
            self._listener.said(str(found.error), "error")
            return
        if not change.pixels:
            why = AS_PREDICTED if isinstance(edit, Redraw) else "This changes nothing."
            self._listener.said(why, "note")
            return
        older = [str(found.made[index].edit) for index in found.contradicted]
        self.layer.visible = True  # napari cannot paint on what it never drew
        self.history.do(edit, change)
        if older:
            self._listener.said(
                f"This overrules an earlier edit ({'; '.join(older)}): the newest "
                f"wins.",
                "warning",
            )

    def _mending_of(self, position: Point) -> Mending | None:
        frame = self.frame(position)
        return frame.mending if frame is not None else None

    def _passing_mending(
        self, position: Point, painted: Sequence[NDArray[np.integer]]
    ) -> Mending | None:
        """Return what makes edits of strokes on a frame that is being clustered.

        None for an unread one: what is painted on it is seen when it is read.
        """
        from napari_shiftseg.mending.mending import Mending

        frame = self._frames.last(position)
        if frame is None or position in self._frames.unread:
            return None
        return Mending(
            self._written.alike(position, self.layer.data[position], painted),
            frame.predicted.embedding,
            offset=self.kept.offset,
            frame=position,
        )

    def _data_replaced(self) -> None:
        """Read all frames again: a script, or another data type."""
        if self.layer.data.shape != self._shape:
            self._listener.said("The labels have another shape now.", "error")
            self.stop()
            return
        self._frames.read_again(self._made)
        self.history.settle(self.history.edits)
        self._begin_anew()
