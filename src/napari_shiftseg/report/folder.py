"""A folder for results: what stands in it already is not lost."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
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


def written_before(record: Path, names: Collection[str]) -> set[str]:
    """Return what an older run, if there was one, says that it wrote.

    Parameters
    ----------
    record : Path
        A JSON file that names, under ``files``, all that was written with it, itself
        among them. One that does not is the user's, and so is all beside it.
    names : collection of str
        That such a run gives to its files; any other is the user's.
    """
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # none, or not ours
        return set()
    files = known.get("files") if isinstance(known, dict) else None
    if not isinstance(files, list) or record.name not in files:
        return set()
    return {name for name in names if name in files}


def refuse_to_overwrite(folder: Path, names: Collection[str], kind: str) -> None:
    """Refuse a folder in which a file that is not ours has one of these names.

    Parameters
    ----------
    folder : Path
    names : collection of str
        To be written, without those of an older run.
    kind : str
        Of what is written: "report" or "figure".

    Raises
    ------
    FileExistsError
        If there is such a file.
    """
    taken = sorted(name for name in names if (folder / name).exists())
    if taken:
        raise FileExistsError(
            f"{folder} has a file {taken[0]} that is not of an older {kind} and would "
            f"be overwritten: choose another folder"
        )
