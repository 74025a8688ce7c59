"""The figures of benchmarks/confidence.py, on a few objects."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def script(read_script):
    return read_script("confidence")


def test_figures_by_hand(script):
    wrong = [
        np.array([True, False, False, False]),
        np.array([True, False, True, False]),
    ]
    doubt = [np.array([4.0, 1, 2, 3]), np.array([0.0, 5, 6, 7])]
    auroc, first, of_all, by_image = script.figures(wrong, doubt)
    # pairs of a wrong and a right one: 4 and 6 of 5, 0 of 5 stand in order
    assert auroc == pytest.approx((3 + 4 + 0) / 15)
    assert first == 0  # of the one that is looked at first
    assert of_all == pytest.approx(1 / 3)  # 7 and 6
    assert by_image == pytest.approx(1 / 3)  # 4; 7


def test_a_reliable_confidence(script):
    confidence = np.linspace(0, 1, 2000)
    wrong = np.random.default_rng(0).random(2000) > confidence
    curve = script.reliability(wrong, confidence)
    assert [objects for *_, objects in curve] == [200] * 10
    for sure, right, _ in curve:
        assert right == pytest.approx(sure, abs=0.08)
    swapped = script.reliability(~wrong, confidence)
    assert swapped[0][1] > 0.8 > 0.2 > swapped[-1][1]
