"""The cheapest window against every window there is."""

from __future__ import annotations

from itertools import product
from math import ceil, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.geometry.network_shape import FoundAxis, FoundShape
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.geometry.window import (
    _strides,
    as_window,
    cheapest_window,
    default_windows,
    largest_window,
    nearest_valid,
    parse_window,
    parse_windows,
    window_text,
)

DISKS = UNetShape((AxisShape((2,) * 4),) * 2, (16, 32, 64, 128, 256))
SMALL = AxisShape((2, 2), convolutions=1)


@pytest.mark.parametrize(
    ("window", "ndim", "expected"),
    [
        (20, 2, (20, 20)),
        (1, 3, (1, 1, 1)),
        ((24, 96, 96), 3, (24, 96, 96)),
        ([24, 96], 2, (24, 96)),
        (np.int64(20), 2, (20, 20)),
        ((np.int32(7),), 1, (7,)),
        (np.array([20, 24]), 2, (20, 24)),
    ],
)
def test_a_window_is_one_int_an_axis(window, ndim, expected):
    read = as_window(window, ndim)
    assert read == expected
    assert all(type(value) is int for value in read)


@pytest.mark.parametrize(
    "window",
    [
        0,
        -16,
        20.0,
        "20",
        "20x20",
        b"20",
        True,
        None,
        (20, 0),
        (20, -1),
        (20, 2.5),
        (True, 4),
    ],
)
def test_what_is_no_window_is_refused(window):
    with pytest.raises(ValueError, match="whole number of pixels from 1 upward"):
        as_window(window, 2)


@pytest.mark.parametrize("window", [(20,), (20, 20, 20), ()])
def test_a_wrong_number_of_values_is_refused(window):
    with pytest.raises(ValueError, match=f"one value or 2 .*got {len(window)}"):
        as_window(window, 2)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("20", 20),
        ("24x96x96", (24, 96, 96)),
        ("24X96", (24, 96)),
        ("8×16", (8, 16)),
        ("20, 24", (20, 24)),
    ],
)
def test_a_window_is_read_from_text(text, window):
    assert parse_window(text) == window


@pytest.mark.parametrize(
    "text",
    ["", "x", "20x", "x20", "0", "-5", "16x0", "16x-4", "2.5", "1e3", "20,", "ten"],
)
def test_text_that_is_no_window_is_refused(text):
    with pytest.raises(ValueError, match=r"whole number of pixels.*24x96x96.*got"):
        parse_window(text)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 300))
@settings(deadline=None)
def test_the_nearest_valid_windows_are_the_two_nearest_multiples(factor, depth, window):
    axis = AxisShape((factor,) * depth)
    if window % axis.period == 0:
        return
    multiples = [n * axis.period for n in range(1, 400)]
    two = sorted(multiples, key=lambda m: abs(m - window))[:2]
    assert nearest_valid(axis, window) == tuple(sorted(two))


def keeps_to(plan, memory, pixels):
    """Whether a tile takes no more bytes, and keeps no more pixels."""
    sides = zip(plan.stride, plan.output_shape, strict=True)
    keeps = prod(min(side, n) for side, n in sides)
    return (memory is None or plan.memory <= memory) and (
        pixels is None or keeps <= pixels
    )


def every_window(shape, size):
    """All n·p windows up to the first that holds the image in one tile."""
    return product(
        *(
            range(axis.period, ceil(n / axis.period + 2) * axis.period, axis.period)
            for axis, n in zip(shape.axes, size, strict=True)
        )
    )


@given(
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.sampled_from(["mirror", "valid"]),
    st.sampled_from(["valid", "same"]),
    st.one_of(st.none(), st.integers(0, 100_000)),
    st.one_of(st.none(), st.integers(1, 5_000)),
)
@settings(deadline=None, max_examples=60)
def test_no_window_that_fits_costs_less(size, border, padding, memory, pixels):
    axes = AxisShape((2, 2), convolutions=1, padding=padding), AxisShape((1, 3), 3, 1)
    if padding == "same":
        axes = axes[:1] * 2
    shape = UNetShape(axes, (4, 8, 16))
    if border == "valid":
        size = tuple(
            n + axis.input_for(1 + 2 * axis.halo)
            for n, axis in zip(size, shape.axes, strict=True)
        )
    limits = {"memory": memory, "pixels": pixels}
    chosen = plan_tiles(size, shape, None, border=border, **limits)
    plans = [
        plan_tiles(size, shape, window, border=border)
        for window in every_window(shape, size)
    ]
    fitting = [plan for plan in plans if keeps_to(plan, **limits)]
    if fitting:
        assert chosen.cost == min(plan.cost for plan in fitting)
        assert keeps_to(chosen, **limits)
    else:
        assert chosen.window == shape.period


