"""Rates: seconds of tiles from their multiplications, and what is taken for them."""

from __future__ import annotations

import pytest

from napari_shiftseg.geometry import rates as module
from napari_shiftseg.geometry.cost import (
    LONGEST_ROUGH,
    MOST_TILES,
    duration,
    work_warning,
)
from napari_shiftseg.geometry.rates import CORE_SPEED, Rate, assumed_rate
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape

SMALL = AxisShape((2, 2))  # p = 4, context 40
NET = UNetShape((SMALL, SMALL), (2, 4, 8))
LARGE_NET = UNetShape((SMALL, SMALL), (99, 99, 99))


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "cpu_count", lambda: 3)


@pytest.mark.parametrize(
    ("work", "seconds"),
    [(5, 1.0), (10, 2.0), (20, 3.0), (30, 4.0), (60, 8.0)],
)
def test_seconds_are_interpolated_and_beyond_proportional(work, seconds) -> None:
    assert Rate(((10, 2.0), (30, 4.0))).of_tile(work) == pytest.approx(seconds)


def test_a_size_is_set_up_once_unless_it_is_ready() -> None:
    plan = plan_tiles((100, 100), NET, 4)  # 25 · 25 tiles, each reads 44 · 44
    work = NET.multiply_adds((44, 44))
    rate = Rate(((work, 0.5),), set_up=3.0)
    assert rate.seconds([plan]) == pytest.approx(625 * 0.5 + 3)
    assert rate.seconds([plan, plan], images=2) == pytest.approx(4 * 625 * 0.5 + 3)
    ready = Rate(rate.points, 3.0, frozenset({(44, 44)}))
    assert ready.seconds([plan]) == pytest.approx(625 * 0.5)
    other = plan_tiles((100, 100), NET, 8)
    alone = ready.seconds([other]) - len(other) * ready.of_tile(
        NET.multiply_adds(other.reads)
    )
    assert alone == pytest.approx(3.0)


def test_what_is_assumed_counts_cores() -> None:
    plan = plan_tiles((100, 100), NET, 4)
    for engine, speed in CORE_SPEED.items():
        expected = 625 * (1e-3 + NET.multiply_adds((44, 44)) / (3 * speed))
        rate = assumed_rate("cpu", engine)
        assert rate.seconds([plan]) == pytest.approx(expected)
        assert assumed_rate("cuda:0", engine).seconds([plan]) < expected
        assert not rate.is_measured


def test_a_measured_time_is_no_longer_rough() -> None:
    plan = plan_tiles((100, 100), NET, 4)
    work = NET.multiply_adds(plan.reads)
    assert duration([plan], Rate(((work, 0.01),))) == "about 6 s"
    assert duration([plan], Rate(((work, 1e-4),))) == "about 0.06 s"
    assert duration([plan], Rate(((work, 0.01),), is_measured=False)) == "roughly 6 s"
    said = work_warning([plan], "cpu", Rate(((work, 10.0),)))
    assert said.startswith("625 tiles take about 1.7 h on cpu; tiles of whole (100) ")


def test_many_tiles_are_warned_of_from_a_limit_on() -> None:
    plan, rate = plan_tiles((4 * 200, 4 * 100), NET, 4), assumed_rate("cpu")
    assert len(plan) == MOST_TILES
    assert work_warning([plan], "cpu", rate) == ""
    more = work_warning([plan], "cpu", rate, images=2)
    assert more.startswith("40,000 tiles take roughly")
    assert "on cpu; tiles of whole (800 × 400) roughly" in more
    assert work_warning([plan], None, None, images=2) == ""  # no device is known yet


def test_plans_add_up() -> None:
    naive = plan_tiles((4 * 200, 4 * 100), NET, 4, "naive")
    cropped, rate = plan_tiles((4 * 200, 4 * 100), NET, 8), assumed_rate("cpu")
    assert work_warning([naive], "cpu", rate) == ""
    both = work_warning([naive, cropped], "cpu", rate)
    assert both.startswith("25,000 tiles take roughly")
    seconds = rate.seconds([naive]) + rate.seconds([cropped])
    assert f"roughly {seconds:.0f} s on cpu" in both


def test_a_long_run_is_warned_of_from_a_limit_on() -> None:
    plan, rate = plan_tiles((4000, 4000), LARGE_NET, 1000), assumed_rate("cpu")
    enough = int(LONGEST_ROUGH / rate.seconds([plan]))  # images
    assert enough * len(plan) < MOST_TILES
    assert work_warning([plan], "cpu", rate, images=enough) == ""
    number = (enough + 1) * len(plan)
    said = work_warning([plan], "cpu", rate, images=enough + 1)
    assert said.startswith(f"{number:,} tiles take roughly 11 min on cpu;")
    faster = assumed_rate("cpu", "openvino")
    assert work_warning([plan], "cpu", faster, images=enough + 1) == ""


def test_where_nothing_is_cheaper_a_part_is_advised() -> None:
    net = UNetShape((SMALL,) * 2, (1999, 1999, 1999))
    one, rate = plan_tiles((4000, 4000), net, stitching="whole"), assumed_rate("cpu")
    assert work_warning([one], "cpu", rate).startswith("One tile takes roughly")
    assert work_warning([one], "cpu", rate).endswith("try a part of the image first.")
