"""Sizes against a U-Net walked through level by level."""

from __future__ import annotations

from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.geometry.network_shape import IllegalInputError
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape

FAR = 600  # sizes tried; the deepest axis below reads 451 at least

axes = st.builds(
    AxisShape,
    factors=st.lists(st.integers(1, 3), max_size=3).map(tuple),
    kernel=st.sampled_from([1, 3, 5]),
    convolutions=st.integers(1, 2),
    padding=st.sampled_from(["valid", "same"]),
)


def reach(axis: AxisShape, x: int) -> tuple[int, int]:
    """First and last input pixel that output pixel x of an endless net looks at."""
    half = axis.convolutions * (axis.kernel // 2)

    def down(low: int, high: int, level: int) -> tuple[int, int]:
        low, high = low - half, high + half
        if level == len(axis.factors):
            return low, high
        f = axis.factors[level]
        below = down(low // f, high // f, level + 1)  # what the coarse level adds
        skip = low - half, high + half
        pooled = below[0] * f - half, below[1] * f + f - 1 + half
        return min(skip[0], pooled[0]), max(skip[1], pooled[1])

    return down(x, x, 0)


@pytest.mark.parametrize(
    ("depth", "period", "context", "inputs", "outputs"),
    [
        (1, 2, 16, [18, 20, 22], [2, 4, 6]),
        (2, 4, 40, [44, 48, 52], [4, 8, 12]),
        (3, 8, 88, [92, 100, 108], [4, 12, 20]),
        (4, 16, 184, [188, 204, 220], [4, 20, 36]),
        (5, 32, 376, [380, 412, 444], [4, 36, 68]),
    ],
)
def test_the_table_of_the_standard_net(depth, period, context, inputs, outputs):
    axis = AxisShape((2,) * depth)

    assert axis.depth == depth
    assert axis.period == period
    assert axis.context == context
    assert axis.legal_inputs(3) == inputs
    assert [axis.raw_output(size) for size in inputs] == outputs


@pytest.mark.parametrize("depth", [2, 3, 4, 5, 6])
def test_the_formula_of_the_standard_net(depth):
    axis = AxisShape((2,) * depth)
    legal = [12 * 2**depth - 4 + k * 2**depth for k in range(20)]

    assert axis.legal_inputs(20) == legal
    assert [axis.raw_output(s) for s in legal] == [
        s - (12 * 2**depth - 8) for s in legal
    ]


@pytest.mark.parametrize("depth", [3, 4, 5, 6])
def test_a_raw_output_of_a_deep_net_is_never_whole_periods(depth):
    axis = AxisShape((2,) * depth)
    assert all(
        axis.raw_output(size) % axis.period == 4 for size in axis.legal_inputs(50)
    )


@given(axes)
@settings(deadline=None, max_examples=150)
def test_sizes_are_those_of_a_walk_through_the_levels(walk, axis):
    walked = {size: walk(axis, size) for size in range(-3, FAR)}
    legal = [size for size, output in walked.items() if output is not None]

    assert [size for size in walked if axis.is_legal(size)] == legal
    assert axis.legal_inputs(5) == legal[:5]
    for size in legal:
        assert axis.raw_output(size) == walked[size]
        assert size - walked[size] == axis.context
    assert axis.context % 2 == 0
    assert axis.period == prod(axis.factors)


@given(axes, st.integers(1, FAR // 4))
@settings(deadline=None, max_examples=150)
def test_the_smallest_input_for_an_output_and_the_largest_within(walk, axis, pixels):
    walked = {size: walk(axis, size) for size in range(1, 3 * FAR)}
    legal = {size: output for size, output in walked.items() if output is not None}

    assert axis.input_for(pixels) == min(s for s, o in legal.items() if o >= pixels)
    assert axis.largest_legal(pixels) == max(
        (s for s in legal if s <= pixels), default=None
    )


@given(axes, st.integers(-3, FAR))
@settings(deadline=None, max_examples=150)
def test_an_illegal_input_is_refused_and_its_nearest_legal_ones_are_named(
    walk, axis, size
):
    legal = [s for s in range(1, 2 * FAR) if walk(axis, s) is not None]
    below = [s for s in legal if s < size][-1:]
    above = [s for s in legal if s > size][:1]
    if size in legal:
        assert axis.raw_output(size) == walk(axis, size)
        return
    assert axis.nearest_legal(size) == below + above
    named = " or ".join(str(s) for s in below + above)
    with pytest.raises(IllegalInputError, match=f"{size} pixels.* are {named}$"):
        axis.raw_output(size)


def test_an_input_is_never_floored():
    axis = AxisShape((2, 2, 2), kernel=3, convolutions=2, padding="same")
    with pytest.raises(IllegalInputError, match=r"125 pixels.*120 or 128"):
        axis.raw_output(125)


@given(axes)
@settings(deadline=None, max_examples=150)
def test_the_halo_holds_the_receptive_field_in_whole_periods(axis):
    if axis.padding == "valid":
        assert axis.halo == 0
        return
    farthest = max(
        max(x - reach(axis, x)[0], reach(axis, x)[1] - x) for x in range(axis.period)
    )
    assert axis.halo % axis.period == 0
    assert farthest <= axis.halo < farthest + 2 * axis.period


@given(axes)
@settings(deadline=None, max_examples=100)
def test_a_valid_net_eats_what_its_phases_look_at(axis):
    if axis.padding == "same":
        return
    size = axis.legal_inputs(3)[-1]
    first = axis.context // 2
    seen = [reach_on_grid(axis, first + r) for r in range(size - axis.context)]
    assert min(low for low, _ in seen) == 0
    assert max(high for _, high in seen) == size - 1


def reach_on_grid(axis: AxisShape, x: int) -> tuple[int, int]:
    """As `reach`, with the pools where valid convolutions put them."""
    half = axis.convolutions * (axis.kernel // 2)

    def down(x: int, level: int) -> tuple[int, int]:
        """Inputs of one output of a net that has the levels from `level` on only."""
        if level == len(axis.factors):
            return x - half, x + half
        f = axis.factors[level]
        coarse = [
            down((y - half) // f, level + 1) for y in range(x - half, x + half + 1)
        ]
        low = min(a for a, _ in coarse) * f
        high = max(b for _, b in coarse) * f + f - 1
        # coarse pixel j pools pixels half + f·j … half + f·j + f − 1
        return min(low, x - 2 * half), max(high + 2 * half, x + 2 * half)

    return down(x, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": (2, 0)}, r"pooling factors must be 1 or more, got \(2, 0\)"),
        ({"kernel": 4}, "kernel width must be odd, got 4"),
        ({"kernel": -1}, "kernel width must be odd, got -1"),
        ({"convolutions": 0}, "at least one convolution, got 0"),
        ({"padding": "reflect"}, 'must be "valid" or "same", got \'reflect\''),
    ],
)
def test_an_impossible_axis_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AxisShape(**{"factors": (2,), **options})


def test_the_product_over_axes():
    shape = UNetShape((AxisShape((1, 2)), AxisShape((2, 2)), AxisShape((3, 1))))

    assert shape.ndim == 3
    assert shape.period == (2, 4, 3)
    assert shape.max_same_looking == 24
    assert shape.context == (24, 40, 44)
    assert shape.raw_output((26, 44, 46)) == (2, 4, 2)


def test_an_illegal_axis_is_named():
    shape = UNetShape((AxisShape((2, 2)), AxisShape((2, 2))))
    with pytest.raises(IllegalInputError, match=r"axis 1: .* 45 pixels.*44 or 48"):
        shape.raw_output((44, 45))


def test_peak_values_of_a_net_small_enough_to_count_by_hand():
    # 12 pixels, 1-wide convolutions, 4 channels, below a pooling by 2 of 8 channels.
    # At the join: 12 of the image, 12·4 of the skip, 6·8 of the bottom, 12·4 upsampled,
    # 12·8 joined, 12·4 written by the one convolution (12·8 by two)
    one, two = ((AxisShape((2,), kernel=1, convolutions=n),) for n in (1, 2))
    assert 300 <= UNetShape(one, features=(4, 8)).peak_values((12,)) <= 348
    assert UNetShape(two, features=(4, 8)).peak_values((12,)) == 348


@given(st.integers(1, 3), st.data())
@settings(deadline=None, max_examples=100)
def test_peak_values_grow_with_the_input(ndim, data):
    levels = data.draw(st.integers(0, 3))
    factors = st.tuples(*[st.integers(1, 3)] * levels)
    padding = data.draw(st.sampled_from(["valid", "same"]))
    shape = UNetShape(
        tuple(AxisShape(data.draw(factors), padding=padding) for _ in range(ndim)),
        features=tuple(data.draw(st.integers(1, 8)) * 2**i for i in range(levels + 1)),
    )
    steps = [data.draw(st.integers(0, 5)) for _ in range(ndim)]
    small = tuple(axis.legal_inputs(1)[0] for axis in shape.axes)
    large = tuple(
        s + k * a.period for s, k, a in zip(small, steps, shape.axes, strict=True)
    )
    assert shape.peak_values(small) <= shape.peak_values(large)
    assert shape.peak_values(small) >= prod(small) * shape.in_channels
