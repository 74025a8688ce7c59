"""A labels layer that is steered: clustered anew, mended, all off the GUI thread."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.gui.job import Job
from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.mend.edit_history import EditHistory
from napari_shiftseg.gui.mend.frame_steps import ShownLabels, frame_steps
from napari_shiftseg.inference.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.mend.frame_steps import SteeredFrame
    from napari_shiftseg.interaction.editing.edits import Edit, Point
    from napari_shiftseg.interaction.editing.frame import Change
    from napari_shiftseg.interaction.steering.kept import Kept
    from napari_shiftseg.model.config import Clustering


@dataclass(frozen=True)
class Task:
    """What is done off the GUI thread once the frame in view is clustered."""

    steps: Callable[[], Generator[Progress, None, Any]]
    done: Callable[[Any], None]


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
    knobs say otherwise than it was, then come the tasks, then the other frames.

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
        self.clustering = kept.clustering
        self._in_view, self._listener = in_view, listener
        self._frames: dict[Point, SteeredFrame] = {}
        self._stale: set[Point] = set(kept.frames)
        self._tasks: deque[Task] = deque()
        self._job: Job | None = None
        self._clustering_now: Point | None = None
        self._stopped = False
        self.history = EditHistory(
            layer, self._mending_of, listener.changed, layer.ndim - kept.ndim
        )
        self._continue()

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return self._job is not None

    @property
    def is_clustering(self) -> bool:
        """Whether labels are being made anew."""
        return self._clustering_now is not None

    def frame(self, position: Point) -> SteeredFrame | None:
        """Return a frame as it is clustered now; None while it is not yet."""
        return None if position in self._stale else self._frames.get(position)

    @property
    def frames(self) -> dict[Point, SteeredFrame]:
        """Frames as they are clustered now, by their positions."""
        return {
            at: frame for at, frame in self._frames.items() if at not in self._stale
        }

    def turn(self, clustering: Clustering) -> None:
        """Cluster anew; what was begun with an older turn is given up."""
        if clustering != self.clustering:
            self.clustering = clustering
            self._begin_anew()

    def use(self, edits: Sequence[Edit]) -> None:
        """Let these be the edits, and make them on the objects as clustered."""
        self.history.settle(edits)
        self._begin_anew()

    def do(self, edit: Edit) -> None:
        """Let an edit act; what it contradicts is named, and it wins."""

        def steps() -> Generator[Progress, None, Any]:
            yield Progress(0, 1, stage="mending")
            frame = self.frame(edit.frame)
            if frame is None:
                raise ValueError("this plane is still being clustered: try again")
            change = frame.mending.change_of(edit)
            return change, frame.mending.contradicted(change)

        self.add(Task(steps, lambda found: self._act(edit, *found)))

    def add(self, task: Task) -> None:
        """Queue what needs the frame in view to be clustered."""
        self._tasks.append(task)
        self._continue()

    def look(self) -> None:
        """Learn that another frame is shown: it comes first."""
        self._continue()

    def stop(self) -> None:
        """Give up what is being done, and let the layer alone."""
        self._stopped = True
        self._tasks.clear()
        self.history.stop()
        if self._job is not None:
            self._job.abandon()

    # One job at a time

    def _begin_anew(self) -> None:
        self._stale = set(self.kept.frames)
        if self.is_clustering:
            self._job.cancel()  # the next begins when its thread has ended
        self._continue()

    def _continue(self) -> None:
        if self._job is not None or self._stopped:
            return
        shown, _ = self._in_view()
        if shown in self._stale:
            self._cluster(shown)
        elif self._tasks:
            task = self._tasks.popleft()
            self._run(task.steps(), task.done)
        elif self._stale:
            self._cluster(min(self._stale))

    def _cluster(self, position: Point) -> None:
        self._clustering_now = position
        shown, view = self._in_view()
        self._run(
            frame_steps(
                self.kept,
                self._frames.get(position),
                position,
                self.clustering,
                [edit for edit in self.history.edits if edit.frame == position],
                view if position == shown else None,
                self._as_shown(position),
            ),
            self._take,
        )

    def _run(
        self, steps: Generator[Progress, None, Any], done: Callable[[Any], None]
    ) -> None:
        self._job = Job(
            steps,
            self._progressed,
            lambda value: self._ended(done, value),
            self._failed,
            self._ended,
        )
        self._listener.changed()

    def _progressed(self, progress: Progress) -> None:
        if isinstance(progress, ShownLabels):
            self.layer.data[progress.at] = progress.labels
            self.layer.refresh()

    def _ended(
        self, done: Callable[[Any], None] | None = None, value: Any = None
    ) -> None:
        self._job, self._clustering_now = None, None
        if done is not None:
            done(value)
        self._continue()
        self._listener.changed()

    def _failed(self, error: BaseException) -> None:
        position = self._clustering_now
        if position is not None:  # the same would fail again
            self._stale.discard(position)
        self._listener.said(str(error), "error")
        self._ended()

    def _as_shown(self, position: Point) -> NDArray[np.integer] | None:
        """Return the labels of a frame that is met for the first time.

        Others may have painted on it; after a turn that can no longer be told.
        """
        if position in self._frames or self.clustering != self.kept.clustering:
            return None
        return self.layer.data[position].copy()

    # What comes out

    def _take(self, frame: SteeredFrame) -> None:
        """Show a frame that was clustered anew, its edits made again."""
        if frame.clustering != self.clustering:  # the knob was turned meanwhile
            return
        frame.mending.move_to(self.layer.data[frame.position])
        self._frames[frame.position] = frame
        self._stale.discard(frame.position)
        self.history.settle((*self.history.edits, *frame.adopted))
        self._record_clustering()
        self.layer.refresh()
        for note in frame.notes:
            self._listener.said(note, "warning")

    @property
    def chosen(self) -> dict[str, Any]:
        """The clustering as settings of a run that gives these objects again."""
        without = {"background_embedding"}
        if not self.kept.has_foreground:
            without.add("foreground_threshold")
        return self.clustering.model_dump(exclude=without)

    def _record_clustering(self) -> None:
        record = self.layer.metadata[METADATA_KEY]
        settings = record["settings"] | self.chosen
        self.layer.metadata[METADATA_KEY] = record | {"settings": settings}

    def _act(self, edit: Edit, change: Change, contradicted: Sequence[int]) -> None:
        frame = self.frame(edit.frame)
        if frame is None or not np.array_equal(
            self.layer.data[(*change.frame, *change.box)], change.before
        ):  # others changed the labels meanwhile
            self.do(edit)
            return
        older = [str(frame.mending.made[index].edit) for index in contradicted]
        self.history.do(edit, change)
        if older:
            self._listener.said(
                f"This overrules an earlier edit ({'; '.join(older)}): the newest "
                f"wins.",
                "warning",
            )

    def _mending_of(self, position: Point) -> Any:
        frame = self.frame(position)
        return frame.mending if frame is not None else None
