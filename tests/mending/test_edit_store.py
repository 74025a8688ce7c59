"""Edits of a layer: what is stale, what is saved, what can be undone."""

from __future__ import annotations

import numpy as np

from napari_shiftseg.mending.changes import Change
from napari_shiftseg.mending.edit_lists import EditStore, UndoStep, to_dict
from napari_shiftseg.mending.edits import Delete, Merge

HERE, THERE = (0,), (1,)
ONE, TWO = Merge(((0, 0), (0, 5)), HERE), Delete(((0, 0),), HERE)
OTHER = Delete(((0, 0),), THERE)


def step(edit) -> UndoStep:
    return UndoStep((edit,), (Change.none(edit.frame, np.zeros((1, 1), int)),))


def test_revisions_rise_where_edits_change_and_only_there() -> None:
    store = EditStore((OTHER,))
    assert (store.revision, store.revision_of(HERE)) == (0, 0)
    seen = []
    for change in (lambda: store.do(step(ONE)), store.undo, store.redo):
        change()
        seen.append(store.revision_of(HERE))
    assert seen == [1, 2, 3]
    assert store.revision_of(THERE) == 0
    store.settle(store.edits)
    assert store.revision == 3  # the edits are the same
    store.settle((ONE,))
    assert (store.revision_of(HERE), store.revision_of(THERE)) == (3, 4)
    store.settle((TWO, ONE))
    assert (store.revision_of(HERE), store.revision_of(THERE)) == (5, 4)


def test_undo_redo_and_what_acts_in_a_frame() -> None:
    store = EditStore((OTHER,))
    store.do(step(ONE))
    store.do(step(TWO))
    assert store.edits == (OTHER, ONE, TWO)
    assert store.undo().edits == (TWO,)
    assert store.acts_in(HERE)
    assert not store.acts_in(THERE)
    assert store.redo().edits == (TWO,)
    store.undo()
    store.do(step(TWO))
    assert store.undone == []
    store.settle((ONE,))
    assert not store.acts_in(HERE)
    assert (store.done, store.edits) == ([], (ONE,))


def test_what_is_not_saved() -> None:
    assert EditStore((OTHER, OTHER)).number_unsaved == 2
    store = EditStore((OTHER,), (OTHER,))
    assert store.number_unsaved == 0
    store.do(step(ONE))
    assert store.number_unsaved == 1
    store.undo()
    assert store.number_unsaved == 0  # as it was
    store.redo()
    store.mark_saved()
    assert store.number_unsaved == 0
    store.settle((OTHER,))
    assert store.number_unsaved == 1  # one that was saved is out
    store.settle((TWO, ONE))
    assert store.number_unsaved == 2
    store.settle((ONE, OTHER))
    assert store.number_unsaved == 1  # another order
    many = [Delete(((0, at),), HERE) for at in range(100)]
    store = EditStore(many, many)
    store.settle(many[1:])
    assert store.number_unsaved == 1


def test_dicts_follow_the_edits() -> None:
    store = EditStore((OTHER,))
    store.do(step(ONE))
    first = store.as_dicts()
    assert first == [to_dict(OTHER), to_dict(ONE)]
    store.settle((OTHER, TWO))
    assert store.as_dicts() == [to_dict(OTHER), to_dict(TWO)]
    assert first == [to_dict(OTHER), to_dict(ONE)]
