"""What a person reads on the terminal."""

from __future__ import annotations

import sys
from textwrap import fill
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from napari_shiftseg.geometry.advice import summary
from napari_shiftseg.inference.progress import Progress, Returning
from napari_shiftseg.inference.rough_time import MOST_TILES
from napari_shiftseg.report.figures_of_merit import ROWS, cell, untiled_cell

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence
    from pathlib import Path

    from napari_shiftseg.pipeline.segmentation import Segmentation

Result = TypeVar("Result")

TITLE, COLUMN = 24, 12  # characters
MANY_TILES = "{:,} {}s: this may take long; a larger window makes fewer"


def with_progress(
    steps: Generator[Progress, None, Result], unit: str = "tile"
) -> Result:
    """Run to the end; notes and (on a terminal) a progress bar go to standard error."""
    running, is_warned = Returning(steps), False
    with tqdm(unit=unit, disable=None, leave=False) as bar:
        for progress in running:
            if progress.total > MOST_TILES and not is_warned:
                is_warned = True
                tqdm.write(MANY_TILES.format(progress.total, unit), file=sys.stderr)
            if progress.note:
                tqdm.write(progress.note, file=sys.stderr)
            bar.total = progress.total
            bar.set_description(progress.stage, refresh=False)
            bar.update(progress.done - bar.n)
    return running.value


def report_segmentation(result: Segmentation, folder: Path) -> None:
    """Print the outcome of a run."""
    print(summary(result.plan), result.intensity.sentence, *result.notes, sep="\n")
    print(f"{result.found} in {result.seconds:.1f} s, written to {folder}")


def report_comparison(report: Mapping[str, Any]) -> None:
    """Print naive and cropped stitching side by side, and what it means.

    Parameters
    ----------
    report : mapping
        See `report_of`.
    """
    naive, cropped = report["naive"], report["cropped"]
    _print_row("", "naive", "cropped", "untiled")
    for row in ROWS:
        _print_row(
            row.title,
            cell(naive[row.key]),
            cell(cropped[row.key]),
            untiled_cell(row, naive, cropped),
        )
    _print_better(report["differences"])
    print(f"\n{fill(report['verdict'], 80)}")
    for warning in report["warnings"]:
        print(f"note: {warning}")


def _print_better(differences: Mapping[str, Any]) -> None:
    """Say in which figures a side is better, beyond what chance gives."""
    for side in ("naive", "cropped"):
        titles = [
            row.title.strip()
            for row in ROWS
            if differences.get(row.key, {}).get("better") == side
        ]
        if titles:
            said = f"{side} is better beyond chance: {', '.join(titles)}"
            print(f"\n{fill(said, 80)}")


def _print_row(title: str, *cells: str) -> None:
    columns = "".join(f"{text:>{COLUMN}}" for text in cells[:-1])
    print(f"{title:{TITLE}}{columns}  {cells[-1]:>{COLUMN}}".rstrip())


def note(text: str) -> None:
    """Say something beside the result, which alone is on standard output."""
    print(text, file=sys.stderr)


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], indent: int = 0
) -> None:
    """Print a table: its columns as wide as they need, the first one to the left."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        columns = [f"{text:>{w}}" for text, w in zip(others, widths[1:], strict=True)]
        cells = "  ".join([f"{first:{widths[0]}}", *columns])
        print(f"{' ' * indent}{cells}".rstrip())
