"""Rescaled images against scikit-image's `resize`, and their tiles against one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from skimage.transform import resize

from napari_shiftseg.geometry.rescaling import Rescaling
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.predict import embed_steps, open_for
from napari_shiftseg.inference.rescaled import Rescaled
from napari_shiftseg.progress import Returning
from napari_shiftseg.stores.image import open_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet

EXACT = 1e-10
ZOOMS = (0.37, 0.7, 1.3, 2.6)
DOUBLE = np.dtype(np.float64)
pytestmark = pytest.mark.usefixtures("one_thread")


def rescaled(image: NDArray[Any], zoom: float, ndim: int = 2) -> Rescaled:
    channels = len(image) if image.ndim > ndim else 1
    opened = open_image(image, ndim, channels)
    return Rescaled(opened, Rescaling.by(opened.shape, zoom))


def whole(image: Rescaled) -> NDArray[Any]:
    return image.read([(0, n) for n in image.shape], DOUBLE)


class TestPixels:
    @pytest.mark.parametrize("zoom", ZOOMS)
    def test_they_are_those_of_resize(self, rng, zoom: float) -> None:
        pixels = rng.random((37, 52))
        image = rescaled(pixels, zoom)
        expected = resize(
            pixels, image.shape, order=1, mode="reflect", anti_aliasing=zoom < 1
        )
        np.testing.assert_allclose(whole(image)[0], expected, atol=1e-12)

    def test_of_channels_and_of_a_volume(self, rng) -> None:
        pixels = rng.random((2, 9, 12, 10))
        image = rescaled(pixels, 0.6, ndim=3)
        for channel, own in zip(whole(image), pixels, strict=True):
            expected = resize(
                own, image.shape, order=1, mode="reflect", anti_aliasing=True
            )
            np.testing.assert_allclose(channel, expected, atol=1e-12)

    @pytest.mark.parametrize("zoom", ZOOMS)
    def test_a_window_has_those_of_all_of_it(self, rng, zoom: float) -> None:
        image = rescaled(rng.random((37, 52)), zoom)
        width = image.shape[1]
        part = image.read([(-5, 9), (3, width + 7)], DOUBLE)[0]
        padded = np.pad(whole(image)[0], ((5, 0), (0, 7)), mode="reflect")
        np.testing.assert_array_equal(part, padded[:14, 3:])

    def test_it_is_read_lazily(self, rng) -> None:
        class Stored:
            dtype, ndim, shape = np.dtype(np.float32), 2, (4000, 4000)

            def __getitem__(self, at: Any) -> NDArray[Any]:
                *_, y, x = at
                assert y.stop - y.start < 60
                assert x.stop - x.start < 60
                return rng.random((y.stop - y.start, x.stop - x.start))

        for zoom in (0.5, 2):
            image = rescaled(Stored(), zoom)
            assert image.read([(100, 120), (0, 20)], DOUBLE).shape == (1, 20, 20)

    def test_grey_values_are_read_as_those_of_the_image(self, rng) -> None:
        pixels = rng.integers(100, 1100, (31, 26)).astype(np.uint16)
        opened = open_image(pixels, 2, intensity="range")
        image = Rescaled(opened, Rescaling.by(opened.shape, 1.5))
        assert image.scale == opened.scale
        assert whole(image).min() >= -1e-9
        assert whole(image).max() <= 1 + 1e-9


def predicted(image: Any, model: UNet, views: int = 1, **how: Any) -> NDArray[Any]:
    plan = plan_tiles(image.shape, model.shape, **how)
    steps = Returning(embed_steps(image, model, plan, "cpu", "float64", views=views))
    for _ in steps:
        pass
    return steps.value[0]


class TestTiles:
    @pytest.mark.parametrize("zoom", [0.55, 1.7])
    @pytest.mark.parametrize("kind", ["discriminative", "spatial"])
    @pytest.mark.parametrize("views", [1, 8])
    def test_cropped_is_whole_and_naive_is_not(
        self, small_model, rng, zoom: float, kind: str, views: int
    ) -> None:
        model = small_model(2, 2, embedding=kind, foreground=True)
        image = rescaled(rng.random((67, 58)), zoom)
        one = predicted(image, model, views, stitching="whole")
        cropped = predicted(image, model, views, window=12)
        naive = predicted(image, model, views, window=7, stitching="naive")
        assert abs(cropped - one).max() < EXACT
        assert abs(naive - one).max() > 1e-4

    def test_a_region_is_part_of_all(self, small_model, rng) -> None:
        model = small_model(2, 2)
        image = rescaled(rng.random((67, 58)), 1.7)
        region = image.rescaling.region(((20, 41), (10, 30)))
        plan = plan_tiles(image.shape, model.shape, 12, region=region)
        part = predicted(image, model, window=12, region=region)
        one = predicted(image, model, stitching="whole")
        assert abs(part - one[(slice(None), *plan.slices)]).max() < EXACT


class TestBack:
    def test_each_pixel_has_what_is_nearest(self, small_model, rng) -> None:
        model = small_model(2, 2)
        image = rescaled(rng.random((25, 31)), 1.7)
        plan = plan_tiles(image.shape, model.shape)
        raw = np.arange(np.prod(image.shape), dtype=float).reshape(1, *image.shape)
        expected = resize(raw[0], (25, 31), order=0, mode="edge", anti_aliasing=False)
        found = image.back(raw, plan)[0]
        assert (found == expected).mean() > 0.9  # all but ties
        assert np.isin(found, raw).all()

    @pytest.mark.parametrize("views", [1, 4])
    def test_places_and_spreads_become_those_of_the_image(
        self, small_model, views: int
    ) -> None:
        model = small_model(2, 2, embedding="spatial", foreground=True)
        image = rescaled(np.zeros((20, 30)), 2)
        plan = plan_tiles(image.shape, model.shape)
        own = np.indices(image.shape).astype(float)  # each pixel points to itself
        spread = np.full((1, *image.shape), np.log(6))
        raw = np.concatenate([own / np.sqrt(views)] * views + [spread])
        back = image.back(raw, plan, "spatial", views)
        expected = np.indices((20, 30)) / np.sqrt(views)
        for view in range(views):
            places = back[2 * view : 2 * view + 2]
            assert abs(places - expected).max() <= 0.26 / np.sqrt(views)
        np.testing.assert_allclose(back[-1], np.log(3))

    def test_it_is_opened_as_the_model_reads_it(self, small_model, rng) -> None:
        model = small_model(2, 2, intensity="range")
        pixels = rng.integers(0, 255, (40, 40)).astype(np.uint8)
        opened = open_for(pixels, model)
        image = Rescaled(opened, Rescaling.by(opened.shape, 1.0))
        np.testing.assert_array_equal(
            whole(image), opened.read([(0, 40), (0, 40)], DOUBLE)
        )
