"""The grid of a rescaled image against a plain reading of where its pixels lie."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.geometry.rescaling import (
    Rescaling,
    boundaries_of,
    region_of,
    widths_of,
)
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape

SIZES = [((37, 52), zoom) for zoom in (0.37, 0.7, 1.3, 2.6)]


@pytest.mark.parametrize(("size", "zoom"), SIZES)
def test_pixels_lie_over_the_same_stretch(size, zoom) -> None:
    rescaling = Rescaling.by(size, zoom)
    for axis, (n, m) in enumerate(zip(size, rescaling.shape, strict=True)):
        assert abs(m - n * zoom) <= 0.5
        middles = rescaling.middles(axis, 0, m)
        np.testing.assert_allclose(np.diff(middles), n / m)
        np.testing.assert_allclose(middles[0] + middles[-1], n - 1)


@pytest.mark.parametrize(("size", "zoom"), SIZES)
def test_the_nearest_one_is_none_farther_than_others(size, zoom) -> None:
    rescaling = Rescaling.by(size, zoom)
    for axis, (n, m) in enumerate(zip(size, rescaling.shape, strict=True)):
        middles = rescaling.middles(axis, 0, m)
        apart = abs(np.arange(n)[:, None] - middles)
        own = apart[np.arange(n), rescaling.nearest(axis)]
        np.testing.assert_allclose(own, apart.min(1), atol=1e-12)


@pytest.mark.parametrize(("size", "zoom"), SIZES)
def test_a_region_is_there_and_back(size, zoom) -> None:
    rescaling = Rescaling.by(size, zoom)
    asked = ((5, 20), (17, 52))
    region = rescaling.region(asked)
    found = rescaling.in_image(region)
    for (start, stop), (first, last) in zip(asked, found, strict=True):
        assert first <= start
        assert last >= stop
    shape = tuple(stop - start for start, stop in found)
    assert tuple(map(len, rescaling.indices(region))) == shape
    for index, (start, stop) in zip(rescaling.indices(region), region, strict=True):
        assert index.min() >= 0
        assert index.max() < stop - start
    whole = tuple((0, n) for n in rescaling.shape)
    assert rescaling.in_image(whole) == tuple((0, n) for n in size)


def test_what_is_no_region_is_left_to_the_plan() -> None:
    rescaling = Rescaling.by((30, 40), 2)
    assert rescaling.region(None) is None
    assert rescaling.region(((1, 2),)) == ((1, 2),)
    assert rescaling.region(((9, 9), (0, 4)))[0] == (18 + 1, 9)  # holds no pixel


def test_no_pixel_of_the_image_lies_in_a_sliver() -> None:
    with pytest.raises(ValueError, match="no pixel of the image lies in what"):
        Rescaling.by((10, 10), 8).in_image(((1, 3), (0, 80)))


def test_a_plan_in_pixels_of_the_image() -> None:
    axis = AxisShape(factors=(2, 2), kernel=3, convolutions=2, padding="valid")
    shape = UNetShape((axis, axis), (4, 8, 16), 1, 3)
    rescaling = Rescaling.by((40, 40), 2)
    plan = plan_tiles(rescaling.shape, shape, 16, "cropped")
    assert region_of(plan, rescaling) == ((0, 40), (0, 40))
    assert boundaries_of(plan, rescaling) == (tuple(range(8, 40, 8)),) * 2
    assert region_of(plan, None) == plan.region
    assert boundaries_of(plan, None) == plan.boundaries


def test_widths() -> None:
    rescaling = Rescaling((40, 40), (80, 20))
    assert widths_of((20, 20), rescaling) == (10, 40)
    assert widths_of((20, 20), None) == (20, 20)
    assert widths_of(None, rescaling) is None
