"""The course of a training, as a CSV file."""

from __future__ import annotations

import csv
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.training.fit import TrainingStep

COLUMNS = (
    "step",
    "loss",
    "pull",
    "push",
    "reg",
    "foreground",
    "ap50",
    "seconds",
    "note",
)
EVERY = 100  # steps a row is the mean of


class Log:
    """Writes a row every 100 steps, and at each validation: means since the last one.

    Parameters
    ----------
    path : Path
        Of the CSV file. Rows after `done` are dropped from a file that is there.
    done : int
        Steps before this run; 0: a new file is begun.
    """

    def __init__(self, path: Path, done: int = 0) -> None:
        self._path = path
        self._steps: list[TrainingStep] = []
        self._began = perf_counter()
        rows = _rows_until(path, done) if done else []
        self._before = float(rows[-1]["seconds"]) if rows else 0.0
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)

    def add(self, step: TrainingStep) -> None:
        """Take up a step; writes a row if it is time."""
        self._steps.append(step)
        if (
            step.validated
            or step.note
            or step.done % EVERY == 0
            or step.done == step.total
        ):
            self._write()

    def _write(self) -> None:
        last = self._steps[-1]
        row = {
            "step": last.done,
            "loss": fmean(step.loss for step in self._steps),
            **{k: fmean(s.terms[k] for s in self._steps) for k in last.terms},
            "ap50": last.validated.ap50 if last.validated else "",
            "seconds": round(self._before + perf_counter() - self._began, 1),
            "note": next((s.note for s in reversed(self._steps) if s.note), ""),
        }
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)
        self._steps.clear()


def _rows_until(path: Path, done: int) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if int(row["step"]) <= done]
