"""One job at a time, off the GUI thread, and the tasks that wait for it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.gui.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_shiftseg.inference.progress import Progress
    from napari_shiftseg.interaction.editing.edits import Edit
    from napari_shiftseg.interaction.editing.positions import Point


@dataclass(frozen=True)
class Task:
    """What is done off the GUI thread once the frame in view is clustered, or others.

    Attributes
    ----------
    steps : callable
        Returns a generator of `Progress`; its value goes to `done`.
    done : callable
    all_frames : bool
        Wait until every frame is clustered.
    frame : tuple of int, optional
        Wait until this one is, wherever the user goes meanwhile.
    edit : Edit, optional
        That it makes.
    """

    steps: Callable[[], Generator[Progress, None, Any]]
    done: Callable[[Any], None]
    all_frames: bool = False
    frame: Point | None = None
    edit: Edit | None = None


class OneJob:
    """Runs steps in a thread, one job at a time; tasks wait until they are taken.

    Parameters
    ----------
    progressed : callable
        Takes a `Progress`.
    failed : callable
        Takes the error, and the frame that was clustered or None.
    ended : callable
        Called after the end of every job, whichever it was.

    Attributes
    ----------
    frame : tuple of int or None
        That is being clustered; None: a task, or nothing, is being done.
    """

    def __init__(
        self,
        progressed: Callable[[Progress], None],
        failed: Callable[[BaseException, Point | None], None],
        ended: Callable[[], None],
    ) -> None:
        self.frame: Point | None = None
        self._progressed, self._failed, self._ended = progressed, failed, ended
        self._tasks: deque[Task] = deque()
        self._task: Task | None = None
        self._job: Job | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return self._job is not None

    @property
    def next_task(self) -> Task | None:
        """The task that has waited longest."""
        return self._tasks[0] if self._tasks else None

    def add(self, task: Task, first: bool = False) -> None:
        """Queue a task; `first`: before those that wait."""
        if first:
            self._tasks.appendleft(task)
        else:
            self._tasks.append(task)

    def do_task(self) -> None:
        """Begin the task that has waited longest."""
        task = self._tasks.popleft()
        self.run(task.steps(), task.done)
        self._task = task

    def run(
        self,
        steps: Generator[Progress, None, Any],
        done: Callable[[Any], None],
        frame: Point | None = None,
    ) -> None:
        """Begin a job, perhaps to cluster a frame; nothing else may be under way."""
        self.frame = frame
        self._job = Job(
            steps,
            self._progressed,
            lambda value: self._end(lambda: done(value)),
            lambda error: self._end(lambda: self._failed(error, frame)),
            lambda: self._end(lambda: None),
        )

    def cancel(self) -> None:
        """Give up what is being done; it ends when its thread has."""
        if self._job is not None:
            self._job.cancel()

    def abandon(self) -> list[Task]:
        """Give up everything, call nobody back, and return the tasks not done."""
        left = [self._task] if self._task is not None else []
        left += self._tasks
        self._tasks.clear()
        if self._job is not None:
            self._job.abandon()
        return left

    def _end(self, tell: Callable[[], None]) -> None:
        self._job = self.frame = self._task = None  # the next may begin meanwhile
        tell()
        self._ended()
