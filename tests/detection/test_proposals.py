"""Proposals of an image: ranked, drawn into a stack, learnt."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.detection.confidence import fit_confidence
from napari_shiftseg.detection.features import Features
from napari_shiftseg.detection.pool import AGREEMENT, Piece, Pool
from napari_shiftseg.detection.proposals import (
    Proposal,
    learn_confidence,
    object_proposals,
    proposal_steps,
    ranked,
    stacked,
    table_of,
)
from napari_shiftseg.detection.settings import FACTORS, Pooling
from napari_shiftseg.metrics.recall import average_recall
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")

OWN = Clustering(bandwidth=0.5, scope="component", min_size=4)
FEW = Pooling((0.5, 1.0))


@pytest.fixture(scope="module")
def model(small_model):
    return small_model(2, 2, foreground=True, clustering=OWN, name="small")


@pytest.fixture(scope="module")
def samples(model) -> list[Sample]:
    """Images of noise; true is what another bandwidth makes of them."""
    rng = np.random.default_rng(0)
    images = [gaussian_filter(rng.normal(size=(100, 110)), 1) * 4 for _ in range(3)]
    truths = [segment(i, model, device="cpu", bandwidth=1.0).labels for i in images]
    return [Sample(i, truth) for i, truth in zip(images, truths, strict=True)]


@pytest.fixture(scope="module")
def learnt(samples, model):
    return learn_confidence(samples[:2], model, FEW, device="cpu")


def piece(start: int, stop: int, bandwidth: float = 1.0) -> Piece:
    """Pixels start … stop of an image of one axis."""
    return Piece((slice(start, stop),), np.ones(stop - start, bool), bandwidth)


def pool_of(*pieces: Piece) -> Pool:
    rows = np.arange(len(pieces), dtype=float)[:, None] / 10
    return Pool(pieces, Features((AGREEMENT,), rows))


class TestRanked:
    #  0123456789
    #  aaaaaa      a 0.9
    #  bbbbb       b 0.8: five sixths of a
    #        ccc   c 0.5
    POOL = pool_of(piece(0, 6), piece(0, 5), piece(6, 9))
    SCORES = (0.9, 0.8, 0.5)

    def starts(self, proposals) -> list[tuple[int, int]]:
        return [(p.box[0].start, p.box[0].stop) for p in proposals]

    def test_by_hand(self) -> None:
        # after a, b is worth 0.8 (1 − 5/6) = 0.13, and c still 0.5
        proposals = ranked(self.POOL, self.SCORES)
        assert self.starts(proposals) == [(0, 6), (6, 9), (0, 5)]
        assert [p.score for p in proposals] == [0.9, 0.5, 0.8]
        assert [p.agreement for p in proposals] == [0, 0.2, 0.1]
        assert [p.area for p in proposals] == [6, 3, 5]

    def test_the_first_so_many(self) -> None:
        assert self.starts(ranked(self.POOL, self.SCORES, 2)) == [(0, 6), (6, 9)]

    def test_it_is_a_plain_reading(self, rng) -> None:
        starts = rng.integers(0, 40, 30)
        pieces = [
            piece(s, s + n)
            for s, n in zip(starts, rng.integers(1, 15, 30), strict=True)
        ]
        scores = rng.uniform(size=30)
        left, chosen = list(range(30)), []
        while left:
            worth = {
                p: scores[p]
                * (1 - max([pieces[p].overlap(pieces[j]) for j in chosen], default=0))
                for p in left
            }
            chosen.append(max(left, key=lambda p: (worth[p], -p)))
            left.remove(chosen[-1])
        assert [p.score for p in ranked(pool_of(*pieces), scores)] == scores[
            chosen
        ].tolist()

    def test_nothing(self) -> None:
        assert ranked(pool_of(), []) == []


class TestStacked:
    def test_those_that_overlap_lie_in_images_of_their_own(self) -> None:
        proposals = ranked(TestRanked.POOL, TestRanked.SCORES)
        assert stacked(proposals, (9,)).tolist() == [
            [1, 1, 1, 1, 1, 1, 2, 2, 2],
            [3, 3, 3, 3, 3, 0, 0, 0, 0],
        ]

    def test_each_is_there_whole(self, samples, model, learnt) -> None:
        proposals = object_proposals(
            samples[2].image, model, 60, FEW, learnt, device="cpu"
        )
        stack = stacked(proposals, samples[2].labels.shape)
        for rank, proposal in enumerate(proposals, start=1):
            image = np.zeros(stack.shape[1:], bool)
            image[proposal.box] = proposal.mask
            assert np.array_equal((stack == rank).any(axis=0), image)

    def test_none_is_one_empty_image(self) -> None:
        assert stacked([], (2, 3)).tolist() == [[[0, 0, 0], [0, 0, 0]]]

    def test_the_table_has_a_row_each(self) -> None:
        table = table_of(ranked(TestRanked.POOL, TestRanked.SCORES), 1)
        assert table == {
            "index": [1, 2, 3], "score": [0.9, 0.5, 0.8], "area": [6, 3, 5],
            "bandwidth": [1, 1, 1], "agreement": [0, 0.2, 0.1],
            "start_0": [0, 6, 0], "stop_0": [6, 9, 5],
        }  # fmt: skip


class TestObjectProposals:
    def test_they_are_ranked_and_frozen(self, samples, model, learnt) -> None:
        image = samples[2].image
        proposals = object_proposals(image, model, 7, FEW, learnt, device="cpu")
        more = object_proposals(image, model, 60, FEW, learnt, device="cpu")
        assert len(proposals) == 7 < len(more)
        assert proposals[0].score == max(p.score for p in more)
        for one, other in zip(proposals, more, strict=False):
            assert (one.box, one.score) == (other.box, other.score)
            assert np.array_equal(one.mask, other.mask)
        with pytest.raises(FrozenInstanceError):
            proposals[0].score = 1.0

    def test_what_several_bandwidths_find_is_better(
        self, samples, model, learnt
    ) -> None:
        image, truth = samples[2].image, samples[2].labels
        found = {
            name: object_proposals(image, model, 200, pooling, learnt, device="cpu")
            for name, pooling in {"pooled": FEW, "single": Pooling((0.5,))}.items()
        }
        recall = {n: average_recall([truth], [p], 200) for n, p in found.items()}
        assert recall["pooled"] > recall["single"]

    def test_the_bandwidths_are_those_about_the_models_own(self) -> None:
        assert Pooling().of(2.0) == tuple(2 * factor for factor in FACTORS)
        assert FEW.of(2.0) == (0.5, 1.0)

    def test_an_image_without_a_foreground(self, samples, small_model, learnt) -> None:
        own = OWN.model_copy(update={"foreground_threshold": 0.999999})
        model = small_model(2, 2, foreground=True, clustering=own)
        nothing = np.zeros((20, 20))
        assert object_proposals(nothing, model, 5, FEW, learnt, device="cpu") == []

    def test_a_confidence_of_another_model_is_said(
        self, samples, model, learnt
    ) -> None:
        image, settings = samples[2].image, Settings(device="cpu")
        said = {
            judge.model: [
                progress.note
                for progress in proposal_steps(image, model, settings, 5, FEW, judge)
                if "were learnt on" in progress.note
            ]
            for judge in (learnt, _renamed(learnt))
        }
        assert said["small"] == []
        assert said["other"][0].startswith("the scores were learnt on objects of the")

    def test_zero_are_refused_before_any_work(self, model, learnt) -> None:
        with pytest.raises(ValueError, match="1 proposal or more, got 0"):
            object_proposals(None, model, 0, FEW, learnt)

    def test_no_bandwidth_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="one bandwidth or more, got none"):
            Pooling(())
        with pytest.raises(ValidationError, match="greater than 0"):
            Pooling((0.0,))

    def test_one_channel_at_the_end_is_taken(self, samples, model, learnt) -> None:
        image = samples[0].image
        expected = object_proposals(image, model, 5, FEW, learnt, device="cpu")
        given = (image[..., None], model, 5, FEW, learnt)
        found = object_proposals(*given, device="cpu")
        assert len(expected) == 5
        assert [(p.box, p.score) for p in found] == [(p.box, p.score) for p in expected]

    def test_a_series_is_refused(self, samples, model, learnt) -> None:
        with pytest.raises(ValueError, match="one image of 2 axes"):
            object_proposals(np.zeros((2, 20, 20)), model, 5, FEW, learnt)

    def test_a_confidence_of_other_features_is_refused(
        self, samples, model, rng
    ) -> None:
        other = fit_confidence(
            Features(("area",), rng.uniform(size=(60, 1))),
            rng.uniform(size=60),
            "small",
        )
        with pytest.raises(ValueError, match="takes the features area, got area, rel"):
            object_proposals(samples[2].image, model, 5, FEW, other, device="cpu")


def _renamed(confidence):
    return type(confidence)(
        confidence.names, confidence.trees, "other", confidence.objects
    )


class TestLearning:
    def test_it_knows_a_good_object(self, samples, model, learnt) -> None:
        assert learnt.model == "small"
        image, truth = samples[2].image, samples[2].labels
        proposals = object_proposals(image, model, 500, FEW, learnt, device="cpu")
        scores = [p.score for p in proposals]
        best = [_fit(p, truth) for p in proposals]
        assert np.abs(np.subtract(scores, best)).mean() < 0.2

    def test_without_images(self, model) -> None:
        with pytest.raises(ValueError, match="one image with labels, or more"):
            learn_confidence([], model)

    def test_a_truth_of_another_shape(self, samples, model) -> None:
        wrong = Sample(samples[0].image, samples[0].labels[1:])
        with pytest.raises(ValueError, match="must have one shape"):
            learn_confidence([wrong], model, FEW)


def _fit(proposal: Proposal, truth: np.ndarray) -> float:
    image = np.zeros(truth.shape, bool)
    image[proposal.box] = proposal.mask
    numbers = np.unique(truth[image])
    return max(
        ((image & (truth == n)).sum() / (image | (truth == n)).sum()
         for n in numbers if n > 0), default=0.0,
    )  # fmt: skip
