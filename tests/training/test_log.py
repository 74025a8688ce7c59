"""What a training writes down: rows of means, gone on with after a stop."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.embeddings.losses import DiscriminativeLoss
from napari_shiftseg.training.step import EVERY, Log, TrainingStep
from napari_shiftseg.training.validation import Validated

if TYPE_CHECKING:
    from pathlib import Path

TOTAL = 250
TERMS = (*DiscriminativeLoss.term_names, "foreground")
COLUMNS = ("step", "loss", *TERMS, "ap50", "seconds", "note")


def step(done: int, ap50: float | None = None, **more: float) -> TrainingStep:
    """A step whose loss is its number."""
    terms = {"pull": 2.0 * done, "push": 0.0, "reg": 1.0, **more}
    score = None if ap50 is None else Validated(ap50, np.zeros((1, 1), np.int32))
    return TrainingStep(done, TOTAL, float(done), terms, score)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.csv"


def test_a_row_is_the_mean_since_the_last_one(path: Path) -> None:
    log = Log(path, TERMS)
    for done in range(1, TOTAL + 1):
        log.add(step(done))
    found = rows(path)
    assert [row["step"] for row in found] == ["100", "200", "250"]
    assert EVERY == 100
    means = [np.mean(range(1, 101)), np.mean(range(101, 201)), np.mean(range(201, 251))]
    assert [float(row["loss"]) for row in found] == means
    assert [float(row["pull"]) for row in found] == [2 * mean for mean in means]
    assert [row["ap50"] for row in found] == ["", "", ""]
    assert [row["foreground"] for row in found] == ["", "", ""]


def test_a_validation_has_a_row_of_its_own(path: Path) -> None:
    log = Log(path, TERMS)
    for done in range(1, 31):
        log.add(step(done, 0.25 if done == 20 else None, foreground=4.0))
    (row,) = rows(path)
    assert (row["step"], row["ap50"], row["foreground"]) == ("20", "0.25", "4.0")
    assert float(row["loss"]) == 10.5
    assert list(row) == list(COLUMNS)


def test_a_row_is_there_as_soon_as_it_is_written(path: Path) -> None:
    log = Log(path, TERMS)
    assert path.read_text().splitlines() == [",".join(COLUMNS)]
    for done in range(1, 101):
        assert rows(path) == []
        log.add(step(done))
    assert len(rows(path)) == 1


def test_going_on_drops_what_came_after_the_saved_state(path: Path) -> None:
    log = Log(path, TERMS)
    for done in range(1, 201):
        log.add(step(done))
    log = Log(path, TERMS, done=150)
    assert [row["step"] for row in rows(path)] == ["100"]
    for done in range(151, 201):
        log.add(step(done))
    found = rows(path)
    assert [row["step"] for row in found] == ["100", "200"]
    assert float(found[1]["loss"]) == np.mean(range(151, 201))


def test_seconds_go_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1000.0, 1007.0, 5000.0, 5002.5])
    monkeypatch.setattr("napari_shiftseg.training.step.perf_counter", lambda: next(now))
    Log(path, TERMS).add(step(100))
    Log(path, TERMS, done=100).add(step(200))
    assert [row["seconds"] for row in rows(path)] == ["7.0", "9.5"]


def test_a_new_training_begins_a_new_file(path: Path) -> None:
    Log(path, TERMS).add(step(100))
    Log(path, TERMS)
    assert rows(path) == []


def test_going_on_without_the_old_file(path: Path) -> None:
    Log(path, TERMS, done=100).add(step(200))
    assert [row["step"] for row in rows(path)] == ["200"]


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"notes of mine", b"\xff\xfe\x00"])
@pytest.mark.parametrize("done", [0, 30])
def test_a_file_of_somebody_else_is_left_as_it_is(path, content, done) -> None:
    path.write_bytes(content)
    with pytest.raises(
        FileExistsError, match=r"m\.csv is already there and is not the log"
    ):
        Log(path, TERMS, done)
    assert path.read_bytes() == content


def test_an_empty_file_and_a_cut_row_are_passed_over(path: Path) -> None:
    path.touch()
    log = Log(path, TERMS)
    for done in range(1, 201):
        log.add(step(done))
    with path.open("a", encoding="utf-8") as file:
        file.write("300,1")
    Log(path, TERMS, 400)
    assert [row["step"] for row in rows(path)] == ["100", "200"]


def test_columns_are_the_terms_of_the_loss(path: Path) -> None:
    log = Log(path, ("overlap", "spread"))
    for done in range(1, 101):
        log.add(TrainingStep(done, TOTAL, 2.0, {"overlap": 1.5, "spread": 0.25}))
    (row,) = rows(path)
    assert list(row) == ["step", "loss", "overlap", "spread", "ap50", "seconds", "note"]
    assert (row["overlap"], row["spread"]) == ("1.5", "0.25")
