"""The numbers behind a report, for a spreadsheet."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import zip_longest
from math import isnan
from typing import TYPE_CHECKING, Any

from napari_shiftseg.report.figures_of_merit import judgements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.report.plots import Point


@dataclass(frozen=True)
class Table:
    """A header, and rows of as many values; None where one is not defined."""

    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


JUDGED = ("difference", "low", "high", "better")  # of a `Judgement`


def figures_table(comparison: Comparison) -> Table:
    """Return all figures of both sides, one a row, and what chance makes of them.

    The difference (naive − cropped; of a seam ratio, the distances from the untiled
    one), the interval that 99 % of the resamplings lie in, and the better side.
    """
    naive, cropped = comparison.naive.figures(), comparison.cropped.figures()
    judged = {key: of.figures() for key, of in judgements(comparison).items()}
    rows = tuple(
        (key, naive[key], cropped[key], *(judged.get(key, {}).get(j) for j in JUDGED))
        for key in naive
    )
    return Table(("figure", "naive", "cropped", *JUDGED), rows)


def profile_table(comparison: Comparison) -> Table:
    """Return the seam profiles, one offset of one axis a row.

    The mean step (units of the embedding) of each stitching, and of the untiled
    prediction over the same pairs; the strides may differ.
    """
    sides = comparison.naive, comparison.cropped
    profiles = [
        [along.tolist() for along in scores.profile]
        for side in sides
        for scores in (side.seams, side.untiled)
    ]
    rows = tuple(
        (axis, offset, *values)
        for axis, along in enumerate(zip(*profiles, strict=True))
        for offset, values in enumerate(zip_longest(*along))
    )
    header = "axis", "offset", "naive", "untiled_naive", "cropped", "untiled_cropped"
    return Table(header, rows)


def sweep_table(points: Iterable[Point]) -> Table:
    """Return the figures of a sweep, one window a row."""
    known = [point.figures() for point in points]
    header = tuple(known[0]) if known else ("window",)
    return Table(header, tuple(tuple(figures.values()) for figures in known))


def write_csv(path: Path, table: Table) -> None:
    """Write a table; windows as 24x96x96, nothing where a value is not defined.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table.header)
        writer.writerows(_written(row) for row in table.rows)


def _written(row: Sequence[Any]) -> list[Any]:
    return [_value(value) for value in row]


def _value(value: Any) -> Any:
    match value:
        case None:
            return ""
        case float() if isnan(value):
            return ""
        case [*sizes]:
            return "x".join(str(size) for size in sizes)
    return value
