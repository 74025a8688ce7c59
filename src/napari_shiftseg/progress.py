"""Long runs as generators: what they yield, and how their result is had."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence


LOOK = 0.05  # seconds from one look whether the call has ended to the next
LARGE = 2**21  # values; a call on fewer ends soon enough to wait for it where it is


def waiting(
    meanwhile: Step, executor: ThreadPoolExecutor, function: Callable[[], Result]
) -> Generator[Step, None, Result]:
    """Make a call in another thread; yields the same thing until it has ended.

    Who closes the generator no longer waits; the call itself goes on to its end.

    Parameters
    ----------
    meanwhile : Step
        What is yielded.
    executor : ThreadPoolExecutor
        The thread.
    function : callable
        Called without arguments.
    """
    return (yield from _watching(lambda: meanwhile, executor, function))


def _watching(
    say: Callable[[], Step],
    executor: ThreadPoolExecutor,
    function: Callable[[], Result],
) -> Generator[Step, None, Result]:
    call = executor.submit(function)
    try:
        while not wait([call], LOOK).done:
            yield say()
        return call.result()
    finally:
        del call  # it holds an error, whose frames hold it


def patiently(
    meanwhile: Step, size: int, function: Callable[..., Result], *args: Any
) -> Generator[Step, None, Result]:
    """Make a call on so many values: in another thread where they are many.

    The call must not depend on what belongs to a thread, such as torch's modes.

    Parameters
    ----------
    meanwhile : Step
        What is yielded.
    size : int
        Values; few are worked on here and now.
    function, *args
        What is called.
    """
    if size < LARGE:
        return function(*args)
    executor = ThreadPoolExecutor(1)
    try:
        return (yield from waiting(meanwhile, executor, lambda: function(*args)))
    finally:
        executor.shutdown(wait=False)


Step = TypeVar("Step")
Other = TypeVar("Other")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Progress:
    """What a long run has done."""

    # tiles
    done: int
    total: int
    note: str = ""  # what the user should know, for example that memory did not suffice
    stage: str = "predicting"  # what is being done: "predicting" or "clustering"


LISTENER: ContextVar[Callable[[float], None]] = ContextVar("listener")
PARTS = 100  # percent


def tell(share: float) -> None:
    """Say how much of the present call is done; nobody may listen.

    Parameters
    ----------
    share : float
        Of 1.
    """
    listen = LISTENER.get(None)
    if listen is not None:
        listen(share)


SAYER: ContextVar[Callable[[str], None]] = ContextVar("sayer")


def say_stage(text: str) -> None:
    """Say what is being done, where one call takes long; nobody may listen.

    Parameters
    ----------
    text : str
    """
    say = SAYER.get(None)
    if say is not None:
        say(text)


def telling(parts: Sequence[Other]) -> Iterator[Other]:
    """Give parts of the present call one by one, telling how many are done.

    What is told while one is worked on is its own share.

    Parameters
    ----------
    parts : sequence
    """
    listen, number = LISTENER.get(None), len(parts)
    if listen is None:
        yield from parts
        return
    whole = listen
    for done, part in enumerate(parts):
        whole(done / number)
        LISTENER.set(lambda share, done=done: whole((done + share) / number))  # type: ignore[misc]
        yield part
    LISTENER.set(whole)


def told(
    beginning: Progress, size: int, function: Callable[..., Result], *args: Any
) -> Generator[Progress, None, Result]:
    """Make a call on so many values; yields how much of it is done, as it tells.

    See `patiently`.

    Parameters
    ----------
    beginning : Progress
        Yielded until the call tells more; then `Share` is, of the same stage.
    size : int
        Values; few are worked on here and now.
    function, *args
        What is called; see `tell`.
    """
    if size < LARGE:
        return function(*args)
    latest = beginning

    def listen(share: float) -> None:
        nonlocal latest
        latest = Share(int(PARTS * share), PARTS, stage=beginning.stage)

    def call() -> Result:
        LISTENER.set(listen)  # of this thread, which makes no other call
        return function(*args)

    executor = ThreadPoolExecutor(1)
    try:
        return (yield from _watching(lambda: latest, executor, call))
    finally:
        executor.shutdown(wait=False)


@dataclass(frozen=True, slots=True)
class Share(Progress):
    """Progress of one call, in percent."""


@dataclass(frozen=True, slots=True)
class Shrunk(Progress):
    """Progress of a run that begins again, with smaller tiles than it was to have."""


class Returning(Generic[Step, Result]):
    """A generator whose returned value can be read after the loop over it."""

    value: Result

    def __init__(self, steps: Generator[Step, None, Result]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[Step]:
        self.value = yield from self._steps


def named(
    name: str, steps: Generator[Progress, None, Result]
) -> Generator[Progress, None, Result]:
    """Pass steps on, their stages named.

    Parameters
    ----------
    name : str
        Stands before each stage.
    steps : generator of Progress
    """
    returning = Returning(steps)
    for progress in returning:
        yield replace(progress, stage=f"{name}: {progress.stage}")
    return returning.value


def numbered(
    several: int, number: int, steps: Generator[Progress, None, Result], name: str = ""
) -> Generator[Progress, None, Result]:
    """Pass on the steps of one of several runs alike, as progress of all of them.

    Parameters
    ----------
    several, number : int
        How many runs there are, and which this is, from 0.
    steps : generator of Progress
    name : str
        Stands before each stage, if given, with the number: ``image 1 of 2``.
    """
    about = f"{name} {number + 1} of {several}: " if name else ""
    returning = Returning(steps)
    for progress in returning:
        yield replace(
            progress,
            done=number * progress.total + progress.done,
            total=several * progress.total,
            stage=f"{about}{progress.stage}",
        )
    return returning.value


def saying(
    step: Step, steps: Generator[Other, None, Result]
) -> Generator[Step, None, Result]:
    """Pass steps on, the same thing said at each.

    Parameters
    ----------
    step : Step
        What is said.
    steps : generator
    """
    returning = Returning(steps)
    for _ in returning:
        yield step
    return returning.value


def exhaust(steps: Generator[Any, None, Result]) -> Result:
    """Run a generator to its end and return what it returns."""
    returning = Returning(steps)
    for _ in returning:
        pass
    return returning.value
