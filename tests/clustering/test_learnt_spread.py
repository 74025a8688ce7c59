"""The mean shift of places, as wide as the spread that comes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.clustering.mean_shift import MeanShift

if TYPE_CHECKING:
    from numpy.random import Generator

pytestmark = pytest.mark.usefixtures("one_thread")


def blobs(rng: Generator, sigma: float, ndim: int = 2, n: int = 60) -> np.ndarray:
    """Two groups of places, 6 sigma apart, with the logarithm of their spread."""
    places = rng.normal(0, sigma, (2 * n, ndim)) + 300
    places[n:, 0] += 6 * sigma
    spread = np.log(sigma) + rng.normal(0, 0.05, 2 * n)
    return np.column_stack([places, spread])


@pytest.mark.parametrize("sigma", [0.5, 3.0, 20.0])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_it_is_a_gaussian_of_that_many_spreads(rng: Generator, sigma, ndim) -> None:
    points = blobs(rng, sigma, ndim)
    shift = MeanShift(0.8, kernel="learnt-spread", device="cpu").fit(points)
    width = 0.8 * np.exp(np.median(points[:, -1]))
    plain = MeanShift(width, device="cpu").fit(points[:, :-1])
    np.testing.assert_array_equal(shift.labels_, plain.labels_)
    np.testing.assert_allclose(shift.cluster_centers_[:, :-1], plain.cluster_centers_)
    assert len(shift.cluster_centers_) == 2
    np.testing.assert_allclose(shift.cluster_centers_[:, -1], np.median(points[:, -1]))


def test_many_points_go_to_a_grid(rng: Generator) -> None:
    points = blobs(rng, 4.0, n=3_000)
    shift = MeanShift(1.0, kernel="learnt-spread", device="cpu").fit(points)
    assert len(shift.cluster_centers_) == 2
    assert np.bincount(shift.labels_[:3000]).max() > 2980  # 3 sigma: the tail
    assert np.bincount(shift.labels_[3000:]).max() > 2980
    np.testing.assert_array_equal(shift.predict(points), shift.labels_)


def test_order_has_no_say(rng: Generator) -> None:
    points = blobs(rng, 2.0)
    order = rng.permutation(len(points))
    shift = MeanShift(0.3, kernel="learnt-spread", device="cpu")
    labels = shift.fit(points, positions=np.arange(len(points))).labels_
    shuffled = shift.fit(points[order], positions=order).labels_
    np.testing.assert_array_equal(shuffled, labels[order])


def test_a_place_needs_a_spread() -> None:
    with pytest.raises(ValueError, match="two channels or more"):
        MeanShift(1.0, kernel="learnt-spread", device="cpu").fit(np.ones((4, 1)))
