"""Who works on blocks: threads of this process, or the workers of a dask cluster."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import torch

from napari_shiftseg.progress import LOOK, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from concurrent.futures import Executor, Future
    from contextlib import AbstractContextManager


class Watch:
    """What threads say of the blocks they are at, and whether they are to leave them.

    Attributes
    ----------
    stop : Event
    within : dict
        By the number of a block: tiles of it that are done.
    """

    def __init__(self) -> None:
        self.stop = Event()
        self.within: dict[int, int] = {}

    def __call__(self, number: int, tiles: int) -> bool:
        """Say how far a block is; returns whether to leave it."""
        self.within[number] = tiles
        return self.stop.is_set()


AHEAD = 2  # blocks a worker, that are handed out before it asks for them


@dataclass(frozen=True)
class Crew:
    """Workers, behind the interface of `concurrent.futures`.

    Attributes
    ----------
    executor : Executor
        Threads, or that of a ``dask.distributed.Client``.
    workers : int
    share : callable
        Gives what stands for a job in a call: on a cluster, one copy a worker.
    watch : Watch or None
        Of threads; workers of a cluster end their block.
    """

    executor: Executor
    workers: int
    share: Callable[[Any], Any]
    watch: Watch | None = None

    def steps(
        self,
        function: Callable[..., Any],
        job: Any,
        sizes: Mapping[int, int],
        stage: str,
        done: int = 0,
    ) -> Generator[Progress, None, list[Any]]:
        """Do one thing with blocks, in any order; yields `Progress` on the way.

        Returns what it returned, in no order. An error of one block ends it all.

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
        """
        total, results = done + sum(sizes.values()), []
        if self.watch is not None:
            self.watch.within.clear()
        waiting = list(sizes)
        running: dict[Future[Any], int] = {}
        shared = self.share(job)
        try:
            while waiting or running:
                while waiting and len(running) < AHEAD * self.workers:
                    number = waiting.pop(0)
                    call = self.executor.submit(function, shared, number)
                    running[call] = number
                ended, _ = wait(running, LOOK, FIRST_COMPLETED)
                for call in ended:
                    done += sizes[running.pop(call)]
                    results.append(call.result())
                yield Progress(done + self._within(running), total, stage=stage)
        finally:
            for call in running:
                call.cancel()
        return results

    def _within(self, running: Mapping[Future[Any], int]) -> int:
        """Return what is done of the blocks that are not."""
        if self.watch is None:
            return 0
        return sum(self.watch.within.get(number, 0) for number in running.values())


@contextmanager
def threads(workers: int) -> Iterator[Crew]:
    """Give a crew of threads, among which the cores are divided.

    Parameters
    ----------
    workers : int
    """
    before, watch = torch.get_num_threads(), Watch()
    each = max(1, before // workers)
    set_threads = partial(torch.set_num_threads, each)
    executor = ThreadPoolExecutor(workers, initializer=set_threads)
    try:
        yield Crew(executor, workers, lambda job: job, watch)
    finally:
        watch.stop.set()
        executor.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(before)  # of threads that are still to begin, too


@contextmanager
def cluster(scheduler: str | Any) -> Iterator[Crew]:
    """Give the workers of a dask cluster.

    Parameters
    ----------
    scheduler : str or Client
        Address, ``tcp://host:8786``, or a client that is connected.

    Raises
    ------
    ValueError
        If dask.distributed is not installed, nobody answers at the address, or workers
        lack this package or have another version of it.
    """
    client = _client(scheduler) if isinstance(scheduler, str) else scheduler
    try:
        _wait_for_a_worker(client)
        _check_workers(client)
        yield Crew(
            client.get_executor(pure=False),
            max(1, sum(client.nthreads().values())),
            lambda job: client.scatter(job, broadcast=True, hash=False),
        )
    finally:
        if client is not scheduler:
            client.close()


def crew_of(workers: int, scheduler: str | Any | None) -> AbstractContextManager[Crew]:
    """Return threads, or where a scheduler is given the workers of its cluster.

    Parameters
    ----------
    workers : int
        Threads.
    scheduler : str, Client or None
        See `cluster`.
    """
    if scheduler is not None:
        return cluster(scheduler)
    if workers < 1:
        raise ValueError(f"there must be 1 worker or more, got {workers}")
    return threads(workers)


CONNECT = 15  # seconds to wait for a scheduler
PATIENCE = 300  # seconds to wait for the first worker


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            "a scheduler needs dask.distributed, which is not installed: pip install "
            '"napari-shiftseg[distributed]"'
        ) from None
    try:
        return Client(address, timeout=CONNECT)
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(
            f"no dask scheduler answers at {address} ({error}): give its address, "
            f"for example tcp://host:8786"
        ) from None


def _wait_for_a_worker(client: Any) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ValueError(
            f"the dask cluster has had no worker for {PATIENCE} seconds: start one, "
            f"for example by cluster.scale(1), and give the same command again"
        ) from None


def _version() -> str:
    from napari_shiftseg import __version__

    return str(__version__)


def _check_workers(client: Any) -> None:
    """Refuse workers that could give other results."""
    try:
        versions = client.run(_version)
    except ImportError as error:
        raise ValueError(
            f"a worker lacks what it needs ({error}): install napari-shiftseg of the "
            f"same version on all workers"
        ) from None
    other = {w: v for w, v in versions.items() if v != _version()}
    if other:
        worker, version = next(iter(other.items()))
        raise ValueError(
            f"the worker {worker} has napari-shiftseg {version}, this is {_version()}: "
            f"install the same version on all workers"
        )
