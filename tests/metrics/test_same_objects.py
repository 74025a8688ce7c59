"""Objects that stay, against a loop over all pairs of masks."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.metrics import label_image as module
from napari_shiftseg.metrics.label_image import same_objects

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
def test_by_hand(labels, former, stays) -> None:
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
