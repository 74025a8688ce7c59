"""Filters and percentiles that are quick give what scipy and NumPy give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import ndimage

from napari_shiftseg.intensity import order
from napari_shiftseg.intensity.filters import (
    blurred,
    dilated,
    eroded,
    median_of_three,
)
from napari_shiftseg.intensity.no_data import _are_compact, _is_one_block, blocks_of
from napari_shiftseg.intensity.plane import _slopes, smallest_step

if TYPE_CHECKING:
    from numpy.random import Generator

SHAPES = [(70, 90), (33, 2), (1, 40), (3, 3), (1, 1), (60,), (1,)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [2.0, 12.0])
def test_a_blur(rng: Generator, shape: tuple[int, ...], width: float) -> None:
    pixels = rng.normal(size=shape) * 1000
    expected = ndimage.gaussian_filter(pixels, width)
    np.testing.assert_array_equal(blurred(pixels, width), expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_a_median_of_neighbours(rng: Generator, shape: Any, dtype: str) -> None:
    pixels = (rng.normal(size=shape) * 40 + 100).astype(dtype)
    expected = ndimage.median_filter(pixels, 3, mode="reflect")
    found = median_of_three(pixels)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == pixels.dtype


def test_a_median_beside_nan(rng: Generator) -> None:
    pixels = rng.normal(size=(9, 9))
    pixels[4, 4] = np.nan
    expected = ndimage.median_filter(pixels, 3, mode="reflect")
    np.testing.assert_array_equal(median_of_three(pixels), expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [3, 5, 17])
def test_masks(rng: Generator, shape: tuple[int, ...], width: int) -> None:
    square = np.ones((width,) * len(shape), bool)
    for share in (0.02, 0.5, 0.98):
        mask = rng.random(shape) < share
        np.testing.assert_array_equal(
            dilated(mask, width), ndimage.binary_dilation(mask, square)
        )
        for beyond in (False, True):
            np.testing.assert_array_equal(
                eroded(mask, width, beyond),
                ndimage.binary_erosion(mask, square, border_value=beyond),
            )


def test_blocks_are_all_true() -> None:
    mask = np.zeros((20, 20), bool)
    mask[:5, 3:8] = mask[9:13, :] = True  # a block, and a band that is too narrow
    assert blocks_of(mask).sum() == 25
    assert blocks_of(mask)[:5, 3:8].all()


KINDS = {  # middle and spread of values; whether they are counted
    "u1": (128, 20, True),
    "i2": (100, 4000, True),
    "u2": (20_000, 3000, True),
    "i4": (-100, 3000, True),
    "i8": (0, 10**9, False),
    "f4": (100, 20, False),
    "f8": (100, 20, False),
}


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("n", [1, 2, 5001, 5002])
def test_medians_and_percentiles(rng: Generator, dtype: str, n: int) -> None:
    """Those of many whole numbers are counted, but not over a wide range."""
    about, times, is_counted = KINDS[dtype]
    values = (rng.normal(size=n) * times + about).astype(dtype)
    numbers = values.astype(float) if values.dtype.kind != "f" else values
    middle = float(np.median(numbers))
    spread = 1.4826 * float(np.median(np.abs(numbers - middle)))
    assert order.median(values) == middle
    assert order.middle_and_spread(values) == (middle, spread)
    for percent in (0, 1, 5, 37.5, 99.8, 100):
        expected = float(np.percentile(numbers, percent))
        assert order.percentile(values, percent) == pytest.approx(expected, rel=1e-14)
    assert (order._counted(values) is not None) == (is_counted and n > 5000)


def test_whole_numbers_at_the_ends_of_what_they_may_be(rng: Generator) -> None:
    low = rng.integers(0, 3000, 5001).astype(np.uint64)
    high = low + np.uint64(2**63)
    assert order.median(high) == float(np.median(low)) + 2.0**63
    assert order.percentile(high, 100) == float(high.max())
    of_16 = np.array([-32_768, 100, 107, 20_000], dtype=np.int16)
    assert smallest_step(of_16) == 7


@pytest.mark.parametrize("shape", SHAPES)
def test_slopes(rng: Generator, shape: tuple[int, ...]) -> None:
    pixels = rng.normal(size=shape)
    axes = [axis for axis, n in enumerate(shape) if n > 1]
    squares = [np.gradient(pixels, axis=axis) ** 2 for axis in axes]
    expected = np.sqrt(np.sum([np.zeros(shape), *squares], axis=0)).ravel()
    at = rng.permutation(pixels.size)
    np.testing.assert_array_equal(_slopes(pixels, at), expected[at])


@pytest.mark.parametrize("shape", [(30, 40), (5, 1), (40,)])
def test_lines_in_one_block(rng: Generator, shape: tuple[int, ...]) -> None:
    """Against what lies between the pixels before and after, spelt out."""
    seen = set()
    for rest_share, out_share in ((0.9, 0.05), (0.5, 0.45), (0.95, 0), (0.01, 0.98)):
        for _ in range(20):
            rest = rng.random(shape) < rest_share
            out = ~rest & (rng.random(shape) < out_share)
            before = np.maximum.accumulate(rest, -1)
            after = np.maximum.accumulate(rest[..., ::-1], -1)[..., ::-1]
            between = before & after
            expected = (rest | (out & between)).sum() >= 0.9 * between.sum()
            assert _is_one_block(rest, out) == expected
            seen.add(bool(expected))
    assert seen == {True, False} or shape == (5, 1)


def test_compact_things(rng: Generator) -> None:
    """Against the depth in the whole plane."""
    seen = set()
    for width in (1.0, 2.0, 4.0):
        for level in (0.5, 1.0, 1.5):
            smooth = ndimage.gaussian_filter(rng.normal(size=(90, 80)), width)
            region = smooth > level * smooth.std()
            parts, _ = ndimage.label(region, np.ones((3, 3)))
            sizes = np.bincount(parts.ravel())
            sizes[0] = 0
            depth = ndimage.distance_transform_edt(region)
            deepest = ndimage.maximum(depth, parts, np.arange(len(sizes)))
            compact = (sizes >= 30) & (deepest >= 0.4 * np.sqrt(sizes))
            expected = 2 * sizes[compact].sum() > sizes.sum()
            assert _are_compact(parts, sizes) == expected
            seen.add(bool(expected))
    assert seen == {True, False}
