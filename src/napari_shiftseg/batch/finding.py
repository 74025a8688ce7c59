"""Which images a batch has, and what the results of each are called."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from napari_shiftseg.results.recipe_file import read_made
from napari_shiftseg.stores.data_sets import IMAGES, LABELS, MASKS
from napari_shiftseg.stores.folders import read_record
from napari_shiftseg.stores.own_stores import record_in
from napari_shiftseg.stores.reading import (
    IMAGE_SUFFIXES,
    STORE,
    is_sample,
    name_of_file,
)
from napari_shiftseg.stores.tiff import about_tiff
from napari_shiftseg.stores.writing import TEXTS
from napari_shiftseg.stores.written_labels import ENDINGS
from napari_shiftseg.stores.zarr_image import is_zarr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

REPORT = "_report.json"
JOURNAL = ".shiftseg-batch"  # folder in the output of a batch


@dataclass(frozen=True)
class Item:
    """An image of a batch.

    Attributes
    ----------
    source : Path
        Absolute; the name of a sample.
    folder : str
        Where it lies below the input, with slashes; empty: in it.
    name : str
        How its results begin: its own name, with its suffix where another image there
        has the same one.
    """

    source: Path
    folder: str
    name: str

    @property
    def key(self) -> str:
        """How its results begin, below the output."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    @property
    def condition(self) -> str:
        """The first folder below the input."""
        return self.folder.partition("/")[0]


def is_batch(inputs: Sequence[Path]) -> bool:
    """Whether what is given are many images: several, a folder, or a pattern.

    A folder that is a zarr store is one image.

    Parameters
    ----------
    inputs : sequence of Path
    """
    if len(inputs) != 1:
        return True
    (one,) = inputs
    if one.exists():
        return one.is_dir() and not is_zarr(one)
    return has_magic(str(one)) and not is_sample(one)


def items_of(
    inputs: Iterable[Path], output: Path, known: Mapping[str, str] | None = None
) -> list[Item]:
    """Return the images of a batch, in the order of their folders and names.

    Folders are those below what all inputs have in common.

    Parameters
    ----------
    inputs : iterable of Path
        Images, names of samples, folders and patterns.
    output : Path
        Left out where it lies in a folder that is gone through.
    known : mapping of str to str, optional
        What results were called before, `Item.key` by source.

    Raises
    ------
    FileNotFoundError
        If no file matches a pattern.
    ValueError
        If there is no image in a folder.
    """
    roots: list[Path] = []
    sources: dict[Path, None] = {}
    for given in inputs:
        if is_sample(given):
            sources[given] = None
            continue
        place = Path(os.path.abspath(given))
        root, found = _found(place, given, output)
        roots.append(root)
        sources |= dict.fromkeys(found)
    base = _common(roots)
    folders = {source: _below(source, base) for source in sources}
    ordered = sorted(sources, key=lambda source: (folders[source], source.name))
    return _named(ordered, folders, known or {})


def _found(place: Path, given: Path, output: Path) -> tuple[Path, list[Path]]:
    """Return the images of one input, and the folder below which theirs count."""
    if place.exists() or not has_magic(str(given)):
        if not place.is_dir() or is_zarr(place):
            return place.parent, [place]
        found = list(_images_below(place, Path(os.path.abspath(output))))
        if not found:
            raise ValueError(
                f"{given} holds no image: put files there that end with "
                f"{', '.join((*IMAGE_SUFFIXES, STORE))}"
            )
        return place, found
    parts = given.parts
    fixed = next(at for at, part in enumerate(parts) if has_magic(part))
    root = Path(os.path.abspath(Path(*parts[:fixed])))
    found = list(_matching(given, root, Path(os.path.abspath(output))))
    if not found:
        raise FileNotFoundError(
            f"no image matches {given}: give the names of files that are there"
        )
    return root, found


def _matching(pattern: Path, root: Path, output: Path) -> Iterator[Path]:
    """Return the images that a pattern names; results of this program are none."""
    results: dict[Path, set[str]] = {}
    for name in sorted(glob(str(pattern), recursive=True)):
        path = Path(os.path.abspath(name))
        folder = path.parent
        if folder not in results:
            results[folder] = _results_in(folder.iterdir())
        is_result = root != output and output in (folder, *folder.parents)
        if _is_image(path) and not is_result and path.name not in results[folder]:
            yield path


