"""Figures 5 and S2: the pixels of a constant image, told apart or not."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.experiments.every_pixel import (
    FIGURE_5,
    FIGURE_S2,
    foreground_modes,
    least_distance,
    measure_padded,
    measure_periodic,
    modes_of_whole_disks,
    pixel_ids,
    repeats_after,
    told_apart,
)
from napari_shiftseg.networks.unet import build, new_model

pytestmark = pytest.mark.usefixtures("one_thread")


def untrained(experiment):
    return {n.name: build(n.config) for n in experiment.networks}


def bundled(experiment):
    return {n.name: n.load() for n in experiment.networks}


def test_ids_are_one_a_pixel_and_repeat() -> None:
    shape = new_model(ndim=2, depth=1).shape
    sample = pixel_ids(shape, 3)
    assert sample.image.shape == tuple(a.input_for(3) for a in shape.axes)
    assert np.ptp(sample.image) == 0
    assert sample.labels[:3, :3].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert np.array_equal(sample.labels[3:], sample.labels[:-3])
    for row in range(5):  # any window
        assert len(np.unique(sample.labels[row : row + 3, 2:5])) == 9


def test_repeats_are_the_smallest() -> None:
    block = np.arange(6).reshape(2, 3)
    assert repeats_after(np.tile(block, (3, 2))) == [2, 3]
    assert repeats_after(block) == [2, 3]
    assert repeats_after(np.zeros((4, 5))) == [1, 1]


def test_the_least_distance() -> None:
    assert least_distance(np.array([[0, 0], [3, 4], [3, 6]])) == 2
    assert least_distance(np.zeros((1, 3))) is None


@pytest.fixture(scope="module")
def periodic():
    return measure_periodic(bundled(FIGURE_5)).numbers


@pytest.fixture(scope="module")
def padded():
    return measure_padded(bundled(FIGURE_S2)).numbers


class TestFigure5:
    def test_there_are_as_many_ids_as_phases(self, periodic) -> None:
        assert periodic["unique_ids"] == periodic["expected"] == 2 ** (2 * 4)
        assert periodic["period"] == 16
        assert periodic["least_distance"] > 4 * periodic["bandwidth"]

    def test_nearest_upsampling_trained_alike_gives_one(self, periodic) -> None:
        assert periodic["nearest_unique_ids"] == 1
        learnt, nearest = FIGURE_5.networks
        assert learnt.recipe == nearest.recipe
        assert nearest.config.upsampling == "nearest"

    def test_an_untrained_network_fails(self) -> None:
        numbers = measure_periodic(untrained(FIGURE_5)).numbers
        assert numbers["unique_ids"] < 0.5 * numbers["expected"]


class TestFigureS2:
    def test_all_pixels_are_told_apart_where_all_see_the_border(self, padded) -> None:
        assert padded["distinct"] == padded["pixels"] == 16**2
        assert padded["distinct"] > padded["functions_without_border"] == 4

    def test_fewer_where_some_do_not(self, padded) -> None:
        far = padded["table"][1]
        # along an axis 8 pixels at either end see it, and the others are one
        assert far["distinct"] == padded["larger_distinct"] == (2 * 8 + 1) ** 2
        assert far["distinct"] < far["pixels"] == 32**2
        assert far["pixels_that_see_no_border"] == (32 - 2 * 10) ** 2
        assert far["distinct_of_these"] == 1

    def test_an_untrained_network_fails(self) -> None:
        numbers = measure_padded(untrained(FIGURE_S2)).numbers
        assert numbers["distinct"] < 0.5 * numbers["pixels"]

    def test_it_is_the_padding_that_tells(self) -> None:
        """The same weights read a halo beyond the image, of the same constant."""
        trained = bundled(FIGURE_S2)["s2-16"]
        assert len(told_apart(trained, 16, window=16, stitching="cropped").modes) == 1


def test_the_mode_of_most_background_becomes_0() -> None:
    modes = np.array([0, 0, 3, 3, 3, 5, 5])
    truth = np.array([1, 1, 0, 0, 0, 0, 2])
    assert foreground_modes(modes, truth).tolist() == [1, 1, 0, 0, 0, 6, 6]


def test_cut_disks_and_the_modes_of_whole_ones() -> None:
    # disk 1 is whole, disk 2 is cut, disk 3 is whole and has two modes
    everywhere = np.array([[1, 1, 0, 2, 2], [0, 0, 0, 0, 0], [3, 3, 0, 0, 0]])
    truth, modes = everywhere[:, :4], np.array([[7, 7, 0, 8], [0] * 4, [5, 6, 0, 0]])
    found = modes_of_whole_disks(modes, truth, everywhere)
    assert found == {(0.0, 0.5): {7}, (2.0, 0.5): {5, 6}}
