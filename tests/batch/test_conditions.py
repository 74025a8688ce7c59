"""Images grouped by their first folder, in figures worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from napari_shiftseg.batch.conditions import (
    NO_FOLDER,
    Condition,
    condition_of,
    conditions,
)


@dataclass(frozen=True)
class Row:
    name: str
    objects: int = 0
    median_area: float | None = None
    status: str = "done"


ROWS = [
    Row("treated/b.tif", 7, 30.0),
    Row("control/a.tif", 10, 20.0),
    Row("control/day 2/b.tif", 20, 26.0),
    Row("control/c.tif", 0, None, "skipped"),
    Row("control/broken.tif", 99, 99.0, "failed"),
]


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("a.tif", NO_FOLDER),
        ("control/a.tif", "control"),
        ("control/day 2/a.tif", "control"),
        ("=x/a.tif", "=x"),
    ],
)
def test_the_first_folder_is_the_condition(name, condition):
    assert condition_of(name) == condition


def test_what_failed_does_not_count_and_what_was_done_before_does():
    control, treated = conditions(ROWS)
    assert control == Condition("control", (10, 20, 0), (20.0, 26.0))
    assert treated == Condition("treated", (7,), (30.0,))


def test_figures():
    control = conditions(ROWS)[0]
    assert (control.images, control.total) == (3, 30)
    assert (control.mean_objects, control.median_area) == (10.0, 23.0)


def test_images_without_objects_have_no_area():
    (found,) = conditions([Row("a.tif")])
    assert (found.name, found.mean_objects, found.median_area) == (NO_FOLDER, 0, None)


def test_nothing_done_is_no_condition():
    assert conditions([Row("a/b.tif", 3, 4.0, "failed")]) == ()
