"""Costs of windows, against sums done by hand and against every window there is."""

from __future__ import annotations

import json

import pytest

from napari_shiftseg.geometry.advice import effort
from napari_shiftseg.geometry.cost import COLUMNS, Cost, cheapest, planned_costs
from napari_shiftseg.geometry.cost import time_text as text_of
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape

SMALL = AxisShape((2, 2))  # p = 4, context 40, legal inputs 44, 48, 52, …


def net(*axes: AxisShape) -> UNetShape:
    return UNetShape(axes, (2, 4, 8))


def test_one_axis_by_hand():
    # 12 pixels: three tiles of 4, two of 8 (the last one half empty), or one of 12
    costs = planned_costs((12,), net(SMALL))
    found = [(c.name, c.plan.reads, c.keeps, len(c.plan), c.plan.cost) for c in costs]
    assert found == [
        ("4", (44,), (4,), 3, 3 * 44 / 12),
        ("8", (48,), (8,), 2, 2 * 48 / 12),
        ("whole (12)", (52,), (12,), 1, 52 / 12),
    ]
    assert [cost.seconds for cost in costs] == [None] * 3
    assert cheapest(costs) is costs[-1]


def test_windows_double_until_they_cover_the_image():
    names = [cost.name for cost in planned_costs((100, 100), net(SMALL, SMALL))]
    assert names == ["4", "8", "16", "32", "64", "whole (100)"]
    assert [c.name for c in planned_costs((3, 3), net(SMALL, SMALL))] == ["whole (4)"]


def test_a_short_axis_stops_at_its_end():
    windows = [c.plan.window for c in planned_costs((6, 40), net(SMALL, SMALL))]
    assert windows == [(4, 4), (8, 8), (8, 16), (8, 32), (6, 40)]


def test_axes_of_other_periods_keep_their_own_multiples():
    shape = net(AxisShape((1, 2)), AxisShape((3, 3)))  # periods 2 and 9
    *tiled, _ = planned_costs((50, 90), shape)
    assert [cost.plan.window for cost in tiled][:3] == [(2, 9), (4, 18), (8, 36)]
    assert {cost.plan.window[0] % 2 for cost in tiled} == {0}
    assert {cost.plan.window[1] % 9 for cost in tiled} == {0}


def test_period_1():
    shape = UNetShape((AxisShape(()),), (2,))
    names = [cost.name for cost in planned_costs((5,), shape)]
    assert names == ["1", "2", "4", "whole (5)"]


def test_the_cheapest_that_fits_is_listed_and_none_is_cheaper():
    shape, size = net(SMALL, SMALL), (100, 70)
    memory = plan_tiles(size, shape, 60).memory
    costs = planned_costs(size, shape, memory=memory)
    best = cheapest(costs)
    every = [
        plan_tiles(size, shape, (4 * i, 4 * j))
        for i in range(1, 27)
        for j in range(1, 19)
    ]
    assert best.plan.cost == min(p.cost for p in every if p.memory <= memory)
    assert min(p.cost for p in every) < best.plan.cost  # without the limit
    assert [cost.fits for cost in costs] == [c.plan.memory <= memory for c in costs]
    assert not costs[-1].fits


def test_nothing_fits():
    assert cheapest(planned_costs((100,), net(SMALL), memory=1)) is None


def test_windows_of_the_users_own_keep_their_order():
    costs = planned_costs((100, 100), net(SMALL, SMALL), [30, (8, 4)])
    assert [cost.plan.window for cost in costs] == [(30, 30), (8, 4)]
    assert [cost.keeps for cost in costs] == [(28, 28), (8, 4)]
    with pytest.raises(ValueError, match="one window or more"):
        planned_costs((100, 100), net(SMALL, SMALL), [])
    with pytest.raises(ValueError, match="reads 2 image axes, the image has 1"):
        planned_costs((100,), net(SMALL, SMALL))


def test_cells_of_a_row():
    plan = plan_tiles((12, 100), net(SMALL, SMALL), (4, 8))
    row = Cost(plan, fits=True).cells()
    assert len(row) == len(COLUMNS)
    assert row[:5] == ("4×8", "44×48", "4×8", "39", "68.6 ×")  # 39·44·48/1200
    assert row[-1] == ""
    row = Cost(plan_tiles((1, 100), net(SMALL, SMALL), 4), fits=True).cells()
    assert row[4] == "484 ×"  # 25·44·44/100
    assert Cost(plan, True, 2.34, measured=True).cells()[-1] == "2.3 s"
    assert Cost(plan, True, 2.34).cells()[-1] == "≈ 2.3 s"
    assert Cost(plan, False).cells()[-1] == "does not fit"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "0.012 s"), (89, "89 s"), (91, "2 min"), (5399, "90 min"),
     (5400, "1.5 h")],
)  # fmt: skip
def test_times(seconds, text):
    assert text_of(seconds) == text


def test_figures_are_ready_for_json():
    plan = plan_tiles((12, 12), net(SMALL, SMALL), 4)
    told = json.loads(json.dumps(Cost(plan, True, 1.5, True).figures()))
    assert told == {
        "window": [4, 4],
        "stitching": "cropped",
        "reads": [44, 44],
        "keeps": [4, 4],
        "tiles": 9,
        "computed": 9 * 44 * 44 / 144,
        "memory": plan.memory,
        "fits": True,
        "seconds": 1.5,
        "measured": True,
    }


def test_several_runs_by_hand():
    one, other = (plan_tiles((12,), net(SMALL), w, "naive") for w in (4, 8))
    # three tiles that read 44, two that read 48: 228 pixels for 12
    assert effort(one, other).startswith("3 + 2 tiles; 19 × the pixels; ")
    assert effort(plan_tiles((12,), net(SMALL), 12)).startswith("1 tile; ")
