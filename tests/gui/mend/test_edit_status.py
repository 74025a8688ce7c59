"""What became of each edit of a frame."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.gui.mend.table import Status, Statuses
from napari_shiftseg.mending import replay
from napari_shiftseg.mending.edit_lists import EditStore
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
    assert Statuses().of(EditStore(EDITS), [frame]) == {
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
    found = Statuses().of(EditStore((*EDITS, again)), [frame])
    assert set(found) == {1, 4}
    assert found[4].mark == "overruled by 6"
    assert str(seeds) not in found[4].reason


def test_a_list_that_is_not_that_of_the_labels(frame) -> None:
    assert Statuses().of(EditStore(EDITS[:-1]), [frame]) == {}
    assert Statuses().of(EditStore(), [frame]) == {}


@pytest.fixture
def other() -> Frame:
    mending = Mending(np.array(ROW, dtype=np.int32), np.zeros((1, 1, 12)), frame=THERE)
    return Frame(mending=mending, left_out={0: "it rains"}, position=THERE)


@pytest.fixture
def found(monkeypatch) -> list[tuple[int, ...]]:
    """Frames that are looked through, one after the other."""
    calls, overruled = [], replay.overruled

    def noted(mending):
        calls.append(mending.frame)
        return overruled(mending)

    monkeypatch.setattr(replay, "overruled", noted)
    return calls


def test_frames_are_looked_through_only_when_their_edits_are_others(
    frame, other, found
) -> None:
    known, store = Statuses(), EditStore(EDITS)
    told = known.of(store, [other, frame])
    assert set(told) == {0, 1, 2}
    assert told[0].reason == "Left out: it rains."
    assert known.of(store, [other, frame]) == told
    assert found == [THERE, HERE]
    frame.mending.take_back()
    store.settle(EDITS[:-1])
    assert set(known.of(store, [other, frame])) == {0, 1}
    assert found == [THERE, HERE, HERE]  # an edit of one says nothing of the other
    store.settle((EDITS[1], EDITS[0], *EDITS[2:-1]))
    assert known.of(store, [other, frame])[1].mark == "left out"  # now the second
    assert found == [THERE, HERE, HERE]
    assert known.of(store, []) == {}
