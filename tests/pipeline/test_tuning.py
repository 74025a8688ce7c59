"""Clustering chosen on images: against a plain loop over all combinations."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.metrics.objects import ObjectScores, object_scores, pooled
from napari_shiftseg.pipeline import tuning as tuning_module
from napari_shiftseg.pipeline.candidates import THRESHOLDS, Candidates
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.pipeline.tuning import (
    TunedPoint,
    Tuning,
    distance,
    tune,
    tune_steps,
)
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")

OWN = Clustering(bandwidth=1.0, scope="component", min_size=4)
GRID = Candidates((0.5, 1.0), (2, 6), (0.3, 0.6))
FEW = Candidates((0.5, 1.0), (2,), (0.6,))  # where not all are needed
TRUE = {"bandwidth": 0.5, "min_size": 2, "foreground_threshold": 0.6}  # one of them


@pytest.fixture(scope="module")
def model(small_model) -> UNet:
    return small_model(2, 2, foreground=True, clustering=OWN)


@pytest.fixture
def plain_model(small_model) -> UNet:
    return small_model(2, 2, clustering=Clustering(bandwidth=1e3))


@pytest.fixture(scope="module")
def samples(model: UNet) -> list[Sample]:
    """Two images of noise; true is what one of the combinations makes of them."""
    rng = np.random.default_rng(0)
    images = [gaussian_filter(rng.normal(size=s), 1) * 4 for s in ((20, 24), (18, 28))]
    truths = [segment(image, model, device="cpu", **TRUE).labels for image in images]
    return [Sample(image, truth) for image, truth in zip(images, truths, strict=True)]


@pytest.fixture(scope="module")
def tuning(samples: list[Sample], model: UNet) -> Tuning:
    return tune(samples, model, GRID, device="cpu")


@pytest.fixture(scope="module")
def expected(samples: list[Sample], model: UNet) -> list[list[ObjectScores]]:
    """Scores of every combination, one segmentation after another."""
    return [by_hand(samples, model, chosen) for chosen in combinations(GRID)]


def combinations(candidates: Candidates) -> list[dict[str, Any]]:
    names = ("bandwidth", "min_size", "foreground_threshold")
    values = (candidates.bandwidths, candidates.min_sizes, candidates.thresholds)
    return [dict(zip(names, each, strict=True)) for each in product(*values)]


def by_hand(samples, model, chosen: dict[str, Any]) -> list[ObjectScores]:
    return [
        object_scores(s.labels, segment(s.image, model, device="cpu", **chosen).labels)
        for s in samples
    ]


def counts(found: int, objects: int = 10) -> ObjectScores:
    return ObjectScores(10, objects, found, 0, 0)


class TestTable:
    def test_every_combination_scores_as_segment_does(
        self, tuning, expected, samples, model
    ) -> None:
        first, *others = tuning.points
        assert first.clustering == OWN
        assert list(first.scores) == by_hand(samples, model, {})
        tried = zip(others, combinations(GRID), expected, strict=True)
        for point, chosen, scores in tried:
            assert point.clustering == OWN.model_copy(update=chosen)
            assert list(point.scores) == scores
            assert point.ap50 == fmean(score.ap50 for score in scores)
            assert point.figures() == {
                **chosen,
                "ap50": point.ap50,
                "ap50_pooled": pooled(scores).ap50,
                "false_splits": sum(score.false_splits for score in scores),
                "false_merges": sum(score.false_merges for score in scores),
            }
        assert len({point.ap50 for point in others}) > 3  # they do differ

    def test_the_best_is_that_of_a_plain_loop(self, tuning, expected) -> None:
        highest, best = -1.0, {}
        for chosen, scores in zip(combinations(GRID), expected, strict=True):
            if fmean(score.ap50 for score in scores) > highest:
                highest, best = fmean(score.ap50 for score in scores), chosen
        assert best == TRUE
        assert tuning.best.clustering == OWN.model_copy(update=best)
        assert tuning.best.ap50 == highest == 1
        assert tuning.own.ap50 < 0.9

    def test_the_models_own_wins_where_nothing_is_better(self, samples, model) -> None:
        own = [
            replace(s, labels=segment(s.image, model, device="cpu").labels)
            for s in samples
        ]
        tuning = tune(own, model, FEW, device="cpu")
        assert tuning.best is tuning.own
        assert tuning.best.ap50 == 1

    def test_an_image_is_predicted_once(self, samples, model, limit_memory) -> None:
        came = limit_memory(10**9)
        tune(samples, model, FEW, device="cpu", stitching="whole")
        assert len(came) == len(samples)
        segment(samples[0].image, model, device="cpu", stitching="whole")
        assert len(came) == len(samples) + 1  # it is counted

    def test_other_settings_hold_for_all(self, samples, model) -> None:
        tuning = tune(samples, model, FEW, device="cpu", kernel="flat")
        assert {p.clustering.kernel for p in tuning.points} == {"flat"}
        expected = by_hand(samples, model, {"kernel": "flat"})
        assert list(tuning.own.scores) == expected
        assert expected != by_hand(samples, model, {})

    def test_valid_borders_score_the_inside(self, model, rng) -> None:
        image = rng.normal(size=(60, 64))
        inside = segment(image, model, device="cpu", border="valid", **TRUE)
        truth = np.zeros(image.shape, int)
        truth[tuple(slice(*b) for b in inside.plan.region)] = inside.labels
        tuning = tune([Sample(image, truth)], model, FEW, device="cpu", border="valid")
        assert tuning.best.ap50 == 1
        assert tuning.best.clustering == OWN.model_copy(update=TRUE)

    def test_a_network_without_clusters_is_cut_short(
        self, samples, model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = [p.note for p in tune_steps(samples, model, FEW, Settings()) if p.note]
        assert not [note for note in said if "cut short" in note]
        monkeypatch.setattr(tuning_module, "MOST", 0)
        steps = tune_steps(samples, model, FEW, Settings())
        assert "of 3 clusterings were cut short" in next(
            p.note for p in steps if p.note
        )

    def test_progress_ends_with_all_done(self, samples, model) -> None:
        steps = list(tune_steps(samples, model, FEW, Settings(device="cpu")))
        done = [step.done for step in steps]
        assert done == sorted(done)
        assert {step.total for step in steps} == {2 * (1 + 3)}
        assert done[-1] == 8
        stages = {step.stage for step in steps}
        assert {"image 1 of 2: predicting", "image 2 of 2: clustering"} <= stages


class TestCandidates:
    def test_the_usual_ones(self, model) -> None:
        found = Candidates().clusterings(model.config)
        assert found[0] == OWN
        number = 4 * 3 * len(THRESHOLDS)
        assert len(found) == 1 + number  # a minimum size of 4 is not among them
        assert {c.foreground_threshold for c in found} == set(THRESHOLDS)

    def test_the_models_own_is_tried_once(self, model) -> None:
        found = Candidates((1.0, 1, 2), (4,), (0.5,)).clusterings(model.config)
        assert [c.bandwidth for c in found] == [1, 2]

    def test_thresholds_need_a_logit(self, plain_model) -> None:
        found = Candidates((1,), (2,)).clusterings(plain_model.config)
        assert [c.foreground_threshold for c in found] == [0.5, 0.5]
        with pytest.raises(ValueError, match="thresholds need a model with a foregr"):
            Candidates((1,), (2,), (0.4,)).clusterings(plain_model.config)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (((0.0,), (2,)), "greater than 0"),
            (((float("nan"),), (2,)), "a finite number"),
            (((1,), (-1,)), "greater than or equal to 0"),
            (((1,), (2,), (1.0,)), "less than 1"),
            (((1,), (2,), (0.0,)), "greater than 0"),
            (((), (2,)), "one bandwidth, minimum size and threshold or more"),
            (((1,), (2,), ()), "one bandwidth, minimum size and threshold or more"),
        ],
    )
    def test_refused(self, model, samples, values, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            tune(samples, model, Candidates(*values), device="cpu")

    def test_images_are_refused_before_any_work(
        self, samples, model, limit_memory
    ) -> None:
        came = limit_memory(10**9)
        short = replace(samples[1], labels=samples[1].labels[1:])
        with pytest.raises(ValueError, match="truth and image must have one shape"):
            tune([samples[0], short], model, GRID, device="cpu")
        with pytest.raises(ValueError, match="one image with its true labels, or more"):
            tune([], model, GRID, device="cpu")
        assert came == []


class TestChoice:
    def point(self, *scores: ObjectScores, **chosen: Any) -> TunedPoint:
        return TunedPoint(OWN.model_copy(update=chosen), scores)

    def test_the_mean_goes_before_the_pooled_value(self) -> None:
        large = ObjectScores(100, 100, 60, 0, 0)
        mean = self.point(counts(10), large, bandwidth=2.0)
        pool = self.point(counts(8), ObjectScores(100, 100, 70, 0, 0))
        assert mean.ap50 > pool.ap50
        assert mean.pooled.ap50 < pool.pooled.ap50
        assert Tuning((pool, mean)).best is mean

    def test_equal_means_go_by_the_pooled_value(self) -> None:
        few, many = ObjectScores(10, 10, 10, 0, 0), ObjectScores(30, 30, 30, 0, 0)
        worse = self.point(few, replace(many, found=0))
        better = self.point(replace(few, found=0), many, bandwidth=2.0)
        assert worse.ap50 == better.ap50 == 0.5
        assert (worse.pooled.ap50, better.pooled.ap50) == (10 / 70, 30 / 50)
        assert Tuning((worse, better)).best is better
        assert Tuning((better, worse)).best is better

    def test_equal_scores_go_by_nearness(self) -> None:
        own = self.point(counts(2))
        far, near = (self.point(counts(5), bandwidth=b) for b in (2.0, 0.7))
        assert Tuning((own, far, near)).best is near
        same = self.point(counts(5), bandwidth=0.7)
        assert Tuning((own, near, same)).best is near  # the first

    def test_half_and_double_are_equally_far(self) -> None:
        half, double = (OWN.model_copy(update={"bandwidth": b}) for b in (0.5, 2.0))
        assert distance(OWN, OWN) == 0
        assert distance(half, OWN) == pytest.approx(np.log(2))
        assert distance(double, OWN) == pytest.approx(np.log(2))
        size = OWN.model_copy(update={"min_size": 9})
        assert distance(size, OWN) == pytest.approx(np.log(2))
        likely = OWN.model_copy(update={"foreground_threshold": 0.75})
        assert distance(likely, OWN) == pytest.approx(np.log(3))
