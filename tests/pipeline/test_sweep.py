"""Window after window: each point is a run of its own, scored."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.window import default_windows
from napari_shiftseg.metrics.objects import ObjectScores, object_scores
from napari_shiftseg.metrics.seams import seam_scores
from napari_shiftseg.pipeline import sweep as module
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.pipeline.sweep import (
    PooledPoint,
    SweepPoint,
    SweepProgress,
    sweep,
    sweep_steps,
)
from napari_shiftseg.progress import Returning

if TYPE_CHECKING:
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def model(small_model) -> UNet:
    return small_model(2, 2, clustering=Clustering(bandwidth=1e3))


@pytest.fixture
def image(rng) -> np.ndarray:
    return rng.normal(size=(31, 42))


@pytest.fixture
def of_disks(swept_disks) -> list[SweepPoint]:
    return swept_disks[:3]


class TestPoints:
    def test_valid_windows_make_no_seams_and_others_do(self, of_disks) -> None:
        naive, *valid = of_disks
        assert [point.plan.window[0] for point in of_disks] == [20, 32, 16]
        assert [point.is_valid for point in of_disks] == [False, True, True]
        assert naive.seams.ratio > 2 * naive.untiled.ratio
        assert naive.split > 0
        assert naive.scores.false_splits > 0
        for point in valid:
            assert point.seams.ratio == pytest.approx(point.untiled.ratio, abs=1e-3)
            assert point.split == point.scores.false_splits == 0
            assert point.scores.ap50 > 0.99

    def test_a_point_is_a_run_of_its_own(self, of_disks, small_disks, disks_model):
        run = segment(
            small_disks.image, disks_model, window=20, stitching="naive", device="cpu"
        )
        point = of_disks[0]
        assert point.plan == run.plan
        assert point.objects == run.objects
        assert point.scores == object_scores(small_disks.labels, run.labels)
        expected = seam_scores(run.embeddings, run.plan, small_disks.labels)
        assert point.seams.ratio == pytest.approx(expected.ratio, rel=1e-5)
        figures = point.figures()
        within = pytest.approx(expected.ratio_within, rel=1e-5)
        assert figures["seam_ratio_within"] == within
        assert figures["false_splits"] == point.scores.false_splits
        assert figures["failure"] is None
        json.dumps(figures, allow_nan=False)

    def test_without_a_truth(self, model, image) -> None:
        (point,) = sweep(image, model, [6])
        assert (point.scores, point.split) == (None, None)
        assert point.figures()["ap50"] is None
        assert point.plan.stitching == "naive"

    def test_cropped(self, model, image) -> None:
        (point,) = sweep(image, model, [6], stitching="cropped")
        assert point.plan.stride == (4, 4)
        assert point.seams.ratio == pytest.approx(point.untiled.ratio, abs=1e-4)

    def test_one_point_as_soon_as_it_is_found(self, model, image) -> None:
        steps = Returning(sweep_steps(image, model, [6, 8], Settings()))
        points = [
            step.point
            for step in steps
            if isinstance(step, SweepProgress) and step.point
        ]
        assert points == steps.value
        assert len(points) == 2


class TestMemory:
    def test_a_window_over_the_budget_and_the_rest(
        self, model, image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        most = 4 * model.shape.peak_values((64, 64))  # for tiles that keep 24
        monkeypatch.setattr(module, "memory_budget", lambda device: most)
        points = sweep(image, model, [8, 28, 6])
        assert [bool(point.failure) for point in points] == [False, True, False]
        failed = points[1].figures()
        assert failed["failure"].startswith("does not fit in memory: a tile takes")
        assert failed["window"] == [28, 28]
        assert failed["seam_ratio"] is failed["objects"] is failed["seconds"] is None
        whole = sweep(image, model, [6])[0]
        assert points[2].seams.ratio == whole.seams.ratio

    def test_memory_that_runs_out(self, model, image, limit_memory) -> None:
        limit_memory(52**2)  # what a tile reads that keeps 12
        points = sweep(image, model, [8, 24, 12])
        assert [point.failure for point in points] == [
            "", "does not fit in memory: smaller tiles would be needed", "",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("error", "failure"),
        [
            (MemoryError("the model alone does not fit"),
             "does not fit in memory: the model alone does not fit"),
            (MemoryError(), "does not fit in memory"),
        ],
    )  # fmt: skip
    def test_other_reasons_are_told(
        self, model, image, monkeypatch: pytest.MonkeyPatch, error, failure
    ) -> None:
        def failing(*_):
            raise error
            yield

        monkeypatch.setattr(module, "segment_as_planned", failing)
        (point,) = sweep(image, model, [8])
        assert point.failure == failure


class TestRefused:
    def test_no_windows(self, model, image) -> None:
        with pytest.raises(ValueError, match="one window or more, got none"):
            sweep(image, model, [])

    def test_a_wrong_window_before_any_work(self, model, image, limit_memory) -> None:
        came = limit_memory(10**9)
        with pytest.raises(ValueError, match="from 1 upward"):
            sweep(image, model, [8, 0])
        assert came == []

    def test_a_truth_of_another_shape(self, model, image) -> None:
        with pytest.raises(ValueError, match="one shape"):
            sweep(image, model, [8], np.zeros((3, 4), int))


def test_default_windows(small_model) -> None:
    windows = default_windows(small_model(2, 2).shape)
    assert windows == [(w, w) for w in range(4, 17)]
    assert [w for w, _ in default_windows(small_model(2, 4).shape)] == [
        16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64,
    ]  # fmt: skip


class TestPooled:
    def test_by_hand(self, of_disks) -> None:
        one = replace(of_disks[0], objects=4, scores=ObjectScores(4, 4, 1, 1, 1))
        other = replace(
            of_disks[0], objects=2, scores=ObjectScores(2, 2, 2, 0, 0),
            seams=replace(one.seams, ratio=one.seams.ratio + 2),
        )  # fmt: skip
        figures = PooledPoint((one, other)).figures()
        assert figures["window"] == [20, 20]
        assert figures["valid"] is False
        assert figures["seam_ratio"] == pytest.approx(one.seams.ratio + 1)
        assert (figures["false_splits"], figures["false_merges"]) == (1, 1)
        assert (figures["true_objects"], figures["objects"]) == (6, 6)
        assert figures["ap50"] == 3 / 9
        assert figures["ap50_mean"] == pytest.approx((1 / 7 + 1) / 2)
        assert figures["failure"] is None

    def test_images_that_failed_or_have_no_truth(self, of_disks) -> None:
        known = of_disks[0]
        failed = SweepPoint(known.plan, False, "does not fit in memory: 1 GB")
        figures = PooledPoint((failed, known)).figures()
        assert figures["failure"] == "does not fit in memory: 1 GB"
        assert figures["seam_ratio"] == known.seams.ratio
        assert figures["ap50"] == figures["ap50_mean"] == known.scores.ap50
        assert figures["objects"] == known.objects
        nothing = PooledPoint((failed, replace(failed))).figures()
        for key in ("seam_ratio", "objects", "true_objects", "ap50", "ap50_mean"):
            assert nothing[key] is None


def test_a_sweep_without_tiles_is_refused(small_model, rng) -> None:
    model = small_model(2, 2)
    with pytest.raises(ValueError, match='needs tiles, got stitching "whole"'):
        sweep(rng.normal(size=(9, 9)), model, [6], stitching="whole")
