"""Parts of objects, counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_shiftseg.metrics.label_image import parts_per_id

BY_HAND = [
    [1, 1, 0, 2],
    [0, 0, 0, 2],
    [3, 0, 1, 0],
    [0, 3, 1, 0],  # 1 in two parts, 3 in two that touch by a corner alone
]


@pytest.mark.parametrize("dtype", ["u1", ">u2", "i8"])
def test_by_hand(dtype: str) -> None:
    assert parts_per_id(np.array(BY_HAND, dtype)) == 5 / 3


@pytest.mark.parametrize(
    ("labels", "parts"),
    [
        ([], 0),
        ([[0, 0]], 0),
        (3, 1),
        ([5, 5, 0, 5], 2),
        ([False, True, False, True], 2),
        (np.zeros((0, 4), int), 0),
    ],
)
def test_edges(labels: Any, parts: float) -> None:
    assert parts_per_id(labels) == parts


def test_a_volume_connects_through_its_planes() -> None:
    column = np.zeros((3, 2, 2), int)
    column[:, 0, 0] = 1
    assert parts_per_id(column) == 1
    column[1] = 0
    assert parts_per_id(column) == 2


def test_a_fourth_axis_does_not() -> None:
    assert parts_per_id(np.ones((4, 2, 2, 2), int)) == 1  # 4 parts of 4 ids


def test_objects_grey_values_and_a_mask(disks, rng) -> None:
    assert parts_per_id(disks.labels) == 1
    assert parts_per_id(disks.labels > 0) == 1600
    assert parts_per_id(rng.integers(0, 256, (64, 64))) > 10
