"""Numbers mean other objects where a frame is labelled anew already."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.gui.mend.numbers import WrittenBoxes
from napari_shiftseg.mending.mending import Mending

ROW = np.array([[1, 1, 2, 2, 1, 1, 2, 2]], dtype=np.int32)


def box(start, stop):
    return slice(0, 1), slice(start, stop)


def alike(boxes, *columns):
    indices = [np.zeros(len(columns), dtype=int), np.array(columns)]
    mending = Mending(ROW.copy(), np.zeros((1, *ROW.shape)))
    frame = SimpleNamespace(position=(), mending=mending)
    return boxes.mending(frame, ROW, indices).labels.tolist()


@pytest.fixture
def boxes():
    made = WrittenBoxes()
    made.note(box(0, 4), ROW.shape)
    return made


def test_all_are_alike_where_nothing_was_written_yet() -> None:
    assert alike(WrittenBoxes(), 0) == ROW.tolist()


def test_inside_and_outside(boxes) -> None:
    assert alike(boxes, 1) == [[1, 1, 2, 2, 0, 0, 0, 0]]
    assert alike(boxes, 5) == [[0, 0, 0, 0, 1, 1, 2, 2]]


def test_a_stroke_into_the_box_means_its_objects(boxes) -> None:
    assert alike(boxes, 3, 4) == [[1, 1, 2, 2, 1, 0, 0, 0]]


def test_the_box_written_last_counts(boxes) -> None:
    boxes.note(box(2, 6), ROW.shape)
    assert alike(boxes, 0) == [[1, 1, 0, 0, 0, 0, 0, 0]]
    assert alike(boxes, 3) == [[0, 0, 2, 2, 1, 1, 0, 0]]
    assert alike(boxes, 6) == [[0, 0, 0, 0, 0, 0, 2, 2]]
    boxes.note(box(0, 6), ROW.shape)
    assert alike(boxes, 0) == [[1, 1, 2, 2, 1, 1, 0, 0]]


def test_a_frame_labelled_as_a_whole(boxes) -> None:
    boxes.forget(())
    assert alike(boxes, 1) == ROW.tolist()
