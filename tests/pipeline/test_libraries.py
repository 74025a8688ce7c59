"""Tiles as libraries of others lay them, against those libraries themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.library_tiles import WAYS, blended_plan
from napari_shiftseg.inference.predict import embed_steps, open_for, plan_for
from napari_shiftseg.inference.scaled_by_tile import ScaledByTile
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.pipeline.comparison import compare
from napari_shiftseg.pipeline.libraries import parse_ways, ways_of
from napari_shiftseg.progress import exhaust
from napari_shiftseg.stores.image import open_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def padded() -> Any:
    return new_model(
        ndim=2,
        depth=2,
        features=4,
        padding="same",
        clustering=Clustering(bandwidth=1e3),
    )


def predicted(image: Any, model: Any, plan: Any) -> NDArray[Any]:
    raw: NDArray[Any] = exhaust(embed_steps(image, model, plan, "cpu")).raw
    return raw


def naive(image: Any, model: Any, window: Any) -> Any:
    return plan_for(image, model, window, "naive", "mirror", None, "cpu")


class TestAsMonai:
    @pytest.mark.parametrize("overlap", [0.25, 0.5])
    @pytest.mark.parametrize(
        ("shape", "window"), [((75, 90), 32), ((61, 40), (20, 28)), ((30, 50), 44)]
    )
    def test_blended_tiles_are_its_sliding_window(
        self, padded, rng, overlap, shape, window
    ) -> None:
        from monai.inferers import sliding_window_inference

        image = rng.normal(size=shape).astype(np.float32)
        halo = padded.shape.axes[0].halo
        wide = np.pad(image, halo, mode="reflect")
        plan = blended_plan(naive(open_for(image, padded), padded, window), overlap)

        found = predicted(open_for(image, padded), padded, plan)

        with torch.no_grad():
            whole = sliding_window_inference(
                torch.from_numpy(wide)[None, None], plan.reads, 2, padded, overlap,
                "gaussian",
            )  # fmt: skip
        expected = whole[0, :, halo:-halo, halo:-halo].numpy()
        assert len(plan) > 1
        assert found == pytest.approx(
            expected, abs=1e-5 * float(np.abs(expected).max())
        )

    def test_of_volumes(self, rng) -> None:
        from monai.inferers import sliding_window_inference

        model = new_model(ndim=3, depth=(1, 1, 2), features=2, padding="same")
        image = rng.normal(size=(20, 21, 30)).astype(np.float32)
        halo = [(axis.halo, axis.halo) for axis in model.shape.axes]
        wide = np.pad(image, halo, mode="reflect")
        plan = blended_plan(naive(open_for(image, model), model, (14, 16, 24)))

        found = predicted(open_for(image, model), model, plan)

        with torch.no_grad():
            whole = sliding_window_inference(
                torch.from_numpy(wide)[None, None], plan.reads, 2, model, 0.5,
                "gaussian",
            )  # fmt: skip
        inside = tuple(slice(a, -a) for a, _ in halo)
        expected = whole[0][(slice(None), *inside)].numpy()
        assert found == pytest.approx(
            expected, abs=1e-5 * float(np.abs(expected).max())
        )


class TestScaledByTile:
    def test_each_window_is_read_by_its_own_values(self, rng) -> None:
        grey = rng.integers(0, 100, (20, 30)).astype(np.uint16)
        grey[:, 15:] *= 50
        image = open_image(grey, 2, intensity="range")
        by_tile = ScaledByTile(grey, 2, image.scale, "range")

        for bounds in ([(0, 10), (0, 12)], [(5, 15), (16, 30)]):
            tile = grey[tuple(slice(*pair) for pair in bounds)].astype(float)
            scaled = (tile - tile.min()) / (tile.max() - tile.min())
            read = by_tile.read(bounds, np.dtype(np.float32))
            assert read[0] == pytest.approx(scaled, abs=1e-6)
            other = image.read(bounds, np.dtype(np.float32))
            assert bounds[1][0] or np.abs(other[0] - scaled).max() > 0.5

    def test_it_is_mirrored_before_it_is_scaled(self, rng) -> None:
        grey = rng.normal(size=(3, 12, 12)).astype(np.float32)  # channels
        by_tile = ScaledByTile(grey, 2, intensity="range")

        read = by_tile.read([(-4, 8), (0, 12)], np.dtype(np.float32))

        tile = np.pad(grey, [(0, 0), (4, 0), (0, 0)], mode="reflect")[:, :12]
        scaled = (tile - tile.min()) / (tile.max() - tile.min())
        assert read == pytest.approx(scaled, abs=1e-6)


class TestCompared:
    def test_all_ways_are_scored_against_the_untiled_pass(self, rng) -> None:
        model = new_model(
            ndim=2, depth=2, features=4, padding="same", intensity="range",
            clustering=Clustering(bandwidth=1e3),
        )  # fmt: skip
        image = rng.random((50, 60))
        ways = ("normalised by tile", "blended")

        found = compare(image, model, window=16, also=ways)

        assert tuple(found.also) == ways
        for side in (found.naive, found.cropped, *found.also.values()):
            off = np.abs(side.result.embeddings - found.reference)
            figures = side.figures()
            assert figures["largest_difference"] == pytest.approx(off.max())
            assert figures["mean_difference"] == pytest.approx(off.mean())
        naive, blended, cropped = (
            side.figures()["largest_difference"]
            for side in (found.naive, found.also["blended"], found.cropped)
        )
        assert cropped < 1e-4 * naive
        assert cropped < 1e-2 * blended
        assert blended < naive

    def test_valid_tiles_blended_on_the_grid_are_exact(self, small_model, rng) -> None:
        model = small_model(2, 2, clustering=Clustering(bandwidth=1e3))
        image = rng.normal(size=(40, 40))

        on, off = (
            compare(image, model, window=window, also=["blended"]).also["blended"]
            for window in (16, 12)
        )

        largest = [side.figures()["largest_difference"] for side in (on, off)]
        assert on.result.plan.is_exact
        assert largest[0] < 1e-4
        assert largest[1] > 0.1

    def test_places_are_blended_as_offsets_are(self, rng) -> None:
        """Of a spatial embedding: where shares add up to one, places do, too."""
        model = new_model(ndim=2, depth=2, features=4, embedding="spatial")
        image = rng.normal(size=(40, 40)).astype(np.float32)
        opened = open_for(image, model)

        found = predicted(opened, model, blended_plan(naive(opened, model, 16)))

        whole = plan_for(opened, model, None, "whole", "mirror", None, "cpu")
        expected = predicted(opened, model, whole)
        assert found == pytest.approx(expected, abs=1e-4)
        assert np.abs(expected).max() > 30  # pixels

    def test_nothing_else_is_compared_unless_asked(self, padded, rng) -> None:
        assert compare(rng.normal(size=(20, 20)), padded, window=8).also == {}

    def test_a_wrong_way(self, padded, rng) -> None:
        image = rng.normal(size=(20, 20))
        with pytest.raises(ValueError, match=r"also compared can be blended, .* 'x'"):
            compare(image, padded, also=["x"])
        with pytest.raises(ValueError, match=r"declares no halo, .* leave out"):
            compare(image, padded, also=["declared halo"])
        with pytest.raises(ValueError, match="take views=1"):
            compare(image, padded, also="blended", views=2)
        with pytest.raises(ValueError, match="reads grey values as they are"):
            compare(image, padded, also=["normalised by tile"])
        sphere = new_model(ndim=2, depth=1, features=2, embedding="spherical")
        with pytest.raises(ValueError, match="on the sphere, where tiles have no mean"):
            compare(image, sphere, also=["blended"])
        scaled = new_model(ndim=2, depth=1, features=2, intensity="range")
        with pytest.raises(ValueError, match="leave out the intensity, or"):
            compare(image, scaled, also=["normalised by tile"], intensity=(0, 1))

    def test_ways_of_a_model(self, padded) -> None:
        assert ways_of(padded.config) == ("blended", "blended 0.25")
        with_scale = new_model(ndim=2, depth=1, features=2, intensity="range")
        assert ways_of(with_scale.config)[-1] == "normalised by tile"

    def test_ways_as_text(self) -> None:
        assert parse_ways("blended, declared-halo,Normalised by tile,blended") == (
            "blended", "declared halo", "normalised by tile",
        )  # fmt: skip
        assert parse_ways(",".join(WAYS)) == WAYS
        with pytest.raises(ValueError, match="got 'blend'"):
            parse_ways("blend")
