"""The program ``shiftseg`` from its first line to its exit status.

Little is imported at first: Ctrl-C is answered from the beginning.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import signal
import sys
from _thread import interrupt_main
from contextlib import suppress
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING, NoReturn

from napari_shiftseg.text import escape, in_words, is_foreseen, visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


NAME = "shiftseg"  # of the way in which a character is written that an encoding lacks
PLAIN = {
    **{sign: f"^{digit}" for digit, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    "µ": "u", "μ": "u", "×": "x", "·": "*", "→": "->", "…": "...", "≈": "~",
    "≤": "<=", "≥": ">=", "±": "+/-", "−": "-", "–": "-", "—": "-", "∞": "inf",
    "‘": "'", "’": "'", "“": '"', "”": '"', "\xa0": " ", "°": " deg", "√": "sqrt",
    "\u2009": " ", "\u202f": " ", "⊢": "|-", "✓": "*",
}  # fmt: skip
TERMINALS = "\n\t"


class NotPrintedError(Exception):
    """What is to be printed cannot be: standard output is closed or full."""


class _Stream(io.TextIOWrapper):
    """A standard stream that answers for what cannot be written."""

    of: object = None  # the stream whose buffer it took, and which would close it

    def write(self, text: str, /) -> int:
        """Write text; see the class."""
        try:
            return super().write(self._as_shown(text))
        except OSError as error:
            self._fail(error)
            return len(text)

    def flush(self) -> None:
        """Hand on what was written; see the class."""
        try:
            super().flush()
        except OSError as error:
            self._fail(error)

    def _as_shown(self, text: str) -> str:
        return text

    def _fail(self, error: OSError) -> None:
        """Drop what is written from now on: the work goes on."""
        drop(self.fileno())


class Screen(_Stream):
    """Standard output: what steers a terminal is text, what cannot be printed raised.

    Raises
    ------
    NotPrintedError
        If something cannot be written.
    """

    def _as_shown(self, text: str) -> str:
        return visible(text, TERMINALS)

    def _fail(self, error: OSError) -> None:
        raise NotPrintedError(_reason(error)) from None


def prepare() -> None:
    """Put streams that keep the promises above in the places of this process's own."""
    codecs.register_error(NAME, _written_plainly)
    _fill_closed()
    sys.stdout = _as(Screen, sys.stdout, 1)
    sys.stderr = _as(_Stream, sys.stderr, 2)


def drop(descriptor: int) -> None:
    """Let what is still to be written to a stream go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _fill_closed() -> None:
    """Take the numbers of closed streams, lest a file of results gets one of them.

    In the place of standard output stands what refuses to be written to.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)


def _as(kind: type[_Stream], stream: object, descriptor: int) -> io.TextIOBase:
    if stream is None:  # Python's word for a closed one
        raw = open(descriptor, "wb", closefd=False)  # noqa: SIM115
        return kind(raw, encoding="utf-8", errors=NAME, line_buffering=descriptor == 2)
    if not isinstance(stream, io.TextIOWrapper):  # another program's, as in a notebook
        return stream  # type: ignore[return-value]
    taken = kind(
        stream.buffer,
        encoding=stream.encoding,
        errors=NAME,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    taken.of = stream
    return taken


def _reason(error: OSError) -> str:
    if isinstance(error, BrokenPipeError) or error.errno in (errno.EBADF, errno.EINVAL):
        return "standard output was closed before all was printed"
    return f"standard output cannot be written ({error.strerror})"


def _written_plainly(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that an encoding lacks: ``2⁴`` becomes ``2^4``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    plain = "".join(PLAIN.get(character) or escape(character) for character in missing)
    return plain, error.end


BAD_INPUT, BUG, NOT_PRINTED, STOPPED = 2, 70, 74, 130  # exit statuses
LONGEST = 1500  # characters of the one line
SOON, PATIENCE = 0.02, 0.5  # seconds
IMPORTING = "<frozen importlib"
DEBUG = "SHIFTSEG_DEBUG"  # environment variable


def main() -> NoReturn:
    """Run the program; whatever goes wrong is one line on standard error."""
    try:
        prepare()
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
        from napari_shiftseg.cli.commands import run

        status = run(arguments)
        if status == STOPPED:  # typer's word for Ctrl-C
            return _stopped()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _stopped()
    except NotPrintedError as error:
        drop(sys.stdout.fileno())
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
