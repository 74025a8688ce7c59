"""Points that lie on disk are those of an array, in whatever bands they are read."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.clustering import stored_rows
from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.modes import Pixels
from napari_shiftseg.clustering.stored_rows import StoredRows
from napari_shiftseg.progress import exhaust

SHAPE = (17, 23)


@pytest.fixture
def embedding(rng):
    """Three clusters of two channels."""
    centres = np.array([[0.0, 0], [5, 1], [-3, 6]])
    which = rng.integers(0, 3, SHAPE)
    noisy = centres[which] + rng.normal(0, 0.2, (*SHAPE, 2))
    return np.moveaxis(noisy, -1, 0).astype(np.float32)


@pytest.fixture(params=[False, True], ids=["all", "inside"])
def rows(request, embedding, rng, monkeypatch):
    """Bands of two rows each; the points as an array, and which pixels they are."""
    monkeypatch.setattr(stored_rows, "VALUES", 2 * 2 * SHAPE[1])
    inside = rng.random(SHAPE) > 0.3 if request.param else np.ones(SHAPE, bool)
    inside[4:8] = False  # a band without a point
    stored = StoredRows(
        lambda box: embedding[(slice(None), *box)], SHAPE, 2, embedding.dtype,
        (lambda box: inside[box]), (100, 7),
    )  # fmt: skip
    return stored, embedding[:, inside].T, inside


def test_slices_and_choices_are_those_of_the_array(rows, rng):
    stored, points, _ = rows

    assert stored.shape == points.shape
    assert len(stored) == len(points)
    assert stored.size == points.size
    np.testing.assert_array_equal(stored[3:200], points[3:200])
    np.testing.assert_array_equal(stored[:], points)
    some = rng.permutation(len(points))[:50]
    np.testing.assert_array_equal(stored[some], points[some])
    np.testing.assert_allclose(stored.mean(0), points.mean(0), rtol=1e-5)
    assert stored.sum() == pytest.approx(float(points.sum(dtype=float)))


def test_positions_are_those_of_pixels_in_memory(rows, embedding):
    stored, points, inside = rows
    pixels = Pixels(embedding, (100, 7))
    everywhere = tuple(slice(0, n) for n in SHAPE)

    expected = pixels._positions(everywhere, inside)

    np.testing.assert_array_equal(stored.positions[np.arange(len(points))], expected)


@pytest.mark.parametrize("few", [True, False], ids=["points", "cells"])
def test_the_modes_are_those_of_the_array(rows, embedding, few, monkeypatch):
    stored, points, inside = rows
    if not few:
        monkeypatch.setattr("napari_shiftseg.clustering.mean_shift.GRID_POINTS", 10)
    positions = Pixels(embedding, (100, 7))._positions(
        tuple(slice(0, n) for n in SHAPE), inside
    )

    known = MeanShift(1.0, device="cpu")
    exhaust(known.find_steps(points, positions))
    found = MeanShift(1.0, device="cpu")
    exhaust(found.find_steps(stored, stored.positions))

    np.testing.assert_array_equal(found.cluster_centers_, known.cluster_centers_)
    assert len(found.cluster_centers_) == 3
    again = MeanShift(1.0, device="cpu").found_before(
        found.cluster_centers_, found.centre
    )
    np.testing.assert_array_equal(again.nearest(points), known.nearest(points))
