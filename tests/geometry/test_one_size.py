"""Networks that read one size alone are tiled at that size."""

from __future__ import annotations

from napari_shiftseg.geometry.cost import planned_costs
from napari_shiftseg.geometry.network_shape import FoundAxis, FoundShape
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.window import largest_window

AXIS = FoundAxis(period=4, halo=24, smallest=128, most=128)  # 80 are left to keep
SHAPE = FoundShape((AXIS, AXIS))


def test_what_a_tile_can_keep() -> None:
    assert AXIS.kept_at_most == 80
    assert FoundAxis(period=4, halo=24).kept_at_most is None


def test_the_cheapest_window_is_one_that_is_read() -> None:
    plan = plan_tiles((256, 256), SHAPE)
    assert plan.reads == (128, 128)
    assert plan.stride == (64, 64)  # four tiles, as with 80, but less reaches beyond
    assert len(plan) == 16
    assert plan_tiles((240, 240), SHAPE).stride == (80, 80)


def test_costs_are_those_of_windows_that_are_read() -> None:
    costs = planned_costs((256, 256), SHAPE)
    assert [cost.plan.stride[0] for cost in costs] == [4, 8, 16, 32, 64]
    assert {cost.plan.reads for cost in costs} == {(128, 128)}
    small = planned_costs((40, 40), SHAPE)
    assert len(small[-1].plan) == 1  # one pass is read, too


def test_the_largest_window_is_what_is_left() -> None:
    assert largest_window(SHAPE, 10**12) == (80, 80)
