"""A diameter in a run: what is asked for, what is estimated, what comes back."""

from __future__ import annotations

from copy import copy
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import ndimage

from napari_shiftseg import compare, segment, sweep, tune
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.evidence import place_of
from napari_shiftseg.geometry.rescaling import Rescaling
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.diameter import (
    AS_IT_IS,
    diameter_text,
    fit_from,
    fit_to,
    parse_diameter,
    pixels_of,
)
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.relabelling.relabel import Kept
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from napari_shiftseg.networks.unet import UNet

OWN = 8.0
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model(small_model) -> UNet:
    return small_model(
        2, 2, foreground=True, diameter=OWN,
        clustering=Clustering(bandwidth=0.5, scope="component", min_size=5),
    )  # fmt: skip


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(1).random((60, 70))


class TestWritten:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (None, None), ("none", None), (" OFF ", None), ("", None),
            ("auto", "auto"), (30, 30.0), (np.float32(1.5), 1.5), ("30", 30.0),
            ("30 px", 30.0), ("2.5 pixels", 2.5), ("30um", "30 um"),
            ("30 µm", "30 um"), ("30 \u03bcm", "30 um"), ("0.03mm", "30 um"),
            ("500 nm", "0.5 um"), ("1e1", 10.0), ("30 um", "30 um"),
        ],
    )  # fmt: skip
    def test_taken(self, value: Any, expected: Any) -> None:
        assert parse_diameter(value) == expected
        assert Settings(diameter=value).diameter == expected
        assert parse_diameter(diameter_text(expected)) == expected

    @pytest.mark.parametrize(
        "value", [0, -3, "0", "-3 um", float("nan"), "nan", float("inf"), "inf um"]
    )
    def test_not_above_0(self, value: Any) -> None:
        with pytest.raises(ValueError, match="must be above 0 and finite, got "):
            Settings(diameter=value)

    @pytest.mark.parametrize("value", ["big", "30 s", "30 30", "um", True, (30, 30)])
    def test_no_diameter(self, value: Any) -> None:
        with pytest.raises(ValueError, match="a diameter is a number of pixels"):
            Settings(diameter=value)

    def test_one_of_before_means_none(self) -> None:
        known = asdict(Settings())
        del known["diameter"]
        assert Settings(**known).diameter is None


class TestPixels:
    def test_of_a_length(self) -> None:
        assert pixels_of("30 um", (0.5, 0.5)) == 60
        assert pixels_of("30 um", (4.0, 0.5, 0.5)) == 30  # of a ball of as many pixels
        assert pixels_of(30.0) == 30

    def test_without_calibration(self) -> None:
        with pytest.raises(ValueError, match="30 um needs an image that says how"):
            pixels_of("30 um")


class TestFit:
    def test_to_a_diameter(self, model) -> None:
        fit = fit_to(4.0, model.config, (60, 70))
        assert (fit.zoom, fit.diameter) == (2, 4)
        assert "rescaled by 2" in fit.note

    def test_a_length_on_pixels_that_are_not_square_is_said_to_be_a_mean(self, model):
        fit = fit_to("8 um", model.config, (60, 70), (0.5, 1.0))
        assert fit.diameter == pytest.approx(8 / 0.5**0.5)
        assert "along its axes 8 um is 16 × 8 pixels" in fit.note
        for known in (
            fit_to("8 um", model.config, (60, 70), (1.0, 1.01)),
            fit_to(8, model.config, (60, 70), (0.5, 1.0)),  # pixels are asked for
        ):
            assert "square" not in known.note

    def test_larger_than_the_image(self, model) -> None:
        with pytest.raises(ValueError, match="larger than the image of 60 × 70"):
            fit_to(71, model.config, (60, 70))

    @pytest.mark.parametrize("diameter", [0.9, 65])
    def test_beyond_what_is_sensible(self, model, diameter: float) -> None:
        with pytest.raises(ValueError, match="must be between 1 and 64 pixels"):
            fit_to(diameter, model.config, (100, 100))

    def test_a_model_that_does_not_know_its_own(self, small_model) -> None:
        with pytest.raises(ValueError, match="does not know how large the objects"):
            fit_to(30, small_model(2, 2).config, (60, 70))

    @pytest.mark.parametrize(("wide", "zoom"), [(3, 1.5), (8, 1), (12, 1), (16, 0.5)])
    def test_to_what_was_found(self, wide: int, zoom: float) -> None:
        y, x = np.indices((90, 90))
        squares = ndimage.label((y % 20 < wide) & (x % 20 < wide))[0]
        found = 2 * wide / np.sqrt(np.pi)
        fit = fit_from(squares, OWN)
        assert fit.diameter == pytest.approx(found)
        assert fit.zoom == zoom
        assert (f"rescaled by {zoom:g}" in fit.note) == (zoom != 1)

    def test_to_nothing(self) -> None:
        fit = fit_from(np.zeros((9, 9), int), OWN)
        assert (fit.zoom, fit.diameter) == (1, None)
        assert "no object was found in a first pass" in fit.note


