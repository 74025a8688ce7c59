"""A layer that is left while frames of it wait: nothing counts as painted, nor is lost.

Frames are unread until they were clustered as their labels were made.
"""

from __future__ import annotations

from threading import Event
from time import sleep

import numpy as np
import pytest

from napari_shiftseg.gui.mend import steering as steering_module
from napari_shiftseg.gui.mend import undo as undo_module
from napari_shiftseg.gui.parts.records import (
    METADATA_EDITS,
    METADATA_UNFINISHED,
    METADATA_UNREAD,
    LayerRecord,
)
from napari_shiftseg.mending.edit_lists import to_dict
from napari_shiftseg.mending.edits import Delete, Paint
from napari_shiftseg.progress import Progress

THIRD = 0.03

BANDWIDTH = 0.02
OTHER = 0.01

pytestmark = pytest.mark.usefixtures("one_thread", "qapp")


@pytest.mark.parametrize("at_once", [False, True])
def test_a_series_left_before_all_frames_are_read(
    series, steer, settled, qtbot, noise, at_once, turned, fresh, monkeypatch
) -> None:
    layer, kept = series
    usual, is_turned = steering_module.frame_steps, Event()

    def held(request):
        """The second frame waits for the turn, the third for ever."""
        while request.position == (1,) and not is_turned.wait(0.001):
            yield Progress(0, 1)
        while request.position == (2,):
            sleep(0.001)
            yield Progress(0, 1)
        return (yield from usual(request))

    monkeypatch.setattr(steering_module, "frame_steps", held)
    first = steer(layer, kept)
    if not at_once:
        qtbot.waitUntil(lambda: first.frame((0,)) is not None, timeout=60_000)
    first.turn(turned(first))
    is_turned.set()
    qtbot.waitUntil(
        lambda: (
            (0,) in first.frames and first.frame((0,)).clustering.bandwidth == OTHER
        ),
        timeout=60_000,
    )
    first.stop()
    unread = layer.metadata[METADATA_UNREAD]
    assert (2,) in {tuple(known["frame"]) for known in unread}
    monkeypatch.setattr(steering_module, "frame_steps", usual)
    again = steer(layer, kept)
    assert METADATA_UNREAD not in layer.metadata
    settled(again)
    assert again.history.edits == ()
    stack = np.stack([noise, noise[::-1], noise[:, ::-1]])
    np.testing.assert_array_equal(layer.data, fresh(OTHER, stack))


def test_an_edit_taken_out_before_its_frame_is_read(
    one, steer, settled, pixel, fresh, begun
) -> None:
    layer, first = begun(one)
    first.do(Delete((pixel(layer.data, 1),)))
    settled(first)
    first.stop()
    second = steer(layer, first.kept)
    second.use(())
    second.stop()
    (known,) = layer.metadata[METADATA_UNREAD]
    assert [edit["kind"] for edit in known["edits"]] == ["delete"]
    third = steer(layer, first.kept)
    settled(third)
    assert third.history.edits == ()
    np.testing.assert_array_equal(layer.data, fresh(BANDWIDTH))


def test_what_was_painted_on_an_unread_frame_outlasts_it_all(
    one, steer, settled, turned
) -> None:
    layer, kept = one
    layer.data[2:6, 2:6] = 0
    first = steer(layer, kept)
    first.turn(turned(first))
    first.stop()
    again = steer(layer, kept)
    settled(again)
    assert {type(edit) for edit in again.history.edits} == {Paint}
    assert again.frame(()).clustering.bandwidth == OTHER
    assert not layer.data[2:6, 2:6].any()


def test_a_finished_layer_leaves_no_record(one, settled, turned, begun) -> None:
    layer, first = begun(one)
    first.turn(turned(first))
    settled(first)
    first.stop()
    assert not {METADATA_UNREAD, METADATA_UNFINISHED} & layer.metadata.keys()


