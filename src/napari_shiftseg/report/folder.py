"""A folder for results: what stands in it already is not lost."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
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


@contextmanager
def kept_if_used(folder: Path) -> Iterator[Path]:
    """Make the folder as `writable_folder` does; where the work fails it goes again.

    It stays if it was there before, or if something was written into it.

    Raises
    ------
    OSError
        If no file can be written there; before any work is done.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    with ExitStack() as failing:
        for path in reversed(made):  # the innermost goes first
            failing.callback(_remove_if_empty, path)
        yield writable_folder(folder)
        failing.pop_all()


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
