"""Seams place by place: sums by a loop, and a seam that chance does not give."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.metrics.chance import (
    MOST_PLACES,
    place_size,
    seam_difference,
    steps_by_place,
)
from napari_shiftseg.metrics.seams import seam_scores

SHAPE = UNetShape((AxisShape((2, 2)),) * 2, (2, 4, 8))  # period 4


@pytest.fixture
def plan():
    return plan_tiles((40, 33), SHAPE, 6, "naive")


def test_places_are_tiles_or_many_of_them() -> None:
    assert place_size((40, 33), (6, 6)) == (6, 6)
    rows, columns = place_size((2048, 2048), (20, 16))
    assert rows / 20 == columns / 16 == 8
    assert np.ceil(2048 / rows) * np.ceil(2048 / columns) <= MOST_PLACES
    assert place_size((3, 3, 3), (8, 8, 8)) == (8, 8, 8)


@pytest.mark.parametrize("with_truth", [False, True])
def test_steps_are_added_up_by_place(plan, rng, with_truth: bool) -> None:
    e, truth = rng.normal(size=(2, 40, 33)), rng.integers(0, 2, (40, 33))
    expected = np.zeros((5, 5, 2))
    for axis in (0, 1):
        for at in np.ndindex(40, 33):
            next_one = tuple(np.add(at, np.eye(2, dtype=int)[axis]))
            if next_one[axis] == e.shape[1 + axis]:
                continue
            inside = truth[at] == truth[next_one] > 0
            if with_truth and not inside:
                continue
            step = np.linalg.norm(e[(slice(None), *next_one)] - e[(slice(None), *at)])
            is_seam = next_one[axis] in plan.boundaries[axis]
            expected[at[0] // 8, at[1] // 8, 0 if is_seam else 1] += step
    found = steps_by_place(e, plan, (8, 8), truth if with_truth else None)
    np.testing.assert_allclose(found, expected.reshape(-1, 2))


def sums(e, reference, plan):
    return np.concatenate([steps_by_place(x, plan, (6, 6)) for x in (e, reference)], 1)


def test_a_seam_is_beyond_chance_and_none_is_not(plan, rng) -> None:
    reference = rng.normal(size=(2, 40, 33))
    seamed = (
        reference
        + 3 * rng.normal(size=(2, 7, 6)).repeat(6, 1).repeat(6, 2)[:, :40, :33]
    )
    naive, cropped = (sums(e, reference, plan) for e in (seamed, reference))
    known = seam_difference(naive, cropped)
    scores = [seam_scores(e, plan).ratio for e in (seamed, reference)]
    assert known.value == pytest.approx(scores[0] / scores[1] - 1)
    assert known.is_beyond_chance
    other_noise = reference + rng.normal(size=reference.shape)
    weak = seam_difference(sums(other_noise, reference, plan), cropped)
    assert not weak.is_beyond_chance
    turned = seam_difference(cropped, naive)
    assert turned.value == pytest.approx(-known.value)


def test_not_defined_without_a_step(plan) -> None:
    flat = np.zeros((1, 40, 33))
    assert seam_difference(sums(flat, flat, plan), sums(flat, flat, plan)) is None