def test_the_largest_window_that_fits_is_seldom_the_cheapest():
    largest = plan_tiles((2048, 2048), DISKS, window=2000)
    chosen = plan_tiles((2048, 2048), DISKS, None, memory=largest.memory)

    assert chosen.memory <= largest.memory
    assert chosen.cost < largest.cost / 2


def test_the_cheapest_window_of_a_small_image_is_one_tile():
    plan = plan_tiles((100, 60), DISKS, None)
    assert len(plan) == 1
    assert plan.stride == (112, 64)  # 100 + 4 and 60 + 4 surplus outputs


@pytest.mark.parametrize("budget", [10**7, 3 * 10**7, 10**8, 10**9])
def test_a_large_image_keeps_to_its_memory(budget):
    plan = plan_tiles((5000, 3000), DISKS, None, memory=budget)
    assert plan.memory <= budget
    multiples = [
        plan_tiles((5000, 3000), DISKS, (16 * a, 16 * b))
        for a in range(1, 80, 3)
        for b in range(1, 80, 3)
    ]
    # candidates are thinned where there are many
    least = min(other.cost for other in multiples if other.memory <= budget)
    assert plan.cost <= 1.05 * least


@pytest.mark.parametrize("period", [1, 3, 8])
@pytest.mark.parametrize("needed", [1, 2, 7, 60, 199])
def test_strides_are_the_least_for_each_number_of_tiles(period, needed):
    every = range(period, needed + period, period)
    least = {ceil(needed / stride): stride for stride in reversed(every)}
    assert sorted(set(_strides(period, needed, 0))) == sorted(least.values())


def test_long_axes_take_few_strides():
    assert len(list(_strides(1, 10**8, 0))) < 30_000


def test_one_period_is_returned_where_nothing_fits():
    assert cheapest_window(DISKS, (512, 512), memory=1) == (16, 16)


@given(
    st.integers(1, 150),
    st.integers(1, 150),
    st.one_of(st.none(), st.integers(0, 10_000)),
)
@settings(deadline=None, max_examples=100)
def test_a_region_is_not_split_into_more_than_it_needs(start, length, memory):
    shape = UNetShape((SMALL,), (4, 8, 16))
    region = ((start, start + length),)
    chosen = plan_tiles((400,), shape, None, region=region, memory=memory)
    plans = [
        plan_tiles((400,), shape, window, region=region)
        for window in every_window(shape, (400,))
    ]
    fitting = [plan for plan in plans if memory is None or plan.memory <= memory]
    if fitting:
        assert chosen.cost == min(plan.cost for plan in fitting)
        assert memory is None or chosen.memory <= memory


def test_several_windows_are_read_from_text():
    assert parse_windows("16,20, 36") == [16, 20, 36]
    assert parse_windows("8x64x64,24x96x96") == [(8, 64, 64), (24, 96, 96)]
    for text in ("", "16,,20", "16, x"):
        with pytest.raises(ValueError, match="from 1 upward"):
            parse_windows(text)


@pytest.mark.parametrize(
    ("shape", "windows"),
    [
        (UNetShape((AxisShape((2, 2, 2)),)), [(w,) for w in range(8, 33, 2)]),
        (UNetShape((AxisShape((2,)),)), [(w,) for w in range(2, 9)]),
        (  # the axis with the smaller period ends at four of its own
            UNetShape((AxisShape((2, 2)), AxisShape((2, 2, 2)))),
            [(4 + n, 8 + 2 * n) for n in range(13)],
        ),
    ],
)
def test_windows_of_a_sweep(shape, windows):
    assert default_windows(shape) == windows


@pytest.mark.parametrize("window", [(20,), (20, 20), (24, 96, 96)])
def test_a_window_is_written_as_it_is_read(window):
    assert as_window(parse_window(window_text(window)), len(window)) == window


def test_windows_of_a_network_of_one_size_are_those_it_can_keep():
    # of 64 pixels 24 are halo on each side: 16 are left, in periods of 8
    fixed = FoundShape((FoundAxis(8, halo=24, smallest=64, most=64),) * 2)

    assert cheapest_window(fixed, (100, 30)) == (16, 16)
    assert largest_window(fixed, 2**40) == (16, 16)
    assert largest_window(fixed, 4 * fixed.peak_values((64, 64)) - 1) is None
    assert default_windows(fixed) == [(w, w) for w in (8, 10, 12, 14, 16)]
    assert plan_tiles((100, 30), fixed).is_exact


def test_windows_of_other_networks_have_no_such_bound():
    free = FoundShape((FoundAxis(8, halo=24),) * 2)

    assert cheapest_window(free, (96, 32)) == (96, 32)
    assert default_windows(free) == [(w, w) for w in range(24, 49, 2)]
