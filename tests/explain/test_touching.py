"""Components of a foreground, joined by a threshold that can be read off."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit

from napari_shiftseg.explain.thresholds import touching_threshold

#  two paths from the left to the right: the upper one sinks to 0.3, the lower to 0.2
CHANCE = np.array(
    [
        [0.9, 0.3, 0.4, 0.9],
        [0.9, 0.01, 0.01, 0.9],
        [0.9, 0.2, 0.9, 0.9],
    ]
)


@pytest.mark.parametrize("present", [0.3, 0.5, 0.85, 0.995])
def test_the_best_path_decides(present):
    found = touching_threshold(logit(CHANCE), [(0, 0)], [(2, 3)], present)
    assert found == 0.29  # at 0.3 a pixel of 0.3 is not above it


def test_of_present_thresholds_below_it(rng):
    assert touching_threshold(logit(CHANCE), [(0, 0)], [(2, 3)], 0.25) == 0.24


def test_every_threshold_tried_one_by_one(rng):
    from skimage.measure import label

    chance = rng.uniform(0.02, 0.98, (12, 12))
    chance[0, 0] = chance[-1, -1] = 0.99
    joined = [
        t
        for t in np.arange(1, 98) / 100
        if (found := label(chance > t, connectivity=1))[0, 0] == found[-1, -1]
    ]
    found = touching_threshold(logit(chance), [(0, 0)], [(11, 11)], 0.98)
    assert found == max(joined)
    assert 0.01 < found < 0.97


def test_none_joins_them():
    chance = np.array([0.9, 0.005, 0.9])
    assert touching_threshold(logit(chance), [(0,)], [(2,)], 0.5) is None
    assert touching_threshold(logit(chance), [(0,)], [(2,)], 0.01) is None


def test_of_objects_in_several_components_the_first_that_meet():
    chance = logit(np.array([0.9, 0.005, 0.9, 0.3, 0.9, 0.2, 0.9]))
    assert touching_threshold(chance, [(0,), (2,)], [(4,)], 0.5) == 0.29
    assert touching_threshold(chance, [(0,), (6,)], [(4,)], 0.5) == 0.19
    assert touching_threshold(chance, [(4,)], [(6,), (0,), (2,)], 0.5) == 0.29
    assert touching_threshold(chance, [(0,)], [(4,)], 0.5) is None