class TestRun:
    @pytest.mark.parametrize("diameter", [5.0, 13.0])
    def test_all_is_of_the_image(self, model, image, diameter: float) -> None:
        result = segment(image, model, diameter=diameter, device="cpu")
        assert result.labels.shape == result.gradient.shape == image.shape
        assert result.logit.shape == image.shape
        assert result.embeddings.shape == (3, *image.shape)
        assert result.region == ((0, 60), (0, 70))
        zoom = OWN / diameter
        assert result.plan.image_shape == (round(60 * zoom), round(70 * zoom))
        assert result.diameter == diameter
        assert "tiles and seam figures are those of the rescaled" in result.notes[0]
        assert result.rescaled["rescaled"]["diameter"] == diameter

    def test_it_is_the_prediction_of_an_image_made_larger(self, model, image) -> None:
        result = segment(image, model, diameter=4, precision="float64", device="cpu")
        larger = ndimage.zoom(image, 2, order=1, grid_mode=True, mode="mirror")
        expected = segment(larger, model, precision="float64", device="cpu")
        near = expected.embeddings[:, 1::2, 1::2]
        np.testing.assert_allclose(result.embeddings, near, atol=1e-10)

    @pytest.mark.parametrize("diameter", [5.0, 13.0])
    def test_tiles_have_no_say(self, model, image, diameter: float) -> None:
        how = {"diameter": diameter, "precision": "float64", "device": "cpu"}
        whole = segment(image, model, stitching="whole", **how)
        cropped = segment(image, model, window=8, **how)
        naive = segment(image, model, window=7, stitching="naive", **how)
        assert abs(whole.embeddings - cropped.embeddings).max() < 1e-10
        assert abs(whole.embeddings - naive.embeddings).max() > 1e-4
        assert naive.seams.ratio != cropped.seams.ratio

    def test_a_region(self, model, image) -> None:
        how = {"diameter": 5, "precision": "float64", "device": "cpu"}
        part = segment(image, model, region=((20, 33), (7, 30)), **how)
        (top, bottom), (left, right) = part.region
        assert top <= 20
        assert bottom >= 33
        assert (left, right) != (0, 70)
        assert part.offset == (top, left)
        whole = segment(image, model, **how)
        inside = whole.embeddings[:, top:bottom, left:right]
        np.testing.assert_allclose(part.embeddings, inside, atol=1e-10)

    def test_in_micrometres(self, model, image) -> None:
        how = {"diameter": "2 um", "device": "cpu"}
        found = segment(image, model, pixel_size=(0.4, 0.4), **how)
        assert found.diameter == pytest.approx(5)
        assert found.settings.diameter == "2 um"
        with pytest.raises(ValueError, match="give the diameter in pixels"):
            segment(image, model, **how)

    def test_of_a_series_all_frames_alike(self, model, image) -> None:
        stack = np.stack([image, image[::-1]])
        result = segment(stack, model, diameter=5, device="cpu")
        alone = segment(stack[1], model, diameter=5, device="cpu")
        np.testing.assert_array_equal(result.frames[1].labels, alone.labels)
        (said,) = [note for note in alone.notes if "was rescaled" in note]
        assert said in result.notes
        assert result.leading == (2,)

    def test_the_models_own_minimum_counts_its_pixels(self) -> None:
        clustering = Clustering(min_size=30)
        config = ModelConfig.new(depth=1, clustering=clustering)
        twice = Rescaling((20, 20), (40, 40))
        assert Settings().clustering(config, twice).min_size == 8
        assert Settings(min_size=30).clustering(config, twice).min_size == 30
        assert Settings().clustering(config).min_size == 30

    def test_a_volume_keeps_its_proportions(self, small_model, rng) -> None:
        model = small_model(3, 1, 2, diameter=4.0)
        volume = rng.random((10, 14, 12))
        how = {"pixel_size": (2.0, 0.5, 0.5), "bandwidth": 1e3, "device": "cpu"}
        found = segment(volume, model, diameter="2.5um", **how)
        assert found.diameter == pytest.approx(2.5 / 0.5 ** (1 / 3))
        zoom = 4 / found.diameter
        expected = tuple(round(n * zoom) for n in volume.shape)
        assert found.plan.image_shape == expected
        assert found.labels.shape == volume.shape

    def test_views(self, model, image) -> None:
        how = {"diameter": 5, "views": 4, "precision": "float64", "device": "cpu"}
        whole = segment(image, model, stitching="whole", **how)
        cropped = segment(image, model, window=8, **how)
        assert whole.embeddings.shape == (12, 60, 70)
        assert abs(whole.embeddings - cropped.embeddings).max() < 1e-10


