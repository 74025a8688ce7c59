"""Scores where only a part of the truth is known, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.metrics.objects import (
    ObjectScores,
    is_labelled,
    is_partly,
    known_scores,
    object_scores,
    partial_labels,
)


def counts(truth: list[int], prediction: list[int]) -> tuple[int, int, int]:
    """True objects, objects that count, and objects found."""
    scores = known_scores(truth, prediction)
    return scores.true_objects, scores.objects, scores.found


def test_an_object_nobody_has_labelled_is_no_error():
    truth = [1, 1, 1, 0, -1, -1, -1, -1]
    assert counts(truth, [5, 5, 5, 0, 0, 7, 7, 7]) == (1, 1, 1)
    assert counts(truth, [5, 5, 5, 7, 7, 0, 0, 0]) == (1, 1, 1)  # half of it is known
    # as a complete truth it would be one
    assert object_scores(np.maximum(truth, 0), [5, 5, 5, 0, 0, 7, 7, 7]).objects == 2


def test_an_object_mostly_on_known_background_is_an_error():
    truth = [1, 1, 1, 0, 0, 0, -1, -1]
    assert counts(truth, [5, 5, 5, 0, 7, 7, 7, 0]) == (1, 2, 1)


def test_an_object_cut_by_the_unknown_is_compared_where_it_is_known():
    truth = [1, 1, -1, -1, -1, -1, 0, 0]
    assert counts(truth, [3, 3, 3, 3, 3, 3, 0, 0]) == (1, 1, 1)
    assert counts(truth, [0, 0, 3, 3, 3, 3, 0, 0]) == (1, 0, 0)
    assert counts(truth, [0, 3, 3, 3, 3, 3, 0, 0]) == (1, 0, 0)  # IoU is 1/2, not more


def test_a_true_object_that_was_not_found_counts():
    assert counts([1, 1, 0, -1], [0, 0, 0, 0]) == (1, 0, 0)
    assert known_scores([1, 1, 0, -1], [0, 0, 0, 0]).ap50 == 0
    assert known_scores([0, 0, -1, -1], [0, 0, 4, 4]).ap50 == 1


def test_splits_and_merges_are_those_of_the_known_pixels():
    split = known_scores([1, 1, 1, 1, 0, -1], [2, 2, 3, 3, 0, 9])
    assert split == ObjectScores(1, 2, 0, 1, 0)
    merged = known_scores([1, 1, 2, 2, 0, -1], [3, 3, 3, 3, 0, 9])
    assert merged == ObjectScores(2, 1, 0, 0, 1)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_where_all_is_known_it_is_the_usual_score(seed):
    rng = np.random.default_rng(seed)
    truth, found = rng.integers(0, 4, (2, 5, 6))
    assert known_scores(truth, found) == object_scores(truth, found)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_what_is_predicted_far_from_what_is_known_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.integers(-1, 4, 12), [0], np.full(12, -1)])
    found = np.concatenate([rng.integers(0, 4, 12), [0], np.zeros(12, int)])
    other = found.copy()
    other[13:] = rng.integers(10, 14, 12)
    assert known_scores(truth, found) == known_scores(truth, other)


def test_labels_that_are_not_known_are_told_from_others():
    assert is_partly([0, -1])
    assert not is_partly([0, 1])
    assert [is_labelled(f) for f in ([0, 0], [0, 2], [-1, 0], [-1, 3], [-1, -1])] == [
        False, True, True, True, False,
    ]  # fmt: skip


def test_what_is_no_such_truth_is_refused():
    with pytest.raises(ValueError, match="no pixel of the labels of cells is known"):
        partial_labels("labels of cells", [-1, -1])
    with pytest.raises(ValueError, match=r"numbers from -1 upward, got -2; set .* -1"):
        partial_labels("labels", [-2, 1])
    with pytest.raises(ValueError, match=r"one shape, got \(3,\) and \(2,\)"):
        known_scores([0, 1, -1], [0, 1])
    with pytest.raises(ValueError, match=r"prediction must be .* from 0 upward"):
        known_scores([0, 1, -1], [0, 1, -1])


def test_scores_of_a_complete_truth_say_what_is_wrong_with_a_partial_one():
    with pytest.raises(
        ValueError, match=r"-1 stands for pixels that are not known.*tr"
    ):
        object_scores([0, 1, -1], [0, 1, 1])
    with pytest.raises(ValueError, match=r"got -2; set such pixels to 0"):
        object_scores([0, 1, -2], [0, 1, 1])