def _images_below(
    folder: Path, output: Path, seen: frozenset[str] = frozenset()
) -> Iterator[Path]:
    """Go through a folder; results of this program, and true labels, are no images."""
    real = os.path.realpath(folder)
    is_given = not seen
    if real in seen or (not is_given and _holds_results(folder, output)):
        return
    try:
        entries = sorted(path for path in folder.iterdir() if path.name[:1] != ".")
    except OSError:  # it is named among the images, and fails there
        yield folder
        return
    results = _results_in(entries)
    names = {path.name for path in entries}
    for path in entries:
        if path.name in results:
            continue
        if _is_image(path):
            yield path
        elif path.is_dir() and not is_zarr(path):
            if path.name in (LABELS, MASKS) and IMAGES in names:
                continue
            yield from _images_below(path, output, seen | {real})


def _holds_results(folder: Path, output: Path) -> bool:
    """Whether a folder is the output of this batch, or of another one."""
    return folder == output or (folder / JOURNAL).is_dir()


def _is_image(path: Path) -> bool:
    if path.is_dir():
        return is_zarr(path) and not record_in(path)
    return path.suffix.lower() in IMAGE_SUFFIXES


def _results_in(entries: Iterable[Path]) -> set[str]:
    """Return the names of the files that runs of this program wrote in a folder.

    Reports name them; labels that a widget saved have settings beside them, or say in
    their file what they are.
    """
    every = [*entries]
    records = (read_record(e) for e in every if e.name.endswith(REPORT))
    sums = (record["sha256"] for record in records if "command" in record)
    named = {name for each in sums if isinstance(each, dict) for name in each}
    ours = {e.name for e in every if e.name.endswith(ENDINGS["labels"]) and _is_ours(e)}
    return named | ours


def _is_ours(labels: Path) -> bool:
    """Whether this program wrote labels, as their file or the one beside it says."""
    name = labels.name.removesuffix(ENDINGS["labels"])
    settings = labels.with_name(f"{name}{TEXTS['settings']}")
    with suppress(OSError, ValueError):
        if settings.is_file() and read_made(settings.read_text(encoding="utf-8")):
            return True
        return bool(about_tiff(labels).image_axes)
    return False


def _common(roots: list[Path]) -> Path | None:
    """Return the folder that all inputs have in common; None: there is none."""
    try:
        return Path(os.path.commonpath(roots))
    except ValueError:  # no root, or different drives
        return None


def _below(source: Path, base: Path | None) -> str:
    if base is not None and source.is_relative_to(base):
        return "/".join(source.relative_to(base).parts[:-1])
    drive = source.drive.strip(":\\/")
    parts = source.parts[1:-1] if source.is_absolute() else ()
    return "/".join(filter(None, (drive, *parts)))


def _named(
    sources: list[Path], folders: Mapping[Path, str], known: Mapping[str, str]
) -> list[Item]:
    """Give each image a name of its own, whatever the disk thinks of capitals."""
    plain = {source: _key(folders[source], name_of_file(source)) for source in sources}
    many = Counter(plain.values())
    taken = {key.casefold() for key in known.values()}
    items = []
    for source in sources:
        folder, name = folders[source], name_of_file(source)
        before = known.get(str(source), "")
        if before and before.rpartition("/")[0] == folder:
            items.append(Item(source, folder, before.rpartition("/")[2]))
            continue
        if many[plain[source]] > 1 or plain[source] in taken:
            name = f"{name}_{source.suffix.removeprefix('.')}".rstrip("_")
        own = _free(folder, name, taken)
        taken.add(_key(folder, own))
        items.append(Item(source, folder, own))
    return items


def _free(folder: str, name: str, taken: set[str]) -> str:
    """Return a name that is free: with a number, from 2, where it is taken."""
    own, number = name, 1
    while _key(folder, own) in taken:
        number += 1
        own = f"{name}_{number}"
    return own


def _key(folder: str, name: str) -> str:
    return f"{folder}/{name}".removeprefix("/").casefold()
