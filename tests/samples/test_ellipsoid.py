"""Ellipsoids against their formula, and against counted pixels."""

from __future__ import annotations

from math import gamma, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.samples.packing import Ellipsoid, random_ellipsoid

bodies = st.builds(
    lambda seed, axes, diameter: random_ellipsoid(
        np.random.default_rng(seed), axes, diameter
    ),
    st.integers(0, 999),
    st.integers(2, 3),
    st.floats(1, 60),
)


def test_depth_without_waves_by_hand():
    # cos(π/2) = 0: no wave rises
    body = Ellipsoid(np.diag([1 / 3, 1 / 2]), np.zeros((3, 2)), np.full(3, pi / 2))

    depth = body.depth([np.array([-3.0, 0, 3]), np.array([0.0, 2, 4])])

    two = 2**0.5
    five = 5**0.5
    np.testing.assert_allclose(depth, [[1, two, five], [0, 1, 2], [1, two, five]])
    assert body.reach(np.array([1.0, 0])) == pytest.approx(3)
    assert body.reach(np.array([0, -1.0])) == pytest.approx(2)
    np.testing.assert_allclose(body.extent, [3 * 1.15, 2 * 1.15])
    assert body.core == pytest.approx(2 * 0.85)


def test_waves_raise_the_surface_by_their_height():
    level = Ellipsoid(np.eye(2), np.zeros((3, 2)), np.full(3, pi / 2))
    raised = Ellipsoid(np.eye(2), np.zeros((3, 2)), np.array([0, pi / 2, pi / 2]))
    waved = Ellipsoid(np.eye(2), np.array([[pi, 0]] * 3), np.zeros(3))

    assert raised.reach(np.array([0, 1.0])) / level.reach(
        np.array([0, 1.0])
    ) == pytest.approx(1.05)
    assert waved.reach(np.array([0, 1.0])) == pytest.approx(1.15)  # cos 0, three times
    assert waved.reach(np.array([1.0, 0])) == pytest.approx(0.85)  # cos π


@given(bodies, st.integers(0, 999))
@settings(deadline=None, max_examples=60)
def test_the_surface_lies_at_depth_1_between_core_and_box(body, seed):
    direction = np.random.default_rng(seed).normal(size=len(body.stretch))
    direction /= np.linalg.norm(direction)

    reach = body.reach(direction)
    point = reach * direction

    assert body.depth([np.array([x]) for x in point]).item() == pytest.approx(1)
    assert body.core <= reach
    assert (np.abs(point) <= body.extent * (1 + 1e-9)).all()


@pytest.mark.parametrize(("axes", "grid"), [(2, 400), (3, 90)])
def test_the_volume_is_that_of_the_ball(axes, grid):
    ratios = []
    for seed in range(8):
        body = random_ellipsoid(np.random.default_rng(seed), axes, diameter=10)
        sides = [np.linspace(-e, e, grid) for e in body.extent]
        inside = (body.depth(sides) <= 1).mean() * np.prod(2 * body.extent)
        ratios.append(inside / (pi ** (axes / 2) / gamma(axes / 2 + 1) * 5**axes))

    assert np.mean(ratios) == pytest.approx(1, abs=0.05)
    assert max(ratios) < 1.15**axes  # all waves at their highest everywhere
    assert min(ratios) > 0.85**axes
    assert np.std(ratios) > 0.01


def test_no_two_are_alike():
    rng = np.random.default_rng(0)
    one, other = random_ellipsoid(rng, 3, 10), random_ellipsoid(rng, 3, 10)
    same = random_ellipsoid(np.random.default_rng(0), 3, 10)

    np.testing.assert_array_equal(one.stretch, same.stretch)
    assert (one.stretch != other.stretch).all()
    assert (one.waves != other.waves).all()
