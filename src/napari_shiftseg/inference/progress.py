"""Long runs as generators: what they yield, and how their result is had."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

Step = TypeVar("Step")
Other = TypeVar("Other")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Progress:
    """What a long run has done.

    Attributes
    ----------
    done, total : int
        Tiles.
    note : str
        What the user should know, for example that memory did not suffice.
    stage : str
        What is being done: "predicting" or "clustering".
    """

    done: int
    total: int
    note: str = ""
    stage: str = "predicting"


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
    """Pass steps on, their stages named."""
    returning = Returning(steps)
    for progress in returning:
        yield replace(progress, stage=f"{name}: {progress.stage}")
    return returning.value


def saying(
    step: Step, steps: Generator[Other, None, Result]
) -> Generator[Step, None, Result]:
    """Pass steps on, the same thing said at each."""
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
