"""Steps carried out in a thread."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker

from napari_shiftseg.gui.parts.layout import is_open
from napari_shiftseg.progress import Progress, Returning

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edits import Edit


ASKED = 0.05  # seconds at most from one question whether to go on to the next


class Job:
    """Steps carried out in a thread; all callbacks run in the GUI thread.

    Parameters
    ----------
    steps : generator
        Yields `Progress`; its value goes to `on_done`.
    on_done, on_failed, on_cancelled, on_progress : callable
        Take the value, the exception, nothing, a `Progress`. Just one of the first
        three is called, once, and none after `abandon`.
    stop : callable, optional
        Asks the steps to end by themselves, with a value; without it they are left
        where they are.
    """

    def __init__(
        self,
        steps: Generator[Progress, None, Any],
        on_done: Callable[[Any], None],
        on_failed: Callable[[BaseException], None],
        on_cancelled: Callable[[], None],
        on_progress: Callable[[Progress], None] = lambda _: None,
        stop: Callable[[], None] | None = None,
    ) -> None:
        self._steps = steps
        self._on_progress = on_progress
        self._on_done, self._on_failed = on_done, on_failed
        self._on_cancelled = on_cancelled
        self._has_ended = False
        self._worker = create_worker(
            _stepwise, steps, _start_thread=False, _ignore_errors=True
        )
        self._worker.yielded.connect(self._progressed)
        self._worker.returned.connect(self._returned)
        self._worker.errored.connect(self._failed)
        self._worker.finished.connect(self._finished)
        self._stop = stop or self._worker.quit
        self._worker.start()

    def cancel(self) -> None:
        """Stop after the present step."""
        self._stop()

    def abandon(self) -> None:
        """Stop, and call nobody back: the window is gone."""
        self._has_ended = True
        self._stop()

    def _progressed(self, progress: Progress) -> None:
        if not self._has_ended:
            self._on_progress(progress)

    def _returned(self, value: Any) -> None:
        if isinstance(value, _Failure):
            self._failed(value.error)
        elif not self._has_ended:
            self._has_ended = True
            self._on_done(value)

    def _failed(self, error: BaseException) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._on_failed(error)

    def _finished(self) -> None:
        """Take an end without a value for what it is: the run was cancelled."""
        self._steps.close()
        if not self._has_ended:
            self._has_ended = True
            self._on_cancelled()


@dataclass(frozen=True)
class _Failure:
    error: RuntimeError


def _stepwise(steps: Generator[Progress, None, Any]) -> Generator[Progress, None, Any]:
    """Pass steps on. The worker takes a RuntimeError for its own end, so wrap it.

    Steps that say the same as the one before come a few times a second, often enough
    to be asked whether to go on.
    """
    returning, said, then = Returning(steps), None, 0.0
    try:
        for step in returning:
            if step == said and perf_counter() - then < ASKED:
                continue
            said, then = step, perf_counter()
            yield step
    except RuntimeError as error:
        return _Failure(error)
    return returning.value


class LatestJobs:
    """Carries steps out in threads; those begun before under one name are abandoned.

    Parameters
    ----------
    owner : QWidget
        Nobody is called back when it is gone.
    failed : callable
        Takes the words of an error.
    """

    def __init__(self, owner: QWidget, failed: Callable[[str], None]) -> None:
        self._owner, self._failed = owner, failed
        self._jobs: dict[str, Job] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._jobs)

    def run(
        self,
        name: str,
        steps: Generator[Progress, None, Any],
        done: Callable[[Any], None],
    ) -> None:
        """Begin steps; their value goes to `done`, in the GUI thread.

        Parameters
        ----------
        name : str
        steps : generator
            Yields `Progress`.
        done : callable
            Takes the value.
        """
        self.abandon(name)
        self._jobs[name] = Job(
            steps,
            lambda value: self._ended(name, done, value),
            lambda error: self._ended(name, self._failed, str(error)),
            lambda: self._ended(name, lambda: None),
        )

    def abandon(self, name: str) -> None:
        """Give the steps of this name up, if there are any."""
        if name in self._jobs:
            self._jobs.pop(name).abandon()

    def abandon_all(self) -> None:
        """Give all up."""
        for name in list(self._jobs):
            self.abandon(name)

    def _ended(self, name: str, take: Callable[..., None], *value: Any) -> None:
        del self._jobs[name]
        if is_open(self._owner):
            take(*value)


@dataclass(frozen=True)
class FrameTask:
    """What is done off the GUI thread once the frame in view is clustered, or others.

    Attributes
    ----------
    steps : callable
        Returns a generator of `Progress`; its value goes to `done`. It is called in
        the GUI thread and takes copies there: the generator runs in another.
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


