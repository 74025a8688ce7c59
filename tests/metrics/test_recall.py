"""Average recall of ranked masks: hand-sized images, and a plain reading of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_shiftseg.metrics.recall import IOUS, average_recall, overlaps


def mask(pixels: Any, shape: tuple[int, ...]) -> SimpleNamespace:
    """A mask of these (row, column) pixels, by its box."""
    image = np.zeros(shape, dtype=bool)
    image[tuple(np.transpose(pixels))] = True
    box = tuple(slice(min(along), max(along) + 1) for along in np.transpose(pixels))
    return SimpleNamespace(box=box, mask=image[box])


TRUTH = np.array([
    [1, 1, 1, 0, 5, 5],
    [1, 1, 1, 0, 5, 5],
])  # fmt: skip
EXACT = mask([(0, 4), (0, 5), (1, 4), (1, 5)], TRUTH.shape)  # object 5, all of it
PART = mask([(0, 0), (0, 1), (1, 0), (1, 1)], TRUTH.shape)  # 4 of the 6 of object 1
WRONG = mask([(0, 3), (1, 3)], TRUTH.shape)


class TestOverlaps:
    def test_by_hand(self) -> None:
        expected = [[0, 1], [4 / 6, 0], [0, 0]]
        assert np.allclose(overlaps(TRUTH, [EXACT, PART, WRONG]), expected)

    def test_nothing_there_and_nothing_found(self) -> None:
        assert overlaps(TRUTH, []).shape == (0, 2)
        assert overlaps(np.zeros_like(TRUTH), [EXACT]).shape == (1, 0)

    def test_a_mask_of_another_image_is_refused(self) -> None:
        with pytest.raises(ValueError, match="give the truth of the same image"):
            overlaps(TRUTH[:, :5], [EXACT])


class TestAverageRecall:
    def test_by_hand(self) -> None:
        # 5 is found at all ten thresholds, 1 (by 2/3) at 0.5, 0.55, 0.6 and 0.65
        ranked = [WRONG, EXACT, PART]
        assert average_recall([TRUTH], [ranked], 1) == 0
        assert average_recall([TRUTH], [ranked], 2) == pytest.approx(10 / 20)
        assert average_recall([TRUTH], [ranked], 3) == pytest.approx(14 / 20)
        assert average_recall([TRUTH], [ranked], 60) == pytest.approx(14 / 20)

    def test_objects_of_all_images_count_alike(self) -> None:
        other = np.array([[1]])
        found = mask([(0, 0)], (1, 1))
        value = average_recall([TRUTH, other], [[EXACT], [found]], 10)
        assert value == pytest.approx((1 + 0 + 1) / 3)  # not the mean of 1/2 and 1

    def test_it_is_a_plain_reading_of_the_formula(self) -> None:
        rng = np.random.default_rng(0)
        truth = np.repeat(np.repeat(rng.integers(0, 5, (4, 5)), 3, 0), 3, 1)
        whole = [np.zeros(truth.shape, bool) for _ in range(8)]
        for image in whole:
            y, x = rng.integers(0, 8, 2)
            image[y : y + 4, x : x + 5] = True
        ranked = [mask(np.argwhere(image), truth.shape) for image in whole]
        for number in (1, 3, 8):
            found = [
                any((m & (truth == i)).sum() / (m | (truth == i)).sum() > t
                    for m in whole[:number])
                for i in np.unique(truth) if i > 0
                for t in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
            ]  # fmt: skip
            value = average_recall([truth], [ranked], number)
            assert value == pytest.approx(np.mean(found))

    def test_no_object_is_1_and_no_proposal_0(self) -> None:
        assert average_recall([np.zeros((2, 2), int)], [[]], 10) == 1
        assert average_recall([], [], 10) == 1
        assert average_recall([TRUTH], [[]], 10) == 0

    def test_the_thresholds(self) -> None:
        assert len(IOUS) == 10
        assert (IOUS[0], IOUS[1], IOUS[-1]) == (0.5, 0.55, 0.95)

    @pytest.mark.parametrize(
        ("truths", "number", "said"),
        [([TRUTH], 0, "of 1 proposal or more, got 0"), ([], 1, "0 truths and 1 lists")],
    )
    def test_what_is_refused(self, truths, number: int, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            average_recall(truths, [[EXACT]], number)
