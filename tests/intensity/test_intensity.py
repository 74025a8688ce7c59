"""Which grey values are read as 0 and 1: right whatever else an image holds."""

from __future__ import annotations

from io import BytesIO
from itertools import product
from typing import Any

import dask.array as da
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from napari_shiftseg.intensity import automatic as intensity_module
from napari_shiftseg.intensity.automatic import INVERTED, NOTHING, find_scale
from napari_shiftseg.intensity.scale import Reading, Scale, parse_intensity
from napari_shiftseg.intensity.stack import BLEACHING, frame_scales
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.stores.image import open_image

GROUND, HEIGHT, NOISE = 100.0, 1000.0, 10.0
CONFIG = ModelConfig.new(intensity="percentile")
FLOAT32 = np.dtype(np.float32)
ALL = [(0, 160), (0, 160)]


def nuclei(
    number: int = 16, size: int = 160, noise: float = NOISE, blur: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return an image and what is a nucleus in it, of radius 9 on a lattice of 40."""
    rng = np.random.default_rng(0)
    there = np.zeros((size, size), dtype=bool)
    y, x = np.mgrid[:size, :size]
    for row, column in list(product(range(20, size - 19, 40), repeat=2))[:number]:
        there |= (y - row) ** 2 + (x - column) ** 2 <= 81
    body = ndimage.gaussian_filter(there.astype(float), blur)
    return GROUND + HEIGHT * body + rng.normal(0, noise, there.shape), there


def series(grounds: Any, contrasts: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return frames of nuclei on grounds, at contrasts, and what is a nucleus."""
    image, there = nuclei(noise=0)
    up, times = (np.array(v, float)[:, None, None] for v in (grounds, contrasts))
    stack = GROUND + up + times * (image - GROUND)
    return stack + np.random.default_rng(3).normal(0, 2, stack.shape), there


def scale(image: Any, **reading: Any) -> Scale:
    return find_scale(image, 2, "percentile", Reading(**reading))


def percentiles(image: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(image, (1, 99.8))
    return float(low), float(high)


def assert_reads(image: Any, there: np.ndarray, **reading: Any) -> np.ndarray:
    """Assert that the ground is read as about 0, nuclei as about 1; return all."""
    found = open_image(image, 2, intensity="percentile", reading=Reading(**reading))
    read = found.read([(0, n) for n in there.shape], FLOAT32)[0]
    inside = ndimage.binary_erosion(there, iterations=3)
    outside = ~ndimage.binary_dilation(there, iterations=4)
    assert 0.45 < np.median(read[inside]) < 1.4
    assert abs(np.median(read[outside])) < 0.15
    assert np.isfinite(read).all()
    return read


def assert_nothing(image: np.ndarray) -> None:
    """Assert that all is said to be noise, and hardly differs as it is read."""
    found = open_image(image, 2, intensity="percentile")
    assert found.scale.notes == (NOTHING,)
    read = found.read([(0, n) for n in image.shape], FLOAT32)
    assert np.ptp(np.percentile(read, (1, 99))) < 0.08


def test_percentiles_stand_where_they_mean_objects() -> None:
    image, _ = nuclei()
    found = scale(image)
    assert (found.low, found.high) == percentiles(image)
    assert found.no_data == found.notes == ()


class TestFewObjects:
    @pytest.mark.parametrize("noise", [10, 200])
    def test_one_nucleus(self, noise: float) -> None:
        image, _ = nuclei(1, 400, noise)
        assert percentiles(image)[1] < GROUND + 0.7 * HEIGHT  # says nothing of it
        assert scale(image).high > GROUND + 0.8 * HEIGHT

    def test_a_ground_of_exactly_zero(self) -> None:
        image, there = nuclei(1, 600, noise=0)
        image = image - GROUND
        assert percentiles(image)[1] == 0
        assert not assert_reads(image, there)[300:].any()

    @pytest.mark.parametrize("seed", range(3))
    def test_noise_is_read_as_little(self, seed: int) -> None:
        found = scale(np.random.default_rng(seed).normal(100, 10, (160, 160)))
        assert found.notes == (NOTHING,)
        assert 10 / (found.high - found.low) < 0.1  # standard deviation, as it is read

    def test_noise_of_a_few_grey_values(self) -> None:
        image = np.random.default_rng(0).normal(10, 0.5, (160, 160)).round()
        found = scale(image.astype(np.uint8))
        assert found.notes == (NOTHING,)
        assert 0.5 / (found.high - found.low) < 0.1

    @pytest.mark.parametrize("blur", [0.7, 1.5, 2, 3, 4])
    def test_blurred_noise_is_noise(self, blur: float) -> None:
        fine = np.random.default_rng(0).normal(size=(160, 160))
        blurred = ndimage.gaussian_filter(fine, blur)
        assert_nothing(100 + 10 * blurred / blurred.std())

    @pytest.mark.parametrize("order", [0, 1, 3])
    def test_enlarged_noise_is_noise(self, order: int) -> None:
        fine = np.random.default_rng(0).normal(100, 10, (80, 80))
        assert_nothing(ndimage.zoom(fine, 2, order=order))

    def test_compressed_noise_is_noise(self) -> None:
        noise = np.random.default_rng(0).normal(100, 10, (160, 160))
        file = BytesIO()
        Image.fromarray(noise.astype(np.uint8)).save(file, "jpeg", quality=30)
        assert_nothing(np.asarray(Image.open(file)))

    @pytest.mark.parametrize("blur", [0, 2])
    def test_light_that_falls_off_is_nothing(self, blur: float) -> None:
        noise = np.random.default_rng(0).normal(0, 10, (160, 160))
        noise = ndimage.gaussian_filter(noise, blur)
        assert_nothing(noise + np.linspace(500, 1500, 160))

    @pytest.mark.parametrize("number", [1, 16])
    def test_nuclei_in_uneven_light_are_not_noise(self, number: int) -> None:
        image, _ = nuclei(number, blur=3)
        assert NOTHING not in scale(image / 5 + np.linspace(500, 1500, 160)).notes

    def test_cells_that_fill_a_volume_are_no_noise(self) -> None:
        rng = np.random.default_rng(1)
        cells = ndimage.gaussian_filter(rng.normal(size=(32, 128, 128)), (2, 3, 3))
        image = 120 + 80 * np.tanh(1.5 * cells / cells.std())
        alone = [scale(plane).notes for plane in image]
        assert alone.count((NOTHING,)) > len(alone) / 2
        together = find_scale(image.round(), 3, "percentile")
        assert together.high < 210
        assert not together.notes

    def test_a_texture_is_no_noise(self) -> None:
        rng = np.random.default_rng(0)
        image = ndimage.gaussian_filter(rng.normal(size=(160, 160)), 6)
        found = scale(image)
        assert (found.low, found.high) == percentiles(image)

    def test_a_constant(self) -> None:
        found = scale(np.full((40, 40), 7.0))
        assert found.notes == ("the image has only one grey value, 7",)
        assert found.sentence == "reads 7 as 0"


class TestExtremes:
    @pytest.mark.parametrize("share", [0.001, 0.05])
    @pytest.mark.parametrize("value", [65535, 1e12])
    def test_hot_pixels(self, share: float, value: float) -> None:
        image, there = nuclei()
        hot = np.random.default_rng(1).random(image.shape) < share
        assert assert_reads(np.where(hot, value, image), there).max() <= 3

    def test_dead_pixels(self) -> None:
        image, there = nuclei()
        dead = np.random.default_rng(1).random(image.shape) < 0.03
        assert assert_reads(np.where(dead, 0, image + 4000), there).min() > -0.5

    @pytest.mark.parametrize("kind", ["bar", "line", "text"])
    def test_what_is_drawn_is_ground(self, kind: str) -> None:
        image, there = nuclei()
        drawn = np.zeros(image.shape, dtype=bool)
        if kind == "bar":
            drawn[148:154, 40:150] = True
        elif kind == "line":
            drawn[77:79] = True
        else:
            drawn[146:156, 20:140:10] = drawn[150:152, 20:140] = True
        read = assert_reads(np.where(drawn, 65535, image).astype(np.uint16), there)
        beside = drawn & ~ndimage.binary_dilation(there, iterations=4)
        assert np.abs(read[beside]).max() < 0.1

    @pytest.mark.parametrize("width", [1, 2, 3, 8])
    def test_thin_lines_do_not_cut_nuclei(self, width: int) -> None:
        image, there = nuclei()
        drawn = np.zeros(image.shape, dtype=bool)
        drawn[19 : 19 + width] = drawn[:, 59 : 59 + width] = True
        read = assert_reads(np.where(drawn, 65535, image).astype(np.uint16), there)
        inside = read[drawn & ndimage.binary_erosion(there, iterations=3)]
        assert (inside > 0.6).all() == (width < 8)
        opened = open_image(np.where(drawn, 65535, image), 2, intensity="percentile")
        part = opened.read([(19, 41), (57, 99)], FLOAT32)[0]
        whole = opened.read(ALL, FLOAT32)[0]
        np.testing.assert_array_equal(part, whole[19:41, 57:99])

    def test_a_bar_in_noise_is_nothing(self) -> None:
        image = np.random.default_rng(0).normal(100, 10, (160, 160))
        image[140:148, 20:140] = 255
        found = scale(image.round().astype(np.uint8))
        assert (found.notes, found.no_data) == ((NOTHING,), (255,))

    def test_one_thing_thirty_times_as_bright(self) -> None:
        image, there = nuclei()
        y, x = np.mgrid[:160, :160]
        debris = np.exp(-((((y - 80) ** 2 + (x - 80) ** 2) / 120) ** 2))
        near = debris > 1e-3
        assert near.mean() < 0.05
        assert_reads(image + 30_000 * debris, there & ~near)

    def test_flat_objects_are_not_drawn(self) -> None:
        image, there = nuclei()
        assert_reads(np.where(there, 1000, image).astype(np.uint16), there)

    @pytest.mark.parametrize("factor", [0.5, 3])
    def test_overexposed_nuclei_are_nuclei(self, factor: float) -> None:
        image, _ = nuclei()
        assert scale((image * factor).clip(0, 255).astype(np.uint8)).no_data == ()

    @pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
    def test_any_precision_holds_what_is_read(self, dtype: str) -> None:
        image, _ = nuclei()
        image[5, 5] = 1e30
        opened = open_image(image, 2, intensity="percentile")
        read = opened.read(ALL, np.dtype(dtype))
        assert read.dtype == dtype
        assert np.isfinite(read).all()

    def test_windows_agree(self) -> None:
        image, _ = nuclei(noise=100)
        hot = np.random.default_rng(1).random(image.shape) < 0.05
        image = np.where(hot, 1e5, image).clip(0).round()
        image[:30] = 0
        opened = open_image(image, 2, intensity="percentile")
        assert opened.scale.in_blocks == (0,)
        whole = opened.read(ALL, FLOAT32)
        part = opened.read([(11, 63), (40, 99)], FLOAT32)
        np.testing.assert_array_equal(part, whole[:, 11:63, 40:99])


class TestNoData:
    @pytest.mark.parametrize("value", [0, 65535, 1e30, -9999])
    def test_a_border(self, value: float) -> None:
        image, there = nuclei()
        image = image + 2000
        image[:30] = image[:, :25] = value
        read = assert_reads(image, there & (image != value))
        assert np.abs(read[:30]).max() < 0.1

    def test_what_a_rotation_leaves(self) -> None:
        image, there = nuclei()
        turned = ndimage.rotate(image.round().astype(np.uint16), 20, order=1)
        read = assert_reads(turned, ndimage.rotate(there, 20, order=0))
        assert np.abs(read[:5, :5]).max() < 0.1

    def test_a_border_beside_noise_cut_off_at_zero(self) -> None:
        image, there = nuclei(noise=100)
        image = image.clip(0).round()
        assert (image == 0).mean() > 0.1
        image[:30] = 0
        there[:33] = False
        read = assert_reads(image, there)
        assert np.ptp(read[:28]) == 0

    def test_a_ground_of_one_value_is_no_border(self) -> None:
        image, _ = nuclei(noise=0)
        assert scale(image - GROUND).no_data == ()

    @pytest.mark.parametrize("is_lazy", [False, True])
    def test_masked_pixels(self, is_lazy: bool) -> None:
        image, there = nuclei()
        mask = np.zeros(image.shape, dtype=bool)
        mask[:70] = True
        there[:73] = False
        masked: Any = np.ma.masked_array(np.where(mask, 1e9, image), mask)
        if is_lazy:
            masked = da.from_array(masked, chunks=50)
        assert np.abs(assert_reads(masked, there)[:70]).max() < 0.1

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_nan_on_request(self, value: float) -> None:
        image, there = nuclei()
        image[:30] = value
        there[:33] = False
        assert_reads(image, there, ignore_nan=True)
        with pytest.raises(ValueError, match=r"4800 NaN .*ignore_nan, --ignore-nan"):
            scale(image)

    def test_nothing_but_no_data(self) -> None:
        with pytest.raises(ValueError, match="no pixel of the image holds data"):
            scale(np.ma.masked_all((20, 20)))


class TestAsked:
    def test_two_grey_values(self) -> None:
        found = scale(nuclei()[0], intensity=(100, 1100))
        assert found.sentence == "reads 100 … 1,100 as 0 … 1"
        opened = open_image(np.array([[100.0, 600, 1100]]), 2, scale=found)
        read = opened.read([(0, 1), (0, 3)], FLOAT32)
        np.testing.assert_allclose(read.ravel(), [0, 0.5, 1])

    @pytest.mark.parametrize("value", [0, 65535, 1e30])
    def test_a_border_holds_no_data_in_any_range(self, value: float) -> None:
        image, there = nuclei()
        image[:30] = value
        there[:33] = False
        read = assert_reads(image, there, intensity=(100, 1100))
        assert not read[:30].any()
        stack = frame_scales(image[None], CONFIG, Reading((100, 1100)))
        assert stack.common == scale(image, intensity=(100, 1100))

    @pytest.mark.parametrize("intensity", ["percentile", "range"])
    def test_dark_objects(self, intensity: Any) -> None:
        image, _ = nuclei()
        found = find_scale(3000 - image, 2, intensity, Reading(invert=True))
        expected = find_scale(image, 2, intensity)
        assert found.high == pytest.approx(3000 - expected.low)
        assert found.low == pytest.approx(3000 - expected.high)
        assert found.sentence.endswith("as 1 … 0")

    def test_dark_objects_are_told(self) -> None:
        image, there = nuclei()
        assert scale(3000 - image).notes == (INVERTED,)
        assert scale(3000 - image, invert=True).notes == ()
        assert_reads(3000 - image, there, invert=True)

    @pytest.mark.parametrize(
        "wrong", [(5, 5), (9, 1), (np.nan, 1), (0, np.inf), (1,), "bright", 7]
    )
    def test_what_cannot_be(self, wrong: Any) -> None:
        with pytest.raises(ValueError, match=r"the intensity (needs|must be)"):
            Reading(wrong)

    @pytest.mark.parametrize("wrong", ["a:b", "1", "1:2:3", ""])
    def test_what_is_written_wrong(self, wrong: str) -> None:
        with pytest.raises(ValueError, match=r"for example 100:1100"):
            parse_intensity(wrong)


class TestStack:
    def test_planes_without_nuclei(self) -> None:
        image, _ = nuclei()
        rng = np.random.default_rng(3)
        empty = [rng.normal(100, 10, image.shape) for _ in range(2)]
        scales = frame_scales(np.stack([empty[0], image, empty[1]]), CONFIG, Reading())
        assert scales.notes == ()
        assert scales.planes == ("planes 1, 3 of 3: nothing but noise",)
        assert scales.common is not None
        assert scales.common.high > GROUND + 0.8 * HEIGHT

    def test_planes_that_show_nothing_are_read_as_nothing(self) -> None:
        image, _ = nuclei()
        light = np.linspace(0, 900, 160) + np.random.default_rng(3).normal(
            100, 10, image.shape
        )
        stack = np.stack([[image, light], [np.full_like(image, 900), image]])
        scales = frame_scales(stack, CONFIG, Reading())
        assert scales.planes == (
            "plane 1/2 of 2 × 2: nothing but noise",
            "plane 2/1 of 2 × 2: only one grey value",
        )
        for at in ((0, 1), (1, 0)):
            read = open_image(stack[at], 2, scale=scales.of(at)).read(ALL, FLOAT32)
            assert np.ptp(read) < 0.1
            assert abs(read).max() < 0.1
        assert scales.of((0, 0)) == scales.of((1, 1)) == scales.common

    @pytest.mark.parametrize("offset", [0, 100])
    def test_frames_that_bleach(self, offset: float) -> None:
        image, _ = nuclei(noise=0)
        faint = np.geomspace(1, 0.02, 6)[:, None, None]
        noise = np.random.default_rng(3).normal(0, 2, (6, *image.shape))
        series = offset + faint * (image - GROUND) + noise
        scales = frame_scales(series, CONFIG, Reading())
        assert (scales.common, scales.notes) == (None, (BLEACHING,))

    def test_planes_that_go_out_of_focus_do_not_bleach(self) -> None:
        image, _ = nuclei(noise=0)
        rng = np.random.default_rng(3)
        planes = [
            ndimage.gaussian_filter(image, blur) * fall + rng.normal(0, 5, image.shape)
            for blur, fall in ((0, 1), (6, 0.8), (12, 0.6), (20, 0.5))
        ]
        assert frame_scales(np.stack(planes), CONFIG, Reading()).common is not None

    @pytest.mark.parametrize(
        ("grounds", "contrasts"),
        [
            ((0, 1000, 2000, 3000), (1, 1, 1, 1)),
            ((0, 300, 600, 900), (1, 1, 1, 1)),
            ((0, 0, 0, 600), (1, 1, 1, 1)),
            ((0, 0, 0, 0), (0.05, 0.2, 0.5, 1)),
            ((0, 0, 0, 0, 0, 0), (1, 0.5, 0.6, 0.3, 0.1, 0.03)),
            ((0, 0, 0, 0, 0, 0), (1, 2, 4.4, 9, 19, 40)),
            ((0, 0, 0), (1, 10, 1)),
            ((0, 500, 0), (1, 0.1, 10)),
        ],
    )
    def test_frames_that_differ(self, grounds: Any, contrasts: Any) -> None:
        stack, there = series(grounds, contrasts)
        scales = frame_scales(stack, CONFIG, Reading())
        assert scales.notes
        for at, frame in enumerate(stack):
            read = open_image(frame, 2, scale=scales.of((at,))).read(ALL, FLOAT32)[0]
            inside = ndimage.binary_erosion(there, iterations=3)
            outside = ~ndimage.binary_dilation(there, iterations=4)
            assert 0.35 < np.median(read[inside]) < 1.5
            assert abs(np.median(read[outside])) < 0.15

    def test_what_differs_is_said(self) -> None:
        stack, _ = series((0, 900, 0), (1, 1, 10))
        assert frame_scales(stack, CONFIG, Reading()).notes == (
            "plane 3 of 3: each is read by its own contrast, which differs up to "
            "10 times",
            "each frame is read from its own background, which differs by 900",
        )

    def test_dark_objects_on_a_ground_that_drifts(self) -> None:
        stack, _ = series((0, 1000, 2000), (1, 1, 1))
        reading = Reading(invert=True)
        scales = frame_scales(8000 - stack, CONFIG, reading)
        for at, plane in enumerate(8000 - stack):
            own = find_scale(plane, 2, "percentile", reading)
            ends = [(s.low, s.high) for s in (scales.of((at,)), own) if s]
            np.testing.assert_allclose(*ends, atol=20)

    def test_empty_planes_among_frames_that_drift(self) -> None:
        stack, _ = series((0, 1000, 2000, 3000), (0, 1, 0, 1))
        scales = frame_scales(stack, CONFIG, Reading())
        assert scales.planes == ("planes 1, 3 of 4: nothing but noise",)
        for at in (1, 3):
            own, found = scale(stack[at]), scales.of((at,))
            assert found is not None
            assert (found.low, found.high) == pytest.approx((own.low, own.high), abs=60)

    def test_equal_frames_have_one_scale(self) -> None:
        stack, _ = series((0, 50, 20), (1, 0.6, 0.8))
        scales = frame_scales(stack, CONFIG, Reading())
        assert (scales.own, scales.notes) == ({}, ())
        assert scales.common == scale(stack)

    def test_planes_out_of_focus_are_read_as_weak(self) -> None:
        image, there = nuclei(noise=0)
        rng = np.random.default_rng(3)
        blurred = GROUND + 0.2 * ndimage.gaussian_filter(image - GROUND, 7)
        stack = np.stack([blurred, blurred, blurred, image])
        stack += rng.normal(0, 3, stack.shape)
        scales = frame_scales(stack, CONFIG, Reading())
        read = open_image(stack[0], 2, scale=scales.of((0,))).read(ALL, FLOAT32)[0]
        assert scales.planes == ()
        assert read[there].max() < 0.3

    def test_a_dim_speck_is_read_as_weak(self) -> None:
        stack, _ = series((0, 0, 0), (1, 0, 1))
        stack[1, 78:83, 78:83] += 100
        scales = frame_scales(stack, CONFIG, Reading())
        assert scales.of((1,)) == scales.common is not None

    @pytest.mark.parametrize("dtype", [float, bool])
    def test_a_range_over_all_frames(self, dtype: Any) -> None:
        stack = np.zeros((3, 8, 9), dtype)
        stack[1, 2, 3] = 1
        config = ModelConfig.new(intensity="range")
        common = frame_scales(stack, config, Reading()).common
        assert common is not None
        assert (common.low, common.high, common.notes) == (0, 1, ())
        assert frame_scales(stack[:1], config, Reading()).notes == (
            "the image has only one grey value, 0",
        )

    def test_large_ones_are_sampled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(intensity_module, "MOST_SAMPLED", 2 * 160**2)
        monkeypatch.setattr(intensity_module, "TILE", 160)
        image, _ = nuclei()
        read = []

        def plane(block_id: Any) -> np.ndarray:
            read.append(block_id[0])
            return image[None]

        stack = da.map_blocks(
            plane, chunks=((1,) * 9, (160,), (160,)), dtype=image.dtype,
            meta=np.empty((0, 0, 0)),
        )  # fmt: skip
        scales = frame_scales(stack, CONFIG, Reading())
        assert len(read) == 2
        assert scales.common is not None
        expected = percentiles(image)[1]
        assert scales.common.high == pytest.approx(expected, rel=1e-3)
