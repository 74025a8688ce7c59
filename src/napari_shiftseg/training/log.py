"""The course of a training, as a CSV file."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING

from napari_shiftseg.stores.whole_file import whole_or_not_at_all

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.training.step import TrainingStep


MOST_POINTS = 200  # of a curve


@dataclass
class Course:
    """What a training has shown so far.

    Attributes
    ----------
    steps : list of int
        Numbers of the steps.
    terms : dict of str to list of float
        Each term of the loss, one value a step.
    ap50 : dict of int to float
        AP50 on the validation part, by the step it was found at.
    before : float or None
        AP50 there of the model that the training began with; None: with nothing.
    """

    steps: list[int] = field(default_factory=list)
    terms: dict[str, list[float]] = field(default_factory=dict)
    ap50: dict[int, float] = field(default_factory=dict)
    before: float | None = None

    def add(self, step: TrainingStep) -> None:
        """Take up a step."""
        self.steps.append(step.done)
        for name, value in step.terms.items():
            self.terms.setdefault(name, []).append(value)
        if step.validated is not None:
            self.ap50[step.done] = step.validated.ap50

    def curve(self, name: str) -> tuple[list[float], list[float]]:
        """Return steps and values of a term, as means of many steps where needed."""
        width = -(-len(self.steps) // MOST_POINTS) or 1
        return _means(self.steps, width), _means(self.terms[name], width)


def _means(values: list[float] | list[int], width: int) -> list[float]:
    return [fmean(values[i : i + width]) for i in range(0, len(values), width)]


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

    Raises
    ------
    FileExistsError
        If the file that is there is no such log; it is left as it is.
    """

    def __init__(self, path: Path, done: int = 0) -> None:
        self._path = path
        self._steps: list[TrainingStep] = []
        self._began = perf_counter()
        rows = [row for row in _rows(path) if int(row["step"]) <= done]
        self._before = _seconds(rows[-1]) if rows else 0.0
        with (
            whole_or_not_at_all(path) as new,
            new.open("w", newline="", encoding="utf-8") as file,
        ):
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
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)
        self._steps.clear()


def is_log(path: Path) -> bool:
    """Whether a file is the course of a training, and not a table of the user's."""
    try:
        _rows(path)
    except FileExistsError:
        return False
    return True


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the whole rows of a log; none where there is no file, or an empty one."""
    if not path.exists() or not path.stat().st_size:
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            is_ours = tuple(reader.fieldnames or ()) == COLUMNS
            rows = [row for row in reader if is_ours and _is_whole(row)]
    except (UnicodeDecodeError, csv.Error):
        is_ours = False
    if not is_ours:
        raise FileExistsError(
            f"{path} is there and is no log of a training: it would be overwritten; "
            f"move it away, or give the model another name"
        )
    return rows


def _is_whole(row: dict[str, str]) -> bool:
    """Whether a row is one of ours, not one whose writing was cut short."""
    try:
        return set(row) == set(COLUMNS) and int(row["step"]) > 0 <= float(
            row["seconds"]
        )
    except (TypeError, ValueError):
        return False


def _seconds(row: dict[str, str]) -> float:
    return float(row["seconds"])
