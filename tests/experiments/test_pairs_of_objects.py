"""Looks and modes of pairs of objects, by brute force and by planted looks."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from skimage.feature import match_template

from napari_shiftseg.experiments import pairs_of_objects
from napari_shiftseg.experiments.pairs_of_objects import (
    Pairs,
    bootstrap,
    mean_similarities,
    objects_of,
    p_value,
    pairs_of,
    similarities,
)
from napari_shiftseg.samples import Sample

SHIFT = 2


class TestSimilarities:
    def test_the_best_shift_of_scikit_image_s_template_matching(self, rng) -> None:
        crops = rng.normal(size=(4, 9 + 2 * SHIFT, 9 + 2 * SHIFT))
        found = similarities(crops, SHIFT)
        middle = crops[:, SHIFT:-SHIFT, SHIFT:-SHIFT]
        for i, j in combinations(range(4), 2):
            expected = max(
                match_template(crops[i], middle[j]).max(),
                match_template(crops[j], middle[i]).max(),
            )
            assert found[i, j] == found[j, i] == pytest.approx(expected)
        np.testing.assert_allclose(np.diag(found), 1)

    def test_a_shifted_copy_is_found_up_to_the_shift(self, rng) -> None:
        wide = rng.normal(size=(30, 30))
        crops = np.stack([wide[at : at + 13, at : at + 13] for at in (5, 7, 12)])
        found = similarities(crops, SHIFT)
        assert found[0, 1] == pytest.approx(1)  # 2 pixels
        assert found[0, 2] < 0.9  # 7 pixels

    def test_brightness_and_contrast_do_not_count(self, rng) -> None:
        crop = rng.normal(size=(13, 13))
        found = similarities(np.stack([crop, 3 * crop + 50, -crop]), 0)
        assert found[0, 1] == pytest.approx(1)
        assert found[0, 2] == pytest.approx(-1)

    def test_an_even_crop_is_like_none(self, rng) -> None:
        crops = np.stack([np.full((13, 13), 5.0), rng.normal(size=(13, 13))])
        assert similarities(crops, SHIFT)[0, 1] == 0


class TestObjects:
    """ObjectCrops of 2 by 2 pixels; the crop of 3 with a margin of 1 reaches 2 pixels.

    ::

        . . . . . . . . . .     1: modes 4, 4, 4, 5    2: no mode
        . . 1 1 . . 2 2 . 3     3: too near the border
        . . 1 1 . . 2 2 . 3
        . . . . . . . . . .
        . . . . . . . . . .
    """

    labels = np.zeros((5, 10), int)
    labels[1:3, 2:4], labels[1:3, 6:8], labels[1:3, 9] = 1, 2, 3
    modes = np.where(labels == 1, 4, np.where(labels == 3, 6, 0))
    modes[1, 2] = 5

    def test_crops_lie_within_the_image_and_modes_are_the_most_frequent(self) -> None:
        image = np.arange(50.0).reshape(5, 10)
        found = objects_of(Sample(image, self.labels), self.modes, 3, 1)
        assert found.centres.tolist() == [[2, 2]]
        assert found.modes.tolist() == [4]
        np.testing.assert_array_equal(found.crops, image[None, :5, :5])

    def test_no_object_is_no_pair(self) -> None:
        sample = Sample(np.zeros((5, 10)), np.zeros((5, 10), int))
        found = objects_of(sample, self.modes, 3, 1)
        assert pairs_of(found, 1, 5).far.shape == (0, 0)

    def test_far_is_by_centres_and_each_pair_is_there_once(self) -> None:
        labels = np.zeros((7, 30), int)
        for number, column in enumerate((3, 9, 20), start=1):
            labels[3, column] = number
        found = objects_of(Sample(np.zeros((7, 30)), labels), labels, 3, 1)
        far = pairs_of(found, 1, 11).far
        assert np.argwhere(far).tolist() == [[0, 2], [1, 2]]


@pytest.fixture
def planted() -> list[Pairs]:
    """Two images of 24 objects, whose modes are their looks: 0.9 alike, else 0.5."""
    rng = np.random.default_rng(1)
    made = []
    for _ in range(2):
        looks = rng.integers(3, size=24)
        alike = looks[:, None] == looks[None]
        similarity = np.where(alike, 0.9, 0.5) + rng.normal(0, 0.05, alike.shape)
        far = np.triu(rng.random(alike.shape) < 0.8, k=1)
        made.append(Pairs(similarity, far, looks))
    return made


def ones(pairs: list[Pairs]) -> list[np.ndarray]:
    return [np.ones(len(each.modes)) for each in pairs]


class TestMeans:
    def test_over_every_pair(self, planted: list[Pairs]) -> None:
        merged, everything = [], []
        for each in planted:
            for i, j in combinations(range(24), 2):
                if each.far[i, j]:
                    everything.append(each.similarity[i, j])
                    if each.modes[i] == each.modes[j]:
                        merged.append(each.similarity[i, j])
        found = mean_similarities(planted, ones(planted))
        assert found == pytest.approx((np.mean(merged), np.mean(everything)))

    def test_weights_are_copies_of_objects(self, planted: list[Pairs]) -> None:
        (one, _) = planted
        weights = np.zeros(24)
        i, j = np.argwhere(one.merged)[0]
        weights[[i, j]] = 3, 2
        found = mean_similarities([one], [weights])
        assert found == pytest.approx((one.similarity[i, j],) * 2)

    def test_no_pair_has_no_mean(self, planted: list[Pairs]) -> None:
        parted = [replace(each, modes=np.arange(24)) for each in planted]
        merged, mean = mean_similarities(parted, ones(parted))
        assert np.isnan(merged)
        assert 0.5 < mean < 0.9


class TestChance:
    def test_modes_that_are_looks_are_no_chance(
        self, planted: list[Pairs], rng
    ) -> None:
        assert p_value(planted, rng) < 0.001
        draws = bootstrap(planted, rng)
        low, high = np.percentile(draws[:, 0] - draws[:, 1], (2.5, 97.5))
        merged, mean = mean_similarities(planted, ones(planted))
        assert 0.1 < low < merged - mean < high < 0.35

    def test_modes_without_looks_give_any_p_value(
        self, planted: list[Pairs], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pairs_of_objects, "DRAWS", 100)
        rng = np.random.default_rng(2)
        values = [
            p_value([replace(p, modes=rng.permutation(p.modes)) for p in planted], rng)
            for _ in range(40)
        ]
        assert np.mean(values) == pytest.approx(0.5, abs=0.15)  # uniform from 0 to 1

    def test_modes_that_part_alike_objects_differ_too(self, rng) -> None:
        looks = np.arange(24) % 2
        alike = looks[:, None] == looks[None]
        similarity = np.where(alike, 0.9, 0.5)
        far = np.triu(np.ones((24, 24), bool), k=1)
        partners = np.arange(24) // 2  # modes of two objects of different looks
        assert p_value([Pairs(similarity, far, partners)], rng) < 0.01
