"""The scripted users of the benchmark, on a strip of objects a reader can check."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.metrics.objects import average_precision

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "mending.py"


@pytest.fixture(scope="module")
def mending() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mending", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["mending"] = module
    spec.loader.exec_module(module)
    return module


def strip(*spans: tuple[int, int]) -> np.ndarray:
    """Objects 9 pixels high, from one column to another, numbered from 1."""
    labels = np.zeros((13, 120), dtype=np.int32)
    for number, (start, stop) in enumerate(spans, start=1):
        labels[2:11, start:stop] = number
    return labels


def worked(users: ModuleType, truth, labels, foreground=None, logit=None):
    embedding = np.zeros((1, *labels.shape))
    both = []
    for kind in (users.ToolUser, users.PaintUser):
        state = Mending(labels.copy(), embedding, foreground, logit=logit)
        both.append(kind(truth, state, brush=10))
        both[-1].work()
        assert average_precision(truth, both[-1].labels) == 1
    return [(user.count.edits, user.count.clicks) for user in both]


def test_nothing_to_do(mending) -> None:
    truth = strip((2, 12), (20, 30))
    assert worked(mending, truth, truth) == [({}, 0), ({}, 0)]


def test_a_false_merge_of_three(mending) -> None:
    tools, paint = worked(
        mending, strip((2, 12), (12, 22), (22, 32)), strip((2, 32), (50, 50))
    )
    assert tools == ({"split": 1}, 3)
    assert paint == ({"cut": 2}, 4)


def test_a_false_split_into_three(mending) -> None:
    tools, paint = worked(mending, strip((2, 32)), strip((2, 12), (12, 22), (22, 32)))
    assert tools == ({"merge": 1}, 3)
    assert paint == ({"fill": 2}, 2)


def test_an_object_that_is_none(mending) -> None:
    tools, paint = worked(mending, strip((2, 12)), strip((2, 12), (50, 60)))
    assert tools == ({"delete": 1}, 1)
    assert paint == ({"fill": 1}, 1)


def test_a_small_outline_in_a_large_foreground(mending) -> None:
    truth = strip((2, 62))
    tools, paint = worked(mending, truth, strip((2, 12)), truth > 0)
    assert tools == ({"redraw": 1}, 1)
    assert paint == ({"brush": 1}, 1)


def test_what_one_click_finds_need_not_be_painted(mending) -> None:
    """The second object was missed, of the third a quarter was found."""
    truth = strip((2, 12), (20, 30), (40, 60))
    found = strip((2, 12), (40, 45))
    logit = np.where(truth > 0, -1.0, -9.0)
    tools, paint = worked(mending, truth, found, logit=logit)
    assert tools == ({"grow": 2}, 2)
    assert paint == ({"brush": 2}, 2)


def test_where_growth_does_not_suffice_both_paint(mending) -> None:
    """The missed object is far larger than the other, and as dark as background."""
    truth, found = strip((2, 12), (20, 60)), strip((2, 12))
    logit = np.where(truth == 1, 5.0, -9.0)
    tools, paint = worked(mending, truth, found, logit=logit)
    assert tools == paint == ({"brush": 1}, 1)


def test_a_narrow_brush_needs_more_strokes(mending) -> None:
    user = mending.PaintUser(
        strip((20, 30)), Mending(strip(), np.zeros((1, 13, 120))), brush=2
    )
    user.work()
    assert user.count.edits["brush"] > 1
    assert average_precision(user.truth, user.labels) == 1


def test_a_review_looks_until_the_last_error_is_mended(mending) -> None:
    truth = strip((2, 12), (12, 22), (30, 40), (50, 60))
    labels = strip((2, 22), (70, 80), (30, 40), (50, 60))  # 1: two in one, 2: none
    state = Mending(labels.copy(), np.zeros((1, *labels.shape)))
    user = mending.ReviewUser(truth, state, brush=10, order=[3, 1, 2, 4])
    user.work()
    assert average_precision(truth, user.labels) == 1
    assert (user.count.edits, user.count.clicks) == ({"split": 1, "delete": 1}, 3)
    assert user.looks == 3  # never at 4
    assert user.found_early == 0  # of 3 alone, which is right


def test_what_a_review_has_mended_is_not_looked_at_again(mending) -> None:
    truth, labels = strip((2, 32)), strip((2, 12), (12, 22), (22, 32))
    state = Mending(labels.copy(), np.zeros((1, *labels.shape)))
    user = mending.ReviewUser(truth, state, brush=10, order=[2, 1, 3])
    user.work()
    assert (user.count.edits, user.looks) == ({"merge": 1}, 1)


def test_true_objects_that_were_missed_are_added_after_the_review(mending) -> None:
    truth, labels = strip((2, 12), (20, 30)), strip((2, 12))
    state = Mending(labels.copy(), np.zeros((1, *labels.shape)))
    user = mending.ReviewUser(truth, state, brush=10, order=[1])
    user.work()
    assert average_precision(truth, user.labels) == 1
    assert user.looks == 0
