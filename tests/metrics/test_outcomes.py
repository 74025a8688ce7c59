"""What became of each true object: by hand, and summed up against the scores."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.metrics.chance import joined, object_differences, outcomes
from napari_shiftseg.metrics.objects import object_scores


class TestByHand:
    """Object 2 is in two pieces, 5 and 7 are one, and two objects are none of these.

    ::

        truth                   found
        2 2 2 2 . 5 5 . 7 7     3 3 4 4 . 8 8 8 8 8
        2 2 2 2 . 5 5 . 7 7     3 3 4 4 . 8 8 8 8 8
        . . . . . . . . . .     . . . . . . . . . .
        . . . . . . . . . .     6 . . . . . . . . 9
    """

    truth = np.array(
        [[2, 2, 2, 2, 0, 5, 5, 0, 7, 7]] * 2 + [[0] * 10] * 2, dtype=np.uint8
    )
    found = np.array(
        [[3, 3, 4, 4, 0, 8, 8, 8, 8, 8]] * 2 + [[0] * 10, [6] + [0] * 8 + [9]]
    )

    def test_each_object(self) -> None:
        known = outcomes(self.truth, self.found, split=[2])
        assert len(known) == 3
        assert known.found.tolist() == [0, 0, 0]
        assert known.false_splits.tolist() == [1, 0, 0]
        assert known.false_merges.tolist() == [0, 1, 0]  # of equals the first
        assert known.objects.tolist() == [3, 1, 1]  # 6 is nearest to 2, and 9 to 7
        assert known.split_by_seams.tolist() == [1, 0, 0]

    def test_differences_are_those_of_the_figures(self) -> None:
        one = outcomes(self.truth, self.found, split=[2])
        other = outcomes(self.truth, self.truth)
        known = object_differences(one, other)
        assert known["false_splits"].value == known["split_by_seams"].value == 1
        assert known["ap50"].value == -1
        assert not any(each.is_beyond_chance for each in known.values())  # of 3 objects


@pytest.mark.parametrize("seed", range(8))
def test_the_sums_are_the_scores(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, found = (rng.integers(0, 12, (6, 7)).repeat(3, 0).repeat(3, 1) * 5
                    for _ in range(2))  # fmt: skip
    found[rng.random(found.shape) < 0.2] = 0
    found = np.where(rng.random(found.shape) < 0.5, truth * 2, found)
    known, scores = outcomes(truth, found), object_scores(truth, found)
    assert len(known) == scores.true_objects
    for name in ("found", "objects", "false_splits", "false_merges"):
        assert getattr(known, name).sum() == getattr(scores, name), name


def test_without_objects() -> None:
    nothing, some = np.zeros((3, 3), int), np.eye(3, dtype=int)
    known = outcomes(nothing, some)
    assert len(known) == 0
    assert object_differences(known, known) == {}
    lost = outcomes(some, nothing)
    assert (lost.found.tolist(), lost.objects.tolist()) == ([0], [0])


def test_images_are_joined() -> None:
    some = np.eye(3, dtype=int)
    both = joined([outcomes(some, some), outcomes(some * 4, some * 0)])
    assert both.found.tolist() == [1, 0]


def test_many_lost_objects_are_beyond_chance() -> None:
    truth = np.arange(1, 101).reshape(10, 10).repeat(3, 0).repeat(3, 1)
    known = outcomes(truth, truth)
    lost = outcomes(truth, np.where(truth <= 20, 0, truth))
    ap50 = object_differences(lost, known)["ap50"]
    assert ap50.value == pytest.approx(-0.2)
    assert ap50.is_beyond_chance
    assert ap50.low < -0.2 < ap50.high < 0
    few = outcomes(truth, np.where(truth <= 3, 0, truth))
    assert not object_differences(few, known)["ap50"].is_beyond_chance
