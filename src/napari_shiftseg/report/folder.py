"""A folder for results."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def writable_folder(folder: Path) -> Path:
    """Make the folder if need be, and prove that a file can be written there.

    Raises
    ------
    OSError
        If it cannot; before any work is done.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            return folder
    except OSError as error:
        is_file = isinstance(error, FileExistsError | NotADirectoryError)
        reason = "it is or lies in a file" if is_file else error.strerror
        raise OSError(
            f"cannot write files into {folder} ({reason}): choose another folder"
        ) from None
