"""Label images: parts of objects, and objects that stay, against loops over masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from napari_shiftseg.metrics import label_image as module
from napari_shiftseg.metrics.label_image import is_image, parts_per_id, same_objects

BY_HAND = [
    [1, 1, 0, 2],
    [0, 0, 0, 2],
    [3, 0, 1, 0],
    [0, 3, 1, 0],  # 1 in two parts, 3 in two that touch by a corner alone
]


@pytest.mark.parametrize("dtype", ["u1", ">u2", "i8"])
def test_parts_by_hand(dtype: str) -> None:
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
def test_parts_at_the_edges(labels: Any, parts: float) -> None:
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


FORMER = np.array([[1, 1, 1, 1, 2, 2, 0, 3]])


def brute_force(former, labels):
    """The former object of each one, and whether it stays."""
    olds, news = range(1, former.max() + 1), range(1, labels.max() + 1)

    def shared(old, new):
        return int(((former == old) & (labels == new)).sum())

    best_old = [0] + [max(olds, key=lambda o, n=n: (shared(o, n), -o)) for n in news]
    best_old = [o if o and shared(o, n) else 0 for n, o in enumerate(best_old)]
    best_new = [0] + [max(news, key=lambda n, o=o: (shared(o, n), -n)) for o in olds]
    stays = [o > 0 and best_new[o] == n for n, o in enumerate(best_old)]
    return best_old, stays


@pytest.mark.parametrize(
    ("labels", "former", "stays"),
    [
        ([[3, 3, 3, 3, 1, 1, 0, 2]], [0, 2, 3, 1], [1, 1, 1]),  # numbered anew
        ([[1, 2, 2, 2, 3, 3, 0, 4]], [0, 1, 1, 2, 3], [0, 1, 1, 1]),  # parted
        ([[1, 1, 1, 1, 1, 1, 0, 2]], [0, 1, 3], [1, 1]),  # merged: the largest goes on
        ([[0, 0, 0, 0, 0, 0, 1, 0]], [0, 0], [0]),  # new
        ([[1, 1, 2, 2, 3, 3, 0, 4]], [0, 1, 1, 2, 3], [1, 0, 1, 1]),  # of equals
    ],
)
def test_same_objects_by_hand(labels, former, stays) -> None:
    found = same_objects(FORMER, np.array(labels))
    assert found.former.tolist() == former
    assert found.stays.tolist() == [False, *map(bool, stays)]


@pytest.mark.parametrize("most_counted", [0, 2**22])
@pytest.mark.parametrize("chunk", [7, 2**22])
@pytest.mark.parametrize("seed", range(5))
def test_random_images(monkeypatch, most_counted, chunk, seed) -> None:
    monkeypatch.setattr(module, "MOST_COUNTED", most_counted)
    monkeypatch.setattr(module, "CHUNK", chunk)
    former, labels = np.random.default_rng(seed).integers(0, 6, (2, 5, 9))
    found = same_objects(former.astype(np.int32), labels.astype(np.int32))
    best_old, stays = brute_force(former, labels)
    assert found.former.tolist() == best_old
    assert found.stays.tolist() == stays


def test_no_object_at_all() -> None:
    none = np.zeros((2, 3), dtype=np.int32)
    assert same_objects(none, none).stays.tolist() == [False]
    assert same_objects(none, none + 1).former.tolist() == [0, 0]
    assert same_objects(none[:0], none[:0]).former.tolist() == [0]


def test_another_shape() -> None:
    with pytest.raises(ValueError, match=r"one shape, got \(1, 8\) and \(8, 1\)"):
        same_objects(FORMER, FORMER.T)


def test_grey_values_are_told_from_labels(rng) -> None:
    """By their neighbours, not by how many parts an id has."""
    smooth = ndimage.gaussian_filter(rng.normal(size=(80, 80)), 3)
    grey = (128 + 60 * smooth / smooth.std()).astype(np.uint8)
    objects = np.repeat(np.repeat(rng.integers(1, 9, (27, 27)), 3, 0), 3, 1)

    assert is_image(grey)
    assert not is_image(objects)
    assert parts_per_id(objects) > 10, "otherwise nothing was tried"
    assert not is_image(grey[:12, :12])
    assert not is_image(np.stack([objects, objects + 9], -1)), "planes of their own ids"
    assert is_image(np.stack([grey, grey[::-1]]))
