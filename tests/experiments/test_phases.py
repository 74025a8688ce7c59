"""Which phases meet: read from plans, counted by hand."""

from __future__ import annotations

from itertools import product

from napari_shiftseg.experiments.phases import (
    AXIS,
    measure,
    pairs,
    phases_in_prediction,
    phases_in_training,
    plan_of,
    row,
)
from napari_shiftseg.geometry.unet_shape import AxisShape

FOUR = AxisShape((2, 2))  # p = 4


def test_phases_of_a_training_window() -> None:
    assert phases_in_training(FOUR, 6).tolist() == [0, 1, 2, 3, 0, 1]
    assert pairs(phases_in_training(FOUR, 4)) == {(0, 1), (1, 2), (2, 3)}
    assert (3, 0) in pairs(phases_in_training(FOUR, 5))


def test_phases_of_tiles_begin_anew_at_every_tile() -> None:
    # 0 1 2 3 0 | 0 1 2 3 0 | ...
    phases = phases_in_prediction(plan_of(FOUR, 5))
    assert phases[:10].tolist() == [0, 1, 2, 3, 0, 0, 1, 2, 3, 0]
    assert phases_in_prediction(plan_of(FOUR, 4))[:9].tolist() == [*range(4)] * 2 + [0]


def test_phases_that_never_met_by_hand() -> None:
    assert row(FOUR, 5, 5)["pairs"] == ["0|0"]
    assert row(FOUR, 5, 4)["pairs"] == ["0|0", "3|0"]
    assert row(FOUR, 4, 4)["pairs"] == ["3|0"]
    assert row(FOUR, 4, 5)["pairs"] == []


def test_all_have_met_where_the_stride_is_a_multiple_and_the_window_above() -> None:
    for stride, window in product(range(1, 13), repeat=2):
        found = row(FOUR, stride, window)
        is_safe = stride % 4 == 0 and window > 4
        assert (found["never_met"] == 0) == is_safe, (stride, window)


def test_the_papers_figure() -> None:
    numbers = measure({}).numbers
    assert numbers["period"] == AXIS.period == 16
    found = {(r["stride"], r["training_window"]): r["pairs"] for r in numbers["table"]}
    assert found == {
        (16, 16): ["15|0"],
        (16, 20): [],
        (20, 16): ["3|0", "15|0"],
        (20, 20): ["3|0"],
        (32, 16): ["15|0"],
        (32, 20): [],
    }
    assert numbers["without_seams"] == [[16, 20], [32, 20]]