@dataclass(frozen=True)
class Listener:
    """Whom a steered layer tells, in the GUI thread.

    `changed`: labels or edits are others, or a job has begun or ended. `said` takes
    what the user should read, and its kind ("note", "warning", "error").
    """

    changed: Callable[[], None]
    said: Callable[[str, str], None]


class OneJob:
    """Runs steps in a thread, one job at a time; tasks wait until they are taken.

    Parameters
    ----------
    failed : callable
        Takes the error, and the frame that was clustered or None.
    ended : callable
        Called after the end of every job, whichever it was.
    progressed : callable, optional
        Takes a `Progress`.

    Attributes
    ----------
    frame : tuple of int or None
        That is being clustered; None: a task, or nothing, is being done.
    """

    def __init__(
        self,
        failed: Callable[[BaseException, Point | None], None],
        ended: Callable[[], None],
        progressed: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.frame: Point | None = None
        self._progressed, self._failed, self._ended = progressed, failed, ended
        self._tasks: deque[FrameTask] = deque()
        self._task: FrameTask | None = None
        self._job: Job | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return self._job is not None

    @property
    def next_task(self) -> FrameTask | None:
        """The task that has waited longest."""
        return self._tasks[0] if self._tasks else None

    @property
    def waiting(self) -> list[FrameTask]:
        """The tasks that are not done, that under way among them."""
        return [*([self._task] if self._task is not None else []), *self._tasks]

    def add(self, task: FrameTask, first: bool = False) -> None:
        """Queue a task; `first`: before those that wait.

        Parameters
        ----------
        task : FrameTask
        first : bool
        """
        if first:
            self._tasks.appendleft(task)
        else:
            self._tasks.append(task)

    def do_task(self) -> None:
        """Begin the task that has waited longest."""
        task = self._tasks.popleft()
        try:
            steps = task.steps()
        except ValueError as error:
            failed = error  # Python forgets the other name
            self._end(lambda: self._failed(failed, None))
        else:
            self.run(steps, task.done)
            self._task = task

    def run(
        self,
        steps: Generator[Progress, None, Any],
        done: Callable[[Any], None],
        frame: Point | None = None,
    ) -> None:
        """Begin a job, perhaps to cluster a frame; nothing else may be under way.

        Parameters
        ----------
        steps : generator
            Yields `Progress`.
        done : callable
            Takes the value.
        frame : tuple of int, optional
            That is clustered.
        """
        self.frame = frame
        self._job = Job(
            steps,
            lambda value: self._end(lambda: done(value)),
            lambda error: self._end(lambda: self._failed(error, frame)),
            lambda: self._end(lambda: None),
            self._progressed,
        )

    def cancel(self) -> None:
        """Give up what is being done; it ends when its thread has."""
        if self._job is not None:
            self._job.cancel()

    def abandon(self) -> list[FrameTask]:
        """Give up everything, call nobody back, and return the tasks not done."""
        left = self.waiting
        self._tasks.clear()
        if self._job is not None:
            self._job.abandon()
            self._job = self.frame = self._task = None
        return left

    def _end(self, tell: Callable[[], None]) -> None:
        self._job = self.frame = self._task = None  # the next may begin meanwhile
        tell()
        self._ended()
