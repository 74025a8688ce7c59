"""Numbers of the objects of a frame, and of those that are made later."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.clustering.linking import Linking
from napari_shiftseg.mending.edits import Merge, Split
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.mending.replay import replay
from napari_shiftseg.relabelling.numbers import FrameNumbers, NewNumbers, numbers_of


@pytest.mark.parametrize(
    ("highest", "expected"), [(0, 11), (10, 11), (11, 14), (13, 14), (14, 17), (16, 17)]
)
def test_new_numbers_go_in_steps(highest: int, expected: int) -> None:
    assert NewNumbers(11, 3).after(highest) == expected
    assert NewNumbers().after(highest) == highest + 1


def test_no_two_frames_have_the_same() -> None:
    new = NewNumbers.of_frames(Linking((2, 2)), 10)
    taken = [new[at].after(new[at].after(10)) for at in new]
    assert taken == [15, 16, 17, 18]
    assert NewNumbers.of_frames(Linking(()), 10) == {(): NewNumbers()}


def test_objects_that_stay_keep_their_numbers() -> None:
    former = np.array([[1, 1, 1, 2, 2, 0, 3, 3]])
    now = np.array([[1, 1, 2, 3, 3, 0, 4, 0]])
    numbers = FrameNumbers(np.array([0, 7, 5, 9], np.int32), NewNumbers(11, 2))
    assert numbers.following(former, now).own.tolist() == [0, 7, 11, 5, 9]
    assert numbers.highest == 9


def test_values_by_number() -> None:
    numbers = FrameNumbers(np.array([0, 4, 2], np.int32))
    assert numbers.by_number(np.array([8, 6, 7]), -1).tolist() == [8, -1, 7, -1, 6]


def test_of_a_stack() -> None:
    own = {(0,): np.array([0, 1, 2]), (1,): np.array([0]), (2,): np.array([0, 2, 3])}
    found = numbers_of(Linking((3,)), own)
    assert {at: known.new.first for at, known in found.items()} == {
        (0,): 4, (1,): 5, (2,): 6,
    }  # fmt: skip


STACK = np.array([[[1, 1, 1, 1, 2, 2]], [[2, 2, 2, 2, 3, 3]]], np.int32)


def test_parts_of_two_planes_get_numbers_of_their_own() -> None:
    edits = [Split((((0, 0),), ((0, 3),)), (at,)) for at in (0, 1)]
    embedding = np.tile(np.arange(6.0), (1, 2, 1, 1))
    mended = replay(edits, STACK, embedding, leading=1).labels
    assert [np.unique(plane).tolist() for plane in mended] == [[1, 2, 4], [2, 3, 5]]
    again = replay(edits[::-1], STACK, embedding, leading=1).labels
    np.testing.assert_array_equal(again, mended)  # whatever the order


def test_numbers_of_a_plane_need_not_begin_at_1() -> None:
    labels = STACK[1].copy()
    mending = Mending(labels, np.zeros((1, 1, 6)), new_numbers=NewNumbers(9, 2))
    mending.make(Merge(((0, 0), (0, 5))))
    assert labels.tolist() == [[2] * 6]
    assert mending.new_number() == 9
    mending.take_back()
    np.testing.assert_array_equal(labels, STACK[1])
