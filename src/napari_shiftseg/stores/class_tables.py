"""Tables of the classes of objects: which label is of which class."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.stores.tables import meant
from napari_shiftseg.text import brief, readable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path


SUFFIXES = (".csv", ".json")
CLASSES = "_classes"  # as `shiftseg segment` names them
COLUMNS = ("label", "class")
DELIMITERS = ",;\t"
UNREADABLE = (UnicodeDecodeError, csv.Error, json.JSONDecodeError, RecursionError)
LIKE = "label,class on the first line and 1,disk on the second, for example"


@dataclass(frozen=True)
class ClassTable:
    """The classes of the objects of an image."""

    file: str  # name of the file that says so
    classes: dict[int, str]  # by label


def class_tables(path: Path, images: Collection[str]) -> dict[str, ClassTable]:
    """Read the classes of the objects of images, by the names of the images.

    Parameters
    ----------
    path : Path
        A CSV or JSON file for one image; for several a folder of them, ``NAME.csv`` or
        ``NAME_classes.csv``, and so with .json.
    images : collection of str
        Their names, without suffix.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If there is no table for an image, or one cannot be read; see `read_classes`.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}")
    if not path.is_dir():
        if len(images) != 1:
            raise ValueError(
                f"{path.name} is the table of one image, but there are {len(images)}: "
                f"give a folder with a table NAME.csv for each image"
            )
        return {name: ClassTable(path.name, read_classes(path)) for name in images}
    files = _tables_in(path)
    without = sorted(set(images) - files.keys())
    if without:
        raise ValueError(
            f"{path} has no table of classes for {', '.join(without[:3])}: put "
            f"{without[0]}.csv there ({LIKE})"
        )
    return {n: ClassTable(files[n].name, read_classes(files[n])) for n in images}


def _tables_in(folder: Path) -> dict[str, Path]:
    """Return the tables of a folder by the names of their images."""
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in SUFFIXES or file.name.startswith("."):
            continue
        name = readable(file.stem).removesuffix(CLASSES)
        if name in files:
            raise ValueError(
                f"{files[name].name} and {file.name} are both tables of {name!r}: "
                f"keep one of them"
            )
        files[name] = file
    return files


def read_classes(path: Path) -> dict[int, str]:
    """Read one table: the class of each object, by its label.

    A CSV file has the columns ``label`` and ``class``, parted by commas, semicolons or
    tabs, and any others; so has what ``shiftseg segment`` writes. A JSON file is an
    object of classes by label, ``{"1": "disk"}``.

    Raises
    ------
    ValueError
        If it is none of these, a label is no whole number from 1, a class is empty, or
        one label has two.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        is_json = path.suffix.lower() == ".json"
        rows = _rows_of_json(text) if is_json else _rows_of_csv(text)
    except UNREADABLE as error:
        raise ValueError(
            f"{path.name} is no table of classes ({error}): write {LIKE}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    return _by_label(path.name, rows)


def _rows_of_csv(text: str) -> list[tuple[Any, Any]]:
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.DictReader(text.splitlines(), delimiter=delimiter)
    names = {name.strip().lower(): name for name in reader.fieldnames or ()}
    absent = [name for name in COLUMNS if name not in names]
    if absent:
        raise ValueError(
            f"a table of classes has the columns label and class, but there is no "
            f"column {' and '.join(absent)}: write {LIKE}"
        )
    label, of = (names[name] for name in COLUMNS)
    return [(row[label], meant(row[of] or "")) for row in reader]


def _rows_of_json(text: str) -> Iterable[tuple[Any, Any]]:
    known = json.loads(text)
    if not isinstance(known, dict):
        raise ValueError(
            f"classes in JSON are an object of classes by label, got "
            f'{brief(known)}: write {{"1": "disk"}}, for example'
        )
    return known.items()


def _by_label(file: str, rows: Iterable[tuple[Any, Any]]) -> dict[int, str]:
    classes: dict[int, str] = {}
    for label, of in rows:
        number = str(label).strip()
        if not (number.isdecimal() and int(number) > 0):
            raise ValueError(
                f"{file}: a label is a whole number from 1, got {brief(label)}: 0 is "
                f"background and has no class"
            )
        name = of.strip() if isinstance(of, str) else ""
        if not name:
            raise ValueError(
                f"{file}: the object {number} has no class, got {brief(of)}: write "
                f"the name of one"
            )
        if classes.setdefault(int(number), name) != name:
            raise ValueError(
                f"{file}: the object {number} is both {classes[int(number)]} and "
                f"{name}: an object is of one class; planes that are numbered each by "
                f"itself need an image and a table each"
            )
    return classes
