"""How many threads compute."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

Result = TypeVar("Result")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread, as this thread calls it.

    Small tensors gain nothing from a second one, which waits in a busy loop: where
    another program uses the processor, they take ten times as long.
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_one_thread(
    steps: Generator[None, None, Result],
) -> Generator[None, None, Result]:
    """Let every step compute in one thread; between them nothing is changed."""
    try:
        while True:
            with one_thread():
                try:
                    next(steps)
                except StopIteration as end:
                    result: Result = end.value
                    return result
            yield
    finally:
        steps.close()
