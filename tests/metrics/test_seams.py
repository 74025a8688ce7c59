"""Steps and seams against answers by hand and against a loop over all pairs."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from faults import border_steps

from napari_shiftseg.geometry.tiling import TilePlan, plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.geometry.window import AxisPlan, AxisTile
from napari_shiftseg.metrics.seams import gradient_magnitude, seam_scores, step

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRIDES = (16, 20, 32, 64)


def axis_of(size: int, stride: int) -> AxisPlan:
    """Tiles of this stride along one axis, from pixel 0."""
    starts = range(0, size, stride)
    tiles = tuple(AxisTile(a, a, min(a + stride, size)) for a in starts)
    return AxisPlan(tiles, stride, 0, 0, stride, 0, size)


def plan_of(*axes: AxisPlan) -> TilePlan:
    shape = UNetShape((AxisShape(factors=(2,)),) * len(axes))
    sizes = tuple(axis.stop for axis in axes)
    strides = tuple(axis.stride for axis in axes)
    return TilePlan(shape, sizes, strides, "naive", "mirror", axes)


class TestByHand:
    def test_gradient_magnitude_of_four_pixels(self) -> None:
        e = [[[0, 3], [4, 0]]]  # right 3, down 4 → 5; the last pixels have fewer steps
        np.testing.assert_allclose(gradient_magnitude(e), [[5, 3], [4, 0]])

    def test_gradient_magnitude_of_two_channels(self) -> None:
        e = np.array([[0.0, 3, 3], [0, 4, 4]])
        np.testing.assert_allclose(step(e, 0), [5, 0])
        np.testing.assert_allclose(gradient_magnitude(e), [5, 0, 0])

    @pytest.mark.parametrize("dtype", ["?", "u1", "i2", "f2", ">f4", "f8"])
    def test_gradient_magnitude_of_any_dtype(self, dtype: str) -> None:
        e = np.array([[1, 0, 1]], dtype)  # 0 − 1 must not wrap around
        np.testing.assert_array_equal(gradient_magnitude(e), [1, 1, 0])

    def test_large_half_precision_steps_do_not_overflow(self) -> None:
        e = np.array([[0, 3000]] * 2, np.float16)
        assert gradient_magnitude(e)[0] == pytest.approx(3000 * 2**0.5)

    def test_ratio_of_four_pixels(self) -> None:
        #     tile 0 | tile 1
        #     0   1  |  3   3      steps 1, 2 (seam), 0
        scores = seam_scores([[0, 1, 3, 3]], plan_of(axis_of(4, 2)))
        assert scores.ratio == 2 / 0.5
        assert scores.ratio_within is None
        np.testing.assert_array_equal(scores.profile[0], [0.5, 2])

    def test_ratio_within_one_object(self) -> None:
        #     tile 0     | tile 1
        #     0   1   1  |  3   3   8     truth 0 2 2 2 2 5: within it 0, 2 (seam), 0
        e, truth = [[0, 1, 2, 4, 4, 9]], [0, 2, 2, 2, 2, 5]
        scores = seam_scores(e, plan_of(axis_of(6, 3)), truth)
        assert scores.ratio_within == 2 / 0.5
        assert scores.ratio == 2 / ((1 + 1 + 0 + 5) / 4)

    def test_profile_and_z(self) -> None:
        steps = [1, 3, 9, 2, 4, 8, 1, 3]  # stride 3: offsets 0, 1 and the seam
        e = np.cumsum([0, *steps])[None]
        scores = seam_scores(e, plan_of(axis_of(9, 3)))
        np.testing.assert_allclose(scores.profile[0], [4 / 3, 10 / 3, 17 / 2])
        others = np.array([4 / 3, 10 / 3])
        assert scores.z == pytest.approx((17 / 2 - others.mean()) / others.std())
        assert scores.z_is_weak

    def test_z_is_the_largest_over_the_axes(self, rng) -> None:
        e = rng.normal(size=(2, 64, 64))
        e[:, 48:] += 9  # a jump at a seam of axis 0 alone
        both = seam_scores(e, plan_of(axis_of(64, 16), axis_of(64, 16)))
        one = seam_scores(e, plan_of(axis_of(64, 16), axis_of(64, 64)))
        assert both.z == one.z
        assert both.z is not None
        assert both.z > 5
        assert not both.z_is_weak


def by_pairs(
    e: NDArray[Any], plan: TilePlan, truth: NDArray[Any] | None
) -> tuple[float, float, list[list[float]]]:
    """Go through all neighbouring pixels; tiles are known by what they keep."""
    owner = np.zeros(plan.output_shape, int)
    place = np.zeros((len(plan.output_shape), *plan.output_shape), int)
    for number, tile in enumerate(plan):
        at = tuple(
            slice(s.start - o, s.stop - o)
            for s, o in zip(tile.keep, plan.offset, strict=True)
        )
        owner[at] = number
        crop = np.meshgrid(
            *(np.arange(c.start, c.stop) for c in tile.crop), indexing="ij"
        )
        place[(slice(None), *at)] = crop
    steps: dict[Any, list[float]] = {}
    for axis, pixel in product(range(owner.ndim), np.ndindex(owner.shape)):
        after = tuple(x + (a == axis) for a, x in enumerate(pixel))
        if after[axis] == owner.shape[axis]:
            continue
        size = sum((c[after] - c[pixel]) ** 2 for c in e) ** 0.5
        kind = "seam" if owner[pixel] != owner[after] else "other"
        steps.setdefault(kind, []).append(size)
        if truth is not None and 0 < truth[pixel] == truth[after]:
            steps.setdefault(kind + " within", []).append(size)
        steps.setdefault((axis, place[(axis, *pixel)]), []).append(size)
    mean = {kind: float(np.mean(sizes)) for kind, sizes in steps.items()}
    return (
        mean["seam"] / mean["other"],
        mean.get("seam within", 0) / mean.get("other within", 1),
        [
            [mean[axis, offset] for offset in range(stride)]
            for axis, stride in enumerate(plan.stride)
        ],
    )


@pytest.mark.parametrize("border", ["mirror", "valid"])
@pytest.mark.parametrize("stitching", ["naive", "cropped"])
@pytest.mark.parametrize(
    ("sizes", "window"), [((53,), 4), ((42, 51), (5, 4)), ((39, 25, 31), (4, 3, 5))]
)
def test_every_pair_counts_once(
    rng, sizes, window, stitching: Any, border: Any
) -> None:
    shape = UNetShape((AxisShape(factors=(2,)),) * len(sizes))
    plan = plan_tiles(sizes, shape, window, stitching, border)
    e = rng.normal(size=(2, *plan.output_shape))
    truth = rng.integers(0, 2, plan.output_shape)
    ratio, within, profile = by_pairs(e, plan, truth)
    scores = seam_scores(e, plan, truth)
    assert scores.ratio == pytest.approx(ratio)
    assert scores.ratio_within == pytest.approx(within)
    for found, expected in zip(scores.profile, profile, strict=True):
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("region", [((7, 31), (3, 29)), ((1, 20), (24, 42))])
def test_tiles_of_a_region(rng, region: Any) -> None:
    shape = UNetShape((AxisShape(factors=(2,)),) * 2)
    plan = plan_tiles((42, 51), shape, 6, region=region)
    e = rng.normal(size=(2, *plan.output_shape))
    ratio, _, profile = by_pairs(e, plan, None)
    scores = seam_scores(e, plan)
    assert scores.ratio == pytest.approx(ratio)
    for found, expected in zip(scores.profile, profile, strict=True):
        np.testing.assert_allclose(found, expected)


class TestNoise:
    """Where there is no seam none is seen, where there is one it always is."""

    def test_forty_images_of_noise_without_and_with_a_jump(self) -> None:
        plans = {n: plan_of(axis_of(512, n), axis_of(512, n)) for n in STRIDES}
        quiet = dict.fromkeys(STRIDES, 0)
        for seed in range(40):
            rng = np.random.default_rng(seed)
            noise = rng.standard_normal((3, 512, 512), dtype=np.float32)
            for stride, plan in plans.items():
                scores = seam_scores(noise, plan)
                assert scores.ratio is not None
                assert scores.z is not None
                assert 0.9 < scores.ratio < 1.1
                quiet[stride] += abs(scores.z) < 3
                tile = np.arange(512, dtype=np.float32) // stride
                jump = np.add.outer(tile, tile) % 2  # of one standard deviation
                scores = seam_scores(noise + jump, plan)
                assert scores.ratio is not None
                assert scores.z is not None
                assert scores.ratio > 1.1
                assert scores.z > 5
        assert min(quiet.values()) >= 38


class TestShiftedBack:
    """A last tile shifted back to fit the image: its seam is off the grid.

    ::

        tile 0   0 1 2 3              keeps 0-3
        tile 1           4 5 6 7 8 9  begins at 4 to end with the image, not at 6
    """

    axis = AxisPlan(
        (AxisTile(0, 0, 4), AxisTile(4, 4, 10)), 6, 0, 0, stride=6, start=0, stop=10
    )

    def test_there_is_one_seam_line_where_the_tiles_meet(self) -> None:
        plan = plan_of(self.axis, axis_of(5, 5))
        jumps = {}
        for at in range(1, 10):
            e = np.arange(10.0)[:, None].repeat(5, 1)[None]
            e[:, at:] += 4
            jumps[at] = seam_scores(e, plan).ratio
        # along axis 1 all 40 steps are 0; along axis 0 they are 1, one line of them 5
        others = (8 * 5 * 1 + 10 * 4 * 0) / (8 * 5 + 10 * 4)
        assert jumps.pop(4) == pytest.approx(5 / others)
        elsewhere = (7 * 5 * 1 + 5 * 5) / 80
        assert list(jumps.values()) == pytest.approx([1 / elsewhere] * 8)

    def test_a_modulus_would_look_at_another_line(self) -> None:
        e = np.zeros((1, 10))
        e[:, 4:] = 1
        e[:, 1::2] += 0.1
        shifted = seam_scores(e, plan_of(self.axis)).ratio
        on_grid = seam_scores(e, plan_of(axis_of(10, 6))).ratio
        assert shifted is not None
        assert on_grid is not None
        assert shifted > 8
        assert on_grid < 1


class TestBorderSteps:
    def test_two_axes_by_hand(self) -> None:
        #     0 0 | 0 1 | 1     at column 2: steps 0, 3, 10; at column 4: none
        #     0 0 | 3 3 | 3
        #     ----+-----+--     at row 2: steps 0, 0, 7, 6, 6
        #     0 0 |10 9 | 9
        e = [[[0, 0, 0, 1, 1], [0, 0, 3, 3, 3], [0, 0, 10, 9, 9]]]
        plan = plan_of(axis_of(3, 2), axis_of(5, 2))
        rows, columns = border_steps(e, plan)
        np.testing.assert_allclose(rows, [(7 + 6 + 6) / 5])
        np.testing.assert_allclose(columns, [(0 + 3 + 10) / 3, 0])

    def test_they_average_to_the_seams_of_the_ratio(self, rng) -> None:
        plan = plan_of(axis_of(50, 7), axis_of(41, 41))
        e = rng.normal(size=(2, 50, 41))
        rows, columns = border_steps(e, plan)
        assert len(rows) == 7
        assert len(columns) == 0
        ratio = seam_scores(e, plan).ratio
        steps = [step(e, axis) for axis in (0, 1)]
        at_seams = rows.sum() * 41
        others = (sum(s.sum() for s in steps) - at_seams) / (
            sum(s.size for s in steps) - 7 * 41
        )
        assert ratio == pytest.approx(rows.mean() / others)

    def test_one_bad_border_among_many_is_found(self, rng) -> None:
        plan = plan_of(axis_of(512, 16), axis_of(512, 512))
        quiet = rng.normal(size=(3, 512, 512)).astype(np.float32)
        bad = quiet.copy()
        bad[:, 336:] += 1  # one border of 31
        clean, planted = seam_scores(quiet, plan), seam_scores(bad, plan)
        assert planted.ratio == pytest.approx(clean.ratio, abs=0.02)  # hardly moves
        before, after = border_steps(quiet, plan)[0], border_steps(bad, plan)[0]
        worst = int(np.argmax(after))
        assert plan.boundaries[0][worst] == 336
        others = np.delete(after, worst)
        assert others.max() < 1.1 * before.mean() < 1.2 * before.mean() < after[worst]

    def test_an_embedding_of_another_shape(self) -> None:
        plan = plan_of(axis_of(8, 4), axis_of(6, 3))
        with pytest.raises(ValueError, match=r"embedding has the shape \(6, 8\)"):
            border_steps(np.zeros((2, 6, 8)), plan)


class TestNotDefined:
    def test_one_tile_has_no_seam(self, rng) -> None:
        e, truth = rng.normal(size=(2, 20, 20)), np.ones((20, 20), int)
        scores = seam_scores(e, plan_of(axis_of(20, 20), axis_of(20, 20)), truth)
        assert (scores.ratio, scores.ratio_within, scores.z) == (None, None, None)

    def test_the_untiled_pass_has_no_seam(self, rng) -> None:
        shape = UNetShape((AxisShape(factors=(2,)),) * 2)
        plan = plan_tiles((30, 41), shape, stitching="whole")
        scores = seam_scores(rng.normal(size=(2, 30, 41)), plan)
        assert (scores.ratio, scores.z) == (None, None)

    def test_no_other_pairs(self, rng) -> None:
        scores = seam_scores(rng.normal(size=(2, 9)), plan_of(axis_of(9, 1)))
        assert (scores.ratio, scores.z) == (None, None)

    @pytest.mark.parametrize("jump", [0, 1])
    def test_a_constant_embedding(self, jump: float) -> None:
        e = np.zeros((3, 40, 40))
        e[:, 16:] = jump  # at a seam; the other steps are 0, so nothing to compare with
        scores = seam_scores(e, plan_of(axis_of(40, 16), axis_of(40, 16)))
        assert (scores.ratio, scores.z) == (None, None)

    def test_a_stride_below_three_has_no_z(self, rng) -> None:
        scores = seam_scores(rng.normal(size=(2, 40)), plan_of(axis_of(40, 2)))
        assert scores.z is None
        assert scores.ratio is not None
        assert seam_scores(rng.normal(size=(2, 40)), plan_of(axis_of(40, 3))).z

    @pytest.mark.parametrize(("stride", "weak"), [(15, True), (16, False)])
    def test_a_stride_below_sixteen_is_weak(self, rng, stride: int, weak: bool) -> None:
        scores = seam_scores(rng.normal(size=(2, 80)), plan_of(axis_of(80, stride)))
        assert scores.z_is_weak is weak

    def test_no_pair_within_an_object(self, rng) -> None:
        e, plan = rng.normal(size=(1, 8)), plan_of(axis_of(8, 4))
        assert seam_scores(e, plan, np.zeros(8, int)).ratio_within is None
        assert seam_scores(e, plan, np.arange(8)).ratio_within is None
        apart = np.array([1, 1, 1, 1, 2, 2, 2, 2])  # no object crosses the seam
        assert seam_scores(e, plan, apart).ratio_within is None

    def test_one_pixel(self) -> None:
        plan = replace(plan_of(axis_of(1, 4), axis_of(1, 4)))
        assert seam_scores(np.ones((3, 1, 1)), plan).ratio is None


def test_a_window_far_beyond_the_image_has_a_profile_of_the_image(rng) -> None:
    plan = plan_of(axis_of(9, 10**9))
    scores = seam_scores(rng.normal(size=(2, 9)), plan)
    assert scores.profile[0].shape == (8,)
    assert (scores.ratio, scores.z) == (None, None)


class TestRefused:
    plan = plan_of(axis_of(8, 4), axis_of(6, 3))

    def test_a_truth_of_another_shape(self) -> None:
        with pytest.raises(ValueError, match=r"truth has the shape \(8, 5\).*\(8, 6\)"):
            seam_scores(np.zeros((2, 8, 6)), self.plan, np.zeros((8, 5), int))

    def test_an_embedding_of_another_shape(self) -> None:
        with pytest.raises(ValueError, match=r"embedding has the shape \(6, 8\)"):
            seam_scores(np.zeros((2, 6, 8)), self.plan)
