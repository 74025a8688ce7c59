import numpy as np
import pytest

from napari_shiftseg.relabelling.projection import PrincipalComponents

TURN = np.array([[2, 1, 2], [-2, 2, 1], [1, 2, -2]]) / 3  # orthonormal


@pytest.fixture
def ellipsoid():
    """Corners of a box, half as long as 6, 2, 1 along three directions, and its centre.

    Variances 36, 4 and 1.
    """
    signs = np.stack(np.meshgrid(*[[-1, 1]] * 3), axis=-1).reshape(-1, 3)
    return signs * (6, 2, 1) @ TURN + (10, 20, 30)


def test_principal_components_of_a_box(ellipsoid):
    found = PrincipalComponents.of(ellipsoid, "gaussian")
    np.testing.assert_allclose(found.centre, (10, 20, 30))
    np.testing.assert_allclose(
        np.abs(found.directions @ TURN.T), np.eye(2, 3), atol=1e-9
    )
    np.testing.assert_allclose(found.shares, (36 / 41, 4 / 41))
    np.testing.assert_allclose(np.abs(found.place(ellipsoid)), [(6, 2)] * 8)
    assert found.axis_labels == (
        "first principal component (88 %)",
        "second principal component (10 %)",
    )


@pytest.mark.parametrize("channels", [1, 2])
def test_few_channels_are_taken_as_they_are(channels):
    rows = np.array([(0.0, 1), (2, 1), (0, 4), (2, 4)])[:, :channels]
    found = PrincipalComponents.of(rows, "flat")
    seen = np.zeros((4, 2))
    seen[:, :channels] = rows
    np.testing.assert_array_equal(found.place(rows), seen)
    labels = {
        1: ("first channel (100 %)", ""),
        2: (
            "first channel (31 %)",  # 1 of 3.25
            "second channel (69 %)",
        ),
    }
    assert found.axis_labels == labels[channels]


@pytest.mark.parametrize("n", [1, 5])
def test_equal_points_have_no_variance(n):
    found = PrincipalComponents.of(np.full((n, 4), 3.0), "gaussian")
    np.testing.assert_array_equal(found.place(np.full((n, 4), 3.0)), np.zeros((n, 2)))
    assert found.shares == (0, 0)
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(2))


def test_the_outline_of_a_ball_is_a_circle_of_its_radius(ellipsoid, rng):
    found = PrincipalComponents.of(ellipsoid, "gaussian")
    modes = ellipsoid[:2]
    outlines = found.outlines(modes, 1.5)
    radii = np.linalg.norm(outlines - found.place(modes)[:, None], axis=-1)
    np.testing.assert_allclose(radii, 1.5)
    np.testing.assert_allclose(outlines[:, 0], outlines[:, -1])
    ball = rng.normal(size=(20_000, 3))
    ball *= 1.5 / np.linalg.norm(ball, axis=1, keepdims=True)
    seen = np.linalg.norm(found.place(modes[0] + ball) - found.place(modes[:1]), axis=1)
    assert 1.49 < seen.max() <= 1.5 + 1e-9  # none outside, and it is touched


def cap(mode, bandwidth, rng):
    """Points of the sphere within a bandwidth of a mode, by rejection."""
    points = rng.normal(size=(400_000, len(mode)))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points[np.linalg.norm(points - mode, axis=1) <= bandwidth]


@pytest.mark.parametrize(
    "mode", [(1, 0, 0), (0, 0, 1), (0.6, 0, 0.8), (-0.48, 0.6, 0.64)]
)
def test_the_outline_of_a_cap_is_that_of_its_points(mode, rng):
    looked = PrincipalComponents(
        np.zeros(3), np.eye(2, 3), (0.5, 0.5), True, "von-mises-fisher"
    )
    points = looked.place(cap(np.array(mode), 0.8, rng))
    outline = looked.outlines(7 * np.array([mode]), 0.8)[0]  # length does not count
    angles = np.linspace(0, 2 * np.pi, 13)
    for direction in np.stack([np.cos(angles), np.sin(angles)], axis=-1):
        farthest = (points @ direction).max()
        assert (outline @ direction).max() == pytest.approx(farthest, abs=0.01)


def test_the_cap_of_a_mode_that_points_at_the_viewer_is_a_circle():
    looked = PrincipalComponents(
        np.zeros(3), np.eye(2, 3), (0.5, 0.5), True, "von-mises-fisher"
    )
    outline = looked.outlines(np.array([(0.0, 0, 1)]), 0.8)[0]
    rim = 0.8 * np.sqrt(1 - 0.8**2 / 4)  # sin θ, where 2 sin(θ / 2) = 0.8
    np.testing.assert_allclose(np.linalg.norm(outline, axis=1), rim)
    assert rim < 0.8


def test_on_the_sphere_only_directions_count(ellipsoid):
    lengths = np.arange(1.0, 9)[:, None]
    found = PrincipalComponents.of(ellipsoid, "von-mises-fisher")
    np.testing.assert_allclose(found.place(ellipsoid * lengths), found.place(ellipsoid))
    assert not np.allclose(
        PrincipalComponents.of(ellipsoid, "gaussian").place(ellipsoid * lengths),
        PrincipalComponents.of(ellipsoid, "gaussian").place(ellipsoid),
    )


def test_of_places_with_a_spread_the_places_are_seen() -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(50, 20, (40, 2)), rng.normal(1, 2, 40)])
    seen = PrincipalComponents.of(rows, "learnt-spread")
    np.testing.assert_allclose(seen.place(rows), rows[:, :2])
    modes = np.array([[40.0, 50.0, 0.5], [60.0, 50.0, 2.0]])
    expected = np.abs(rows[:, None, :2] - modes[:, :2]).__pow__(2).sum(-1).argmin(1)
    np.testing.assert_array_equal(seen.nearest(rows, modes), expected)
    outlines = seen.outlines(modes, 0.6)
    radii = np.linalg.norm(outlines - modes[:, None, :2], axis=-1)
    np.testing.assert_allclose(radii, 0.6 * np.exp(modes[:, -1:]) + 0 * radii)