def test_data_replaced_before_all_frames_are_read(
    series, steer, settled, qtbot, noise, turned, fresh
) -> None:
    layer, kept = series
    steering = steer(layer, kept)
    steering.turn(turned(steering))
    qtbot.waitUntil(lambda: (0,) in steering.frames, timeout=60_000)
    layer.data = layer.data.copy()
    settled(steering)
    assert steering.history.edits == ()
    stack = np.stack([noise, noise[::-1], noise[:, ::-1]])
    np.testing.assert_array_equal(layer.data, fresh(OTHER, stack))


def test_data_replaced_while_the_labels_are_of_two_clusterings(
    one, settled, qtbot, view, held, turned, fresh, begun
) -> None:
    view.region = ((0, 20), (0, 20))
    layer, steering = begun(one)
    held.hold()
    before = layer.data.copy()
    steering.turn(turned(steering))
    qtbot.waitUntil(lambda: not np.array_equal(layer.data, before), timeout=60_000)
    assert not np.array_equal(layer.data, fresh(OTHER))
    layer.data = layer.data.copy()
    steering.turn(turned(steering, THIRD))
    settled(steering)
    assert steering.history.edits == ()
    np.testing.assert_array_equal(layer.data, fresh(THIRD))


def test_a_stroke_on_an_unread_frame_counts_once(
    one, settled, qtbot, held, begun
) -> None:
    layer, steering = begun(one)
    held.hold()
    layer.data = layer.data.copy()
    qtbot.waitUntil(held.began.is_set, timeout=60_000)
    layer.brush_size = 3
    layer.paint((20, 20), 0)
    settled(steering)
    assert [type(edit) for edit in steering.history.edits] == [Paint]
    assert not layer.data[19:22, 20].any()


def test_edits_that_are_none_leave_the_record_alone(one, steer) -> None:
    layer, kept = one
    layer.metadata[METADATA_UNFINISHED] = [()]
    layer.metadata[METADATA_EDITS] = [{"kind": "nonsense"}]
    with pytest.raises(ValueError, match="the kind of an edit is"):
        steer(layer, kept)
    assert layer.metadata[METADATA_UNFINISHED] == [()]


def test_a_failed_clustering_leaves_labels_that_nobody_painted(
    one, steer, settled, said, monkeypatch, turned, fresh, begun
) -> None:
    from napari_shiftseg.mending.mending import Mending

    layer, first = begun(one)

    def fail(*_):
        raise MemoryError("too little memory")

    with monkeypatch.context() as broken:
        broken.setattr(Mending, "replay", fail)
        first.turn(turned(first))
        settled(first)
    first.stop()
    assert said == ["too little memory"]
    again = steer(layer, first.kept)
    settled(again)
    assert again.history.edits == ()
    np.testing.assert_array_equal(layer.data, fresh(OTHER))


def test_a_turned_knob_is_recorded_before_it_is_done(one, turned, begun) -> None:
    layer, steering = begun(one)
    assert LayerRecord(layer).chosen["bandwidth"] == BANDWIDTH
    steering.turn(turned(steering))
    assert steering.frame(()) is None
    assert LayerRecord(layer).chosen["bandwidth"] == OTHER


def test_an_edit_that_waits_is_left_with_the_layer(
    one, steer, settled, turned, pixel, begun
) -> None:
    layer, first = begun(one)
    edit = Delete((pixel(layer.data, 1),))
    first.turn(turned(first))
    first.do(edit)
    first.stop()
    assert layer.metadata[METADATA_EDITS] == [to_dict(edit)]
    again = steer(layer, first.kept)
    settled(again)
    assert again.history.edits == (edit,)
    assert again.frame(()).clustering.bandwidth == OTHER
    assert layer.data[edit.points[0]] == 0


def test_an_edit_under_way_is_left_with_the_layer(
    one, steer, settled, monkeypatch, pixel, begun
) -> None:
    monkeypatch.setattr(undo_module, "AT_ONCE", 0)
    layer, first = begun(one)
    edit = Delete((pixel(layer.data, 1),))
    first.do(edit)
    assert first.is_busy
    first.stop()
    assert layer.data[edit.points[0]] == 1
    again = steer(layer, first.kept)
    settled(again)
    assert again.history.edits == (edit,)
    assert layer.data[edit.points[0]] == 0
