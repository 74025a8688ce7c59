"""What any workers have in common: blocks are handed out, and results collected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import FIRST_COMPLETED, wait
from threading import Event
from typing import TYPE_CHECKING, Any

from napari_shiftseg.device import resolve_device, usual_engine
from napari_shiftseg.inference.compiled import check_engine
from napari_shiftseg.progress import LOOK, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from concurrent.futures import Future

    from napari_shiftseg.pipeline.settings import Settings


class Watch:
    """What threads say of the blocks they are at, and whether they are to leave them.

    Attributes
    ----------
    stop : Event
    go : Event
        Blocks wait as long as it is cleared.
    within : dict
        By the number of a block: tiles of it that are done.
    """

    def __init__(self) -> None:
        self.stop, self.go = Event(), Event()
        self.go.set()
        self.within: dict[int, int] = {}

    def __call__(self, number: int, tiles: int) -> bool:
        """Say how far a block is; returns whether to leave it."""
        self.within[number] = tiles
        self.go.wait()
        return self.stop.is_set()


class LostError(Exception):
    """A call could not be begun: the worker that was there is no more."""


AHEAD = 2  # blocks a worker, that are handed out before it asks for them


class Crew(ABC):
    """Workers that make calls, one a block.

    Attributes
    ----------
    watch : Watch or None
        Of threads; workers of a cluster end their block.
    """

    def __init__(self, watch: Watch | None = None) -> None:
        self.watch = watch

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many blocks are worked on at once, now."""

    @abstractmethod
    def computes(self, settings: Settings) -> tuple[str, str]:
        """Return the kind of device, and the engine, that predict by these settings.

        The engine may still fail, and leave the work to another one.

        Raises
        ------
        ValueError
            If there is no such device, the engine does not go with it, or workers
            would compute by different ones.
        """

    @abstractmethod
    def submit(
        self, function: Callable[..., Any], job: Any, number: int
    ) -> Future[Any]:
        """Begin a call ``function(job, number)``.

        Raises
        ------
        LostError
            If that is of no use now.
        """

    def result(self, call: Future[Any]) -> Any:
        """Return what a call gave that has ended, or raise what it raised."""
        return call.result()

    def recovered(self) -> Generator[str]:
        """Make ready for calls again, after one was lost; yields what is waited for.

        Raises
        ------
        OSError
            If that is of no use.
        """
        yield from ()

    def steps(
        self,
        function: Callable[..., Any],
        job: Any,
        sizes: Mapping[int, int],
        stage: str,
        done: int = 0,
        follow: Callable[[Any], object] | None = None,
    ) -> Generator[Progress, None, list[Any]]:
        """Do one thing with blocks, in any order; yields `Progress` on the way.

        Returns what it returned, in no order. An error of one block ends it all. A
        block that is lost with its worker runs again.

        Parameters
        ----------
        function : callable
            Takes the job and the number of a block.
        job : Job
            Or whatever else the function takes first.
        sizes : mapping
            Of the blocks by their numbers, in the order in which they are handed out.
            Progress is counted in these.
        stage : str
            What is done, for the progress.
        done : int
            What was done before.
        follow : callable, optional
            Is told what was returned, as soon as it is.
        """
        total, results = done + sum(sizes.values()), []
        if self.watch is not None:
            self.watch.within.clear()
        waiting = list(sizes)
        running: dict[Future[Any], int] = {}
        try:
            while waiting or running:
                is_lost = False
                while waiting and len(running) < AHEAD * self.workers and not is_lost:
                    try:
                        running[self.submit(function, job, waiting[0])] = waiting[0]
                        del waiting[0]
                    except LostError:
                        is_lost = True
                ended, _ = wait(running, LOOK, FIRST_COMPLETED)
                lost = [running.pop(call) for call in ended if call.cancelled()]
                waiting[:0] = lost
                for call in ended:
                    if not call.cancelled():
                        results.append(self.result(call))
                        if follow is not None:
                            follow(results[-1])
                        done += sizes[running.pop(call)]
                now = Progress(done + self._within(running), total, stage=stage)
                yield now
                for note in self.recovered() if lost or is_lost else ():
                    yield Progress(now.done, total, note, stage)
        finally:
            self._leave([call for call in running if not call.cancel()])
        return results

    def _leave(self, running: list[Future[Any]]) -> None:
        """Let threads leave their blocks, and wait: then nobody writes any more."""
        if self.watch is not None and running:
            self.watch.stop.set()
            self.watch.go.set()
            wait(running)
            self.watch.stop.clear()

    def _within(self, running: Mapping[Future[Any], int]) -> int:
        """Return what is done of the blocks that are not."""
        if self.watch is None:
            return 0
        return sum(self.watch.within.get(number, 0) for number in running.values())


def computing(settings: Settings) -> tuple[str, str]:
    """Return the kind of device, and the engine, by which this process predicts.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    ValueError
        If there is no such device, or the engine does not go with it.
    """
    device = resolve_device(settings.device)
    check_engine(settings.engine, device, settings.precision)
    engine = usual_engine(settings.engine, device.type, settings.precision)
    return device.type, engine
