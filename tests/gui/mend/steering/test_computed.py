"""Whether the labels that an edit was computed on are still there."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.gui.mend.history import outcome_of
from napari_shiftseg.mending.edits import Delete, Merge, Split
from napari_shiftseg.mending.mending import Mending

ROW = [[1, 1, 1, 1, 0, 2, 2, 0, 3, 3]]
SPLIT, AWAY = Split((((0, 0),), ((0, 3),))), Delete(((0, 8),))


def frame_of(row=ROW) -> SimpleNamespace:
    mending = Mending(np.array(row, dtype=np.int32), np.zeros((1, 1, 10)))
    return SimpleNamespace(mending=mending)


@pytest.fixture
def frame() -> SimpleNamespace:
    return frame_of()


def test_it_holds_while_nothing_else_is_done(frame) -> None:
    found = outcome_of(SPLIT, frame)
    assert found.change.after[0, -1] == 4  # the next free number
    assert found.holds(frame, frame.mending.labels)


def test_an_edit_elsewhere_may_take_its_number(frame) -> None:
    found = outcome_of(SPLIT, frame)
    before = frame.mending.labels.copy()
    frame.mending.labels[0, 7] = 4
    frame.mending.adopt([np.array([0]), np.array([7])], before[0, 7:8])
    box = found.change.box
    np.testing.assert_array_equal(frame.mending.labels[box], before[box])
    assert not found.holds(frame, frame.mending.labels)
    assert outcome_of(SPLIT, frame).change.after[0, -1] == 5


def test_an_edit_taken_back_meanwhile_may_free_its_number(frame) -> None:
    frame.mending.make(AWAY)
    found = outcome_of(SPLIT, frame)
    frame.mending.take_back()
    assert not found.holds(frame, frame.mending.labels)
    frame.mending.make(AWAY)
    assert not found.holds(frame, frame.mending.labels)  # another, though alike


def test_labels_written_past_the_edits(frame) -> None:
    found = outcome_of(SPLIT, frame)
    shown = frame.mending.labels.copy()
    shown[0, 8] = 0
    assert found.holds(frame, shown)
    shown[0, 2] = 0
    assert not found.holds(frame, shown)


def test_another_clustering_of_the_frame(frame) -> None:
    found = outcome_of(SPLIT, frame)
    assert not found.holds(frame_of(), frame.mending.labels)
    assert not found.holds(None, frame.mending.labels)


def test_what_it_contradicts_is_named(frame) -> None:
    frame.mending.make(AWAY)
    frame.mending.make(Merge(((0, 0), (0, 5))))
    assert outcome_of(Split((((0, 0),), ((0, 5),))), frame).contradicted == (1,)


def test_an_error_counts_only_if_the_labels_are_still_those(frame) -> None:
    found = outcome_of(Delete(((0, 4),)), frame)
    assert found.change is None
    assert "background" in str(found.error)
    assert found.holds(frame, frame.mending.labels)
    frame.mending.make(AWAY)
    assert not found.holds(frame, frame.mending.labels)