class TestAuto:
    def test_nothing_found(self, small_model, image) -> None:
        model = small_model(
            2, 2, foreground=True, diameter=OWN,
            clustering=Clustering(scope="component", min_size=10_000),
        )  # fmt: skip
        result = segment(image, model, diameter="auto", device="cpu")
        assert result.rescaling is None
        assert any("no object was found in a first" in note for note in result.notes)

    def test_a_model_that_does_not_know_its_own(self, small_model, image) -> None:
        model = small_model(2, 2, clustering=Clustering(bandwidth=1e3))
        result = segment(image, model, diameter="auto", device="cpu")
        assert any("the model does not know how large" in n for n in result.notes)
        np.testing.assert_array_equal(
            result.labels, segment(image, model, device="cpu").labels
        )

    def test_what_is_about_as_large_is_left_as_it_is(self, model, image) -> None:
        once = segment(image, model, device="cpu")
        own = fit_from(once.labels, OWN).diameter
        alike = replace_diameter(model, own)
        result = segment(image, alike, diameter="auto", device="cpu")
        np.testing.assert_array_equal(result.labels, once.labels)
        assert result.notes[0] == AS_IT_IS.format(found=own, own=own)
        assert result.settings.diameter == "auto"

    def test_what_is_far_smaller_is_rescaled(self, model, image) -> None:
        once = segment(image, model, device="cpu")
        own = fit_from(once.labels, OWN).diameter
        larger = replace_diameter(model, 2.5 * own)
        found = segment(image, larger, diameter="auto", device="cpu")
        given = segment(image, larger, diameter=2.5 / 1.5 * own, device="cpu")
        assert found.plan.image_shape == (90, 105)
        np.testing.assert_array_equal(found.labels, given.labels)

    def test_of_a_series_it_is_that_of_the_first_frame_with_objects(
        self, model, image
    ) -> None:
        own = fit_from(segment(image, model, device="cpu").labels, OWN).diameter
        larger = replace_diameter(model, 2.5 * own)
        empty = np.full_like(image, np.nan)
        stack = np.stack([empty, image])
        how = {"diameter": "auto", "ignore_nan": True, "device": "cpu"}
        result = segment(stack, larger, **how)
        assert result.plan.image_shape == (90, 105)
        assert not result.labels[0].any()


def replace_diameter(model: UNet, diameter: float) -> UNet:
    known = copy(model)
    known.config = model.config.model_copy(update={"diameter": diameter})
    return known


class TestAfterwards:
    def test_it_is_labelled_anew_as_a_run_would(self, model, image) -> None:
        how = {"diameter": 5, "device": "cpu"}
        kept = Kept(segment(image, model, **how), model.config)
        expected = segment(image, model, min_size=20, **how)
        clustering = expected.settings.clustering(model.config)
        labels = exhaust(kept.relabelling().steps(clustering)).labels
        np.testing.assert_array_equal(labels, expected.labels)

    def test_a_pixel_has_the_tile_of_the_nearest_one(self, model, image) -> None:
        result = segment(image, model, diameter=4, window=8, device="cpu")
        place = place_of(result.plan, (21, 33), result.rescaling)
        there = place_of(result.plan, (43, 67))
        assert (place.tile, place.phase) == (there.tile, there.phase)
        assert place.pixel == place.index == (21, 33)
        with pytest.raises(ValueError, match="must lie in the image of 60 × 70"):
            place_of(result.plan, (60, 0), result.rescaling)


class TestRefused:
    def test_where_tiles_are_measured(self, model, image) -> None:
        with pytest.raises(ValueError, match="compare takes an image as it is"):
            compare(image, model, window=8, diameter=5, device="cpu")
        with pytest.raises(ValueError, match="sweep takes an image as it is"):
            sweep(image, model, [8], diameter=5, device="cpu")
        truth = np.ones(image.shape, int)
        with pytest.raises(ValueError, match="tune takes an image as it is"):
            tune([Sample(image, truth)], model, diameter=5, device="cpu")


def test_the_bundled_models_know_their_own() -> None:
    known = {n: load_unet(n).config.diameter for n in ("nuclei", "disks", "disks-w16")}
    assert known == {"nuclei": 19.15, "disks": 10.16, "disks-w16": 10.16}


def test_a_plan_of_the_image_is_not_one_of_the_rescaled(model, image) -> None:
    plan = plan_tiles(image.shape, model.shape, 8)
    settings = replace(Settings(device="cpu"), diameter=4)
    result = exhaust(segment_steps(image, model, settings, plan=plan))
    assert result.plan.image_shape == (120, 140)
