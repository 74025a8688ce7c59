"""One image or a time series to objects, and what a run leaves behind."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import zarr
from sklearn.metrics import adjusted_rand_score

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.metrics.objects import (
    average_precision,
    false_merges,
    false_splits,
)
from napari_shiftseg.metrics.seams import gradient_magnitude
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment, segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Returning
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")

ONE_MODE = Clustering(bandwidth=1e3)


@pytest.fixture
def model(small_model) -> UNet:
    """An untrained net whose embedding has one mode, so that clustering is quick."""
    return small_model(2, 2, clustering=ONE_MODE)


@pytest.fixture
def foreground_model(small_model) -> UNet:
    clustering = Clustering(bandwidth=1e3, scope="component")
    return small_model(2, 2, foreground=True, clustering=clustering)


class TestDisks:
    @pytest.fixture
    def result(self, small_result: Segmentation) -> Segmentation:
        return small_result

    def test_every_disk_is_found(self, small_disks: Sample, result) -> None:
        assert result.labels.dtype == np.int32
        assert result.labels.shape == small_disks.image.shape
        assert result.objects == len(np.unique(small_disks.labels)) - 1
        assert average_precision(small_disks.labels, result.labels) >= 0.99
        assert false_splits(small_disks.labels, result.labels) == 0
        assert false_merges(small_disks.labels, result.labels) == 0

    def test_what_else_there_is(self, small_disks: Sample, result, disks_model) -> None:
        e = embed(small_disks.image, disks_model, 64, device="cpu")
        np.testing.assert_array_equal(result.embeddings, e)
        np.testing.assert_array_equal(result.gradient, gradient_magnitude(e))
        assert result.modes.shape[1] == 3
        assert result.logit is None
        assert (result.plan.window, result.plan.stride) == ((64, 64), (64, 64))
        assert result.offset == (0, 0)
        assert result.settings == Settings(window=64, device="cpu")
        assert result.notes == ()
        assert result.seconds > 0

    @pytest.mark.parametrize("batch", [1, 4])
    def test_labels_are_the_same_for_any_batch(
        self, small_disks: Sample, result, disks_model: UNet, batch: int
    ) -> None:
        again = segment(
            small_disks.image, disks_model, window=64, device="cpu", batch=batch
        )
        np.testing.assert_array_equal(again.labels, result.labels)

    @pytest.mark.parametrize("window", [16, 100, None])
    def test_labels_hardly_depend_on_the_window(
        self, small_disks: Sample, result, disks_model: UNet, window: int | None
    ) -> None:
        other = segment(small_disks.image, disks_model, window=window, device="cpu")
        score = adjusted_rand_score(other.labels.ravel(), result.labels.ravel())
        assert score >= 0.9999

    def test_naive_stitching_splits_disks(self, small_disks, disks_model) -> None:
        naive = segment(small_disks.image, disks_model, window=20, stitching="naive")
        assert false_splits(small_disks.labels, naive.labels) > 10

    @pytest.mark.parametrize("dtype", ["bool", "u1", ">u2", ">f4", "f8"])
    def test_the_dtype_and_the_scale_do_not_matter(
        self, small_disks: Sample, result, disks_model: UNet, dtype: str
    ) -> None:
        most = {"bool": 1, "u1": 255, ">u2": 4000}.get(dtype, -3.5)
        image = np.where(small_disks.image > 0, most, most < 0).astype(dtype)
        if most < 0:
            image = -image  # 3.5 and -1
        again = segment(image, disks_model, window=64, device="cpu")
        np.testing.assert_array_equal(again.labels, result.labels)

    def test_a_constant_image_has_no_objects_to_lose(self, disks_model: UNet) -> None:
        result = segment(np.full((40, 30), 7, np.uint8), disks_model, window=32)
        assert np.isfinite(result.embeddings).all()
        assert result.labels.shape == (40, 30)


class TestForegroundThreshold:
    @pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
    def test_pixels_above_it_are_clustered(
        self, foreground_model: UNet, rng, threshold: float
    ) -> None:
        image = rng.normal(size=(30, 34))
        result = segment(image, foreground_model, foreground_threshold=threshold)
        likely = 1 / (1 + np.exp(-result.logit.astype(float))) > threshold
        np.testing.assert_array_equal(result.labels > 0, likely)

    def test_the_models_own(self, foreground_model: UNet, rng) -> None:
        image = rng.normal(size=(30, 34))
        half = segment(image, foreground_model)
        np.testing.assert_array_equal(half.labels > 0, half.logit > 0)
        config = foreground_model.config
        clustering = config.clustering.model_copy(update={"foreground_threshold": 0.2})
        other = copy.copy(foreground_model)
        other.config = config.model_copy(update={"clustering": clustering})
        expected = segment(image, foreground_model, foreground_threshold=0.2)
        found = segment(image, other)
        np.testing.assert_array_equal(found.labels, expected.labels)
        assert (found.labels > 0).sum() > (half.labels > 0).sum()

    def test_a_model_without_a_logit(self, model: UNet, rng) -> None:
        with pytest.raises(ValueError, match="threshold needs a model with a foregr"):
            segment(rng.normal(size=(30, 34)), model, foreground_threshold=0.5)

    @pytest.mark.parametrize("threshold", [0, 1, -0.1, float("nan")])
    def test_out_of_range(self, foreground_model: UNet, rng, threshold) -> None:
        with pytest.raises(ValueError, match="foreground_threshold"):
            segment(np.ones((9, 9)), foreground_model, foreground_threshold=threshold)


class TestPlace:
    def test_valid_knows_its_offset(self, model: UNet, rng) -> None:
        image = rng.normal(size=(67, 70))
        result = segment(image, model, window=8, border="valid")
        assert result.offset == (20, 20)
        for array in (result.labels, result.gradient, result.embeddings[0]):
            assert array.shape == (24, 28)

    def test_a_region(self, model: UNet, rng) -> None:
        image, region = rng.normal(size=(67, 70)), ((24, 40), (8, 20))
        result = segment(image, model, window=8, region=region)
        (top, bottom), (left, right) = result.plan.region
        assert top <= 24 < 40 <= bottom
        assert left <= 8 < 20 <= right
        whole = segment(image, model, window=8).embeddings
        expected = whole[:, top:bottom, left:right]
        np.testing.assert_allclose(result.embeddings, expected, atol=1e-5)
        assert result.offset == (top, left)


class TestSeries:
    def test_frame_by_frame(self, foreground_model: UNet, rng) -> None:
        series = rng.normal(size=(3, 21, 26))
        series[1] *= 3
        result = segment(series, foreground_model, window=8, link_planes=False)
        before = 0
        for t, frame in enumerate(series):
            single = segment(frame, foreground_model, window=8)
            shifted = np.where(single.labels > 0, single.labels + before, 0)
            np.testing.assert_array_equal(result.labels[t], shifted)
            np.testing.assert_array_equal(result.frames[t].labels, single.labels)
            before += single.objects
            np.testing.assert_array_equal(result.embeddings[:, t], single.embeddings)
            np.testing.assert_array_equal(result.gradient[t], single.gradient)
            np.testing.assert_array_equal(result.logit[t], single.logit)
        assert result.objects == before == result.labels.max() > 3
        assert result.found.endswith("planes, each segmented by itself")

    def test_all_frames_have_one_range(self, small_model, rng) -> None:
        model = small_model(2, 2, intensity="range", clustering=ONE_MODE)
        series = rng.random((2, 21, 26)) * np.array([1, 100])[:, None, None]
        low, high = series.min(), series.max()
        result = segment(series, model, window=8)
        given = segment(series[0], model, window=8, intensity=(low, high))
        np.testing.assert_array_equal(result.embeddings[:, 0], given.embeddings)
        assert (result.intensity.low, result.intensity.high) == (low, high)
        assert "frames" not in result.intensity.figures()

    def test_frames_of_another_ground_are_read_alike(self, small_model, rng) -> None:
        model = small_model(2, 2, intensity="percentile", clustering=ONE_MODE)
        frame = rng.normal(size=(60, 60))
        frame[10:20, 10:20] = frame[30:40, 30:40] = 100
        stack = np.stack([frame, frame + 70])
        result = segment(stack, model, link_planes=False)
        np.testing.assert_allclose(
            result.embeddings[:, 0], result.embeddings[:, 1], atol=1e-4
        )
        first, second = result.intensity.figures()["frames"]
        np.testing.assert_allclose(np.subtract(second, first), 70)
        assert result.notes == result.intensity.notes

    def test_two_leading_axes(self, model: UNet, rng) -> None:
        series = rng.normal(size=(2, 3, 9, 11))
        result = segment(series, model, window=8)
        assert result.labels.shape == result.gradient.shape == series.shape
        assert result.embeddings.shape == (3, *series.shape)
        single = segment(series[1, 2], model, window=8)
        np.testing.assert_array_equal(result.embeddings[:, 1, 2], single.embeddings)

    def test_channels_are_not_frames(self, small_model, rng) -> None:
        model = small_model(2, 2, in_channels=2, clustering=ONE_MODE)
        assert segment(rng.normal(size=(2, 9, 11)), model).labels.shape == (9, 11)
        series = rng.normal(size=(5, 2, 9, 11))
        assert segment(series, model).labels.shape == (5, 9, 11)

    def test_one_channel_at_the_end_is_the_image(self, model: UNet, rng) -> None:
        image = rng.normal(size=(21, 26))
        expected = segment(image, model, window=8)
        found = segment(image[..., None], model, window=8)
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_array_equal(found.embeddings, expected.embeddings)

    @pytest.mark.parametrize("store", [da.from_array, np.ndarray.tolist, "zarr"])
    def test_any_kind_of_array(self, model: UNet, rng, store: Any) -> None:
        series = rng.normal(size=(2, 9, 11))
        array = (
            zarr.create_array({}, data=series, chunks=(1, 4, 4))
            if store == "zarr"
            else store(series)
        )
        expected = segment(series, model, window=8)
        found = segment(array, model, window=8)
        np.testing.assert_array_equal(found.embeddings, expected.embeddings)

    def test_progress_runs_over_all_frames(self, model: UNet, rng) -> None:
        series = rng.normal(size=(3, 8, 16))
        steps = list(segment_steps(series, model, Settings(window=8)))
        predicted = {s.done for s in steps if s.stage == "predicting"}
        tiles = steps[-1].total // 3
        assert predicted - {0} == set(range(1, 3 * tiles + 1))
        steps = [s for s in steps if s.stage != "reading grey values"]  # if it lasts
        assert {s.stage for s in steps} == {"predicting", "clustering", "linking"}
        assert all(a.done <= b.done for a, b in pairwise(steps))
        assert steps[-1].done == steps[-1].total


class TestForeground:
    def test_components_of_the_foreground(self, foreground_model: UNet, rng) -> None:
        result = segment(rng.normal(size=(21, 26)), foreground_model, window=8)
        np.testing.assert_array_equal(result.labels > 0, result.logit > 0)
        assert result.embeddings.shape == (3, 21, 26)
        assert 0 < (result.labels > 0).sum() < result.labels.size

    def test_large_components_go_by_neighbourhoods(
        self, small_model, rng, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from napari_shiftseg.pipeline import frame

        seen = []

        def spy(*args: Any) -> Any:
            seen.append(args[4])
            return (yield from cluster_steps(*args))

        cluster_steps = frame.cluster_steps
        monkeypatch.setattr(frame, "cluster_steps", spy)
        model = small_model(2, 2, clustering=ONE_MODE)
        segment(rng.normal(size=(9, 11)), model)
        provenance = Provenance(
            command="", window=(20, 24), seed=0, steps=1, loss={}, optimizer={},
            data="", date="", versions={},
        )  # fmt: skip
        trained = type(model)(
            model.config.model_copy(update={"provenance": provenance})
        )
        segment(rng.normal(size=(9, 11)), trained)
        assert seen == [None, (20, 24)]


class TestRun:
    def test_notes_say_that_memory_did_not_suffice(
        self, model: UNet, rng, limit_memory
    ) -> None:
        image = rng.normal(size=(31, 42))
        expected = segment(image, model, window=32, precision="float64").embeddings
        limit_memory(60**2)
        result = segment(image, model, window=32, precision="float64")
        assert "out of memory" in result.notes[-1]
        assert result.settings.window == 32
        assert max(result.plan.window) < 32  # the plan that was carried out
        np.testing.assert_allclose(result.embeddings, expected, atol=1e-10)

    def test_one_progress_a_tile_then_clustering(self, model: UNet, rng) -> None:
        steps = Returning(
            segment_steps(rng.normal(size=(31, 42)), model, Settings(window=8))
        )
        progress = list(steps)
        tiles = len(steps.value.plan)
        predicted = [(s.done, s.total) for s in progress if s.stage == "predicting"]
        assert predicted == sorted(predicted)  # a slow tile is said more than once
        assert set(predicted) - {(0, tiles)} == {(i + 1, tiles) for i in range(tiles)}
        assert progress[-1].stage == "clustering"

    def test_closing_stops(self, model: UNet, rng, limit_memory) -> None:
        came, image = limit_memory(10**9), rng.normal(size=(31, 42))
        steps = segment_steps(image, model, Settings(window=8, batch=1))
        next(step for step in steps if step.done == 2)
        steps.close()
        assert len(came) == 2
        assert segment(image, model, window=8).labels.shape == (31, 42)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"window": 0}, "from 1 upward"),
            ({"window": "wide"}, "whole number"),
            ({"window": (8, 8, 8)}, "one value or 2"),
            ({"stitching": "blended"}, r"(?s)stitching.*'cropped'"),
            ({"border": "zero"}, r"(?s)border.*'mirror'"),
            ({"border": "valid", "window": 8}, "at least 44 pixels"),
            ({"region": ((50, 60), (0, 4))}, "no pixel that can be predicted"),
            ({"device": "abacus"}, "no device 'abacus'"),
            ({"precision": "float8"}, r"(?s)precision.*'float32'"),
            ({"batch": 0}, r"(?s)batch.*greater than or equal to 1"),
            ({"bandwidth": 0}, r"(?s)bandwidth.*greater than 0"),
            ({"bandwidth": float("nan")}, r"(?s)bandwidth.*finite"),
            ({"bandwidth": float("inf")}, r"(?s)bandwidth.*finite"),
            ({"kernel": "square"}, r"(?s)kernel.*'gaussian'"),
            ({"scope": "local"}, r"(?s)scope.*'global'"),
            ({"scope": "component"}, 'needs a model with a foreground.*"global"'),
            ({"min_size": -1}, r"(?s)min_size.*greater than or equal to 0"),
        ],
    )
    def test_wrong_settings_fail_before_any_tile(
        self, model: UNet, limit_memory, wrong: Any, message: str
    ) -> None:
        came = limit_memory(10**9)
        with pytest.raises(ValueError, match=message):
            segment(np.zeros((31, 42)), model, **wrong)
        assert came == []

    def test_an_unknown_setting(self, model: UNet) -> None:
        with pytest.raises(ValueError, match=r"(?s)windows.*Unexpected keyword"):
            segment(np.zeros((31, 42)), model, windows=3)

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ((31,), "reads 2 axes, the image has 1"),
            ((), "reads 2 axes, the image has 0"),
            ((0, 31), "the image is empty"),
            ((31, 0), "the image is empty"),
            ((0, 31, 42), "the image is empty"),
            ((2, 31, 0), "the image is empty"),
            ((31, 42, 3), "last axis of the image.*seems to hold colours.*rgb2gray"),
            ((5, 31, 42, 4), "last axis of the image.*seems to hold colours.*rgb2gray"),
            ((31, 42, 5), "last axis of the image.*seems to hold channels"),
        ],
    )
    def test_wrong_shapes(self, model: UNet, shape: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            segment(np.zeros(shape), model)

    @pytest.mark.parametrize("empty", [0, 1])
    def test_a_plane_without_data_is_named_and_the_others_kept(
        self, model: UNet, rng, empty: int
    ) -> None:
        series = rng.normal(size=(3, 21, 26))
        series[empty] = np.nan
        result = segment(series, model, window=8)
        for number, frame in enumerate(series):
            expected = 0 if number == empty else segment(frame, model, window=8).labels
            np.testing.assert_array_equal(result.frames[number].labels, expected)
            np.testing.assert_array_equal(result.labels[number] > 0, expected > 0)
        assert f"plane {empty + 1} of 3: all pixels are NaN" in " ".join(result.notes)
        masked = np.ma.masked_invalid(series)
        assert not segment(masked, model, window=8).labels[empty].any()
        with pytest.raises(ValueError, match="holds no data"):
            segment(series * np.nan, model)

    def test_not_finite_pixels(self, model: UNet) -> None:
        image = np.zeros((31, 42))
        image[3, 4] = np.inf
        with pytest.raises(ValueError, match="1 NaN or infinite"):
            segment(image, model)


@pytest.mark.parametrize("shape", [(1, 347), (347, 1)])
def test_a_line_of_pixels_is_an_image(shape: tuple[int, int]) -> None:
    line = make_sample("nuclei").image[100, :347].reshape(shape)
    result = segment(line, load_unet("figure-4d"), device="cpu")
    assert result.labels.shape == shape
    assert result.objects == 1
