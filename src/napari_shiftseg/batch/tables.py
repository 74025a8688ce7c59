"""The tables of a batch: a row an image, and those that failed."""

from __future__ import annotations

import csv
from math import isnan
from typing import TYPE_CHECKING, Any

from napari_shiftseg.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_shiftseg.batch.order import BatchRow

SUMMARY = (
    "image", "condition", "status", "objects", "density", "median_area",
    "foreground_share", "confidence", "seconds", "settings_hash", "model",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a text that begins so may be run


def write_summary(path: Path, rows: Iterable[BatchRow]) -> None:
    """Write a row an image, in UTF-8.

    Parameters
    ----------
    path : Path
    rows : iterable of BatchRow
    """
    rows = list(rows)
    units = list(dict.fromkeys(name for row in rows for name in row.in_units))
    header = (*SUMMARY[:6], *units, *SUMMARY[6:])
    _write(path, header, ([_value(row, name) for name in header] for row in rows))


def write_failures(path: Path, rows: Iterable[BatchRow]) -> None:
    """Write which images failed, and why.

    Parameters
    ----------
    path : Path
    rows : iterable of BatchRow
    """
    failed = (row for row in rows if row.status == "failed")
    _write(
        path, ("image", "path", "error"), ((r.name, r.source, r.error) for r in failed)
    )


def _value(row: BatchRow, name: str) -> Any:
    if name == "image":
        return row.name
    if name == "status":
        return "failed" if row.status == "failed" else "done"
    if row.status == "failed" and name != "condition":
        return ""
    return getattr(row, name, row.in_units.get(name, ""))


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> Any:
    """Return a value as it is written: unknown ones empty, no text a formula."""
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return "" if isnan(value) else f"{value:.6g}"
    text = readable(str(value))
    return f"'{text}" if text.startswith(FORMULA) else text
