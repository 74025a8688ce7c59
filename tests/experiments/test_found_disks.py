"""The modes of disks, counted by hand."""

from __future__ import annotations

import numpy as np

from napari_shiftseg.experiments.every_pixel import (
    foreground_modes,
    modes_of_whole_disks,
)


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
