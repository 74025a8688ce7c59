"""Object scores against answers by hand and against loops over all pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from napari_shiftseg.metrics.label_image import contingency, relabelled_like
from napari_shiftseg.metrics.objects import (
    ObjectScores,
    average_precision,
    false_merges,
    false_splits,
    object_scores,
    pooled,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TRUTH = np.array(
    [
        [1, 1, 2, 2],
        [1, 1, 2, 2],
        [3, 3, 4, 4],
        [3, 3, 4, 4],
    ]
)
PREDICTION = np.array(  # object 1 in halves, 3 and 4 in one
    [
        [7, 7, 2, 2],
        [5, 5, 2, 2],
        [3, 3, 3, 3],
        [3, 3, 3, 3],
    ]
)
NOTHING = np.zeros((4, 4), int)


class TestByHand:
    def test_all_found(self) -> None:
        renamed = np.array([0, 9, 4, 20, 3])[TRUTH]  # holes in the ids
        assert average_precision(TRUTH, renamed) == 1
        assert false_splits(TRUTH, renamed) == 0
        assert false_merges(TRUTH, renamed) == 0

    def test_one_split_and_one_merge(self) -> None:
        # halves have IoU 2/4, the pair 4/8: neither is above 0.5, only object 2 is
        assert average_precision(TRUTH, PREDICTION) == 1 / (1 + 3 + 3)
        assert false_splits(TRUTH, PREDICTION) == 1
        assert false_merges(TRUTH, PREDICTION) == 1

    def test_each_object_matches_once_below_one_half(self) -> None:
        # 1 matches one of its halves, 3 or 4 matches their merger, 2 matches
        assert average_precision(TRUTH, PREDICTION, iou=0.49) == 3 / (3 + 1 + 1)

    def test_splits_and_merges_change_places_with_truth_and_prediction(self) -> None:
        assert false_splits(PREDICTION, TRUTH) == 1
        assert false_merges(PREDICTION, TRUTH) == 1

    def test_missed_and_invented_objects(self) -> None:
        # 1 and 2 found, 3 and 4 missed; what is found too much is neither
        prediction = np.where(TRUTH > 2, 0, TRUTH)
        assert average_precision(TRUTH, prediction) == 2 / (2 + 0 + 2)
        assert average_precision(prediction, TRUTH) == 2 / (2 + 2 + 0)
        assert false_splits(TRUTH, prediction) == false_merges(TRUTH, prediction) == 0

    def test_empty(self) -> None:
        assert average_precision(NOTHING, NOTHING) == 1
        assert average_precision(TRUTH, NOTHING) == 0
        assert average_precision(NOTHING, TRUTH) == 0
        for count in (false_splits, false_merges):
            assert count(TRUTH, NOTHING) == count(NOTHING, TRUTH) == 0
            assert count(NOTHING, NOTHING) == 0

    @pytest.mark.parametrize(("piece", "splits"), [(4, 0), (5, 0), (6, 1)])
    def test_a_piece_counts_above_five_percent(self, piece: int, splits: int) -> None:
        truth, prediction = np.ones(100, int), np.ones(100, int)
        prediction[:piece] = 2
        assert false_splits(truth, prediction) == splits

    @pytest.mark.parametrize(("part", "merges"), [(9, 0), (10, 0), (11, 1)])
    def test_an_object_is_merged_above_ten_percent(
        self, part: int, merges: int
    ) -> None:
        truth, prediction = np.repeat([1, 2], 100), np.repeat([1, 0], 100)
        prediction[100 : 100 + part] = 1
        assert false_merges(truth, prediction) == merges

    def test_three_pieces_are_two_splits(self) -> None:
        truth, pieces = np.ones(9, int), np.repeat([4, 5, 6], 3)
        assert false_splits(truth, pieces) == 2
        assert false_merges(pieces, truth) == 2

    def test_thresholds_are_arguments(self) -> None:
        truth, prediction = np.ones(10, int), np.repeat([1, 2], [7, 3])
        assert false_splits(truth, prediction, cover=0.29) == 1
        assert false_splits(truth, prediction, cover=0.31) == 0
        truth = np.repeat([1, 2], [5, 5])
        assert false_merges(truth, prediction, cover=0.39) == 1
        assert false_merges(truth, prediction, cover=0.41) == 0


class TestObjectScores:
    def test_four_objects(self) -> None:
        # of the true ones only 2 is found; 7 and 5 halve 1, 3 holds 3 and 4
        scores = object_scores(TRUTH, PREDICTION)
        assert scores == ObjectScores(
            true_objects=4, objects=4, found=1, false_splits=1, false_merges=1
        )
        assert scores.figures() == {
            "ap50": 1 / 7,
            "precision": 1 / 4,
            "recall": 1 / 4,
            "f1": 1 / 4,
            "false_splits": 1,
            "false_merges": 1,
            "true_objects": 4,
            "objects": 4,
        }

    def test_precision_and_recall_differ(self) -> None:
        scores = object_scores(TRUTH, np.where(TRUTH > 1, 0, TRUTH))
        assert (scores.precision, scores.recall, scores.f1) == (1, 1 / 4, 2 / 5)

    def test_empty(self) -> None:
        for scores in (object_scores(NOTHING, NOTHING), pooled([])):
            assert scores == ObjectScores(0, 0, 0, 0, 0)
            assert set(list(scores.figures().values())[:4]) == {1}
        missed = object_scores(TRUTH, NOTHING)
        assert (missed.ap50, missed.precision, missed.recall, missed.f1) == (0, 1, 0, 0)

    def test_pooled_is_not_the_mean(self) -> None:
        one = object_scores(TRUTH, PREDICTION)  # 1 of 4 found among 4
        other = object_scores(TRUTH[:, 2:], TRUTH[:, 2:])  # 2 of 2
        both = pooled([one, other])
        assert both == ObjectScores(6, 6, 3, 1, 1)
        assert both.ap50 == 3 / 9
        assert (one.ap50 + other.ap50) / 2 == pytest.approx(4 / 7)


class TestRelabelledLike:
    def test_by_hand(self) -> None:
        # 7 and 5 share as much with 1: the lower id takes it; 3 shares as much with
        # 3 as with 4: it takes the lower; 7 is new, above 4
        expected = [[5, 5, 2, 2], [1, 1, 2, 2], [3, 3, 3, 3], [3, 3, 3, 3]]
        np.testing.assert_array_equal(relabelled_like(PREDICTION, TRUTH), expected)

    def test_the_larger_piece_keeps_the_id(self) -> None:
        reference = np.array([8, 8, 8, 8, 8, 0, 6, 6])
        labels = np.array([1, 1, 2, 2, 2, 0, 3, 0])
        expected = [9, 9, 8, 8, 8, 0, 6, 0]
        np.testing.assert_array_equal(relabelled_like(labels, reference), expected)

    def test_its_best_may_belong_to_another(self) -> None:
        # 2 shares most with 1, but 1 is object 1's; that it also meets 5 is not enough
        reference, labels = np.array([1, 1, 1, 1, 1, 5]), np.array([1, 1, 1, 2, 2, 2])
        expected = [1, 1, 1, 6, 6, 6]
        np.testing.assert_array_equal(relabelled_like(labels, reference), expected)

    def test_objects_without_a_counterpart(self) -> None:
        reference, labels = np.array([0, 0, 3, 3]), np.array([2, 1, 0, 0])
        expected = [5, 4, 0, 0]
        np.testing.assert_array_equal(relabelled_like(labels, reference), expected)

    def test_itself_and_nothing(self) -> None:
        np.testing.assert_array_equal(relabelled_like(TRUTH, TRUTH), TRUTH)
        np.testing.assert_array_equal(relabelled_like(NOTHING, TRUTH), NOTHING)
        np.testing.assert_array_equal(relabelled_like(TRUTH, NOTHING), TRUTH)

    def test_objects_stay_whole_and_apart(self) -> None:
        for seed in range(200):
            reference, labels = random_pair(seed)
            renamed = relabelled_like(labels, reference)
            pairs = set(zip(labels.flat, renamed.flat, strict=True))
            assert len({new for _, new in pairs}) == len({old for old, _ in pairs})
            assert len(pairs) == len({old for old, _ in pairs})
            assert all((old == 0) == (new == 0) for old, new in pairs)
            taken = set(renamed.flat) & set(reference.flat) - {0}
            for number in taken:
                inside = labels[(reference == number) & (labels > 0)]
                most = np.bincount(inside).max()
                both = ((renamed == number) & (reference == number)).sum()
                assert both == most

    def test_other_shapes_are_refused(self) -> None:
        with pytest.raises(ValueError, match="one shape"):
            relabelled_like(TRUTH, TRUTH[:3])


def objects_of(labels: NDArray[Any]) -> list[set[int]]:
    flat = labels.ravel()
    return [set(np.flatnonzero(flat == i).tolist()) for i in set(flat.tolist()) - {0}]


def ap_by_pairs(truth: NDArray[Any], prediction: NDArray[Any], iou: float) -> float:
    true, found = objects_of(truth), objects_of(prediction)
    if not true and not found:
        return 1.0
    matches = np.array([[len(t & p) / len(t | p) > iou for p in found] for t in true])
    matched = 0
    if matches.size:  # the largest set of pairs, each object once
        row, column = linear_sum_assignment(matches, maximize=True)
        matched = int(matches[row, column].sum())
    return matched / (len(true) + len(found) - matched)


def splits_by_pairs(truth: NDArray[Any], prediction: NDArray[Any]) -> int:
    true, found = objects_of(truth), objects_of(prediction)
    return sum(max(0, sum(len(t & p) > 0.05 * len(t) for p in found) - 1) for t in true)


def merges_by_pairs(truth: NDArray[Any], prediction: NDArray[Any]) -> int:
    true, found = objects_of(truth), objects_of(prediction)
    return sum(max(0, sum(len(t & p) > 0.1 * len(t) for t in true) - 1) for p in found)


def random_pair(seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Blocks of random ids with holes; the prediction differs in some pixels."""
    rng = np.random.default_rng(seed)
    ids = np.array([0, 1, 3, 4, 9])[: rng.integers(1, 6)]
    blocks = rng.choice(ids, (rng.integers(1, 5), rng.integers(1, 5)))
    truth = blocks.repeat(3, 0).repeat(3, 1)
    other = rng.choice([0, 1, 2, 7, 30], truth.shape)
    prediction = np.where(rng.random(truth.shape) < rng.uniform(0, 0.6), other, truth)
    return truth, prediction


