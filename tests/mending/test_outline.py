"""Outlines drawn again to the foreground, on images a reader can check."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.mending.boxes import object_boxes
from napari_shiftseg.mending.shapes import redrawn


def outcome(labels, foreground, *numbers):
    labels = np.array(labels)
    boxes = object_boxes(labels)
    box, after = redrawn(
        labels, np.array(foreground, dtype=bool), numbers, [boxes[n] for n in numbers]
    )
    labels[box] = after
    return labels.tolist()


def test_it_grows_and_shrinks_to_the_foreground() -> None:
    labels = [[0, 0, 1, 1, 1, 0, 0, 0, 0]]
    bright = [[1, 1, 1, 1, 0, 0, 1, 1, 0]]  # the right patch is not connected
    assert outcome(labels, bright, 1) == [[1, 1, 1, 1, 0, 0, 0, 0, 0]]


def test_pixels_nearer_to_another_object_are_left() -> None:
    labels = [[1, 0, 0, 0, 0, 2]]
    assert outcome(labels, np.ones((1, 6)), 1) == [[1, 1, 1, 0, 0, 2]]
    assert outcome(labels, np.ones((1, 6)), 1, 2) == [[1, 1, 1, 2, 2, 2]]
    # midway the one that is redrawn goes first
    assert outcome([[1, 0, 2]], np.ones((1, 3)), 2) == [[1, 2, 2]]


def test_other_objects_keep_their_pixels() -> None:
    labels = [[1, 2, 0, 0]]
    assert outcome(labels, np.ones((1, 4)), 1) == [[1, 2, 0, 0]]  # 2 stands between


def test_holes_are_filled_and_diagonals_are_no_way() -> None:
    labels = [[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    bright = [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]]
    assert outcome(labels, bright, 1) == [[1, 1, 1, 0]] * 3 + [[0, 0, 0, 0]]


def test_far_growth_and_a_far_competitor() -> None:
    """Both lie beyond the first margin around the object."""
    labels = np.zeros((1, 101), dtype=int)
    labels[0, 0], labels[0, 100] = 1, 2
    assert outcome(labels, np.ones((1, 101)), 1) == [[1] * 51 + [0] * 49 + [2]]


def test_an_object_outside_the_foreground_would_vanish() -> None:
    with pytest.raises(ValueError, match="object 1 has no pixel of the foreground"):
        outcome([[1, 1, 0]], [[0, 0, 1]], 1)


def whole_image(labels, foreground, number):
    """The same rule, written for the whole image and pixel by pixel."""
    after = np.where((labels == number) & ~foreground, 0, labels)
    own = np.argwhere(after == number)
    others = np.argwhere((labels > 0) & (labels != number))

    def nearest(pixel, pixels):
        return min((np.hypot(*(p - pixel)) for p in pixels), default=np.inf)

    won = {
        tuple(p)
        for p in np.argwhere(foreground & (labels == 0))
        if nearest(p, own) <= nearest(p, others)
    }
    todo = [tuple(p) for p in own]
    while todo:
        y, x = todo.pop()
        for step in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
            if step in won:
                won.discard(step)
                after[step] = number
                todo.append(step)
    return after


@pytest.mark.parametrize("seed", range(12))
def test_it_equals_the_rule_on_the_whole_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.zeros((24, 26), dtype=int)
    for number in range(1, 5):
        y, x = rng.integers(0, 20, 2)
        labels[y : y + 4, x : x + 4] = number
    foreground = rng.random(labels.shape) > 0.25
    number = int(labels.max())  # the last is whole
    found = outcome(labels, foreground, number)
    np.testing.assert_array_equal(found, whole_image(labels, foreground, number))
