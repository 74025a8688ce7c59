"""Ctrl-C as a question that is asked when it suits."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from threading import Event, current_thread, main_thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Take the first Ctrl-C for a wish; yields what tells whether there was one.

    What is under way is not torn in the middle. A second Ctrl-C interrupts at once, as
    usual. Outside the main thread, which alone has signals, there is never a wish.
    """
    wish = Event()
    if current_thread() is not main_thread():
        yield wish.is_set
        return
    usual = signal.getsignal(signal.SIGINT)

    def take(*_: Any) -> None:
        wish.set()
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, take)
    try:
        yield wish.is_set
    finally:
        signal.signal(signal.SIGINT, usual)
