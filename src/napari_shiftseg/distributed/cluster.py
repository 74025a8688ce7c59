"""The workers of a dask cluster: who is there, what each is sent, and their loss."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from socket import gethostname
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from napari_shiftseg.device import available_devices
from napari_shiftseg.distributed.job import Job
from napari_shiftseg.distributed.workers import Crew, LostError, computing
from napari_shiftseg.progress import LOOK

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from napari_shiftseg.pipeline.settings import Settings


CONNECT = 15  # seconds to wait for a scheduler
PATIENCE = 300  # seconds to wait for a worker
COUNTED = 2.0  # seconds from one count of the workers to the next
TRIES = 5  # losses without a block done between them, after which a run ends
WAITING = "the dask cluster has no worker: waiting for one"
NO_WORKER = (
    "the dask cluster has had no worker for {} seconds: start one, for example by "
    "cluster.scale(1)"
)
KILLED = (
    "the dask cluster lost its workers again and again at the same blocks: they may "
    "need more memory, or a smaller window"
)
GONE = (
    "the dask cluster lost all its workers before one could say by what it predicts: "
    "start one, for example by cluster.scale(1), and give the same again"
)
LACKS = (
    "a worker lacks what it needs ({}): install napari-shiftseg of the same version on "
    "all workers"
)


@dataclass(frozen=True)
class Worker:
    """What a worker of a cluster says of itself."""

    version: str
    machine: str
    gpus: int  # that it sees


@dataclass(frozen=True)
class Sent:
    """What is sent to workers: whole, since dask would take a network to pieces."""

    what: Any


class Cluster(Crew):
    """The workers of a cluster, as many as there are at the time.

    A worker gets the model once, and a job once; what is lost with the last worker
    that had it is sent anew. Of workers that see the same GPUs each has its own.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    """

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client
        self._sent: dict[str, tuple[Any, Any]] = {}
        self._known: dict[str, Worker] = {}
        self._asking: dict[str, Any] = {}  # calls on workers that came since
        self._threads: dict[str, int] = {}
        self._counted_at = -COUNTED
        self._losses, self._ended = 0, 0
        self._count(PATIENCE)

    @property
    def workers(self) -> int:
        """How many blocks are worked on at once, now."""
        if monotonic() - self._counted_at > COUNTED:
            self._count()
        return max(1, sum(self._threads.values()))

    def _count(self, patience: float | None = None) -> None:
        """See who is there; who is new is asked, and refused if he has another version.

        Parameters
        ----------
        patience : float, optional
            Seconds to wait for answers; None: those are taken that are there.

        Raises
        ------
        ValueError
            If a worker lacks this package, or has another version of it.
        """
        self._threads, self._counted_at = self._client.nthreads(), monotonic()
        new = self._threads.keys() - self._known.keys()
        self._asking = {at: call for at, call in self._asking.items() if at in new}
        self._asking |= self._ask(_said_by_worker, sorted(new - self._asking.keys()))
        ended = {
            address: self._asking.pop(address)
            for address, call in [*self._asking.items()]
            if patience is not None or call.done()
        }
        self._known |= self._answers(ended, patience or COUNTED)
        for address, worker in self._known.items():
            _refuse_another_version(address, worker.version)

    def _ask(
        self, question: Callable[..., Any], workers: list[str], *about: Any
    ) -> dict[str, Any]:
        """Begin a call on each of some workers, before the blocks that wait there.

        As tasks: what is run on a worker's event loop keeps it from all else.
        """
        return {
            worker: self._client.submit(
                question, *about, workers=[worker], pure=False, priority=1
            )
            for worker in workers
        }

    def _answers(self, calls: dict[str, Any], patience: float) -> dict[str, Any]:
        """Return what those workers gave that are there."""
        given = {}
        for worker, call in calls.items():
            try:
                given[worker] = call.result(patience)
            except ImportError as error:
                raise ValueError(LACKS.format(error)) from None
            except (CancelledError, TimeoutError):  # it is gone already
                self._counted_at = -COUNTED
        return given

    def computes(self, settings: Settings) -> tuple[str, str]:
        """Return device and engine of all workers; see `Crew.computes`."""
        calls = self._ask(computing, [*self._client.nthreads()], settings)
        found = self._answers(calls, PATIENCE)
        if not found:
            raise ChildProcessError(GONE)
        ways = {f"{engine} on {device}" for device, engine in found.values()}
        if len(ways) > 1:
            raise ValueError(
                f"the workers would predict by {', '.join(sorted(ways))}, which differ "
                f'by rounding: choose one for all, for example device="cpu" and '
                f'engine="torch"'
            )
        device, engine = next(iter(found.values()))
        return str(device), str(engine)

    def submit(
        self, function: Callable[..., Any], job: Any, number: int
    ) -> Future[Any]:
        """Begin a call; see `Crew.submit`."""
        is_job = isinstance(job, Job)
        sent = self._client.submit(
            _on_worker, function, self._shared("job", job),
            self._shared("model", job.model) if is_job else None, number, _version(),
            self._devices(), pure=False,
        )  # fmt: skip
        call: Future[Any] = Future()
        call.add_done_callback(partial(_withdraw, sent))
        call.add_done_callback(self._note)
        self._client.loop.add_callback(_passed_on, sent, call)
        return call

    def result(self, call: Future[Any]) -> Any:
        """Return what a call gave; see `Crew.result`."""
        from distributed import KilledWorker

        try:
            return call.result()
        except KilledWorker as error:
            raise ChildProcessError(f"{KILLED} ({error})") from None
        except ImportError as error:
            raise ValueError(LACKS.format(error)) from None

    def _note(self, call: Future[Any]) -> None:
        self._ended += not call.cancelled()

    def _shared(self, name: str, what: Any) -> Any:
        """Return what stands for something in a call: it is sent to a worker once."""
        known = self._sent.get(name)
        if known is None or known[0] is not what:
            is_job = isinstance(what, Job)  # whose model is sent by itself
            light = replace(what, model=None) if is_job else what
            try:
                sent = self._client.scatter(Sent(light), broadcast=True, hash=False)
            except (OSError, TimeoutError, KeyError):  # as dask says it
                raise LostError from None
            known = self._sent[name] = what, sent
        return known[1]

    def _devices(self) -> Mapping[str, str]:
        """Return which GPU each worker is to take, of those that see several."""
        taken: dict[str, int] = {}
        devices = {}
        for address in sorted(self._threads.keys() & self._known.keys()):
            worker = self._known[address]
            place = taken.setdefault(worker.machine, 0)
            taken[worker.machine] += 1
            if worker.gpus > 1:
                devices[address] = f"cuda:{place % worker.gpus}"
        return devices

    def recovered(self) -> Generator[str]:
        """Wait for a worker, then send all anew; see `Crew.recovered`."""
        self._losses = 1 if self._ended else self._losses + 1
        self._ended = 0
        if self._losses > TRIES:
            raise ChildProcessError(KILLED)
        self._sent.clear()
        began = monotonic()
        yield WAITING
        while not self._client.nthreads():
            if monotonic() - began > PATIENCE:
                raise ChildProcessError(NO_WORKER.format(PATIENCE))
            sleep(LOOK)
            yield ""
        self._count()


def _withdraw(sent: Any, call: Future[Any]) -> None:
    """Cancel what was sent to the cluster where its call was cancelled here."""
    if call.cancelled() and sent.status != "cancelled":
        sent.cancel()


async def _passed_on(sent: Any, call: Future[Any]) -> None:
    """Let a call end as what was sent to the cluster does.

    As dask's own executor, whose calls never end where a result is lost on the way from
    the worker that has it (distributed 2026.8).
    """
    try:
        found = await sent
    except (CancelledError, asyncio.CancelledError):
        call.cancel()
        call.set_running_or_notify_cancel()
    except Exception as error:  # noqa: BLE001, whatever the call raised
        if call.set_running_or_notify_cancel():
            call.set_exception(error)
    else:
        if call.set_running_or_notify_cancel():
            call.set_result(found)


def _version() -> str:
    from napari_shiftseg import __version__

    return str(__version__)


def _said_by_worker() -> Worker:
    gpus = sum(name.startswith("cuda") for name in available_devices())
    return Worker(_version(), gethostname(), gpus)


def _refuse_another_version(worker: str, version: str) -> None:
    if version != _version():
        raise ValueError(
            f"the worker {worker} has napari-shiftseg {version}, this is {_version()}: "
            f"install the same version on all workers"
        )


def _on_worker(
    function: Callable[..., Any],
    sent: Sent,
    model: Sent | None,
    number: int,
    version: str,
    devices: Mapping[str, str],
) -> Any:
    """Make a call, on a worker; one that joined since it was asked for is checked."""
    from distributed import get_worker

    if version != _version():
        raise ValueError(
            f"a worker has napari-shiftseg {_version()}, where the run was begun it is "
            f"{version}: install the same version on all workers"
        )
    job = sent.what
    if model is not None:
        job = replace(job, model=model.what)
        own = devices.get(get_worker().address)
        if own is not None and job.settings.device in ("auto", "cuda"):
            job = replace(job, settings=replace(job.settings, device=own))
    return function(job, number)


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
        yield Cluster(client)
    finally:
        if client is not scheduler:
            client.close()


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
            f"{NO_WORKER.format(PATIENCE)}, and give the same again"
        ) from None
