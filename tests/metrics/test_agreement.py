"""Two label images: what became of objects, by hand and on any labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label

from napari_shiftseg.metrics import agreement
from napari_shiftseg.metrics.agreement import KINDS, compare_labels
from napari_shiftseg.metrics.label_blocks import boxes
from napari_shiftseg.metrics.objects import object_scores

SWAPPED = dict(
    zip(KINDS, ("matched", "merged", "split", "only_b", "only_a"), strict=True)
)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    a = np.zeros((20, 60), int)
    b = a.copy()
    a[2:8, 2:8], b[2:8, 2:7] = 1, 7
    a[2:8, 10:20], b[2:8, 10:15], b[2:8, 15:20] = 2, 8, 9
    a[10:16, 2:6], a[10:16, 6:10], b[10:16, 2:10] = 3, 4, 10
    a[10:16, 20:26], b[10:16, 40:46] = 5, 11
    return a, b


def blobs(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return label(ndimage.gaussian_filter(rng.random((40, 45)), 1.5) > 0.5)


def test_kinds_by_hand(pair) -> None:
    found = compare_labels(*pair)
    assert found.counts == dict.fromkeys(KINDS, 1)
    assert found.kinds_of_a == {
        1: "matched", 2: "split", 3: "merged", 4: "merged", 5: "only_a"
    }  # fmt: skip
    assert found.kinds_of_b == {
        7: "matched", 8: "split", 9: "split", 10: "merged", 11: "only_b"
    }  # fmt: skip
    rows = {k: x[4].tolist() for k, x in found.table.items()}
    assert rows == {
        "kind": "matched", "label_a": 1, "label_b": 7, "iou": 30 / 36, "area_a": 36,
        "area_b": 30, "centroid_y": 4.5, "centroid_x": 4.5,
    }  # fmt: skip


def test_a_small_piece_counts_from_a_twentieth_on() -> None:
    a = np.ones((10, 100), int)
    for width, kind in ((4, "matched"), (6, "split")):
        b = np.ones((10, 100), int)
        b[:, :width] = 2
        assert compare_labels(a, b).kinds_of_a == {1: kind}


def test_what_overlaps_too_little_is_in_both_alone() -> None:
    a, b = np.zeros((2, 4, 30), int)
    a[:, :10], b[:, 8:18] = 1, 1
    found = compare_labels(a, b)
    assert found.counts["only_a"] == found.counts["only_b"] == 1
    np.testing.assert_allclose(found.table["iou"], 2 / 18)
    assert compare_labels(a, b, iou=0.1).counts["matched"] == 1


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_swapped_images_give_the_same_swapped(one: int, other: int) -> None:
    there, back = (
        compare_labels(blobs(one), blobs(other)),
        compare_labels(blobs(other), blobs(one)),
    )
    assert there.counts == {kind: back.counts[SWAPPED[kind]] for kind in KINDS}
    for kinds, labels in ((there.kinds_of_a, one), (there.kinds_of_b, other)):
        assert sorted(kinds) == [*range(1, blobs(labels).max() + 1)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_matched_are_those_of_the_scores(seed: int) -> None:
    truth = blobs(seed)
    moved = ndimage.shift(truth, (1, 1), order=0)
    found = compare_labels(truth, moved)
    others = found.counts["split"] + found.counts["merged"]
    assert abs(found.counts["matched"] - object_scores(truth, moved).found) <= others


def test_blocks_give_what_the_whole_gives(monkeypatch) -> None:
    whole = compare_labels(blobs(1), blobs(2))
    monkeypatch.setattr(agreement, "boxes", lambda s, c: boxes(s, c, 50))
    parts = compare_labels(blobs(1), blobs(2))
    for name in whole.table:
        np.testing.assert_array_equal(whole.table[name], parts.table[name])


def test_nothing_against_something() -> None:
    empty = np.zeros((40, 45), int)
    assert compare_labels(empty, empty).counts == dict.fromkeys(KINDS, 0)
    assert compare_labels(empty, blobs(1)).counts["only_b"] == blobs(1).max()
    assert compare_labels(blobs(1), blobs(1)).counts["matched"] == blobs(1).max()


@pytest.mark.parametrize(
    ("b", "iou", "said"),
    [
        (np.zeros((2, 3), int), 0.5, "one shape"),
        (np.zeros((3, 3)) - 1, 0.5, "from 0 upward"),
        (np.zeros((3, 3), int), 1, "below 1"),
    ],
)
def test_what_cannot_be_compared_is_said(b, iou: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        compare_labels(np.zeros((3, 3), int), b, iou)
