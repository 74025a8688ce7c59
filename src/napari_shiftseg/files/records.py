"""What a run wrote, by which its files are known again and may be replaced."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

RUN = "run of this command on this input"
REPLACED = "sha256_replaced"


@dataclass(frozen=True)
class Run:
    """Which command, on what.

    Attributes
    ----------
    command : str
    inputs : tuple of str
        Files as absolute paths, samples by their names, and what was taken of them.
    """

    command: str
    inputs: tuple[str, ...]

    def about(self) -> dict[str, Any]:
        """Return what a record says of the run."""
        return {"command": self.command, "inputs": list(self.inputs)}


def checksums(files: Mapping[str, Path]) -> dict[str, str]:
    """Return the SHA-256 of files, by name.

    Parameters
    ----------
    files : mapping of str to Path
        Where the file of each name lies.
    """
    return {name: _sum(path) for name, path in files.items()}


def written_by(run: Run, record: Path) -> set[str]:
    """Return the names of files that this very run wrote before, unchanged since.

    Parameters
    ----------
    run : Run
    record : Path
        A JSON file with `Run.about`, and under ``sha256`` the files that were written
        with it. One without these is the user's, and so is all beside it; so is a file
        that has changed.
    """
    known = read_record(record)
    sums = known.get("sha256")
    if not isinstance(sums, dict) or any(
        known.get(key) != value for key, value in run.about().items()
    ):
        return set()
    replaced = known.get(REPLACED)
    older = replaced if isinstance(replaced, dict) else {}
    folder = record.parent
    same = {
        name
        for name, expected in [*sums.items(), *older.items()]
        if name == (folder / name).name and _is(folder / name, expected)
    }
    return {record.name, *same}


def sums_of(run: Run, record: Path, files: Mapping[str, Path]) -> dict[str, Any]:
    """Return what a record says of the files written with it.

    The record takes its name first. Should the program be killed before the others
    have theirs, the older ones that it was to replace are known by their sums, too.

    Parameters
    ----------
    run : Run
    record : Path
        That is to be written, and may be there.
    files : mapping of str to Path
        Where the file of each name lies as yet.
    """
    older = {name: record.parent / name for name in written_by(run, record)}
    older.pop(record.name, None)
    return {"sha256": checksums(files), REPLACED: checksums(older)}


def refuse_to_overwrite(
    paths: Iterable[Path],
    own: Collection[str] = (),
    overwrite: bool = False,
    kind: str = RUN,
) -> None:
    """Refuse to replace a file that is there, but for one's own.

    Parameters
    ----------
    paths : iterable of Path
        To be written.
    own : collection of str
        Names that may be replaced; see `written_by`.
    overwrite : bool
        Whether the user said that all may be.
    kind : str
        Of what one's own would be: "report", "figure".

    Raises
    ------
    FileExistsError
        If there is such a file; it is named.
    """
    if overwrite:
        return
    for path in paths:
        if path.name not in own and (path.exists() or path.is_symlink()):
            raise FileExistsError(
                f"{path.parent} has a file {path.name} that is not of an older {kind}, "
                f"or was changed since, and would be overwritten: choose another "
                f"folder, or add --overwrite"
            )


def is_file_like(path: Path, other: Path) -> bool:
    """Whether there is a file with the bytes of another: replacing it loses nothing."""
    return _is(path, _sum(other))


def read_record(record: Path) -> dict[str, Any]:
    """Return what a record says; nothing where there is none, or it is not ours."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _is(path: Path, expected: Any) -> bool:
    return path.is_file() and not path.is_symlink() and _sum(path) == expected


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
