"""Naive and cropped side by side: the figures the project is judged by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.metrics.objects import average_precision, false_splits
from napari_shiftseg.metrics.seams import seam_scores
from napari_shiftseg.pipeline.comparison import (
    Comparison,
    compare,
    compare_steps,
)
from napari_shiftseg.pipeline.frame import TilesTooLarge
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import disks as make_disks

if TYPE_CHECKING:
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def comparison(demo_run) -> Comparison:
    """Window 20 on a corner of the disk sample, as the demo compares it."""
    return demo_run.comparison


@pytest.fixture
def model(small_model) -> UNet:
    return small_model(2, 2, clustering=Clustering(bandwidth=1e3))


class TestDisks:
    def test_naive_shows_its_seams(self, comparison: Comparison) -> None:
        naive = comparison.naive
        assert (naive.result.plan.window, naive.result.plan.stride) == (
            (20, 20),
            (20, 20),
        )
        assert naive.seams.ratio_within >= 20
        assert naive.seams.z > 5
        assert naive.objects.false_splits > 0
        assert naive.result.objects > naive.objects.true_objects

    def test_cropped_has_none(self, comparison: Comparison) -> None:
        cropped = comparison.cropped
        assert (cropped.result.plan.window, cropped.result.plan.stride) == (
            (20, 20),
            (16, 16),
        )
        assert 0.8 <= cropped.seams.ratio_within <= 1.25
        assert abs(cropped.seams.ratio - cropped.untiled.ratio) < 1e-3
        assert abs(cropped.seams.z) < 3

    def test_cropped_finds_every_disk(self, comparison: Comparison) -> None:
        objects = comparison.cropped.objects
        assert objects.true_objects == 12 * 12
        assert objects.false_splits == 0
        assert objects.ap50 >= 0.99

    def test_cropped_is_the_untiled_prediction(self, comparison: Comparison) -> None:
        e, reference = comparison.cropped.result.embeddings, comparison.reference
        assert abs(e - reference).max() < 1e-4 * abs(reference).max()
        naive = comparison.naive.result.embeddings
        assert abs(naive - reference).max() > 0.1 * abs(reference).max()

    def test_the_figures_are_those_of_the_parts(
        self, comparison: Comparison, small_disks
    ) -> None:
        for side in (comparison.naive, comparison.cropped):
            plan, figures = side.result.plan, side.figures()
            scores = seam_scores(side.result.embeddings, plan, small_disks.labels)
            untiled = seam_scores(comparison.reference, plan, small_disks.labels)
            labels = side.result.labels
            expected = {
                "window": list(plan.window),
                "stride": list(plan.stride),
                "tiles": len(plan),
                "seam_ratio": scores.ratio,
                "seam_ratio_within": scores.ratio_within,
                "seam_ratio_untiled": untiled.ratio,
                "seam_z": scores.z,
                "objects": labels.max(),
                "true_objects": 144,
                "false_splits": false_splits(small_disks.labels, labels),
                "false_merges": side.objects.false_merges,
                "ap50": average_precision(small_disks.labels, labels),
                "seconds": side.result.seconds,
            }
            assert {key: figures[key] for key in expected} == expected
            json.dumps(figures, allow_nan=False)
        assert comparison.device == "cpu"


class TestCompare:
    def test_a_region_with_its_truth(self, model: UNet, rng) -> None:
        image = rng.normal(size=(67, 70))
        truth = np.arange(67 * 70).reshape(67, 70)  # every pixel an object
        result = compare(image, model, truth, window=6, region=((24, 40), (8, 20)))
        (top, bottom), (left, right) = result.naive.result.plan.region
        inside = truth[top:bottom, left:right]
        assert result.naive.objects.true_objects == inside.size
        assert result.reference.shape == (3, *inside.shape)
        assert result.naive.objects.false_merges == inside.size - 1  # one mode
        assert result.cropped.result.plan.region == result.naive.result.plan.region

    def test_valid_with_its_truth(self, model: UNet, rng) -> None:
        image = rng.normal(size=(67, 70))
        truth = np.ones((67, 70), int)
        result = compare(image, model, truth, window=6, border="valid")
        assert result.reference.shape == (3, 24, 28)
        assert result.cropped.objects.true_objects == 1
        cropped, naive = (
            side.seams.ratio - side.untiled.ratio
            for side in (result.cropped, result.naive)
        )
        assert abs(cropped) < 1e-4
        assert abs(naive) > 1e-2

    def test_without_a_truth(self, model: UNet, rng) -> None:
        result = compare(rng.normal(size=(31, 42)), model, window=6)
        assert result.naive.objects is None
        figures = result.naive.figures()
        for key in ("true_objects", "false_splits", "false_merges", "ap50"):
            assert figures[key] is None
        assert figures["seam_ratio_within"] is None
        assert abs(figures["seam_ratio"] - figures["seam_ratio_untiled"]) > 1e-2

    def test_a_line(self, small_model, rng) -> None:
        model = small_model(1, 2, clustering=Clustering(bandwidth=0.1))
        line = rng.normal(size=12).repeat(6)
        result = compare(line, model, np.ones(72, int), window=6)
        labels = result.naive.result.labels
        parted = {
            border
            for border in range(6, 72, 6)
            if labels[border - 1] != labels[border]
            and labels[border - 1 : border + 1].all()
        }
        seams = result.naive.splitting
        assert {seam.pairs for seam in seams} == {((b - 1, b + 1),) for b in parted}
        assert seams
        assert {seam.split for seam in seams} == {(1,)}
        ranks = [(-len(seam.cuts), -seam.jump) for seam in seams]
        assert ranks == sorted(ranks)
        other = result.cropped.result.labels
        assert {seam.at[0] for seam in result.naive.cutting} == {
            seam.at[0]
            for seam in seams
            if other[seam.at[0]] == other[seam.at[0] + 1]
            or not other[seam.at[0] : seam.at[0] + 2].all()
        }

    def test_objects_in_step_with_the_tiles_are_flagged(self, disks_model) -> None:
        in_step = make_disks((113, 113), period=16)
        result = compare(in_step.image, disks_model, window=16, device="cpu")
        assert result.cropped.is_commensurate
        assert result.cropped.figures()["commensurate"]

    def test_others_are_not(self, comparison: Comparison) -> None:
        assert not comparison.cropped.is_commensurate

    def test_no_tiles_no_figures(self, model: UNet, rng) -> None:
        result = compare(rng.normal(size=(3, 3)), model, window=8)
        assert result.naive.figures()["seam_ratio"] is None
        assert not result.naive.is_commensurate

    def test_a_reference_too_large_for_one_pass(
        self, model: UNet, rng, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from napari_shiftseg.inference import memory, predict
        from napari_shiftseg.pipeline import comparison as module

        image = rng.normal(size=(31, 42))
        expected = compare(image, model, window=6).reference
        least = model.shape.peak_values((48, 48)) * 4
        for where in (memory, predict, module):
            monkeypatch.setattr(where, "memory_budget", lambda device: least)
        tiled = compare(image, model, window=6).reference
        np.testing.assert_allclose(tiled, expected, atol=1e-5)

    def test_progress_and_notes(self, model: UNet, rng) -> None:
        steps = list(compare_steps(rng.normal(size=(9, 9)), model, Settings(window=6)))
        stages = {step.stage for step in steps} - {"reading grey values"}
        assert stages == {
            "naive: predicting", "naive: clustering", "cropped: predicting",
            "cropped: clustering", "untiled: predicting",
        }  # fmt: skip

    @pytest.mark.parametrize("shape", [(31, 41), (2, 31, 42), (31,)])
    def test_a_truth_of_another_shape(self, model: UNet, shape: Any) -> None:
        with pytest.raises(ValueError, match="truth and image must have one shape"):
            compare(np.zeros((31, 42)), model, np.zeros(shape, int), window=6)

    def test_a_truth_that_is_no_label_image(self, model: UNet, limit_memory) -> None:
        came = limit_memory(10**9)
        with pytest.raises(ValueError, match=r"truth must be a label image.*float64"):
            compare(np.zeros((31, 42)), model, np.zeros((31, 42)), window=6)
        assert came == []  # said before the work, not after

    @pytest.mark.parametrize("shape", [(2, 31, 42), (31,)])
    def test_anything_but_one_image(self, model: UNet, shape: Any) -> None:
        with pytest.raises(
            ValueError, match="one image of 2 axes is compared at a time"
        ):
            compare(np.zeros(shape), model, window=6)

    def test_one_tile_splits_nothing_that_could_be_counted(self, model, rng) -> None:
        truth = np.ones((5, 7), int)
        found = compare(rng.normal(size=(5, 7)), model, truth, window=8)
        for figures in (found.naive.figures(), found.cropped.figures()):
            assert figures["split_by_seams"] is None or figures["tiles"] > 1
        assert found.naive.figures()["split_by_seams"] is None

    def test_naive_tiles_are_never_exchanged_for_smaller_ones(
        self, model, rng, limit_memory
    ) -> None:
        image = rng.normal(size=(60, 60))
        limit = 60 * 60 - 1  # what a tile of 18 reads
        came = limit_memory(limit)
        with pytest.raises(TilesTooLarge, match=r"naive tiles of 18 × 18 do not fit"):
            compare(image, model, window=18, device="cpu")
        assert came
        assert min(came) > limit  # it ends before smaller ones are predicted

    def test_wrong_settings(self, model: UNet) -> None:
        with pytest.raises(ValueError, match="from 1 upward"):
            compare(np.zeros((31, 42)), model, window=0)
