"""True boundaries, thinned evidence, and scores against all distances of pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from napari_shiftseg.metrics.boundaries import (
    boundary_scores,
    thinned,
    true_boundaries,
)


def discs(seed: int, side: int = 48) -> np.ndarray:
    """Labels of a few disks, some of which touch."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((side, side))
    labels = np.zeros((side, side), dtype=int)
    for number in range(1, 6):
        cy, cx = rng.uniform(6, side - 6, 2)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(4, 9) ** 2] = number
    return labels


def noise(seed: int, side: int = 48) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.abs(gaussian_filter(rng.normal(size=(side, side)), 1.5))


def by_hand(
    truth: np.ndarray, evidence: np.ndarray, threshold: float, tolerance: float
) -> tuple[int, int, int, int]:
    """Found, right, reached and true, by all distances between pixels."""
    true = np.argwhere(true_boundaries(truth))
    ridges = thinned(evidence)
    found = np.argwhere((ridges > 0) & (ridges >= threshold))
    if not len(found) or not len(true):
        return len(found), 0, 0, len(true)
    near = cdist(found, true) <= tolerance
    return len(found), int(near.any(1).sum()), int(near.any(0).sum()), len(true)


@pytest.mark.parametrize("tolerance", [0, 1, 1.5, 2, 3.2])
def test_counts_are_those_of_all_distances(tolerance: float) -> None:
    truths, evidence = [discs(0), discs(1)], [noise(2), noise(3)]

    scores = boundary_scores(truths, evidence, tolerance)

    for at in (0, 50, 120, len(scores.thresholds) - 1):
        for image, (truth, found) in enumerate(zip(truths, evidence, strict=True)):
            expected = by_hand(truth, found, scores.thresholds[at], tolerance)
            assert expected == (
                scores.found[image, at],
                scores.right[image, at],
                scores.reached[image, at],
                scores.true[image],
            )


def test_f_by_hand() -> None:
    scores = boundary_scores([discs(0), discs(1)], [noise(2), noise(3)])
    best = 0.0
    for at in range(len(scores.thresholds)):
        right, found = scores.right[:, at].sum(), scores.found[:, at].sum()
        recall = scores.reached[:, at].sum() / scores.true.sum()
        precision = right / found
        if precision + recall:
            best = max(best, 2 * precision * recall / (precision + recall))

    assert scores.ods == pytest.approx(best, abs=1e-12)
    assert scores.figures()["f"] == scores.ods
    json.dumps(scores.figures())


def test_each_image_at_its_own_threshold_is_no_worse() -> None:
    good = [gaussian_filter(true_boundaries(discs(n)).astype(float), 1) for n in (0, 1)]
    scores = boundary_scores([discs(0), discs(1)], [good[0], 20 * good[1] + 1])

    assert scores.ois > 0.99
    assert scores.ois >= scores.ods


def test_the_true_lines_are_found_and_lines_elsewhere_are_not() -> None:
    truth = discs(0)
    lines = gaussian_filter(true_boundaries(truth).astype(float), 1)

    assert boundary_scores([truth], [lines]).ods > 0.99
    elsewhere = np.roll(lines, 5, axis=1)
    assert boundary_scores([truth], [elsewhere]).ods < 0.5
    assert boundary_scores([truth], [elsewhere], tolerance=9).ods > 0.95


def test_one_line_between_two_objects_that_touch() -> None:
    labels = np.zeros((9, 12), dtype=int)
    labels[:, :6], labels[:, 6:] = 1, 2

    lines = true_boundaries(labels)

    assert lines[1:-1].sum(1).tolist() == [1] * 7  # it ends a pixel before the frame
    assert set(np.argwhere(lines)[:, 1]) <= {5, 6}
    assert not true_boundaries(np.ones((9, 12), dtype=int)).any()


@pytest.mark.parametrize("turns", range(4))
def test_of_a_plateau_two_pixels_wide_one_stays(turns: int) -> None:
    image = np.zeros((15, 15))
    image[:, 6:8] = 1

    ridges = thinned(np.rot90(image, turns))

    inside = np.rot90(ridges, -turns)[2:-2]
    assert (inside > 0).sum(1).tolist() == [1] * 11
    assert inside.max() == 1


def test_of_an_oblique_ridge_a_line_stays() -> None:
    y, x = np.indices((40, 40))
    ridges = thinned(np.exp(-(((y - 0.4 * x - 12) / 1.5) ** 2)))

    at_the_ridge = np.abs(y - 0.4 * x - 12) < 0.8
    found = (ridges > 0.5)[:, 3:-3]
    assert found.any(0).all()
    assert not (found & ~at_the_ridge[:, 3:-3]).any()
    assert found.sum() < 1.3 * found.shape[1]


def test_where_all_is_alike_there_is_no_ridge() -> None:
    assert not thinned(np.full((8, 9), 3.0)).any()


def test_nothing_found_and_nothing_to_find() -> None:
    none, flat = np.zeros((8, 9), dtype=int), np.zeros((8, 9))
    scores = boundary_scores([none], [flat])
    assert (scores.ods, scores.ois) == (1, 1)

    missed = boundary_scores([discs(0)], [np.zeros((48, 48))])
    assert (missed.ods, missed.ois) == (0, 0)
    assert missed.precision.tolist() == [1]


@pytest.mark.parametrize(
    ("truths", "evidence", "tolerance", "said"),
    [
        ([], [], 2, "one image or more"),
        ([discs(0)], [], 2, "1 truths and 0 of evidence"),
        ([discs(0)], [noise(0)], -1, "0 pixels or more, got -1"),
        ([discs(0)], [noise(0)], np.nan, "0 pixels or more, got nan"),
        ([discs(0)], [noise(0)[1:]], 2, "must have one shape"),
        ([discs(0)[None]], [noise(0)[None]], 2, "score a stack plane by plane"),
        ([discs(0) / 2], [noise(0)], 2, "must be a label image of whole numbers"),
        ([discs(0) - 1], [noise(0)], 2, "whole numbers from 0 upward, got -1"),
        ([discs(0)], [-noise(0)], 2, "finite and 0 or above"),
        ([discs(0)], [np.full((48, 48), np.nan)], 2, "finite and 0 or above"),
    ],
)
def test_what_cannot_be_scored_is_refused(truths, evidence, tolerance, said) -> None:
    with pytest.raises(ValueError, match=said):
        boundary_scores(truths, evidence, tolerance)
