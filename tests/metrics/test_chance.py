"""The paired bootstrap against the exact distribution, and what it must not claim."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from napari_shiftseg.metrics.chance import FEWEST, Difference, paired_difference


def total(sums):
    return sums[..., 0].astype(float)


def counts(*values: int):
    return np.array(values)[:, None]


def test_the_interval_is_that_of_all_resamplings() -> None:
    """Of 6 units there are 46,656: 0.5 % of them lie beyond each end."""
    one, other = counts(300, 0, 710, 120, 50, 4), counts(0, 90, 220, 120, 14, 3)
    gap = (one - other)[:, 0]
    every = gap[np.array(list(product(range(6), repeat=6)))].sum(axis=1)
    known = paired_difference(one, other, total)
    assert known.value == gap.sum() == 737
    share = [(every < known.low).mean(), (every > known.high).mean()]
    np.testing.assert_allclose(share, 0.005, atol=0.003)
    assert (known.units, known.differing) == (6, 5)


def test_a_ratio_is_of_the_sums_and_not_a_mean_of_ratios() -> None:
    def share(sums):
        return sums[..., 0] / sums[..., 1]

    one, other = np.array([[1, 1], [0, 9]]), np.array([[1, 1], [1, 9]])
    assert paired_difference(one, other, share).value == pytest.approx(-0.1)


def test_units_are_paired() -> None:
    """All of one unit differ by 1: no doubt; unpaired, the spread would hide it."""
    other = np.arange(0, 1000, 10)[:, None]
    known = paired_difference(other + 1, other, total)
    assert (known.low, known.high) == (100, 100)
    assert known.is_beyond_chance
    shuffled = np.random.default_rng(1).permutation(other)
    assert not paired_difference(other + 1, shuffled, total).is_beyond_chance


@pytest.mark.parametrize("units", [6, 20, 200, 100_000])
def test_fewer_than_six_units_that_differ_tell_nothing(units: int) -> None:
    nothing = np.zeros((units, 1), dtype=int)
    for differing in (FEWEST - 1, FEWEST):
        some = nothing.copy()
        some[:differing] = 1
        known = paired_difference(some, nothing, total)
        assert known.is_beyond_chance == (differing == FEWEST)
        assert not paired_difference(nothing, nothing, total).is_beyond_chance


def test_one_unit_and_none() -> None:
    assert not paired_difference([[9]], [[0]], total).is_beyond_chance
    with pytest.raises(ValueError, match=r"of one unit or more, got the shapes \(0, 1"):
        paired_difference(np.zeros((0, 1)), np.zeros((0, 1)), total)
    with pytest.raises(ValueError, match="the same units"):
        paired_difference([[1]], [[1], [2]], total)


def test_chance_alone_is_seldom_taken_for_more(rng) -> None:
    """Objects that either side loses with equal odds: claims in 1 % of the images."""
    claims = 0
    for _ in range(300):
        one, other = rng.random((2, 60, 1)) < 0.3
        claims += paired_difference(one * 1, other * 1, total).is_beyond_chance
    assert claims <= 9  # 3 are expected


def test_the_same_counts_give_the_same_interval(rng) -> None:
    one, other = rng.normal(size=(2, 50, 3))
    first = paired_difference(one, other, total)
    np.random.default_rng().normal(size=9)
    assert paired_difference(one, other, total) == first
    reverse = paired_difference(one[::-1], other[::-1], total)
    assert (reverse.low, reverse.high) == pytest.approx((first.low, first.high))


def test_where_the_figure_is_not_defined_the_draw_does_not_count() -> None:
    def inverse(sums):
        with np.errstate(divide="ignore"):
            return 1 / sums[..., 0]

    known = paired_difference([[1], [0]], [[1], [1]], inverse)
    assert np.isfinite([known.low, known.high]).all()


def test_beyond_chance_by_hand() -> None:
    assert Difference(1, 0.1, 2, 50, 6).is_beyond_chance
    assert Difference(-1, -2, -0.1, 50, 6).is_beyond_chance
    assert not Difference(1, 0, 2, 50, 6).is_beyond_chance
    assert not Difference(1, 0.1, 2, 50, 5).is_beyond_chance
