"""What went wrong, in one line."""

from __future__ import annotations

import traceback
from errno import ENOSPC
from pathlib import Path

from napari_shiftseg.geometry.foreign_text import brief

FORESEEN = (ValueError, OSError, MemoryError, FloatingPointError)
NO_MEMORY = (  # as torch and numpy say it
    "can't allocate memory", "out of memory", "Unable to allocate",
)  # fmt: skip
MORE_MEMORY = "take a smaller image or window (--window), or a machine with more"


def is_foreseen(error: Exception) -> bool:
    """Whether this is due to what the program was given, not to a fault of its own."""
    return isinstance(error, FORESEEN) or _exhausts_memory(error)


def in_words(error: Exception) -> str:
    """Say what went wrong, and what to do."""
    if _exhausts_memory(error):
        first = str(error).strip().partition("\n")[0] or "the machine has no more"
        return f"memory does not suffice ({first}): {MORE_MEMORY}"
    if not is_foreseen(error):
        return (
            f"a fault of this program, not of your input: {_with_place(error)}; run it "
            f"again with SHIFTSEG_DEBUG=1 in the environment for all details, and "
            f"report them"
        )
    if invalid := _invalid(error):
        return invalid
    if isinstance(error, OSError) and error.strerror:
        return _of_the_system(error)
    return str(error) or _with_place(error)


def _exhausts_memory(error: Exception) -> bool:
    """Whether a library ran out of memory; our own errors say more themselves."""
    said = str(error) if isinstance(error, RuntimeError | MemoryError) else ""
    is_bare = isinstance(error, MemoryError) and not said
    return is_bare or any(words in said for words in NO_MEMORY)


def _invalid(error: Exception) -> str:
    """Say which setting is out of range; empty if it is another fault."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return ""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":  # our own words, which name the value
        return message
    return f"{name}: {message}, got {brief(first['input'])}"


def _of_the_system(error: OSError) -> str:
    remedy = ": make room, or choose another folder" if error.errno == ENOSPC else ""
    named = "" if error.filename is None else f"{error.filename}: "
    return f"{named}{error.strerror}{remedy}"


def _with_place(error: Exception) -> str:
    """Name the kind of an error, its words, and the line that it came from."""
    said = "".join(traceback.format_exception_only(error)).strip()
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return said
    return f"{said} in {Path(frames[-1].filename).name}:{frames[-1].lineno}"
