"""A labels layer that is steered: clustered anew, mended; long work in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.gui.mend.frames import (
    FrameRequest,
    ShownLabels,
    SteeredFrames,
    frame_steps,
)
from napari_shiftseg.gui.mend.layers import LayerColours
from napari_shiftseg.gui.mend.numbers import StackNumbers, WrittenBoxes
from napari_shiftseg.gui.mend.object_table import LayerTable
from napari_shiftseg.gui.mend.table import Notes
from napari_shiftseg.gui.mend.undo import (
    DragWatch,
    EditHistory,
    is_small,
    outcome_of,
    outcome_steps,
    why_nothing,
)
from napari_shiftseg.gui.parts.jobs import FrameTask, OneJob
from napari_shiftseg.gui.parts.records import LayerRecord, MadeWith
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.gui.mend.numbers import Linked
    from napari_shiftseg.gui.mend.undo import EditOutcome
    from napari_shiftseg.gui.parts.jobs import Listener
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edits import Edit
    from napari_shiftseg.mending.mending import Mending
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.relabelling.relabel import Kept


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
        self._record = LayerRecord(layer)
        self.clustering = self._record.clustering(kept)
        self._in_view, self._listener = in_view, listener
        unfinished, unread = self._record.frames()
        self.table = LayerTable(layer, kept)
        self.history = EditHistory(
            layer, self._mending_of, listener.changed, layer.ndim - kept.ndim,
            self._passing_mending, self.table.follow,
        )  # fmt: skip
        self._record.forget_frames()  # known now; not if the edits are none
        self._frames = SteeredFrames(kept.frames, unfinished, self._made, unread)
        self._job = OneJob(self._failed, self._job_ended, self._progressed)
        self._colours, self._notes = LayerColours(layer), Notes(listener.said)
        self._written, self._numbers = WrittenBoxes(), StackNumbers.of(layer, kept)
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

    def revision_of(self, position: Point) -> int:
        """Return a number that rises when the edits of a frame change."""
        return self.history.store.revision_of(position)

    def turn(self, clustering: Clustering) -> None:
        """Cluster anew; what was begun with an older turn is given up."""
        if clustering != self.clustering:
            self.clustering = clustering
            self.table.forget()
            self._record.write_clustering(self.kept, clustering)
            self._begin_anew(self._frames.all)

    def use(self, edits: Sequence[Edit]) -> None:
        """Let these be the edits, and make them on the objects as clustered.

        Frames whose edits stay the same stay as they are.
        """
        before = self.history.store.revision
        self.history.settle(edits)
        strange = sum(edit.frame not in self._frames.all for edit in edits)
        if strange:
            self._listener.said(
                f"{number_of(strange, 'edit')} of frames that this result does "
                f"not have: they do nothing here.",
                "warning",
            )
        changed = {at for at in self._frames.all if self.revision_of(at) > before}
        self._begin_anew(changed)

    def do(self, edit: Edit) -> None:
        """Let an edit act; what it contradicts is named, and it wins.

        It acts at once if its frame is clustered, no other edit waits and it looks at
        few pixels; else it is computed in a thread.
        """
        frame = self.frame(edit.frame)
        waits = self._drag.is_drawing or any(task.edit for task in self._job.waiting)
        if frame is None or waits or not is_small(edit, frame.mending):
            self.add(self._task_of(edit))
        else:
            revision = self.revision_of(edit.frame)
            self._act(edit, outcome_of(edit, frame, frame.mending, revision))

    def add(self, task: FrameTask) -> None:
        """Queue what needs the frame in view to be clustered, or others."""
        self._job.add(task)
        self._give_way()
        self._continue()

    def look(self) -> None:
        """Learn that another frame is shown: it comes first."""
        shown, _ = self._in_view()
        self._colours.go_to(shown, self._frames.last(shown))
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
            if not self._is_current(at, known.clustering, known.revision)
        }
        self._record.write_frames(unfinished, others)

    @property
    def _made(self) -> MadeWith:
        """What frames are made with that are as knobs and edits say."""
        store = self.history.store
        return MadeWith(self.clustering, store.edits, store.revision)

    # One job at a time

    def _begin_anew(self, frames: Collection[Point]) -> None:
        self._frames.turn(frames)
        busy = self._job.frame
        if busy in frames and busy not in self._frames.unread:
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
        elif not self._numbers.are_linked:
            self._link()
        elif self.table.is_stale:
            self.table.measure(self._job, lambda: self.history.store.revision)
            self._listener.changed()

    def _link(self) -> None:
        """Give objects the numbers of the stack, once all frames are clustered."""
        frames = self.frames
        if len(frames) < len(self._frames.all):
            return

        def take(found: Linked) -> None:
            if frames == self.frames:  # else they are linked when all are done
                self._begin_anew(self._numbers.link(found, frames))

        self._job.run(self._numbers.steps(frames), take)
        self._listener.changed()

    def _cluster(self, position: Point) -> None:
        shown, view = self._in_view()
        unread = self._frames.unread.get(position)
        labels = self.layer.data[position].copy() if unread is not None else None
        request = FrameRequest(
            self.kept,
            position,
            self._made if unread is None else unread,
            self._frames.last(position),
            view if position == shown else None,
            labels,
            self._colours.known.get(position),
            self._numbers.at(position),
        )
        steps = frame_steps(request)
        self._job.run(steps, lambda frame: self._take(frame, labels), position)
        self._listener.changed()

    def _progressed(self, progress: Progress) -> None:
        position = self._job.frame
        if position is None or self._drag.is_drawing:
            return
        if isinstance(progress, ShownLabels) and progress.colours is not None:
            if self.history.store.acts_in(position):  # on labels that are no more
                self.history.settle(self.history.edits)
            self.layer.data[progress.at] = progress.labels
            self._written.note(progress.at, self.layer.data[position].shape)
            self._colours.refresh(progress.colours)

    def _job_ended(self) -> None:
        self._continue()
        self._listener.changed()

    def _failed(self, error: BaseException, position: Point | None) -> None:
        if position is not None:  # the same would fail again
            self._frames.give_up(position)
        self._listener.said(str(error), "error")

    # What comes out

    def _take(self, frame: SteeredFrame, read: NDArray[np.integer] | None) -> None:
        """Show a frame that was clustered anew, its edits made again.

        Knobs, edits and labels may have changed meanwhile: then it is done again.
        """
        position = frame.position
        is_current = self._is_current(position, frame.clustering, frame.revision)
        if self._drag.is_drawing or (read is None and not is_current):
            return
        if read is not None and not np.array_equal(read, self.layer.data[position]):
            return
        frame.mending.move_to(self.layer.data[position])
        self._frames.keep(frame)
        self._numbers.take(frame)
        self._written.forget(position)
        if frame.adopted or self.history.store.acts_in(position):
            self.history.settle((*self.history.edits, *frame.adopted))
        if is_current:
            self._frames.stale.discard(position)
            self._record.write_clustering(self.kept, self.clustering)
        self._colours.take(frame, position == self._in_view()[0])
        self._notes.tell(frame, self.frames, self.history.edits)

    def _is_current(
        self, position: Point, clustering: Clustering, revision: int
    ) -> bool:
        """Whether knobs and edits of a frame are those that it was made with."""
        return clustering == self.clustering and self.revision_of(position) <= revision

    def _task_of(self, edit: Edit) -> FrameTask:
        """Return what computes an edit in a thread, on a copy of its frame."""
        at = edit.frame
        return FrameTask(
            lambda: outcome_steps(edit, self.clustered(at), self.revision_of(at)),
            lambda found: self._act(edit, found),
            frame=at,
            edit=edit,
        )

    def _act(self, edit: Edit, found: EditOutcome) -> None:
        change = found.change
        if self._drag.is_drawing or not self._holds(edit, found):
            self._job.add(self._task_of(edit), first=True)  # others changed the labels
            self._continue()
        elif change is None:
            self._listener.said(str(found.error), "error")
        elif not change.pixels:
            self._listener.said(why_nothing(edit), "note")
        else:
            self.layer.visible = True  # napari cannot paint on what it never drew
            self.history.do(edit, change)
            if found.contradicted:
                older = "; ".join(map(str, found.contradicted))
                self._listener.said(
                    f"This overrules an earlier edit ({older}): the newest wins.",
                    "warning",
                )

    def _holds(self, edit: Edit, found: EditOutcome) -> bool:
        """Whether frame, edits and labels are still those that it was computed on."""
        change, at = found.change, edit.frame
        if (self.frame(at), self.revision_of(at)) != (found.frame, found.revision):
            return False
        return change is None or np.array_equal(
            self.layer.data[change.place], change.before
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
        frame = self._frames.last(position)
        if frame is None or position in self._frames.unread:
            return None
        return self._written.mending(frame, self.layer.data[position], painted)

    def _data_replaced(self) -> None:
        """Read all frames again: a script, or another data type."""
        if self.layer.data.shape != self._shape:
            self._listener.said("The labels have another shape now.", "error")
            self.stop()
            return
        self._frames.read_again(self._made)
        self.history.settle(self.history.edits)
        self._begin_anew(self._frames.all)
