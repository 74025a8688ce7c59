"""The program ``shiftseg`` from its first line to its exit status.

Little is imported at first: Ctrl-C is answered from the beginning.
"""

from __future__ import annotations

import os
import signal
import sys
from _thread import interrupt_main
from contextlib import suppress
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING, NoReturn

from napari_shiftseg.cli import streams
from napari_shiftseg.geometry.foreign_text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

BAD_INPUT, BUG, NOT_PRINTED, STOPPED = 2, 70, 74, 130  # exit statuses
LONGEST = 1500  # characters of the one line
SOON, PATIENCE = 0.02, 0.5  # seconds
IMPORTING = "<frozen importlib"
DEBUG = "SHIFTSEG_DEBUG"  # environment variable


def main() -> NoReturn:
    """Run the program; whatever goes wrong is one line on standard error."""
    try:
        streams.prepare()
        _hear_interruptions()
        if not os.environ.get(DEBUG):
            _silence_libraries()
        status = status_of(sys.argv[1:])
    except KeyboardInterrupt:
        status = _stopped()
    if status == STOPPED:
        _leave_at_once(status)
    sys.exit(status)


def _leave_at_once(status: int) -> NoReturn:
    """End without waiting for a call in another thread, which nobody wants now."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # one more ends it sooner
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # closed, or its reader is gone
            stream.flush()
    os._exit(status)


def status_of(arguments: Sequence[str]) -> int:
    """Run a command, print what goes wrong, and return the exit status."""
    try:
        from napari_shiftseg.cli.app import run

        status = run(arguments)
        if status == STOPPED:  # typer's word for Ctrl-C
            return _stopped()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _stopped()
    except streams.NotPrintedError as error:
        streams.drop(sys.stdout.fileno())
        say(str(error))
        return NOT_PRINTED
    except Exception as error:  # noqa: BLE001
        return _stopped() if _is_interruption(error) else _failed(error)
    return status


def say(message: str) -> None:
    """Print one line on standard error."""
    line = " ".join(message.split())
    line = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
    print(f"shiftseg: {visible(line)}", file=sys.stderr)


def _failed(error: Exception) -> int:
    from napari_shiftseg.cli.failure import in_words, is_foreseen

    if os.environ.get(DEBUG):
        raise error
    say(in_words(error))
    return BAD_INPUT if is_foreseen(error) else BUG


def _is_interruption(error: BaseException | None) -> bool:
    """Whether Ctrl-C lies behind an error: modules in C make an ImportError of it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _stopped() -> int:
    say("stopped")
    return STOPPED


class _Interruption:
    """What Ctrl-C does: it lets an import end, since modules in C cannot be left.

    An import that goes on is that with which a command begins: the process just ends.
    """

    def __init__(self) -> None:
        self._since: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not _is_importing(frame):
            self._since = None
            raise KeyboardInterrupt
        now = monotonic()
        self._since = self._since or now
        if now - self._since > PATIENCE:
            os.write(2, b"shiftseg: stopped\n")
            os._exit(STOPPED)
        self.again()

    def again(self) -> None:
        """Interrupt once more, a little later."""
        timer = Timer(SOON, interrupt_main)
        timer.daemon = True
        timer.start()


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None and not frame.f_code.co_filename.startswith(IMPORTING):
        frame = frame.f_back
    return frame is not None


def _hear_interruptions() -> None:
    """Let Ctrl-C neither be lost nor break what cannot be left at once."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return  # ignored, as by nohup
    interruption, print_it = _Interruption(), sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            interruption.again()
        else:
            print_it(unraisable)

    sys.unraisablehook = hook
    signal.signal(signal.SIGINT, interruption)


def _silence_libraries() -> None:
    """Keep warnings and log lines of libraries from standing beside our own line."""
    import logging
    import warnings

    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    logging.getLogger().addHandler(logging.NullHandler())
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
