"""Steps carried out in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker

from napari_shiftseg.inference.progress import Progress, Returning

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


ASKED = 0.05  # seconds at most from one question whether to go on to the next


class Job:
    """Steps carried out in a thread; all callbacks run in the GUI thread.

    Parameters
    ----------
    steps : generator
        Yields `Progress`; its value goes to `on_done`.
    on_progress, on_done, on_failed, on_cancelled : callable
        Take a `Progress`, the value, the exception, nothing. Just one of the last
        three is called, once, and none after `abandon`.
    stop : callable, optional
        Asks the steps to end by themselves, with a value; without it they are left
        where they are.
    """

    def __init__(
        self,
        steps: Generator[Progress, None, Any],
        on_progress: Callable[[Progress], None],
        on_done: Callable[[Any], None],
        on_failed: Callable[[BaseException], None],
        on_cancelled: Callable[[], None],
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


def _stepwise(
    steps: Generator[Progress, None, Any],
) -> Generator[Progress, None, Any]:
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
