"""Reading an image window by window against padding all of it with NumPy."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
import torch
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.intensity import automatic as intensity_module
from napari_shiftseg.stores.image import mirror_index, open_image, single_channel

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
FAR = 45  # pixels beyond the image that the tests look at

bounds = st.tuples(st.integers(-FAR, 10), st.integers(1, 30)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)


def padded(pixels: np.ndarray, window: Any) -> np.ndarray:
    """Read a window of the whole image, mirrored by hand far beyond its borders."""
    mirrored = np.pad(pixels, FAR, mode="reflect")
    return mirrored[tuple(slice(a + FAR, b + FAR) for a, b in window)]


@given(size=st.integers(1, 12), window=bounds)
def test_mirror_index_is_numpys_reflect(size: int, window: tuple[int, int]) -> None:
    expected = padded(np.arange(size), [window])
    assert mirror_index(*window, size).tolist() == expected.tolist()


def test_mirror_index_by_hand() -> None:
    assert mirror_index(-3, 7, 3).tolist() == [1, 2, 1, 0, 1, 2, 1, 0, 1, 2]
    assert mirror_index(-2, 3, 1).tolist() == [0, 0, 0, 0, 0]


@settings(deadline=None)
@given(data=st.data(), ndim=st.integers(1, 3))
def test_read_is_a_window_of_the_padded_image(data: st.DataObject, ndim: int) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 8)] * ndim))
    window = data.draw(st.tuples(*[bounds] * ndim))
    pixels = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    read = open_image(pixels, ndim).read(window, FLOAT32)
    assert read.shape == (1, *(b - a for a, b in window))
    np.testing.assert_array_equal(read[0], padded(pixels, window))


WINDOW = [(-7, 4), (3, 20)]


@pytest.mark.parametrize(
    "dtype",
    ["bool", "u1", "<u2", ">u2", "i4", "u8", "f2", "<f4", ">f4", "f8", ">f8"],
)
def test_every_dtype_is_read(dtype: str) -> None:
    pixels = (np.arange(63).reshape(7, 9) % 5).astype(dtype)
    read = open_image(pixels, 2).read(WINDOW, FLOAT64)
    assert read.dtype == FLOAT64
    np.testing.assert_array_equal(read[0], padded(pixels, WINDOW).astype(float))


@pytest.mark.parametrize("intensity", ["as-is", "range", "percentile"])
@pytest.mark.parametrize(
    "kind",
    [
        "read-only",
        "strided",
        "reversed",
        "dask",
        "zarr",
        "list",
        "tensor",
        "memory map",
    ],
)
def test_every_kind_of_array_is_read(kind: str, intensity: Any, tmp_path: Any) -> None:
    pixels = np.arange(63, dtype=np.float32).reshape(7, 9)
    array: Any = pixels.copy()
    if kind == "read-only":
        array.flags.writeable = False
    elif kind == "strided":
        array = np.repeat(pixels, 2, axis=0).T.copy().T[::2]
    elif kind == "reversed":
        array = pixels[::-1, ::-1].copy()[::-1, ::-1]
    elif kind == "dask":
        array = da.from_array(pixels, chunks=(3, 4))
    elif kind == "zarr":
        array = zarr.create_array({}, data=pixels, chunks=(3, 4))
    elif kind == "list":
        array = pixels.tolist()
    elif kind == "tensor":
        array = torch.from_numpy(pixels.copy())
    else:
        np.save(tmp_path / "a.npy", pixels)
        array = np.load(tmp_path / "a.npy", mmap_mode="r")
    expected = open_image(pixels, 2, intensity=intensity).read(WINDOW, FLOAT64)
    read = open_image(array, 2, intensity=intensity).read(WINDOW, FLOAT64)
    np.testing.assert_array_equal(read, expected)
    if intensity == "as-is":
        np.testing.assert_array_equal(read[0], padded(pixels, WINDOW))


def test_reading_leaves_the_image_as_it_is() -> None:
    pixels = np.arange(63, dtype=np.float32).reshape(7, 9)
    open_image(pixels, 2, intensity="range").read([(0, 7), (0, 9)], FLOAT32)[:] = -1
    np.testing.assert_array_equal(pixels.ravel(), np.arange(63))


def test_channels_come_first() -> None:
    pixels = np.arange(3 * 5 * 6).reshape(3, 5, 6)
    read = open_image(pixels, 2, channels=3).read([(-2, 3), (1, 9)], FLOAT32)
    for channel in range(3):
        expected = padded(pixels[channel], [(-2, 3), (1, 9)])
        np.testing.assert_array_equal(read[channel], expected)


class TestScale:
    def test_range_is_that_of_the_whole_image(self) -> None:
        pixels = np.zeros((6, 8))
        pixels[5, 7], pixels[0, 0] = 30, -10  # neither is in the window
        read = open_image(pixels, 2, intensity="range").read([(1, 4), (2, 5)], FLOAT64)
        np.testing.assert_allclose(read, 10 / 40)

    def test_percentiles_are_those_of_the_whole_image(self) -> None:
        pixels = np.arange(1001.0).reshape(1, 1001)  # percentile q is 10·q
        opened = open_image(pixels, 2, intensity="percentile")
        read = opened.read([(0, 1), (10, 12)], FLOAT64)
        np.testing.assert_allclose(read[0, 0], [0, 1 / 988])

    def test_range_of_slabs_is_the_range_of_all(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intensity_module, "MOST_SAMPLED", 5)
        pixels = np.random.default_rng(0).integers(0, 99, (7, 3))
        opened = open_image(pixels, 2, intensity="range")
        assert opened.scale.low == pixels.min()
        assert opened.scale.high == pixels.max()

    @pytest.mark.parametrize("source", [np.asarray, da.from_array, "zarr"])
    def test_percentiles_of_a_large_image_come_from_a_sample(
        self, monkeypatch: pytest.MonkeyPatch, source: Any
    ) -> None:
        monkeypatch.setattr(intensity_module, "MOST_SAMPLED", 1000)
        monkeypatch.setattr(intensity_module, "TILE", 10)
        pixels = np.add.outer(np.arange(60.0), np.arange(60.0))
        array = (
            zarr.create_array({}, data=pixels) if source == "zarr" else source(pixels)
        )
        opened = open_image(array, 2, intensity="percentile")
        assert opened.scale.low == pytest.approx(np.percentile(pixels, 1), abs=10)
        high = opened.scale.high
        assert high == pytest.approx(np.percentile(pixels, 99.8), abs=10)

    @pytest.mark.parametrize("dtype", ["bool", "u1", "i8", "f2", "f4", ">f8"])
    @pytest.mark.parametrize("intensity", ["range", "percentile"])
    def test_a_constant_image_becomes_zero(self, intensity: Any, dtype: str) -> None:
        opened = open_image(np.ones((5, 6), dtype), 2, intensity=intensity)
        read = opened.read(WINDOW, FLOAT32)
        np.testing.assert_array_equal(read, 0)

    @pytest.mark.parametrize("intensity", ["range", "percentile"])
    def test_a_mask_keeps_its_contrast(self, intensity: Any) -> None:
        mask = np.eye(10, dtype=bool)
        read = open_image(mask, 2, intensity=intensity).read([(0, 10)] * 2, FLOAT32)
        np.testing.assert_array_equal(read[0], mask)

    def test_small_steps_on_a_large_offset_survive(self) -> None:
        pixels = np.array([[2**30, 2**30 + 1, 2**30 + 2]], dtype=np.int64)
        read = open_image(pixels, 2, intensity="range").read([(0, 1), (0, 3)], FLOAT32)
        np.testing.assert_allclose(read[0, 0], [0, 0.5, 1])


class TestRefused:
    @pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("dtype", ["f2", "f4", ">f8"])
    def test_not_finite_pixels_are_counted_once(self, wrong: float, dtype: str) -> None:
        pixels = np.zeros((5, 6), dtype)
        pixels[0, 1] = pixels[2, 2] = wrong  # the mirror shows them again
        opened = open_image(pixels, 2)
        with pytest.raises(ValueError, match=r"has 2 NaN or infinite.*nan_to_num"):
            opened.read([(-4, 9), (-5, 11)], FLOAT32)

    def test_a_window_without_them_is_read(self) -> None:
        pixels = np.zeros((5, 6))
        pixels[4, 5] = np.nan
        opened = open_image(pixels, 2)
        assert not opened.read([(-2, 3), (-2, 3)], FLOAT32).any()

    @pytest.mark.parametrize("intensity", ["range", "percentile"])
    def test_the_scale_refuses_them_at_once(self, intensity: Any) -> None:
        pixels = np.zeros((5, 6))
        pixels[4, 5] = np.nan
        with pytest.raises(ValueError, match=r"has 1 NaN or infinite.*nan_to_num"):
            open_image(pixels, 2, intensity=intensity)

    def test_a_pixel_too_large_for_the_precision(self) -> None:
        opened = open_image(np.full((3, 3), 1e300), 2)
        with pytest.raises(ValueError, match=r"9 .*float32"):
            opened.read([(0, 3), (0, 3)], FLOAT32)
        assert opened.read([(0, 3), (0, 3)], FLOAT64).max() == 1e300

    @pytest.mark.parametrize(
        "wrong", [np.ones((4, 4), "c8"), np.full((4, 4), "a"), np.full((4, 4), None)]
    )
    def test_what_is_no_real_number(self, wrong: np.ndarray) -> None:
        with pytest.raises(ValueError, match="must hold real numbers"):
            open_image(wrong, 2)

    @pytest.mark.parametrize("shape", [(0, 4), (4, 0)])
    def test_an_empty_image(self, shape: tuple[int, int]) -> None:
        with pytest.raises(ValueError, match="the image is empty"):
            open_image(np.ones(shape), 2)

    @pytest.mark.parametrize("shape", [(4,), (3, 4, 5)])
    def test_another_number_of_axes(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(
            ValueError, match=f"reads 2 axes, the image has {len(shape)}"
        ):
            open_image(np.ones(shape), 2)

    def test_another_number_of_channels(self) -> None:
        with pytest.raises(ValueError, match=r"image has 2: \(2, 4, 4\); take another"):
            open_image(np.ones((2, 4, 4)), 2, channels=3)


def test_one_channel_is_taken() -> None:
    pixels = np.arange(12 * 9).reshape(12, 9)
    assert single_channel(pixels[..., None], 2).tolist() == pixels.tolist()
    series = np.stack([pixels, pixels + 1])
    assert single_channel(series[..., None], 2).tolist() == series.tolist()
    assert single_channel(series, 2) is series


def test_a_mask_stays() -> None:
    pixels = np.ma.masked_less(np.arange(12 * 9).reshape(12, 9, 1), 5)
    assert single_channel(pixels, 2).mask.sum() == 5


@pytest.mark.parametrize(
    ("shape", "ndim", "kind"),
    [
        ((31, 42, 3), 2, "colours"),
        ((31, 42, 2), 2, "channels"),
        ((31, 42, 1), 3, "channels"),  # no volume of one column
        ((9, 31, 42, 4), 3, "colours"),
    ],
)
def test_several_are_refused(shape: Any, ndim: int, kind: str) -> None:
    with pytest.raises(ValueError, match=rf"seems to hold {kind}.*image\[\.\.\., 0\]"):
        single_channel(np.zeros(shape), ndim)
