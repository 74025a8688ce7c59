"""Tiles counted pixel by pixel."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.geometry.window import AxisTile, kept

STANDARD = AxisShape((2, 2, 2, 2))  # p = 16, context 184
DISKS = UNetShape((STANDARD, STANDARD))
PADDED = AxisShape((2, 2), padding="same")  # p = 4
LONGEST = {1: 150, 2: 24, 3: 9}  # pixels an axis that hypothesis may draw


@st.composite
def shapes(draw, ndim):
    """Small nets with other factors, kernels and convolutions along each axis."""
    levels = draw(st.integers(0, 2))
    padding = draw(st.sampled_from(["valid", "same"]))
    axis = st.builds(
        AxisShape,
        factors=st.tuples(*[st.integers(1, 3)] * levels),
        kernel=st.sampled_from([1, 3]),
        convolutions=st.integers(1, 2),
        padding=st.just(padding),
    )
    return UNetShape(tuple(draw(axis) for _ in range(ndim)))


@st.composite
def plans(draw, stitchings=("cropped", "naive", "whole"), regions=True):
    ndim = draw(st.integers(1, 3))
    shape = draw(shapes(ndim))
    stitching = draw(st.sampled_from(stitchings))
    border = draw(st.sampled_from(["mirror", "valid"]))
    lengths = st.integers(1, LONGEST[ndim])
    size = [draw(lengths) for _ in range(ndim)]
    if border == "valid":
        size = [
            n - 1 + axis.input_for(1 + 2 * axis.halo)
            for n, axis in zip(size, shape.axes, strict=True)
        ]
    window = [draw(lengths) for _ in range(ndim)]
    region = None
    if regions and draw(st.booleans()):
        region = [sorted(draw(st.tuples(lengths, lengths))) for _ in range(ndim)]
        region = tuple((a - 2, b) for a, b in region)
    try:
        return plan_tiles(size, shape, window, stitching, border, region)
    except ValueError as error:
        if "holds no pixel" not in str(error):
            raise
        assume(False)


def test_the_tiles_of_seven_pixels_by_hand():
    # p = 2, context 16: pixel 0 has phase (0 − 8) mod 2 = 0, so the grid begins there
    shape = UNetShape((AxisShape((2,)),))
    plan = plan_tiles((7,), shape, window=4)

    assert [(t.read, t.keep, t.crop) for t in plan] == [
        (((-8, 12),), (slice(0, 4),), (slice(0, 4),)),
        (((-8 + 4, 12 + 4),), (slice(4, 7),), (slice(0, 3),)),
    ]
    assert plan.reads == (20,)
    assert plan.predicts == plan.stride == (4,)
    assert plan.region == ((0, 7),)
    assert plan.boundaries == ((4,),)
    assert plan.cost == 2 * 20 / 7


def test_the_grid_of_the_standard_net_begins_four_pixels_before_the_image():
    # context/2 = 92, rounded up to whole periods 96: 4 surplus outputs are dropped
    first, second, *_ = plan_tiles((508, 508), DISKS, window=20)

    assert first.read == ((-96, 108), (-96, 108))
    assert first.keep == (slice(0, 12), slice(0, 12))
    assert first.crop == (slice(4, 16), slice(4, 16))
    assert second.keep == (slice(0, 12), slice(12, 28))
    assert second.crop == (slice(4, 16), slice(0, 16))


@pytest.mark.parametrize(
    ("window", "stitching", "stride", "reads"),
    [
        (20, "naive", 20, 204),
        (20, "cropped", 16, 204),
        (16, "cropped", 16, 204),
        (31, "cropped", 16, 204),
        (32, "cropped", 32, 220),
        (5, "cropped", 16, 204),  # below p it is raised to p
        (1, "cropped", 16, 204),
        (4, "naive", 4, 188),
        (5, "naive", 5, 204),  # the smallest raw output that holds 5 is 20
        (148, "naive", 148, 332),
        (148, "cropped", 144, 332),
    ],
)
def test_stride_and_legal_input_of_the_standard_net(window, stitching, stride, reads):
    plan = plan_tiles((1000, 1000), DISKS, window, stitching)

    assert plan.stride == (stride, stride)
    assert plan.reads == (reads, reads)
    assert plan.predicts == (reads - 184, reads - 184)


@given(st.integers(1, 300), shapes(1))
@settings(deadline=None)
def test_what_a_window_keeps(window, shape):
    (axis,) = shape.axes
    multiples = [n * axis.period for n in range(1, 302)]

    assert kept(axis, window, "naive") == window
    assert kept(axis, window, "cropped") == max(
        (m for m in multiples if m <= window), default=axis.period
    )


@given(plans())
@settings(deadline=None, max_examples=120)
def test_kept_parts_are_a_partition_of_the_region(plan):
    times = np.zeros(plan.output_shape, dtype=int)
    tiles = list(plan)
    for tile in tiles:
        assert all(
            low <= keep.start < keep.stop <= high
            for keep, (low, high) in zip(tile.keep, plan.region, strict=True)
        )
        times[
            tuple(
                slice(keep.start - offset, keep.stop - offset)
                for keep, offset in zip(tile.keep, plan.offset, strict=True)
            )
        ] += 1

    assert len(tiles) == len(plan)
    assert (times == 1).all()
    read = sum(np.prod([b - a for a, b in tile.read], dtype=float) for tile in tiles)
    assert plan.cost == pytest.approx(read / times.size)


@given(plans())
@settings(deadline=None, max_examples=120)
def test_a_tile_reads_one_legal_input_and_keeps_within_its_raw_output(plan):
    outputs = plan.shape.raw_output(plan.reads)
    for tile in plan:
        assert tuple(b - a for a, b in tile.read) == plan.reads
        for axis, (start, _), keep, crop, output in zip(
            plan.shape.axes, tile.read, tile.keep, tile.crop, outputs, strict=True
        ):
            assert 0 <= crop.start < crop.stop <= output
            assert crop.stop - crop.start == keep.stop - keep.start
            # raw output r stands at image pixel read + context/2 + r
            assert start + axis.context // 2 + crop.start == keep.start


@given(plans())
@settings(deadline=None, max_examples=120)
def test_the_grid_is_global_and_its_last_tile_is_not_shifted_back(plan):
    for axis in plan.axes:
        origins = [tile.origin for tile in axis.tiles]
        assert all(b - a == axis.stride for a, b in pairwise(origins))
        assert all(a.stop == b.start for a, b in pairwise(axis.tiles))


@given(plans(stitchings=("cropped", "whole")))
@settings(deadline=None, max_examples=120)
def test_the_phase_of_a_pixel_is_that_of_a_pass_over_the_whole_image(plan):
    for tile in plan:
        for axis, keep, crop in zip(plan.shape.axes, tile.keep, tile.crop, strict=True):
            image = (np.arange(keep.start, keep.stop) - axis.context // 2) % axis.period
            raw = np.arange(crop.start, crop.stop) % axis.period
            np.testing.assert_array_equal(image, raw)


def test_naive_tiles_break_the_phase():
    plan = plan_tiles((100,), UNetShape((STANDARD,)), window=20, stitching="naive")
    broken = [
        (tile.keep[0].start - 92) % 16 != tile.crop[0].start % 16 for tile in plan
    ]
    assert broken == [False, True, True, True, False, True]  # 4 · 20 = 5 · 16


@given(plans(stitchings=("cropped", "whole")))
@settings(deadline=None, max_examples=80)
def test_what_is_cropped_leaves_a_halo(plan):
    for tile in plan:
        for axis, crop, output in zip(
            plan.shape.axes, tile.crop, plan.predicts, strict=True
        ):
            assert crop.start >= axis.halo
            assert output - crop.stop >= axis.halo


@given(plans(stitchings=("cropped", "whole"), regions=False))
@settings(deadline=None, max_examples=80)
def test_kept_pixels_of_a_valid_border_look_at_the_image_only(plan):
    assume(plan.border == "valid")
    for axis, size, (start, stop) in zip(
        plan.shape.axes, plan.image_shape, plan.region, strict=True
    ):
        legal = max(n for n in range(1, size + 1) if axis.is_legal(n))
        assert (start, stop) == (
            axis.context // 2 + axis.halo,
            legal - axis.context // 2 - axis.halo,
        )


@pytest.mark.parametrize("stitching", ["cropped", "naive", "whole"])
@pytest.mark.parametrize(
    ("size", "region"),
    [(188, (92, 96)), (203, (92, 96)), (204, (92, 112)), (508, (92, 416))],
)
def test_the_valid_region_is_the_raw_output_of_the_largest_legal_input(
    size, region, stitching
):
    plan = plan_tiles((size, size), DISKS, 20, stitching, border="valid")
    assert plan.region == (region, region)
    assert plan.offset == (92, 92)


def test_an_image_below_the_smallest_legal_input_has_no_valid_region():
    with pytest.raises(ValueError, match=r"at least 188 pixels along axis 1.* has 187"):
        plan_tiles((188, 187), DISKS, 16, border="valid")

    padded = UNetShape((PADDED,))
    least = 2 * PADDED.halo + 4
    assert plan_tiles((least,), padded, 4, border="valid").output_shape == (4,)
    with pytest.raises(ValueError, match=rf"at least {least} pixels along axis 0"):
        plan_tiles((least - 1,), padded, 4, border="valid")


@given(plans())
@settings(deadline=None, max_examples=80)
def test_cheapest_keeps_the_region_and_costs_no_more(plan):
    other = plan.cheapest()

    assert other.region == plan.region
    assert other.border == plan.border
    assert all(w % p == 0 for w, p in zip(other.window, plan.shape.period, strict=True))
    if plan.stitching == "cropped":
        assert other.cost <= plan.cost * (1 + 1e-9)


def test_cheapest_counts_the_surplus_of_the_grid():
    """At l = 4 the grid begins at −4: 512 pixels are one tile of 528, four of 512."""
    shape = UNetShape((AxisShape((2, 2, 2, 2)),) * 2)
    plan = plan_tiles((512, 512), shape, 20)
    assert plan.cheapest().window == (528, 528)
    assert len(plan.cheapest()) == 1


def test_a_region_is_widened_to_the_grid_of_periods():
    # p = 16, the grid begins at −4: 12, 28, 44, …
    for stitching in ("cropped", "naive", "whole"):
        for window in (16, 20, 64):
            plan = plan_tiles(
                (508, 508), DISKS, window, stitching, region=((30, 31), (0, 28))
            )
            assert plan.region == ((28, 44), (0, 28))


@given(plans(regions=False), st.data())
@settings(deadline=None, max_examples=80)
def test_a_region_is_covered_by_as_few_whole_periods_as_can_be(plan, data):
    asked = tuple(
        tuple(sorted(data.draw(st.sets(st.integers(a, b), min_size=2, max_size=2))))
        for a, b in plan.region
    )
    part = plan_tiles(
        plan.image_shape, plan.shape, plan.window, plan.stitching, plan.border, asked
    )
    whole = zip(plan.shape.axes, plan.region, asked, part.region, strict=True)
    for axis, (low, high), (first, last), (start, stop) in whole:
        cells = (np.arange(low, high) - axis.context // 2) // axis.period
        hit = np.isin(cells, cells[first - low : last - low])
        assert (start, stop) == (low + hit.argmax(), high - hit[::-1].argmax())


@given(plans(), st.data())
@settings(deadline=None, max_examples=60)
def test_a_plan_of_a_region_reads_what_a_plan_of_the_image_reads(plan, data):
    assume(plan.stitching == "cropped")
    image = plan_tiles(plan.image_shape, plan.shape, plan.window, border=plan.border)
    starts = [{tile.start for tile in axis.tiles} for axis in image.axes]
    for axis, known in zip(plan.axes, starts, strict=True):
        assert {tile.start for tile in axis.tiles[1:]} <= known


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (((600, 700), (0, 10)), "holds no pixel that can be predicted"),
        (((-20, 0), (0, 10)), "holds no pixel that can be predicted"),
        (((10, 10), (0, 10)), "holds no pixel that can be predicted"),
        (((0, 10),), "for 2 axes"),
        (((0,), (10,)), r"must give \(start, stop\) for 2 axes"),
    ],
)
def test_a_region_outside_the_image_is_refused(region, message):
    with pytest.raises(ValueError, match=message):
        plan_tiles((508, 508), DISKS, 16, region=region)


def test_a_region_that_hangs_over_the_image_is_clipped():
    plan = plan_tiles((100, 100), DISKS, 16, region=((-50, 5), (95, 900)))
    assert plan.region == ((0, 12), (92, 100))


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((0, 5), r"empty, its shape is \(0, 5\)"),
        ((-1, 5), r"empty, its shape is \(-1, 5\)"),
        ((5,), r"reads 2 image axes, the image has 1: \(5,\)"),
        ((5, 5, 5), "reads 2 image axes, the image has 3"),
        ((), "reads 2 image axes, the image has 0"),
    ],
)
def test_a_size_that_is_no_image_is_refused(size, message):
    with pytest.raises(ValueError, match=message):
        plan_tiles(size, DISKS, 16)


def test_a_size_that_is_not_whole_is_refused():
    with pytest.raises(TypeError, match="'float' object cannot be interpreted as an i"):
        plan_tiles((10.5, 10), DISKS, 16)


@pytest.mark.parametrize("option", ["stitching", "border"])
def test_an_unknown_choice_is_refused_and_the_known_ones_are_named(option):
    known = {"stitching": "cropped, naive, whole", "border": "mirror, valid"}[option]
    with pytest.raises(ValueError, match=f"{option} must be one of {known}, got 'x'"):
        plan_tiles((100, 100), DISKS, 16, **{option: "x"})


@pytest.mark.parametrize(
    ("shape", "window", "stitching", "exact"),
    [
        (DISKS, 16, "naive", True),
        (DISKS, 20, "naive", False),
        (DISKS, 20, "cropped", True),
        (DISKS, 20, "whole", True),
        (UNetShape((PADDED, PADDED)), 16, "naive", False),
        (UNetShape((PADDED, PADDED)), 16, "cropped", True),
        (DISKS, 104, "naive", True),  # one tile: the grid begins at −4
        (DISKS, (16, 20), "naive", False),
        (DISKS, (16, 104), "naive", True),
    ],
)
def test_which_plans_are_exact(shape, window, stitching, exact):
    assert plan_tiles((100, 100), shape, window, stitching).is_exact is exact


def test_one_tile_is_exact_only_with_its_halo_and_its_phase():
    padded = UNetShape((PADDED, PADDED))
    assert not plan_tiles((40, 40), padded, 40, "naive").is_exact
    # window 20 from −4 on: 16, 36, …; the tile that holds 44 … 59 begins at 36
    part = plan_tiles((508,), UNetShape((STANDARD,)), 20, "naive", region=((44, 50),))
    assert part.region == ((44, 60),)
    assert part.boundaries == ((12,),)
    one = plan_tiles((508,), UNetShape((STANDARD,)), 50, "naive", region=((60, 76),))
    assert len(one) == 1
    assert one.axes[0].tiles[0].origin == 46
    assert not one.is_exact
    assert not one.makes_seams


def test_a_crop_that_begins_within_a_period_has_no_seam_but_is_not_exact():
    plan = plan_tiles((100, 100), DISKS, 16)  # reads 204, 20 out of which 16 are kept
    for margin, exact in ((0, True), (2, False), (4, False)):
        axes = tuple(
            replace(axis, lead=axis.lead + margin, halo=axis.halo + margin)
            for axis in plan.axes
        )
        centred = replace(plan, axes=axes)
        assert centred.is_exact is exact
        assert not centred.makes_seams


def test_a_wider_halo_than_needed_is_exact_where_it_is_whole_periods():
    plan = plan_tiles((40,), UNetShape((PADDED,)), 8)
    for margin, exact, seams in (
        (4, True, False),
        (2, False, False),
        (-4, False, True),
    ):
        (axis,) = plan.axes
        axis = replace(axis, lead=axis.lead + margin, halo=axis.halo + margin)
        other = replace(plan, axes=(axis,))
        assert other.is_exact is exact
        assert other.makes_seams is seams


def test_a_last_tile_shifted_back_makes_a_seam_unless_it_keeps_the_phase():
    for size, seams in ((100, True), (108, False)):  # begins at 68 and 76; the grid: −4
        plan = plan_tiles((size,), UNetShape((STANDARD,)), 32)
        (axis,) = plan.axes
        start = size - 32
        *before, _, _ = axis.tiles
        cut = AxisTile(axis.tiles[-2].origin, axis.tiles[-2].start, start)
        shifted = replace(axis, tiles=(*before, cut, AxisTile(start, start, size)))
        other = replace(plan, axes=(shifted,))
        assert other.makes_seams is seams
        assert other.is_exact is not seams


@given(plans())
@settings(deadline=None, max_examples=120)
def test_a_plan_is_exact_where_every_pixel_has_its_phase_and_its_halo(plan):
    def right(axis, keep, crop, output):
        image = (np.arange(keep.start, keep.stop) - axis.context // 2) % axis.period
        raw = np.arange(crop.start, crop.stop) % axis.period
        spare = min(crop.start, output - crop.stop)
        return (image == raw).all() and spare >= axis.halo

    exact = all(
        right(*each)
        for tile in plan
        for each in zip(
            plan.shape.axes, tile.keep, tile.crop, plan.predicts, strict=True
        )
    )
    assert plan.is_exact == exact
    if plan.makes_seams:
        assert not exact
        assert len(plan) > 1


def test_whole_is_one_tile_of_the_whole_image():
    plan = plan_tiles((508, 300), DISKS, stitching="whole")
    (tile,) = plan

    assert tile.keep == (slice(0, 508), slice(0, 300))
    assert plan.reads == (700, 492)  # 508 + 4 → raw output 516; 300 + 4 → 308
    assert tile.crop == (slice(4, 512), slice(4, 304))


def test_memory_is_four_bytes_a_value_of_one_tile():
    plan = plan_tiles((508, 508), DISKS, 20)
    assert plan.memory == 4 * DISKS.peak_values((204, 204))


def test_a_plan_cannot_be_changed():
    plan = plan_tiles((508, 508), DISKS, 20)
    with pytest.raises(AttributeError, match="cannot assign"):
        plan.window = (16, 16)


def test_seams_are_known_axis_by_axis():
    plan = plan_tiles((100, 100), DISKS, (20, 32), "naive")
    assert plan.seamed == (True, False)
    assert plan.makes_seams
    assert plan_tiles((100, 100), DISKS, (20, 32)).seamed == (False, False)
