"""Rough times, and warnings at their limits."""

from __future__ import annotations

import pytest

from napari_shiftseg.geometry import cost as module
from napari_shiftseg.geometry.cost import (
    CORE_SPEED,
    LONGEST_ROUGH,
    MOST_TILES,
    rough_seconds,
    work_warning,
)
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape

SMALL = AxisShape((2, 2))  # p = 4, context 40
NET = UNetShape((SMALL, SMALL), (2, 4, 8))


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "cpu_count", lambda: 3)


def test_seconds_follow_the_tiles() -> None:
    plan = plan_tiles((100, 100), NET, 4)  # 25 · 25 tiles, each reads 44 · 44
    for engine, speed in CORE_SPEED.items():
        expected = 625 * (1e-3 + NET.multiply_adds((44, 44)) / (3 * speed))
        assert rough_seconds(plan, "cpu", engine) == pytest.approx(expected)
        assert rough_seconds(plan, "cuda:0", engine) < expected


def test_many_tiles_are_warned_of_from_a_limit_on() -> None:
    plan = plan_tiles((4 * 200, 4 * 100), NET, 4)
    assert len(plan) == MOST_TILES
    assert work_warning([plan], "cpu") == ""
    more = work_warning([plan], "cpu", images=2)
    assert more.startswith("40,000 tiles take roughly")
    assert "on cpu; tiles of whole (800 × 400) roughly" in more
    assert work_warning([plan], None, images=2) == ""  # no device is known yet


def test_plans_add_up() -> None:
    naive = plan_tiles((4 * 200, 4 * 100), NET, 4, "naive")
    cropped = plan_tiles((4 * 200, 4 * 100), NET, 8)
    assert work_warning([naive], "cpu") == ""
    both = work_warning([naive, cropped], "cpu", engine="torch")
    assert both.startswith("25,000 tiles take roughly")
    seconds = rough_seconds(naive, "cpu") + rough_seconds(cropped, "cpu")
    assert f"roughly {seconds:.0f} s on cpu" in both


def test_a_long_run_is_warned_of_from_a_limit_on() -> None:
    plan = plan_tiles((4000, 4000), UNetShape((SMALL,) * 2, (99, 99, 99)), 1000)
    enough = int(LONGEST_ROUGH / rough_seconds(plan, "cpu"))  # images
    assert enough * len(plan) < MOST_TILES
    assert work_warning([plan], "cpu", images=enough, engine="torch") == ""
    number = (enough + 1) * len(plan)
    said = work_warning([plan], "cpu", images=enough + 1, engine="torch")
    assert said.startswith(f"{number:,} tiles take roughly 11 min on cpu;")


def test_the_engine_that_will_run_is_faster() -> None:
    """OpenVINO by itself, where it computes; in float64 it does not."""
    plan = plan_tiles((4000, 4000), UNetShape((SMALL,) * 2, (99, 99, 99)), 1000)
    enough = int(LONGEST_ROUGH / rough_seconds(plan, "cpu"))
    assert work_warning([plan], "cpu", images=enough + 1) == ""
    exact = work_warning([plan], "cpu", images=enough + 1, precision="float64")
    assert "roughly 11 min on cpu" in exact


def test_where_nothing_is_cheaper_a_part_is_advised() -> None:
    net = UNetShape((SMALL,) * 2, (1999, 1999, 1999))
    one = plan_tiles((4000, 4000), net, stitching="whole")
    assert work_warning([one], "cpu").startswith("One tile takes roughly")
    assert work_warning([one], "cpu").endswith("try a part of the image first.")
