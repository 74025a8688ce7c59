"""Calls that tell how much of them is done."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest

from napari_shiftseg.intensity.automatic import find_scale
from napari_shiftseg.progress import (
    LARGE,
    Progress,
    Returning,
    Share,
    tell,
    telling,
    told,
)

BEGINNING = Progress(0, 1, stage="reading")


def test_what_a_call_tells_is_what_is_yielded() -> None:
    heard = {share: Event() for share in (0.25, 0.5)}

    def call(value: int) -> int:
        for share, event in heard.items():
            tell(share)
            assert event.wait(60)
        return value

    steps = Returning(told(BEGINNING, LARGE, call, 7))
    said = []
    for step in steps:
        if step not in said:
            said.append(step)
        if isinstance(step, Share):
            heard[step.done / step.total].set()
    assert steps.value == 7
    assert said[-2:] == [Share(n, 100, stage="reading") for n in (25, 50)]


def test_parts_of_parts_are_shares_of_the_whole() -> None:
    marks = []

    def call() -> list[str]:
        seen = []
        for part in telling(["a", "b"]):
            seen.append(part)
            tell(0.5)
            for _ in telling([0, 1]):
                pass
        tell(1.0)
        return seen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_shiftseg.progress.Share", _noting(marks))
        steps = Returning(told(BEGINNING, LARGE, call))
        list(steps)
    assert steps.value == ["a", "b"]
    assert marks == [0, 25, 0, 25, 50, 75, 50, 75, 100]


def _noting(marks: list[int]):
    def share(done: int, total: int, stage: str) -> Share:
        marks.append(done)
        return Share(done, total, stage=stage)

    return share


def test_where_nobody_listens_nothing_is_told() -> None:
    tell(0.5)
    assert list(telling("ab")) == ["a", "b"]


def test_an_error_of_the_call_is_passed_on() -> None:
    def call() -> None:
        raise ValueError("no pixel holds data")

    with pytest.raises(ValueError, match="no pixel"):
        list(told(BEGINNING, LARGE, call))


def test_reading_grey_values_tells(rng: np.random.Generator) -> None:
    stack = rng.random((4, 60, 60), dtype=np.float32)
    marks: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_shiftseg.progress.Share", _noting(marks))
        steps = Returning(told(BEGINNING, LARGE, find_scale, stack, 2, "percentile"))
        list(steps)
    assert steps.value == find_scale(stack, 2, "percentile")
    assert {0, 25, 50, 75} < set(marks)
    assert max(marks) > 85  # within the last plane
