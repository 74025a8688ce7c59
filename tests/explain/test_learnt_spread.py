"""Distances and bandwidths of a spatial embedding: places over their spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.distance import (
    distances,
    mean_embedding,
    merging_bandwidth,
)
from napari_shiftseg.mending.replay import measured_by

if TYPE_CHECKING:
    from numpy.random import Generator

pytestmark = pytest.mark.usefixtures("one_thread")
SPATIAL = Clustering(kernel="learnt-spread", bandwidth=0.6, scope="component")


def object_at(rng: Generator, place: float, log_spread: float) -> np.ndarray:
    """Embeddings of an object: its middle, with some noise, and the spread."""
    places = np.array([place, 40.0]) + rng.normal(0, 0.3, (120, 2))
    return np.column_stack([places, np.full(120, log_spread)])


def test_a_distance_is_that_of_the_places_in_spreads() -> None:
    one, other = np.array([10.0, 4.0, 1.0]), np.array([13.0, 8.0, 2.0])
    expected = 5 / (0.6 * np.exp(1.5))
    assert distances(one, other, SPATIAL) == pytest.approx(expected)


def test_a_mean_has_a_place_and_a_spread(rng: Generator) -> None:
    rows = object_at(rng, 10, 1.5)
    np.testing.assert_allclose(mean_embedding(rows, SPATIAL), rows.mean(0))
    assert distances(rows[0], mean_embedding(rows, SPATIAL), SPATIAL) < 1


@pytest.mark.parametrize("log_spread", [-1.5, 0.0, 1.6, 4.5])
def test_the_bandwidth_that_merges(rng: Generator, log_spread: float) -> None:
    one, other = (object_at(rng, place, log_spread) for place in (10, 30))
    modes = one.mean(0), other.mean(0)
    narrow = SPATIAL.model_copy(update={"bandwidth": 0.6 * np.exp(-log_spread)})
    found = merging_bandwidth(one, other, modes, narrow)
    rows = np.concatenate([one, other])
    numbers = [
        len(set(MeanShift(h, "learnt-spread", "cpu", max_rounds=0).fit(rows).labels_))
        for h in (0.9 * found, found)
    ]
    assert numbers == [2, 1]


def test_mending_measures_in_spreads(rng: Generator) -> None:
    embedding = np.moveaxis(object_at(rng, 10, 1.2).reshape(10, 12, 3), -1, 0)
    measured = measured_by(SPATIAL, embedding)
    np.testing.assert_allclose(measured, embedding[:2] / np.exp(1.2))
