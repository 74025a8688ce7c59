"""A call that takes long, waited for in steps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


LOOK = 0.05  # seconds from one look whether the call has ended to the next
LARGE = 2**21  # values; a call on fewer ends soon enough to wait for it where it is


def waiting(
    meanwhile: Step, executor: ThreadPoolExecutor, function: Callable[[], Result]
) -> Generator[Step, None, Result]:
    """Make a call in another thread; yields the same thing until it has ended.

    Who closes the generator no longer waits; the call itself goes on to its end.
    """
    call = executor.submit(function)
    try:
        while not wait([call], LOOK).done:
            yield meanwhile
        return call.result()
    finally:
        del call  # it holds an error, whose frames hold it


def patiently(
    meanwhile: Step, size: int, function: Callable[..., Result], *args: Any
) -> Generator[Step, None, Result]:
    """Make a call on so many values: in another thread where they are many.

    The call must not depend on what belongs to a thread, such as torch's modes.
    """
    if size < LARGE:
        return function(*args)
    executor = ThreadPoolExecutor(1)
    try:
        return (yield from waiting(meanwhile, executor, lambda: function(*args)))
    finally:
        executor.shutdown(wait=False)
