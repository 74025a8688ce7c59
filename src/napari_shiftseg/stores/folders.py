"""Folders: pairs of files by name; what a run wrote there and may replace."""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.stores.reading import IMAGE_SUFFIXES, STORE, name_of_file
from napari_shiftseg.stores.zarr_image import is_zarr

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path


def writable_folder(folder: Path) -> Path:
    """Make the folder if need be, and prove that a file can be written there.

    An `OSError` says that none can, before any work is done.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            return folder
    except OSError as error:
        is_file = isinstance(error, FileExistsError | NotADirectoryError)
        reason = (
            "the path is a file, or leads through one" if is_file else error.strerror
        )
        raise OSError(
            f"cannot write files into {folder} ({reason}): choose another folder"
        ) from None


@contextmanager
def kept_if_used(folder: Path) -> Iterator[Path]:
    """Make the folder as `writable_folder` does; where the work fails it goes again.

    It stays if it was there before, or if something was written into it.
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


LABELS = "_labels"  # as `shiftseg segment` names them
BESIDE_LABELS = ("_embedding", "_gradient", "_proposals")  # what lies with them


def pairs(labels: Path, partner: Path) -> dict[str, tuple[Path, Path]]:
    """Return labels and their partners by name: of two files, or of two folders.

    In folders, files of one name belong together, whatever their suffix; so do
    ``NAME_labels`` and ``NAME``. A zarr store counts as a file.

    Parameters
    ----------
    labels, partner : Path
        Two files or two folders.

    Raises
    ------
    ValueError
        If one is a folder and the other is not, a folder holds no image, or a
        file has no partner.
    """
    are_folders = [p.is_dir() and not is_zarr(p) for p in (labels, partner)]
    if len(set(are_folders)) > 1:
        raise ValueError(f"give two files or two folders, got {labels} and {partner}")
    if not any(are_folders):
        return {name_of_file(labels).removesuffix(LABELS): (labels, partner)}
    partners = images_in(partner)
    found: dict[str, Path] = {}
    for stem, path in images_in(labels).items():
        _add(found, stem if stem in partners else stem.removesuffix(LABELS), path)
    for here, there, folder in ((found, partners, partner), (partners, found, labels)):
        alone = [here[name].name for name in sorted(here.keys() - there.keys())]
        if alone:
            raise ValueError(
                f"{', '.join(alone)} has no partner in {folder}: put a file of the "
                f"same name there, or NAME_labels for NAME"
            )
    return {name: (found[name], partners[name]) for name in sorted(partners)}


def images_in(folder: Path) -> dict[str, Path]:
    """Return the images in a folder by their names without suffix, in order.

    Hidden files are none, such as the companions ``._NAME`` that macOS leaves.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    ValueError
        If there is none, or two have one name.
    """
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        is_file = path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
        is_image = is_file or (path.suffix.lower() == STORE and is_zarr(path))
        if is_image and not path.name.startswith("."):
            _add(files, name_of_file(path), path)
    segmented = {stem.removesuffix(LABELS) for stem in files if stem.endswith(LABELS)}
    for stem in segmented:
        for kind in BESIDE_LABELS:
            files.pop(stem + kind, None)
    if not files:
        raise ValueError(
            f"{folder} holds no image: put files there that end with "
            f"{', '.join((*IMAGE_SUFFIXES, STORE))}"
        )
    return files


def _add(files: dict[str, Path], name: str, path: Path) -> None:
    if name in files:
        raise ValueError(
            f"{files[name].name} and {path.name} in {path.parent} both have the name "
            f"{name!r}: keep one of them"
        )
    files[name] = path


RUN = "run of this command on this input"
REPLACED = "sha256_replaced"


@dataclass(frozen=True)
class Run:
    """Which command, on what."""

    command: str
    # files as absolute paths, samples by their names, and what was taken of them
    inputs: tuple[str, ...]

    def about(self) -> dict[str, Any]:
        """Return what a record says of the run."""
        return {"command": self.command, "inputs": list(self.inputs)}


def checksums(files: Mapping[str, Path]) -> dict[str, str]:
    """Return the SHA-256 of files, by their names."""
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
    """
    if overwrite:
        return
    for path in paths:
        if path.name not in own and (path.exists() or path.is_symlink()):
            raise FileExistsError(
                f"{path.parent} has a file {path.name} that no older {kind} wrote, or "
                f"that has changed since: choose another folder, or add --overwrite to "
                f"replace it"
            )


def is_file_like(path: Path, other: Path) -> bool:
    """Whether there is a file with the bytes of another: replacing it loses nothing.

    Parameters
    ----------
    path, other : Path
        The first one may not be there.
    """
    return _is(path, _sum(other))


def read_record(record: Path) -> dict[str, Any]:
    """Return what a record says; nothing where there is none, or it is not ours."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _is(path: Path, expected: Any) -> bool:
    is_there = path.is_file() or is_zarr(path)
    return is_there and not path.is_symlink() and _sum(path) == expected


def _sum(path: Path) -> str:
    """Return the sum of a file; of a store that of its files and their names."""
    if path.is_dir():
        files = {str(f.relative_to(path)): f for f in path.rglob("*") if f.is_file()}
        said = sorted((name.replace("\\", "/"), _sum(f)) for name, f in files.items())
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
