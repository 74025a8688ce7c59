"""The interval of one figure against the distribution of all draws."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from napari_shiftseg.metrics.bootstrap import ap50_intervals, bootstrap_interval
from napari_shiftseg.metrics.objects import ObjectScores, pooled


def ratio(sums):
    with np.errstate(invalid="ignore"):
        return sums[..., 0] / sums[..., 1]


def scores(*counts: tuple[int, int, int]) -> list[ObjectScores]:
    """Images of so many true, predicted and found objects."""
    return [ObjectScores(*of, 0, 0) for of in counts]


IMAGES = scores((10, 9, 8), (40, 60, 30), (5, 1, 0), (100, 90, 85), (20, 20, 11))


def mean(drawn: list[ObjectScores]) -> float:
    return sum(one.ap50 for one in drawn) / len(drawn)


def over_all(drawn: list[ObjectScores]) -> float:
    return pooled(drawn).ap50


@pytest.mark.parametrize(("name", "plain"), [
    ("ap50_mean", mean), ("ap50_pooled", over_all),
])  # fmt: skip
def test_the_interval_is_that_of_all_draws(name, plain) -> None:
    """Of 5 images there are 3,125: 2.5 % of them lie beyond each end."""
    every = np.array([plain(list(drawn)) for drawn in product(IMAGES, repeat=5)])
    known = ap50_intervals(IMAGES)[name]
    assert known.value == pytest.approx(plain(IMAGES))
    below, above = (every < known.low).mean(), (every > known.high).mean()
    np.testing.assert_allclose([below, above], 0.025, atol=0.008)
    assert known.low < known.value < known.high


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_another_share(share: float) -> None:
    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0])
    every = values[np.array(list(product(range(5), repeat=5)))].sum(axis=1)
    known = bootstrap_interval(values[:, None], lambda sums: sums[..., 0], share)
    inside = ((every >= known.low) & (every <= known.high)).mean()
    assert inside == pytest.approx(share, abs=0.02)


def test_images_that_are_equal_leave_no_doubt() -> None:
    for known in ap50_intervals(scores((9, 8, 7)) * 30).values():
        assert known.high - known.low == 0
        assert known.low == pytest.approx(known.value) == 0.7


def test_two_images_by_hand() -> None:
    """One is drawn twice, both once, the other twice: 1/4, 1/2 and 1/4 of the draws."""
    units = np.array([[0, 1], [1, 1]])
    wide, narrow = (bootstrap_interval(units, ratio, share) for share in (0.95, 0.4))
    assert (wide.value, wide.low, wide.high) == (0.5, 0, 1)
    assert (narrow.low, narrow.high) == (0.5, 0.5)


def test_pooled_is_of_all_objects_and_mean_of_images() -> None:
    known = ap50_intervals(scores((1, 1, 0), (98, 98, 98)))
    assert known["ap50_mean"].value == 0.5
    assert known["ap50_pooled"].value == pytest.approx(98 / 100)


def test_an_image_of_nothing_where_nothing_was_found_is_right() -> None:
    known = ap50_intervals(scores((0, 0, 0), (0, 0, 0)))
    assert {(of.low, of.value, of.high) for of in known.values()} == {(1, 1, 1)}


def test_the_same_images_give_the_same_interval() -> None:
    assert ap50_intervals(IMAGES) == ap50_intervals(IMAGES[::-1])
    units = np.random.default_rng(3).normal(size=(40, 1))
    total = [
        bootstrap_interval(units, lambda sums: sums[..., 0], seed=seed)
        for seed in (0, 0, 1)
    ]
    assert total[0] == total[1] != total[2]


def test_most_intervals_hold_what_they_are_of(rng) -> None:
    """Means of 60 numbers whose true mean is 0: about 94 of 100 intervals hold it."""
    held = 0
    for units in rng.normal(size=(200, 60, 1)):
        known = bootstrap_interval(units, lambda sums: sums[..., 0], resamples=400)
        held += known.low <= 0 <= known.high
    assert 176 <= held <= 198


def test_draws_in_which_it_is_not_defined_do_not_count() -> None:
    known = bootstrap_interval([[1, 1], [0, 0]], ratio)
    assert (known.low, known.high) == (1, 1)
    with pytest.raises(ValueError, match="none of 10,000 draws of 2 units"):
        bootstrap_interval([[0, 0], [0, 0]], ratio)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one unit or more, got the shape \(0, 2\)"):
        bootstrap_interval(np.zeros((0, 2)), ratio)
    with pytest.raises(ValueError, match="one image or more"):
        ap50_intervals([])
    for share in (0, 1, -0.5, float("nan")):
        with pytest.raises(ValueError, match="share must be above 0 and below 1"):
            bootstrap_interval([[1, 1]], ratio, share)
    with pytest.raises(ValueError, match="resamples must be 1 or more, got 0"):
        bootstrap_interval([[1, 1]], ratio, resamples=0)
