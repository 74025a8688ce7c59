"""Distances by hand; when modes merge: the rule of the docstring, the mean shift."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_shiftseg.clustering.kernels import Frame
from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.points import by_differences
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.distance import (
    distances,
    mean_embedding,
    merging_bandwidth,
    parting_bandwidth,
    sizes_of_modes,
)

pytestmark = pytest.mark.usefixtures("one_thread")

SPHERE = Clustering(bandwidth=0.5, kernel="von-mises-fisher")


@pytest.mark.parametrize("clustering", [Clustering(bandwidth=3), SPHERE])
def test_distances_are_those_of_the_mean_shift(rng, clustering):
    a, b = rng.normal(size=(2, 6, 4))
    frame = Frame(clustering.bandwidth, clustering.kernel, a[0], torch.device("cpu"))
    expected = by_differences(frame.enter(a), frame.enter(b)).sqrt().numpy()
    found = distances(a.T[:, :, None], b.T[:, None], clustering)
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(distances(a.T, b.T, clustering), expected.diagonal())


def test_what_has_no_direction_has_no_distance_on_the_sphere():
    points = np.array([[0.0, 0, 5], [0, 2, 0]])
    found = distances(points, np.array([[3.0], [0]]), SPHERE)
    np.testing.assert_allclose(found, [np.nan, math.sqrt(2) / 0.5, 0])
    assert distances(points, points[:, :1], Clustering(bandwidth=2)).max() == 2.5


def test_the_mean_on_the_sphere_has_unit_length():
    rows = np.array([[2.0, 0], [0, 7]])  # lengths do not count
    np.testing.assert_allclose(mean_embedding(rows, SPHERE), [math.sqrt(0.5)] * 2)
    np.testing.assert_allclose(mean_embedding(rows, Clustering()), [1, 3.5])


def two_points(apart, sizes=(200, 200)):
    return [np.array([[x, 0.0]] * n) for x, n in zip((0, apart), sizes, strict=True)]


def on_the_circle(chord):
    angle = 2 * math.asin(chord / 2)
    return [np.array([[math.cos(a), math.sin(a)]] * 200) for a in (0, angle)]


def merging(one, other, bandwidth=0.1, kernel="gaussian"):
    modes = one.mean(0), other.mean(0)
    clustering = Clustering(bandwidth=bandwidth, kernel=kernel)
    return merging_bandwidth(one, other, modes, clustering)


def modes(bandwidth, rows, kernel="gaussian"):
    return len(MeanShift(bandwidth, kernel, device="cpu").fit(rows).cluster_centers_)


def two_digits_above(value):
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return pytest.approx(math.ceil(value / unit - 1e-9) * unit)


@pytest.mark.parametrize("apart", [0.7, 1.0, 3.1])
@pytest.mark.parametrize(("kernel", "rule"), [("gaussian", 1 / 2.0872), ("flat", 1.0)])
def test_two_points_merge_at_the_bandwidth_of_the_docstring(apart, kernel, rule):
    found = merging(*two_points(apart), kernel=kernel)
    assert found == two_digits_above(rule * apart)


def test_the_rule_of_the_gaussian_is_the_solution_of_its_equation():
    x = 2.0872
    assert x * math.tanh(x / 4) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("chord", [0.05, 0.3, 1.0])
def test_on_the_sphere_a_chord_merges_alike(chord):
    found = merging(*on_the_circle(chord), bandwidth=0.01, kernel="von-mises-fisher")
    assert 0.47 < found / chord < 0.52


@pytest.mark.parametrize("kernel", ["gaussian", "flat", "von-mises-fisher"])
def test_the_mean_shift_finds_one_mode_there_and_two_below(kernel, rng):
    noise = rng.normal(size=(2, 150, 3)) * 0.05
    one, other = noise + np.array([[[1.0, 0, 0]], [[0.5, 0.8, 0]]])
    found = merging(one, other, 0.1, kernel)
    rows = np.concatenate([one, other])
    assert modes(found, rows, kernel) == 1
    assert modes(0.9 * found, rows, kernel) > 1


def test_a_smaller_object_is_merged_sooner():
    assert merging(*two_points(3.0)) == 1.5
    assert merging(*two_points(3.0, (400, 20))) == two_digits_above(0.28 * 3)


def test_spread_embeddings_are_merged_sooner(rng):
    noise = rng.normal(size=(2, 500, 2)) * 0.6
    one, other = noise + np.array([[[0, 0]], [[3, 0]]])
    assert merging(one, other, 0.5) < merging(*two_points(3.0), 0.5)


def test_what_is_one_already_stays_at_its_bandwidth():
    assert merging(*two_points(0.5), bandwidth=2.0) == 2.0


def test_thousands_of_pixels_are_thinned_and_merge_alike(rng):
    noise = rng.normal(size=(2, 30_000, 3)).astype(np.float32) * 0.1
    noise[1, :, 0] += 3
    assert merging(*noise, 0.5) in (1.4, 1.5)


class TestParting:
    rows = np.concatenate(two_points(1.0))
    ends = rows[0], rows[-1]

    def test_the_largest_bandwidth_that_parts_two_pixels(self):
        found = parting_bandwidth(self.rows, self.ends, Clustering(bandwidth=1))
        assert found == 0.47  # and with 0.48 they are one
        assert modes(0.47, self.rows) == 2
        assert modes(0.48, self.rows) == 1

    def test_none_down_to_a_quarter(self):
        assert parting_bandwidth(self.rows, self.ends, Clustering(bandwidth=2)) is None

    def test_how_many_pixels_have_either_mode(self):
        rows, far = self.rows[:250], (self.rows[0], self.rows[-1])
        narrow, wide = Clustering(bandwidth=0.25), Clustering(bandwidth=1)
        assert sizes_of_modes(rows, far, narrow) == (200, 50)
        assert sizes_of_modes(rows, far[::-1], narrow) == (50, 200)
        assert sizes_of_modes(rows, far, wide) is None

    def test_pixels_of_one_mode_are_never_parted(self):
        alike = self.rows[0], self.rows[1]
        assert parting_bandwidth(self.rows, alike, Clustering(bandwidth=1)) is None
