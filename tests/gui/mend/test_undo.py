"""Edits of a labels layer and napari's own history stay in step."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels

from napari_shiftseg.gui.mend.undo import EditHistory
from napari_shiftseg.gui.parts.records import METADATA_EDITS
from napari_shiftseg.mending.edit_lists import to_dict
from napari_shiftseg.mending.edits import Delete, Merge, Paint
from napari_shiftseg.mending.mending import Mending

THREE = np.array([[1, 1, 0, 2, 2, 3], [1, 1, 0, 2, 2, 3]], dtype=np.int32)


def mending_on(layer: Labels, at: tuple[int, ...] = ()) -> Mending:
    labels = layer.data[at]
    return Mending(labels, np.zeros((1, *labels.shape)), frame=at)


@pytest.fixture
def layer():
    return Labels(THREE.copy())


@pytest.fixture
def told():
    return []


@pytest.fixture
def history(layer, told):
    mending = mending_on(layer)
    return EditHistory(layer, lambda _: mending, lambda: told.append(1))


def do(history: EditHistory, edit) -> None:
    history.do(edit, history._mending_of(edit.frame).change_of(edit))


MERGE, DELETE = Merge(((0, 3), (0, 5))), Delete(((0, 0),))


def test_an_edit_is_one_item_of_naparis_history(history, layer, told) -> None:
    do(history, MERGE)
    assert set(np.unique(layer.data)) == {0, 1, 2}
    assert history.edits == (MERGE,)
    assert layer.metadata[METADATA_EDITS] == [to_dict(MERGE)]
    assert len(told) == 1
    layer.undo()
    np.testing.assert_array_equal(layer.data, THREE)
    assert history.edits == ()
    assert layer.metadata[METADATA_EDITS] == []
    layer.redo()
    assert history.edits == (MERGE,)


@pytest.mark.parametrize(
    "change",
    [
        lambda history: do(history, MERGE),
        lambda history: history._layer.fill((1, 0), 9),
        lambda history: history.settle([MERGE]),
    ],
    ids=["an edit", "a stroke", "made anew"],
)
def test_classes_of_objects_that_are_no_more_are_not_shown(history, layer, change):
    layer.features = {"index": [1, 2, 3], "class": ["disk", "star", "disk"]}
    change(history)
    assert "class" not in layer.features


def test_a_table_of_the_users_own_stays(history, layer) -> None:
    layer.features = {"index": [1, 2, 3], "area": [4, 4, 2]}
    do(history, MERGE)
    assert layer.features["area"].tolist() == [4, 4, 2]


def test_several_undone_and_done_again(history, layer) -> None:
    do(history, MERGE)
    do(history, DELETE)
    after = layer.data.copy()
    layer.undo()
    assert history.edits == (MERGE,)
    layer.undo()
    assert history.edits == ()
    layer.undo()  # nothing is left
    assert history.edits == ()
    layer.redo()
    layer.redo()
    assert history.edits == (MERGE, DELETE)
    np.testing.assert_array_equal(layer.data, after)


def test_a_new_edit_drops_what_was_undone(history, layer) -> None:
    do(history, MERGE)
    layer.undo()
    do(history, DELETE)
    layer.redo()
    assert history.edits == (DELETE,)


def test_edits_after_an_undo_act_on_the_old_objects(history, layer) -> None:
    do(history, MERGE)
    layer.undo()
    do(history, Delete(((0, 5),)))
    np.testing.assert_array_equal(np.unique(layer.data), [0, 1, 2])


@pytest.mark.parametrize("number", [0, 1, 7])
def test_a_stroke_of_naparis_brush_is_an_edit(history, layer, number) -> None:
    layer.brush_size = 1
    layer.paint((0, 4), number)
    (edit,) = history.edits
    assert isinstance(edit, Paint)
    again = mending_on(Labels(THREE.copy()))
    again.make(edit)
    np.testing.assert_array_equal(again.labels, layer.data)
    layer.undo()
    assert history.edits == ()
    layer.redo()
    assert history.edits == (edit,)


def test_fill_and_a_repaint_of_the_same_pixel(history, layer) -> None:
    with layer.block_history():
        layer.paint((0, 4), 1)
        layer.paint((0, 4), 3)
    layer.fill((1, 0), 9)
    painted, filled = history.edits
    again = mending_on(Labels(THREE.copy()))
    again.make(painted)
    again.make(filled)
    np.testing.assert_array_equal(again.labels, layer.data)


def test_settled_edits_cannot_be_undone(history, layer) -> None:
    do(history, MERGE)
    merged = layer.data.copy()
    history.settle(history.edits)
    layer.undo()
    np.testing.assert_array_equal(layer.data, merged)
    assert history.edits == (MERGE,)
    do(history, DELETE)
    layer.undo()
    assert history.edits == (MERGE,)


def test_settling_keeps_the_mode_of_the_layer(history, layer) -> None:
    layer.mode = "paint"
    history.settle(())
    assert layer.mode == "paint"
    layer.mode = "pan_zoom"
    layer.mouse_pan = False
    history.settle(())
    assert not layer.mouse_pan


def test_a_stroke_through_frames_is_an_edit_in_each(told) -> None:
    layer = Labels(np.stack([THREE, THREE]))
    mendings = {(n,): mending_on(layer, (n,)) for n in range(2)}
    history = EditHistory(layer, mendings.get, lambda: told.append(1), leading=1)
    layer.n_edit_dimensions = 3
    layer.brush_size = 2
    layer.paint((0.5, 0, 4), 0)
    assert {edit.frame for edit in history.edits} == {(0,), (1,)}
    painted = layer.data.copy()
    layer.undo()
    assert history.edits == ()
    layer.redo()
    assert len(history.edits) == 2
    np.testing.assert_array_equal(layer.data, painted)


def test_let_alone(history, layer) -> None:
    history.stop()
    layer.paint((0, 4), 1)
    assert history.edits == ()


def test_more_steps_than_napari_remembers(told) -> None:
    """Its history holds 100 steps: the list follows those that it takes back."""
    number = 130
    start = np.arange(1, 201, dtype=np.int32).reshape(2, 100)
    layer = Labels(start.copy())
    mending = mending_on(layer)
    history = EditHistory(layer, lambda _: mending, lambda: told.append(1))
    states = [start.copy()]
    for n in range(number):
        do(history, Delete(((n // 100, n % 100),)))
        states.append(layer.data.copy())
    undone = 0
    for _ in range(number):
        layer.undo()
        undone = number - len(history.edits)
        np.testing.assert_array_equal(layer.data, states[number - undone])
        assert len(layer.metadata[METADATA_EDITS]) == number - undone
    assert undone == 100
    for _ in range(number):
        layer.redo()
        np.testing.assert_array_equal(layer.data, states[len(history.edits)])
    assert len(history.edits) == number
    np.testing.assert_array_equal(mending.labels, layer.data)


def test_what_was_done_before_cannot_be_undone(layer, history) -> None:
    do(history, DELETE)
    history.stop()
    deleted = layer.data.copy()
    again = EditHistory(layer, history._mending_of, lambda: None)
    layer.undo()
    np.testing.assert_array_equal(layer.data, deleted)
    assert again.edits == (DELETE,)


def test_a_locked_layer_stays_locked(layer, history) -> None:
    do(history, MERGE)
    layer.editable = False
    history.settle(history.edits)
    assert not layer.editable
    layer.undo()
    assert set(np.unique(layer.data)) == {0, 1, 2}  # nothing was left to undo
    layer.editable = True
    history.settle(history.edits)
    assert layer.editable


def test_an_edit_that_was_undone_still_acts_in_its_frame(layer, history) -> None:
    assert not history.store.acts_in(())
    do(history, MERGE)
    layer.undo()
    assert history.store.acts_in(())  # napari can do it again
    assert not history.store.acts_in((1,))
    history.settle(())
    assert not history.store.acts_in(())


def test_edits_that_wait_are_left_with_the_layer(layer, history) -> None:
    do(history, MERGE)
    merged = layer.data.copy()
    history.stop([DELETE])
    assert layer.metadata[METADATA_EDITS] == [to_dict(MERGE), to_dict(DELETE)]
    np.testing.assert_array_equal(layer.data, merged)


def test_the_pixels_of_a_stroke_on_an_unknown_frame_are_told(layer) -> None:
    asked = []
    history = EditHistory(
        layer, lambda _: None, lambda: None, 0, lambda *told: asked.append(told)
    )
    layer.brush_size = 1
    layer.paint((1, 4), 7)
    ((frame, indices),) = asked
    assert (frame, history.edits) == ((), ())
    assert [x.tolist() for x in indices] == [[1], [4]]
