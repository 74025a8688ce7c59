"""Figure 2: disks told apart by their phase, as many as there are phases."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from napari_shiftseg.experiments import every_pixel as found_disks
from napari_shiftseg.experiments.lattice import (
    FIGURE_2A,
    FIGURE_2B,
    FIGURE_2C,
    far_pairs,
    lattice,
    pull,
)
from napari_shiftseg.networks.unet import build, new_model
from napari_shiftseg.pipeline.segmentation import segment

pytestmark = pytest.mark.usefixtures("one_thread")

FIGURES = [FIGURE_2A, FIGURE_2B, FIGURE_2C]
IDS = [figure.name for figure in FIGURES]


@pytest.mark.parametrize("spacing", [13, 15, 16])
def test_no_disk_of_the_raw_output_is_cut(spacing: int) -> None:
    shape = new_model(ndim=2, depth=2).shape
    sample = lattice(shape, spacing, 3)
    assert sample.image.shape == tuple(a.input_for(3 * spacing) for a in shape.axes)
    half = shape.context[0] // 2
    block = (slice(half, half + 3 * spacing),) * 2
    inside, everywhere = (
        np.bincount(ids.ravel()) for ids in (sample.labels[block], sample.labels)
    )
    shown = np.flatnonzero(inside)[1:]
    assert len(shown) == 9
    assert np.array_equal(inside[shown], everywhere[shown])
    assert len(set(inside[shown])) == 1
    # the cells are whole, too: each begins and ends as far from its disk
    columns = np.flatnonzero(sample.image[block].any(axis=0))
    assert abs(columns[0] - (3 * spacing - 1 - columns[-1])) <= 1


def test_a_window_shows_every_phase_at_every_place_in_the_lattice() -> None:
    for figure in (FIGURE_2B, FIGURE_2C):
        (network,) = figure.networks
        (period,) = set(network.config.shape.period)
        spacing, window = network.sample().period, network.recipe.window
        seen = {(x % spacing, x % period) for x in range(window)}
        assert len(seen) == spacing * period


def test_far_pairs_are_counted_along_each_axis() -> None:
    modes = {(0.0, 0.0): {1}, (8.0, 0.0): {1}, (0.0, 8.0): {2}, (3.0, 3.0): {1}}
    assert far_pairs(modes, 8) == {"apart": 8, "pairs_apart": 2, "pairs_alike": 1}
    assert far_pairs(modes, 5)["pairs_apart"] == 0


@pytest.fixture(scope="module")
def numbers(outcome_of):
    return {figure.name: outcome_of(figure.name).numbers for figure in FIGURES}


@pytest.mark.parametrize(
    ("name", "objects", "spacing", "upsampling"),
    [("2a", 1, 16, "learnt"), ("2b", 64, 15, "learnt"), ("2c", 64, 15, "nearest")],
)
def test_as_many_modes_as_phases(numbers, name, objects, spacing, upsampling) -> None:
    found = numbers[name]
    assert (found["spacing"], found["upsampling"]) == (spacing, upsampling)
    assert found["distinct_objects"] == objects == (8 // gcd(8, spacing)) ** 2
    assert found["expected"] == objects
    assert found["whole_disks"] >= 12**2
    assert found["disks_of_one_mode"] == found["whole_disks"]
    assert found["apart"] == (16 if name == "2a" else 120)
    assert found["pairs_alike"] == found["pairs_apart"] > 90
    assert found["bandwidth"] == pytest.approx(0.1**0.5)
    assert 0 < found["pull"] < 0.01 * found["bandwidth"] ** 2


def test_beside_these_modes_there_is_the_background_alone(numbers) -> None:
    for found in numbers.values():
        assert found["modes"] == found["distinct_objects"] + 1
        assert found["background_modes"] == 1


@pytest.mark.parametrize("figure", FIGURES, ids=IDS)
def test_an_untrained_network_fails(figure) -> None:
    networks = {n.name: build(n.config) for n in figure.networks}
    found = figure.measure(networks).numbers
    assert found["distinct_objects"] == found["disks_of_one_mode"] == 0
    assert found["pull"] > found["bandwidth"] ** 2


def test_the_pull_by_hand() -> None:
    # means 1 and 6; background: 1 and 1, disk: 4, 1, 1 and 4
    embedding = np.array([[0.0, 2.0, 4.0, 5.0, 7.0, 8.0]])
    truth = np.array([0, 0, 1, 1, 1, 1])
    assert pull(embedding, truth) == (2 / 2 + 10 / 4) / 2


def test_a_disk_of_several_modes_is_no_object(monkeypatch) -> None:
    """The trained network, but each disk loses its middle to a mode of its own."""
    (network,) = FIGURE_2A.networks

    def with_holes(image, model, **settings):
        result = segment(image, model, **settings)
        inside = tuple(slice(*bounds) for bounds in result.plan.region)
        distance = distance_transform_edt(image[inside])
        labels = np.where(distance > 4, result.labels.max() + 1, result.labels)
        return replace(result, labels=labels)

    monkeypatch.setattr(found_disks, "segment", with_holes)
    found = FIGURE_2A.measure({network.name: network.load()}).numbers
    assert found["disks_of_one_mode"] == found["distinct_objects"] == 0
