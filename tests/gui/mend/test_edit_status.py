"""What became of each edit of a frame."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.gui.mend import table as edit_status
from napari_shiftseg.gui.mend.table import Status, Statuses, statuses
from napari_shiftseg.mending.edits import Delete, Merge, Split
from napari_shiftseg.mending.mending import Mending

ROW = [[1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 3, 3]]
HERE, THERE = (0,), (1,)
EDITS = (
    Merge(((0, 0), (0, 5)), THERE),
    Merge(((0, 0), (0, 4)), HERE),  # one point is on background
    Merge(((0, 0), (0, 5)), HERE),
    Delete(((0, 10),), HERE),
    Split((((0, 0),), ((0, 5),)), HERE),  # overrules the third
)


class Frame(SimpleNamespace):
    """As a frame that was clustered, as far as it is asked."""


@pytest.fixture
def frame() -> Frame:
    mending = Mending(np.array(ROW, dtype=np.int32), np.zeros((1, 1, 12)), frame=HERE)
    left_out = mending.replay([edit for edit in EDITS if edit.frame == HERE])
    return Frame(mending=mending, left_out=left_out, position=HERE)


def test_numbers_are_those_of_the_whole_list(frame) -> None:
    assert statuses(EDITS, frame) == {
        1: Status("left out", "Left out: only 1 of 2 points lies on object 1.", False),
        2: Status(
            "overruled by 5",
            "No longer holds: edit 5 (split at (0, 0), (0, 5) of frame 0) is newer and "
            "wins.",
            True,
        ),
    }


def test_one_made_since_overrules_too(frame) -> None:
    seeds, again = EDITS[-1], Merge(((0, 0), (0, 5)), HERE)
    frame.mending.make(again)
    found = statuses((*EDITS, again), frame)
    assert set(found) == {1, 4}
    assert found[4].mark == "overruled by 6"
    assert str(seeds) not in found[4].reason


def test_a_list_that_is_not_that_of_the_labels(frame) -> None:
    assert statuses(EDITS[:-1], frame) == {}
    assert statuses((), frame) == {}


@pytest.fixture
def other() -> Frame:
    mending = Mending(np.array(ROW, dtype=np.int32), np.zeros((1, 1, 12)), frame=THERE)
    return Frame(mending=mending, left_out={0: "it rains"}, position=THERE)


@pytest.fixture
def found(monkeypatch) -> list[tuple[int, ...]]:
    """Frames whose statuses are found, one after the other."""
    calls = []

    def noted(edits, frame):
        calls.append(frame.position)
        return statuses(edits, frame)

    monkeypatch.setattr(edit_status, "statuses", noted)
    return calls


def test_they_are_found_anew_only_when_something_changed(frame, found) -> None:
    known = Statuses()
    assert known.of(EDITS, [frame]) == statuses(EDITS, frame) != {}
    known.of(tuple(EDITS), [frame])
    assert found == [HERE]
    frame.mending.take_back()
    assert set(known.of(EDITS[:-1], [frame])) == {1}
    frame.mending.make(EDITS[-1])
    assert known.of(EDITS, [frame]) == statuses(EDITS, frame)
    assert found == [HERE] * 3
    assert known.of(EDITS, []) == {}
    assert known.of(EDITS, [frame]) == statuses(EDITS, frame)


def test_those_of_all_frames_are_told(frame, other, found) -> None:
    known = Statuses()
    told = known.of(EDITS, [other, frame])
    assert set(told) == {0, 1, 2}
    assert told[0].reason == "Left out: it rains."
    assert found == [THERE, HERE]
    frame.mending.take_back()
    assert set(known.of(EDITS[:-1], [other, frame])) == {0, 1}
    assert found == [THERE, HERE, HERE]  # an edit of one says nothing of the other
    moved = (EDITS[1], EDITS[0], *EDITS[2:-1])
    assert set(known.of(moved, [other, frame])) == {0, 1}
    assert found[3:] == [THERE, HERE]  # the numbers are others
