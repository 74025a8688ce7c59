"""Tables as CSV files that spreadsheets and pandas open, and no formula in them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.stores.whole_file import whole_or_not_at_all
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

STEERS = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet reads what begins so
APOSTROPHE = "'"
ROWS = 2**14  # written at once
BOOLS = {"True": True, "False": False}
UNREADABLE = (UnicodeDecodeError, csv.Error)


def write_table(path: Path, table: Mapping[str, NDArray[Any]]) -> None:
    """Write a table as CSV (UTF-8, commas), whole or not at all.

    What a spreadsheet would take for a formula, text that begins with ``=``, ``+``,
    ``-``, ``@``, a tab or a carriage return, gets an apostrophe before it; so does text
    that begins with one. `read_table` takes it away. NaN is an empty field.

    Parameters
    ----------
    path : Path
    table : mapping of str to ndarray
        Columns, all of one length.

    Raises
    ------
    ValueError
        If the columns differ in length.
    OSError
        If the file cannot be written: the disk is full, or another program holds it
        open. The file that was there is kept.
    """
    with whole_or_not_at_all(path) as unfinished:
        write_rows(unfinished, table)


def write_rows(path: Path, table: Mapping[str, NDArray[Any]]) -> None:
    """Write a table to a file that may be lost; see `write_table`.

    Parameters
    ----------
    path, table
        See `write_table`.
    """
    columns = [np.asarray(column) for column in table.values()]
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise ValueError(
            f"the columns of a table must be of one length, got {sorted(lengths)}"
        )
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([plain(name) for name in table])
        for first in range(0, next(iter(lengths), 0), ROWS):
            parts = [_written(column[first : first + ROWS]) for column in columns]
            writer.writerows(zip(*parts, strict=True))


def read_table(path: Path) -> dict[str, NDArray[Any]]:
    """Read a table that `write_table` wrote: columns of numbers, booleans or text.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If it is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            names, *rows = list(csv.reader(file)) or [[]]
    except UNREADABLE as error:
        raise ValueError(
            f"{path.name} is no table of comma separated values: {brief(error)}"
        ) from None
    odd = next((n for n, row in enumerate(rows, 2) if len(row) != len(names)), None)
    if odd is not None:
        raise ValueError(
            f"row {odd} of {path.name} has {len(rows[odd - 2])} fields, but the first "
            f"names {len(names)} columns: give a table as this program writes it"
        )
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return {meant(n): _column(c) for n, c in zip(names, columns, strict=True)}


def _written(column: NDArray[Any]) -> Iterable[Any]:
    """Return the fields of a column; numbers with all digits that they need."""
    if column.dtype.kind == "f":
        return ["" if value != value else value for value in column.tolist()]
    if column.dtype.kind in "biu":
        fields: list[Any] = column.tolist()
        return fields
    return [plain(value) for value in column.tolist()]


def plain(value: Any) -> Any:
    """Return text that no spreadsheet takes for a formula; other values as they are.

    Parameters
    ----------
    value : object
        None and NaN become empty text.
    """
    if isinstance(value, str) and value.startswith((*STEERS, APOSTROPHE)):
        return APOSTROPHE + value
    return "" if value is None or value != value else value


def meant(text: str) -> str:
    """Return what `plain` was given.

    Parameters
    ----------
    text : str
        Of a field.
    """
    return text[1:] if text.startswith(APOSTROPHE) else text


def _column(fields: Iterable[str]) -> NDArray[Any]:
    """Return fields as what they are: whole numbers, floats (empty: NaN), or text."""
    texts = list(fields)
    if texts and set(texts) <= BOOLS.keys():
        return np.array([BOOLS[text] for text in texts])
    if any(texts) and "_" not in "".join(texts):  # Python reads 1_000 as a number
        for kind in (int, lambda text: float(text or "nan")):
            try:
                numbers = np.array([*map(kind, texts)])
            except ValueError:
                continue
            if numbers.dtype.kind in "if":  # others are too large
                return numbers
    if not texts:
        return np.zeros(0)
    return np.array([meant(text) for text in texts], dtype=np.str_)