class TestByPairs:
    def test_random_pairs(self) -> None:
        seen = set()
        for seed in range(300):
            truth, prediction = random_pair(seed)
            for iou in (0.2, 0.5, 0.75):
                expected = ap_by_pairs(truth, prediction, iou)
                found = average_precision(truth, prediction, iou)
                assert found == pytest.approx(expected), seed
                seen.add(round(found, 2))
            assert false_splits(truth, prediction) == splits_by_pairs(truth, prediction)
            assert false_merges(truth, prediction) == merges_by_pairs(truth, prediction)
        assert len(seen) > 15  # not all 0 or 1

    def test_contingency_adds_up(self) -> None:
        truth, prediction = random_pair(11)
        table = contingency(truth, prediction)
        true, found = objects_of(truth), objects_of(prediction)
        assert sorted(table.true_sizes) == sorted(map(len, true))
        assert sorted(table.sizes) == sorted(map(len, found))
        both = (truth > 0) & (prediction > 0)
        assert table.shared.sum() == both.sum()


@pytest.mark.parametrize("score", [average_precision, false_splits, false_merges])
class TestInput:
    def test_any_whole_number_dtype_and_any_axes(self, score: Callable) -> None:
        expected = score(TRUTH, PREDICTION)
        for dtype in ("u1", ">u2", "i8", "u8"):
            assert score(TRUTH.astype(dtype), PREDICTION.astype("i4")) == expected
        assert score(TRUTH.ravel(), PREDICTION.ravel()) == expected
        assert score(TRUTH[None], PREDICTION[None]) == expected
        assert score(TRUTH.tolist(), PREDICTION.tolist()) == expected

    def test_a_mask_is_one_object(self, score: Callable) -> None:
        assert score(TRUTH > 0, TRUTH > 0) == (score is average_precision)

    def test_float_labels_are_refused(self, score: Callable) -> None:
        with pytest.raises(ValueError, match=r"truth must be a label image.*float64"):
            score(TRUTH.astype(float), TRUTH)
        with pytest.raises(ValueError, match=r"prediction must be.*float32"):
            score(TRUTH, TRUTH.astype(np.float32))

    def test_negative_labels_are_refused(self, score: Callable) -> None:
        with pytest.raises(ValueError, match="from 0 upward, got -4; set such pixels"):
            score(TRUTH, -TRUTH)

    def test_other_shapes_are_refused(self, score: Callable) -> None:
        with pytest.raises(ValueError, match=r"one shape, got \(4, 4\) and \(3, 4\)"):
            score(TRUTH, PREDICTION[:3])


@pytest.mark.parametrize("iou", [-0.1, 1, 1.5, float("nan")])
def test_a_threshold_out_of_range(iou: float) -> None:
    with pytest.raises(ValueError, match="iou must be from 0 to below 1"):
        average_precision(TRUTH, TRUTH, iou)
