"""Figure KF13: points of three Gaussians, moved by what a loss says after loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_shiftseg.experiments.one_dimension import (
    blurred,
    groups_of,
    loss,
    made_points,
    row,
    trained,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def rows(outcome) -> dict[str, dict]:
    return {row["loss"]: row for row in outcome.numbers["table"]}


def test_the_points_are_those_of_the_figure() -> None:
    points, targets = made_points()
    parts = points.reshape(3, 200)
    assert parts.mean(1).tolist() == pytest.approx([3, 4, 5], abs=0.06)
    assert parts.std(1).tolist() == pytest.approx([0.2, 0.3, 0.1], abs=0.03)
    assert targets.reshape(3, 200)[:, 0].tolist() == [1, 2, 2]
    assert float(loss(2 * targets + 1, targets)) == 0


def test_a_loop_is_that_of_the_formula() -> None:
    x = [1.0, 1.2, 3.0]
    first, second = blurred(torch.tensor(x).double(), 1)
    assert first.tolist() == pytest.approx(x)
    for here, moved in zip(x, second.tolist(), strict=True):
        weights = [np.exp(-((here - other) ** 2) / (2 * 0.2**2)) for other in x]
        assert moved == pytest.approx(np.dot(weights, x) / sum(weights), abs=1e-7)


def test_without_loops_an_update_goes_a_twentieth_of_the_way() -> None:
    points, targets = torch.tensor([3.0, 4.0]), torch.tensor([1.0, 2.0])
    way = trained(points, targets, (0,))
    assert way.shape == (31, 2)
    assert way[1].tolist() == pytest.approx([3, 4 + 0.05])
    assert way[-1].tolist() == pytest.approx([3, 5 - 0.95**30], rel=1e-4)


def test_grouping_alone_leaves_three_piles() -> None:
    points, _ = made_points()
    piles = blurred(points, 100)[-1]
    assert groups_of(piles) == 3
    assert groups_of(torch.tensor([1.0, 1.05, 1.3, 1.29])) == 2
    assert groups_of(torch.tensor([1.0])) == 1


class TestFigureKF13:
    def test_a_loss_on_all_loops_brings_points_where_they_belong(
        self, outcome_of
    ) -> None:
        found = rows(outcome_of("kf13"))
        every = found["a loss on all of 5 loops"]
        assert every["mean_distance"] < 0.05
        assert every["distance_after_loops"] < 0.002
        assert every["groups_after_loops"] == 2
        without = found["no grouping"]
        assert every["mean_distance"] < without["mean_distance"] / 2
        assert max(every["spread"]) < max(without["spread"])

    def test_a_single_loss_leaves_them_scattered(self, outcome_of) -> None:
        found = rows(outcome_of("kf13"))
        single, without = found["one loss, after 5 loops"], found["no grouping"]
        assert single["mean_distance"] > 2 * without["mean_distance"]
        assert all(
            a > b for a, b in zip(single["spread"], without["spread"], strict=True)
        )

    def test_points_at_their_place_are_said_to_be_there(self) -> None:
        targets = made_points()[1]
        found = row(2 * targets + 1, targets)
        assert found["mean_distance"] == found["loss_after_loops"] == 0
        assert found["groups_after_loops"] == 2
