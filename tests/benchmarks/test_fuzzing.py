"""A few damaged files of the benchmark; controls that it sees what is wrong."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from napari_shiftseg.cli import commands as app

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fuzzing.py"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def fuzzing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzzing", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzzing"] = module
    spec.loader.exec_module(module)
    return module


def test_damaged_files_are_refused_in_one_line(fuzzing, tmp_path) -> None:
    found = list(fuzzing.outcomes(tmp_path, (10, 20, 0), seed=3))
    assert [outcome for outcome in found if outcome.fault] == []
    assert {outcome.status for outcome in found} == {0, 2}


@pytest.mark.parametrize(
    ("error", "fault"),
    [(ZeroDivisionError("x"), "status 70"), (RecursionError("x"), "status 70")],
)
def test_a_fault_is_seen(fuzzing, tmp_path, monkeypatch, error, fault) -> None:
    def broken(_: object) -> int:
        raise error

    monkeypatch.setattr(app, "run", broken)
    found = list(fuzzing.outcomes(tmp_path, (1, 0, 0), seed=3))
    assert all(outcome.fault.startswith(fault) for outcome in found)


@pytest.mark.parametrize(
    ("status", "said", "seconds", "is_right"),
    [
        (0, "", 1.0, True),
        (0, "a note\n", 1.0, True),
        (2, "a note\nshiftseg: why\n", 1.0, True),
        (2, "why\n", 1.0, False),
        (2, "", 1.0, False),
        (2, "shiftseg: why\n", 11.0, False),
        (2, "Traceback (most recent call last)\nshiftseg: why\n", 1.0, False),
        (1, "shiftseg: why\n", 1.0, False),
    ],
)
def test_what_is_right(fuzzing, status, said, seconds, is_right) -> None:
    outcome = fuzzing.Outcome(Path("a"), "segment", status, said, seconds)
    assert (outcome.fault == "") is is_right
