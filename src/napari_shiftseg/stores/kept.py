"""What was found out once and is kept in files of the user's cache, as JSON."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari_shiftseg.stores.whole_file import whole_or_not_at_all

if TYPE_CHECKING:
    from pathlib import Path


def read_kept(path: Path) -> Any:
    """Return what a file keeps; None where there is none, or it cannot be read.

    Parameters
    ----------
    path : Path
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def write_kept(path: Path, text: str) -> None:
    """Keep JSON in a file, whole or not at all; a cache that cannot be written is none.

    Parameters
    ----------
    path : Path
    text : str
    """
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_or_not_at_all(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
