"""Standard output and standard error, whatever they are: closed, full, of any encoding.

Nothing but the standard library is imported, so that it holds from the first moment.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys

from napari_shiftseg.geometry.foreign_text import escape, visible

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


class Screen(io.TextIOWrapper):
    """Standard output: what steers a terminal is written as text.

    Raises
    ------
    NotPrintedError
        If something cannot be written.
    """

    of: object = None  # the stream whose buffer it took, and which would close it

    def write(self, text: str, /) -> int:
        """Write text; see the class."""
        try:
            return super().write(visible(text, TERMINALS))
        except OSError as error:
            raise NotPrintedError(_reason(error)) from None

    def flush(self) -> None:
        """Hand on what was written; see the class."""
        try:
            super().flush()
        except OSError as error:
            raise NotPrintedError(_reason(error)) from None


class Remarks(io.TextIOWrapper):
    """Standard error: what cannot be written there is dropped, the work goes on."""

    of: object = None  # as above

    def write(self, text: str, /) -> int:
        """Write text, or drop it."""
        try:
            return super().write(text)
        except OSError:
            drop(self.fileno())
            return len(text)

    def flush(self) -> None:
        """Hand on what was written, or drop it."""
        try:
            super().flush()
        except OSError:
            drop(self.fileno())


def prepare() -> None:
    """Put streams that keep the promises above in the places of this process's own."""
    codecs.register_error(NAME, _written_plainly)
    _fill_closed()
    sys.stdout = _as(Screen, sys.stdout, 1)
    sys.stderr = _as(Remarks, sys.stderr, 2)


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


def _as(kind: type[Screen | Remarks], stream: object, descriptor: int) -> io.TextIOBase:
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
