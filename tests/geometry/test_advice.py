"""Advice on a window, word for word where users read it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.geometry.advice import (
    advise,
    cheaper,
    memory_warning,
    period_text,
    size_name,
    size_text,
    summary,
    times_text,
)
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.text import compact

STANDARD = AxisShape((2, 2, 2, 2))  # p = 16
DISKS = UNetShape((STANDARD, STANDARD), (16, 32, 64, 128, 256))
PADDED = UNetShape((AxisShape((2, 2), padding="same"),) * 2)  # p = 4


def advice(window, stitching="cropped", shape=DISKS, size=(508, 508)):
    return advise(plan_tiles(size, shape, window, stitching))


@pytest.mark.parametrize("stitching", ["cropped", "naive"])
@pytest.mark.parametrize("window", [16, 32, 144, (16, 48)])
def test_whole_periods_are_valid_and_need_no_note(window, stitching):
    told = advice(window, stitching)

    assert told.is_valid
    assert told.nearest == ()
    assert not told.makes_seams
    assert told.note == ""


@pytest.mark.parametrize("stitching", ["cropped", "naive"])
@pytest.mark.parametrize("window", [1000, 9999, (9999, 16 * 99)])
def test_a_tile_far_above_the_image_is_only_told_what_would_do(window, stitching):
    told = advice(window, stitching)

    assert told.nearest == ()  # neighbours of 9999 are no better
    assert not told.makes_seams
    said = compact((window, window) if isinstance(window, int) else window)
    assert told.note == (
        f"{said} is larger than the image needs: one tile of 512 holds it all."
    )
    assert advice(512, stitching).note == ""


@pytest.mark.parametrize(
    ("window", "nearest"),
    [
        (20, ((16, 16), (32, 32))),
        (148, ((144, 144), (160, 160))),
        (5, ((16, 16), (32, 32))),  # below p the nearest are the two smallest
        ((20, 40), ((16, 32), (32, 48))),
        ((16, 20), ((16, 16), (16, 32))),  # the first axis is valid as it is
    ],
)
@pytest.mark.parametrize("stitching", ["cropped", "naive"])
def test_the_two_nearest_valid_windows_are_named(window, nearest, stitching):
    told = advice(window, stitching)

    assert not told.is_valid
    assert told.nearest == nearest


def test_naive_tiles_that_are_not_whole_periods_make_seams():
    told = advice(20, "naive")

    assert told.makes_seams
    assert told.note == (
        "20 is not a multiple of 16 (= 2⁴): expect seams at every tile border."
    )


@pytest.mark.parametrize(
    ("window", "note"),
    [
        (20, "20 is not a multiple of 16 (= 2⁴): cropped stitching keeps 16."),
        (148, "148 is not a multiple of 16 (= 2⁴): cropped stitching keeps 144."),
        (5, "5 is not a multiple of 16 (= 2⁴): cropped stitching keeps 16."),
        (
            (20, 40),
            "20 × 40 is not a multiple of 16 (= 2⁴): cropped stitching keeps 16 × 32.",
        ),
    ],
)
def test_cropped_tiles_say_what_they_keep(window, note):
    told = advice(window)

    assert not told.makes_seams
    assert told.note == note


def test_one_naive_tile_has_no_border_to_see():
    told = advice(20, "naive", size=(10, 10))

    assert not told.is_valid
    assert not told.makes_seams
    assert "seams" not in told.note


def test_naive_tiles_of_a_padded_net_make_seams_whatever_their_size():
    told = advice(16, "naive", shape=PADDED)

    assert told.is_valid
    assert told.makes_seams
    assert "pads with zeros" in told.note
    assert "cropped" in told.note
    assert not advice(16, "cropped", shape=PADDED).makes_seams


def test_the_whole_image_at_once_has_nothing_to_advise():
    told = advice(20, "whole")

    assert told.is_valid
    assert not told.makes_seams
    assert told.note == ""
    assert "1 tile;" in told.summary


def test_the_summary_tells_what_is_read_predicted_and_kept():
    plan = plan_tiles((508, 508), DISKS, 20)
    cost = 32**2 * 204**2 / 508**2  # 512 = 32 · 16 pixels from −4 on

    assert summary(plan) == (
        f"reads 204 × 204, predicts 20 × 20, keeps 16 × 16 = 1·2⁴; 1,024 tiles; "
        f"{cost:.3g} × the pixels; {size_text(plan.memory)}"
    )


@pytest.mark.parametrize(
    ("size", "window", "name"),
    [
        ((508, 508), 20, "20"),
        ((508, 508), (20, 40), "20 × 40"),
        ((508, 508), 512, "whole (512)"),  # 512 = 32 · 16 pixels from −4 on
        ((508, 508), 2000, "whole (512)"),
        ((500, 30), None, "whole (512 × 48)"),
        ((12, 12), 16, "whole (16)"),
        ((13, 12), 16, "16"),
    ],
)
def test_one_tile_is_named_by_the_window_that_holds_all(size, window, name):
    plan = plan_tiles(size, DISKS, window)
    assert size_name(plan) == name
    if len(plan) == 1:
        assert size_name(plan_tiles(size, DISKS, stitching="whole")) == name


@given(st.tuples(st.integers(1, 90), st.integers(1, 90)))
@settings(deadline=None, max_examples=60)
def test_the_window_in_brackets_is_the_smallest_of_one_tile(size):
    shape = UNetShape((AxisShape((2, 2)), AxisShape((3,))))
    smallest = tuple(
        next(w for w in range(p, 200, p) if len(_along(size, shape, axis, w)) == 1)
        for axis, p in enumerate(shape.period)
    )
    name = size_name(plan_tiles(size, shape, stitching="whole"))
    assert name == f"whole ({compact(smallest)})"


def _along(size, shape, axis, window):
    """Tiles of this window along one axis."""
    windows = [200, 200]
    windows[axis] = window
    return plan_tiles(size, shape, windows)


def test_a_cheaper_plan_is_offered_only_where_it_is_cheaper():
    plan = plan_tiles((508, 508), DISKS, 20)
    best = cheaper(plan)
    assert size_name(best) == "whole (512)"
    assert best.cost < plan.cost
    assert cheaper(best) is None
    assert cheaper(plan_tiles((508, 508), DISKS, 2000)) is None  # the same tile
    assert cheaper(plan_tiles((508, 508), DISKS, stitching="whole")) is None


def test_memory_bounds_what_is_offered():
    plan = plan_tiles((508, 508), DISKS, 512)
    smaller = cheaper(plan, plan.memory - 1)
    assert smaller.memory < plan.memory  # though it computes more
    assert cheaper(plan, plan_tiles((508, 508), DISKS, 16).memory - 1) is None


def test_memory_is_warned_of_with_a_remedy_that_exists():
    plan = plan_tiles((508, 508), DISKS, 512)
    least = plan_tiles((508, 508), DISKS, 16).memory
    assert memory_warning(plan, None) == ""
    assert memory_warning(plan, plan.memory) == ""
    assert memory_warning(plan, plan.memory - 1) == (
        f"A tile takes about {size_text(plan.memory)}, more than the "
        f"{size_text(plan.memory - 1)} at hand: choose smaller tiles."
    )
    assert "not even the smallest tile fits" in memory_warning(plan, least - 1)
    whole = plan_tiles((508, 508), DISKS, stitching="whole")
    assert "choose smaller tiles" in memory_warning(whole, least)


@pytest.mark.parametrize(
    ("size", "text"),
    [(5_300_000, "5 MB"), (100_000_000, "0.1 GB"), (12_340_000_000, "12.3 GB")],
)
def test_memory_is_written_in_units_a_reader_knows(size, text):
    assert size_text(size) == text


def test_only_whole_periods_are_written_as_periods():
    assert "keeps 48 × 16 = 3·2⁴ × 1·2⁴;" in summary(
        plan_tiles((508, 508), DISKS, (48, 16))
    )
    assert "keeps 20 × 20; " in summary(plan_tiles((508, 508), DISKS, 20, "naive"))
    assert "keeps all; " in summary(plan_tiles((10, 10), DISKS, 20, "naive"))


@pytest.mark.parametrize(
    ("factors", "text"),
    [
        ((2, 2, 2, 2), "2⁴"),
        ((3,), "3¹"),
        ((1, 2, 2), "2²"),
        ((2, 3), "2·3"),
        ((1, 1), "1"),
        ((), "1"),
        ((2,) * 12, "2¹²"),
    ],
)
def test_a_period_is_written_as_a_power(factors, text):
    assert period_text(factors) == text


def test_unequal_axes_are_told_apart():
    shape = UNetShape((AxisShape((1, 2)), AxisShape((2, 2))))  # p = 2 and 4
    told = advice(5, "naive", shape=shape, size=(50, 50))

    assert told.nearest == ((4, 4), (6, 8))
    assert told.note.startswith("5 is not a multiple of 2 × 4: expect seams")


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from(["cropped", "naive"]),
)
@settings(deadline=None, max_examples=150)
def test_seams_are_announced_where_tiles_of_broken_phase_meet(size, window, stitching):
    shape = UNetShape((AxisShape((2, 2)), AxisShape((3,))))
    plan = plan_tiles(size, shape, window, stitching)
    told = advise(plan)
    expected = stitching == "naive" and any(
        w % axis.period and len(tiles.tiles) > 1
        for axis, w, tiles in zip(shape.axes, window, plan.axes, strict=True)
    )
    assert told.makes_seams is expected
    assert ("seams" in told.note) is expected


@pytest.mark.parametrize(
    ("cost", "text"),
    [(1.184, "1.18 ×"), (99.4, "99.4 ×"), (99.6, "100 ×"), (999.6, "1,000 ×"),
     (12345.6, "12,346 ×")],
)  # fmt: skip
def test_pixels_per_pixel(cost: float, text: str) -> None:
    assert times_text(cost) == text
