"""How many objects have room on the sphere: known arrangements, and their bounds."""

from __future__ import annotations

from itertools import product
from math import pi, sqrt

import numpy as np
import pytest

from napari_shiftseg.embeddings.capacity import (
    fejes_toth_margin,
    least_margin,
    tammes_asymptote,
    unmet_margin,
)


def largest_similarity(points) -> float:
    """The similarity of the two nearest, of points of any length."""
    points = np.asarray(points, float)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    cosines = unit @ unit.T
    return float((1 + cosines[~np.eye(len(unit), dtype=bool)].max()) / 2)


def turned(points):
    """All cyclic turns of the coordinates of points."""
    return [np.roll(p, n) for p in points for n in range(3)]


GOLDEN = (1 + sqrt(5)) / 2
TRIANGLE = [(1, 0, 0), (-1 / 2, sqrt(3) / 2, 0), (-1 / 2, -sqrt(3) / 2, 0)]
TETRAHEDRON = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
OCTAHEDRON = [*np.eye(3), *-np.eye(3)]
ICOSAHEDRON = turned([(0, a, b * GOLDEN) for a in (1, -1) for b in (1, -1)])


@pytest.mark.parametrize("points", [TRIANGLE, TETRAHEDRON, OCTAHEDRON, ICOSAHEDRON])
def test_fejes_toth_is_met_exactly(points):
    assert len(points) in (3, 4, 6, 12)
    best = largest_similarity(points)
    assert fejes_toth_margin(len(points)) == pytest.approx(best, abs=1e-12)
    assert least_margin(len(points), 3) == pytest.approx(best, abs=1e-12)
    assert unmet_margin(len(points), 3, best) is None
    assert unmet_margin(len(points), 3, best - 1e-6) is not None


def cyclic(number):
    """Points evenly on a circle."""
    angles = 2 * pi * np.arange(number) / number
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def simplex(number):
    """As many points in number - 1 dimensions, all alike far apart."""
    centred = np.eye(number) - 1 / number
    basis = np.linalg.svd(centred)[2][: number - 1]
    return centred @ basis.T


DEMICUBE = [p for p in product((1, -1), repeat=5) if np.prod(p) > 0]


@pytest.mark.parametrize(
    "points",
    [
        *[cyclic(n) for n in (3, 4, 5, 7, 12)],
        *[simplex(n) for n in (3, 4, 5, 9)],
        *[np.concatenate([np.eye(d), -np.eye(d)]) for d in (2, 4, 16)],
        DEMICUBE,  # 16 in 5 dimensions, cosine 1/5
    ],
)
def test_arrangements_that_are_the_best_there_are(points):
    points = np.asarray(points, float)
    bound = least_margin(*points.shape)
    assert bound == pytest.approx(largest_similarity(points), abs=1e-9)


def test_the_24_cell_and_the_roots_of_e8_have_room():
    # kissing spheres in 4 and 8 dimensions: 60° apart, similarity 3/4
    assert 0.6 < least_margin(24, 4) <= 0.75
    assert 0.6 < least_margin(240, 8) <= 0.75


def spread_out(number, channels, seed=0):
    """Points that pushed one another apart for a while: good, seldom the best."""
    points = np.random.default_rng(seed).normal(size=(number, channels))
    for power in (4, 16, 64, 256):
        for _ in range(200):
            points /= np.linalg.norm(points, axis=1, keepdims=True)
            cosines = points @ points.T
            np.fill_diagonal(cosines, -1)
            force = np.exp(power * (cosines - cosines.max()))
            points -= 2 / power * force @ points / force.sum(1).max()
    return points


@pytest.mark.parametrize(
    ("number", "channels"), [(5, 3), (8, 3), (30, 3), (20, 6), (12, 4)]
)
def test_nothing_is_spread_farther_than_the_bound(number, channels):
    found = largest_similarity(spread_out(number, channels))
    assert least_margin(number, channels) <= found + 1e-9
    assert found - least_margin(number, channels) < 0.1  # and the bound says something


def test_more_objects_need_no_less_and_more_channels_no_more():
    table = np.array([[least_margin(n, d) for d in range(1, 12)] for n in range(1, 60)])
    assert (np.diff(table, axis=0) >= -1e-12).all()
    assert (np.diff(table, axis=1) <= 1e-12).all()
    assert (table[:2] == 0).all()
    assert table.max() == 1


@pytest.mark.parametrize("channels", [2, 3, 8, 64])
def test_at_right_angles_there_is_room_for_two_a_channel(channels):
    assert unmet_margin(2 * channels, channels, 0.5) is None
    assert unmet_margin(2 * channels + 1, channels, 0.5) is not None
    assert unmet_margin(channels + 1, channels, 0.499) is None
    assert unmet_margin(channels + 2, channels, 0.499) is not None


def test_the_asymptote_is_where_the_bound_ends():
    for number in (1_000, 100_000):
        gap = fejes_toth_margin(number) - tammes_asymptote(number)
        assert 0 <= gap * number < 10 / number**0.5
        assert (1 - tammes_asymptote(number)) * number == pytest.approx(
            3.6276, abs=1e-4
        )
    # of few objects it is below what they need, and of no use
    assert tammes_asymptote(3) < 0 < fejes_toth_margin(3)


def test_what_is_said_where_there_is_no_room():
    said = unmet_margin(13, 3, 0.7)
    assert said is not None
    assert "13 objects in one window" in said
    assert "3 channels" in said
    assert "margin of 0.7" in said
    assert f"{least_margin(13, 3):.3f} alike" in said
    assert "Take more channels" in said
    assert unmet_margin(0, 3, 0.0) is None
    assert unmet_margin(2, 1, 0.0) is None
    assert unmet_margin(3, 1, 0.99) is not None


def test_what_is_refused():
    with pytest.raises(ValueError, match="3 objects or more, got 2"):
        fejes_toth_margin(2)
    with pytest.raises(ValueError, match="1 object and 1 channel or more, got 0 and 3"):
        least_margin(0, 3)
    with pytest.raises(ValueError, match="got 4 and 0"):
        least_margin(4, 0)
    with pytest.raises(ValueError, match="from 0 to below 1, got 1"):
        unmet_margin(3, 3, 1)
