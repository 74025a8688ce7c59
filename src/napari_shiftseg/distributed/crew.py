"""Who works on blocks: threads of this process, or the workers of a dask cluster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from napari_shiftseg.distributed.cluster import cluster
from napari_shiftseg.distributed.workers import Crew, Watch, computing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from napari_shiftseg.pipeline.settings import Settings


class Threads(Crew):
    """Threads of this process, among which its cores are divided.

    Parameters
    ----------
    executor : ThreadPoolExecutor
    workers : int
        How many threads it has.
    watch : Watch
    """

    def __init__(
        self, executor: ThreadPoolExecutor, workers: int, watch: Watch
    ) -> None:
        super().__init__(watch)
        self._executor, self._workers = executor, workers

    @property
    def workers(self) -> int:
        """How many blocks are worked on at once."""
        return self._workers

    def computes(self, settings: Settings) -> tuple[str, str]:
        """Return device and engine; see `Crew.computes`."""
        return computing(settings)

    def submit(
        self, function: Callable[..., Any], job: Any, number: int
    ) -> Future[Any]:
        """Begin a call; see `Crew.submit`."""
        return self._executor.submit(function, job, number)


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
        yield Threads(executor, workers, watch)
    finally:
        watch.stop.set()
        watch.go.set()
        executor.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(before)  # of threads that are still to begin, too


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
