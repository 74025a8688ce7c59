"""Figures KF4, KF5 and KF12: what loops of mean shift do to a trained embedding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_shiftseg.embeddings.recurrent import RecurrentMeanShift
from napari_shiftseg.embeddings.spherical import CosineMarginLoss
from napari_shiftseg.experiments.digits import digits, embedding_steps, owners
from napari_shiftseg.experiments.grouping import (
    MARGIN,
    TABLE,
    histograms,
    is_lost,
    pulls,
    similarity_figures,
)
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")


class TestDigits:
    def test_four_digits_that_do_not_touch(self) -> None:
        sample = digits()
        assert sample.image.shape == sample.labels.shape == (48, 64)
        assert np.unique(sample.labels).tolist() == [0, 1, 2, 3, 4]
        for number in (1, 2, 3, 4):
            assert (sample.labels == number).sum() % 9 == 0  # pixels of 3 by 3
            assert sample.image[sample.labels == number].mean() == pytest.approx(
                1, abs=0.05
            )
        assert abs(sample.image[sample.labels == 0].mean()) < 0.05

    def test_the_same_training_gives_the_same_embedding(self) -> None:
        sample = digits()
        torch.manual_seed(1)
        one = exhaust(embedding_steps(sample, [3]))
        torch.manual_seed(2)
        before = torch.random.get_rng_state()
        two, three = exhaust(embedding_steps(sample, [2, 3]))
        assert torch.equal(before, torch.random.get_rng_state())
        assert torch.equal(one[0], three)
        assert not torch.equal(two, three)
        assert three.shape == (48 * 64, 3)
        stages = [step.stage for step in embedding_steps(sample, [2])]
        assert stages == ["training on the digits"] * 2


class TestFigureKF4:
    def test_objects_are_points_a_margin_apart(self, outcome_of) -> None:
        numbers = outcome_of("kf4").numbers
        assert numbers["within_least_after"] > 0.999
        assert numbers["between_largest_after"] < MARGIN + 0.05
        assert numbers["objects"] == 5

    def test_before_they_are_not(self, outcome_of) -> None:
        numbers = outcome_of("kf4").numbers
        assert numbers["within_least_before"] < 0.95
        assert numbers["between_largest_before"] > MARGIN + 0.1

    def test_every_object_of_the_picture_has_one_colour_after(self, outcome_of) -> None:
        arrays = outcome_of("kf4").arrays
        labels = arrays["labels"].flatten()
        for number in range(5):
            ends = arrays["after"][labels == number]
            assert np.abs(ends - ends[0]).max() < 0.02
        with_one_direction = len(np.unique(arrays["after"].round(1), axis=0))
        assert with_one_direction < len(np.unique(arrays["before"].round(1), axis=0))

    def test_the_loss_falls_with_the_loops(self, outcome_of) -> None:
        table = outcome_of("kf4").numbers["table"]
        assert [row["loop"] for row in table] == [*TABLE]
        assert table[-1]["loss"] < table[0]["loss"]
        assert all(row["mean_similarity"] >= 0.5 for row in table)


def test_figures_of_similarity_by_hand() -> None:
    #  0 and 1 at a right angle; of 1 one pixel opposite to the other
    points = torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -3.0]])
    sample = Sample(np.zeros((2, 2), np.float32), np.array([[0, 0], [1, 1]]))
    found = similarity_figures(points, sample)
    assert found["within_least"] == 0
    assert found["between_largest"] == 0.5
    assert found["mean_similarity"] == (1 + 4 / 16) / 2
    assert found["loss"] == 2 / 16  # two of 16 pairs cost 1


class TestFigureKF5:
    def test_resolved_pixels_are_pulled_less_lost_ones_are_not(
        self, outcome_of
    ) -> None:
        numbers = outcome_of("kf5").numbers
        assert numbers["lost"] > 0
        assert numbers["resolved_with"] < 0.6 * numbers["resolved_without"]
        assert numbers["lost_with"] > numbers["lost_without"]
        assert numbers["lost_with"] > 3 * numbers["resolved_with"]

    def test_fewer_pixels_are_lost_in_the_course_of_the_training(
        self, outcome_of
    ) -> None:
        lost = [row["lost"] for row in outcome_of("kf5").numbers["table"]]
        assert lost == sorted(lost, reverse=True)
        assert lost[-1] < 10

    def test_what_is_lost(self) -> None:
        points = torch.eye(3)[[0, 0, 0, 1, 1, 2, 0]]
        owner = torch.tensor([0, 0, 0, 1, 1, 2, 1])
        assert is_lost(points, owner).tolist() == [False] * 6 + [True]

    @pytest.mark.parametrize("loops", [0, 2])
    def test_a_pull_is_the_gradient_by_finite_differences(self, loops, rng) -> None:
        points = torch.tensor(rng.normal(size=(6, 3)))
        points /= points.norm(dim=1, keepdim=True)
        sample = Sample(np.zeros((2, 3), np.float32), np.array([[0, 0, 1], [1, 1, 1]]))
        weights = [1 / 4, 1 / 4, *[1 / 8] * 4]

        def loss(moved: torch.Tensor) -> float:
            if loops:
                moved = RecurrentMeanShift(steps=loops)(moved)[-1]
            return float(CosineMarginLoss()(moved.T, owners(sample)))

        found = pulls(points, sample, loops)
        for pixel in (0, 3):
            slopes = []
            for channel in range(3):
                step = torch.zeros_like(points)
                step[pixel, channel] = 1e-6
                slopes.append((loss(points + step) - loss(points - step)) / 2e-6)
            expected = np.linalg.norm(slopes) / weights[pixel]
            assert float(found[pixel]) == pytest.approx(expected, rel=1e-4)


class TestFigureKF12:
    def test_loops_bring_pairs_where_they_belong(self, outcome_of) -> None:
        numbers = outcome_of("kf12").numbers
        assert numbers["within_alike_before"] < 0.9
        assert numbers["within_alike_after"] > 0.95
        assert numbers["between_apart_after"] > numbers["between_apart_before"]
        assert [row["loop"] for row in numbers["table"]] == list(range(11))

    def test_histograms_by_hand(self) -> None:
        # within object 0: 1 and itself; object 1 opposite and at a right angle
        points = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
        owner = torch.tensor([0, 1, 1])
        weights = torch.tensor([0.5, 0.25, 0.25])
        found = histograms(points, owner, weights)
        within, between = found["within"], found["between"]
        assert within.sum() == pytest.approx(1)
        assert between.sum() == pytest.approx(1)
        # 1/4 + 2 · 1/16 at 1 and 2 · 1/16 at ½, of 1/2 in all
        assert (within[-1], within[25]) == pytest.approx((0.75, 0.25))
        assert (between[0], between[25]) == pytest.approx((0.5, 0.5))
