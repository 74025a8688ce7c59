"""Numbers and sizes in words; foreign text, shown as it is, on one screen."""

from __future__ import annotations

import traceback
from errno import ENOSPC
from pathlib import Path
from reprlib import Repr
from typing import TYPE_CHECKING
from unicodedata import bidirectional, category

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


def by(sizes: tuple[int, ...]) -> str:
    """Write sizes as ``204 × 204``."""
    return " × ".join(str(s) for s in sizes)


def compact(sizes: tuple[int, ...]) -> str:
    """Write sizes as ``16`` where the axes agree, else as ``8 × 16``."""
    return by(sizes) if len(set(sizes)) > 1 else str(sizes[0])


def number_of(many: int, noun: str) -> str:
    """Write a number of things as ``1 object``, ``1,200 objects``.

    Parameters
    ----------
    many : int
    noun : str
        In the singular; its plural ends with s.
    """
    return f"{many:,} {noun}" if many == 1 else f"{many:,} {noun}s"


def percent(share: float) -> str:
    """Write a share of 1 as ``7 %``."""
    return f"{100 * share:.0f} %"


def sentence(clause: str) -> str:
    """Write a clause as a sentence of its own."""
    return f"{clause[:1].upper()}{clause[1:].removesuffix('.')}."


def grey(value: float) -> str:
    """Write a grey value as ``1,100``, ``0.0123`` or ``1.2e+08``."""
    if value == 0 or 1e6 > abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def figure_text(value: float, digits: int = 3) -> str:
    """Write a number as it is read in a table: ``12``, ``292.5``, ``1,234.5``.

    Parameters
    ----------
    value : float
    digits : int
        That are told of one below 1,000.
    """
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.1f}".removesuffix(".0")
    return f"{value:.{digits}g}"


TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
MARKS = "\u061c\u200e\u200f"  # of direction
LONGEST = 60  # characters of a value that is named in an error


def visible(text: str, kept: str = "") -> str:
    r"""Write characters that steer a terminal or turn the reading order as escapes.

    Control characters (an escape becomes ``\x1b``), marks and overrides of direction,
    and the halves of a character that stand for undecodable bytes of a file name.

    Parameters
    ----------
    text : str
        A foreign name.
    kept : str
        Control characters that stay as they are, such as line breaks.
    """
    if text.isprintable():
        return text
    return "".join(c if c in kept or not steers(c) else escape(c) for c in text)


def steers(character: str) -> bool:
    """Whether a terminal or a text box obeys this character instead of showing it."""
    is_format = category(character) in ("Cc", "Cs", "Zl", "Zp")
    return is_format or bidirectional(character) in TURNS or character in MARKS


def escape(character: str) -> str:
    r"""Write a character as ``\x1b`` or ``\u202e``; an undecodable byte as itself."""
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if ord(character) < 0x100:  # backslashreplace leaves ASCII as it is
        return f"\\x{ord(character):02x}"
    return character.encode("ascii", "backslashreplace").decode("ascii")


def brief(value: object) -> str:
    """Write a value as Python does, but cut short: it may be long or nest deeply."""
    writer = Repr()
    writer.maxstring = writer.maxother = writer.maxlong = LONGEST
    writer.maxlevel = 3
    try:
        return writer.repr(value)
    except ValueError:  # a number of more digits than Python writes
        return f"{type(value).__name__} of too many digits"


OURS = "Value error, "  # what pydantic puts before the words of a ValueError
UNREADABLE = ", unable to parse"  # and after its own; neither is of use to a reader


def said_by(error: BaseException) -> str:
    """Return the words of an error; of what pydantic refuses the first, and its name.

    Parameters
    ----------
    error : BaseException
    """
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    return refusal(error) if _is_ours(first) else f"{name}: {refusal(error)}"


def refusal(error: ValidationError) -> str:
    """Say what pydantic refuses first and why, without the name of the value.

    Parameters
    ----------
    error : ValidationError
    """
    first = error.errors()[0]
    said = first["msg"].removeprefix(OURS).split(UNREADABLE)[0]
    has_value = not _is_ours(first) and first["type"] != "missing"
    return f"{said}, got {brief(first['input'])}" if has_value else said


def _is_ours(refused: ErrorDetails) -> bool:
    """Whether the words are of this package, and so name the value themselves."""
    return refused["type"] == "value_error"


def readable(name: str) -> str:
    """Return the name of a file as text that every encoding of Unicode can write.

    Where the system's encoding is ASCII, as with ``LC_ALL=C``, other letters come as
    undecodable bytes; those of UTF-8 are the letters again.
    """
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # halves of characters, as Windows allows
        return visible(name)
    return raw.decode("utf-8", "backslashreplace")


FORESEEN = (ValueError, OSError, MemoryError, FloatingPointError)
NO_MEMORY = (  # as torch and numpy say it
    "can't allocate memory", "out of memory", "Unable to allocate",
)  # fmt: skip
MORE_MEMORY = "take a smaller image or window (--window), or a machine with more"


def is_foreseen(error: Exception) -> bool:
    """Whether this is due to what the program was given, not to a fault of its own.

    Parameters
    ----------
    error : Exception
    """
    return isinstance(error, FORESEEN) or _exhausts_memory(error)


def in_words(error: Exception) -> str:
    """Say what went wrong, and what to do.

    Parameters
    ----------
    error : Exception
    """
    if _exhausts_memory(error):
        first = str(error).strip().partition("\n")[0] or "the machine has no more"
        return f"memory does not suffice ({first}): {MORE_MEMORY}"
    if not is_foreseen(error):
        return (
            f"a fault of this program, not of your input: {_with_place(error)}; run it "
            f"again with SHIFTSEG_DEBUG=1 in the environment for all details, and "
            f"report them"
        )
    if isinstance(error, OSError) and error.strerror:
        full = ": make room, or choose another folder" if error.errno == ENOSPC else ""
        named = "" if error.filename is None else f"{error.filename}: "
        return f"{named}{error.strerror}{full}"
    return said_by(error) or _with_place(error)


def _exhausts_memory(error: Exception) -> bool:
    """Whether a library ran out of memory; our own errors say more themselves."""
    said = str(error) if isinstance(error, RuntimeError | MemoryError) else ""
    is_bare = isinstance(error, MemoryError) and not said
    return is_bare or any(words in said for words in NO_MEMORY)


def _with_place(error: Exception) -> str:
    """Name the kind of an error, its words, and the line that it came from."""
    said = "".join(traceback.format_exception_only(error)).strip()
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return said
    return f"{said} in {Path(frames[-1].filename).name}:{frames[-1].lineno}"
