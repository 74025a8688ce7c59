"""What an edit would do to a frame, computed on the frame or on a copy of it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.gui.mend.undo import outcome_of
from napari_shiftseg.mending.edits import Delete, Merge, Split
from napari_shiftseg.mending.mending import Mending

ROW = [[1, 1, 1, 1, 0, 2, 2, 0, 3, 3]]
SPLIT, AWAY = Split((((0, 0),), ((0, 3),))), Delete(((0, 8),))
FRAME = SimpleNamespace()


@pytest.fixture
def mending() -> Mending:
    return Mending(np.array(ROW, dtype=np.int32), np.zeros((1, 1, 10)))


def test_a_copy_stays_as_it_is(mending) -> None:
    mending.make(AWAY)
    copied = mending.copy()
    mending.take_back()
    mending.make(Delete(((0, 5),)))
    found = outcome_of(SPLIT, FRAME, copied, 1)
    assert found.change.after[0, -1] == 3  # the next free number
    assert outcome_of(SPLIT, FRAME, mending, 1).change.after[0, -1] == 4
    assert copied.edits == (AWAY,)
    np.testing.assert_array_equal(copied.labels, [[1, 1, 1, 1, 0, 2, 2, 0, 0, 0]])


def test_what_it_contradicts_is_named(mending) -> None:
    merge = Merge(((0, 0), (0, 5)))
    mending.make(AWAY)
    mending.make(merge)
    found = outcome_of(Split((((0, 0),), ((0, 5),))), FRAME, mending, 2)
    assert found.contradicted == (merge,)


def test_an_edit_that_cannot_act_says_why(mending) -> None:
    found = outcome_of(Delete(((0, 4),)), FRAME, mending, 0)
    assert found.change is None
    assert "background" in str(found.error)
