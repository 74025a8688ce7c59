"""Labels, edits and jobs of a steered layer stay in step, whatever comes between."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.gui.mend.undo import DragWatch
from napari_shiftseg.gui.parts.jobs import FrameTask
from napari_shiftseg.mending.edits import Delete, Merge, Paint
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.progress import Progress

BANDWIDTH = 0.02
OTHER = 0.01

FRAMES = 3

pytestmark = pytest.mark.usefixtures("one_thread", "qapp")


def drag_watch(layer):
    """The callback by which strokes are watched; napari calls it with every drag."""
    calls = layer.mouse_drag_callbacks
    return next(c for c in calls if isinstance(getattr(c, "__self__", 0), DragWatch))


@pytest.fixture
def replaying(one, settled, pixel, begun, turn_and_hold):
    """Labels whose one edit is being carried out again, with another bandwidth."""
    layer, steering = begun(one)
    steering.do(Delete((pixel(layer.data, 1),)))
    settled(steering)
    turn_and_hold(steering)
    return layer, steering


def test_an_edit_taken_out_during_its_replay_is_out(replaying, settled, fresh) -> None:
    layer, steering = replaying
    steering.use(())
    settled(steering)
    assert steering.history.edits == ()
    expected = fresh(OTHER)
    assert not np.array_equal(expected, fresh(BANDWIDTH))
    np.testing.assert_array_equal(layer.data, expected)


def test_an_edit_undone_during_its_replay_is_undone(replaying, settled, fresh) -> None:
    layer, steering = replaying
    layer.undo()
    settled(steering)
    assert steering.history.edits == ()
    np.testing.assert_array_equal(layer.data, fresh(OTHER))
    assert not steering.frame(()).mending.made


def test_a_stroke_painted_while_clustering_stays(
    one, settled, begun, turn_and_hold
) -> None:
    layer, steering = begun(one)
    turn_and_hold(steering)
    layer.brush_size = 3
    layer.paint((20, 20), 0)
    painted = layer.data == 0
    assert painted[20, 20]
    settled(steering)
    assert not layer.data[19:22, 20].any()
    assert [type(edit) for edit in steering.history.edits] == [Paint]


def test_a_stroke_under_way_is_not_interrupted(
    one, settled, qtbot, held, turned, begun
) -> None:
    layer, steering = begun(one)
    held.hold()
    layer.mode = "paint"
    event = SimpleNamespace(type="mouse_press")
    stroke = drag_watch(layer)(layer, event)
    next(stroke)
    event.type = "mouse_move"
    before = layer.data.copy()
    steering.turn(turned(steering))
    with layer.block_history():
        layer.paint((20, 20), 0)
        qtbot.wait(700)
        layer.paint((30, 30), 0)
    changed = layer.data != before
    assert 0 < changed.sum() < 2 * layer.brush_size**2  # the strokes, nothing else
    event.type = "mouse_release"
    next(stroke, None)
    qtbot.waitUntil(lambda: steering.is_busy, timeout=60_000)
    settled(steering)
    assert steering.frame(()).clustering.bandwidth == OTHER
    assert layer.data[20, 20] == layer.data[30, 30] == 0


def test_steered_again_a_layer_is_as_it_was_left(
    one, steer, settled, turned, pixel
) -> None:
    layer, kept = one
    first = steer(layer, kept)
    first.turn(turned(first))
    settled(first)
    first.do(Delete((pixel(layer.data, 1),)))
    settled(first)
    left = layer.data.copy()
    first.stop()
    again = steer(layer, kept)
    settled(again)
    assert again.clustering == first.clustering != kept.clustering
    np.testing.assert_array_equal(layer.data, left)
    assert [type(edit) for edit in again.history.edits] == [Delete]


def test_left_between_two_clusterings_nothing_counts_as_painted(
    one, steer, settled, qtbot, view, fresh, begun, turn_and_hold
) -> None:
    view.region = ((0, 20), (0, 20))
    layer, first = begun(one)
    before = layer.data.copy()
    turn_and_hold(first)
    qtbot.waitUntil(lambda: not np.array_equal(layer.data, before), timeout=60_000)
    first.stop()
    again = steer(layer, first.kept)
    settled(again)
    assert again.history.edits == ()
    np.testing.assert_array_equal(layer.data, fresh(OTHER))


def test_what_was_painted_before_outlasts_a_quick_turn(
    one, steer, settled, turned
) -> None:
    layer, kept = one
    layer.data[2:6, 2:6] = 0
    steering = steer(layer, kept)
    steering.turn(turned(steering))
    settled(steering)
    assert steering.frame(()).clustering.bandwidth == OTHER
    assert not layer.data[2:6, 2:6].any()


def test_turned_there_and_back_nothing_counts_as_painted(
    one, steer, settled, qtbot, view, turned
) -> None:
    layer, kept = one
    view.region = ((0, 20), (0, 20))
    before = layer.data.copy()
    steering = steer(layer, kept)
    usual = steering.clustering
    steering.turn(turned(steering))
    qtbot.wait(60)
    steering.turn(usual)
    settled(steering)
    assert steering.history.edits == ()
    np.testing.assert_array_equal(layer.data, before)


def test_the_frame_that_is_shown_comes_first(series, view, order, begun) -> None:
    view.frame = (2,)
    _, steering = begun(series)
    assert order == [(2,), (0,), (1,)]
    assert set(steering.frames) == set(steering.kept.frames)


def test_the_slider_moved_meanwhile(
    series, settled, view, order, turned, begun
) -> None:
    _, steering = begun(series)
    order.clear()
    steering.turn(turned(steering))
    view.frame = (2,)
    steering.look()  # gives frame 0 up
    settled(steering)
    assert order[:2] == [(0,), (2,)]
    assert set(steering.frames) == set(steering.kept.frames)


def test_frames_in_the_background_leave_the_undo_alone(
    series, steer, settled, qtbot, held, pixel
) -> None:
    layer, kept = series
    before = layer.data.copy()
    held.hold()
    held.let_one_go()  # that of the frame in view
    steering = steer(layer, kept)
    qtbot.waitUntil(lambda: steering.frame((0,)) is not None, timeout=60_000)
    assert steering.is_busy
    steering.do(Merge((pixel(layer.data[0], 1), pixel(layer.data[0], 2)), (0,)))
    settled(steering)
    assert len(steering.history.edits) == 1
    layer.undo()
    assert steering.history.edits == ()
    np.testing.assert_array_equal(layer.data, before)


def test_a_task_for_all_frames_waits_for_them(series, steer, settled, turned) -> None:
    layer, kept = series
    steering, found = steer(layer, kept), []

    def steps():
        yield Progress(0, 1)
        return set(steering.frames)

    steering.add(FrameTask(steps, found.append, all_frames=True))
    steering.add(FrameTask(steps, found.append))
    settled(steering)
    assert found == [set(kept.frames)] * 2
    steering.turn(turned(steering))
    steering.add(FrameTask(steps, found.append))
    settled(steering)
    assert len(found[2]) < FRAMES  # the control: it did not wait


def test_an_edit_left_out_has_its_number_in_the_list(
    series, settled, said, pixel, begun
) -> None:
    layer, steering = begun(series)
    steering.do(Delete((pixel(layer.data[0], 1),), (0,)))
    settled(steering)
    steering.use((*steering.history.edits, Delete(((99, 0),), (2,))))
    settled(steering)
    assert [text for text in said if text.startswith("edit 2 (delete")]


def test_edits_of_frames_that_are_not_there_are_named(
    one, steer, settled, said
) -> None:
    steering = steer(*one)
    settled(steering)
    steering.use((Delete(((0, 0),), (7,)),))
    settled(steering)
    assert "1 edit of frames that this result does not have" in said[0]


def test_an_edit_that_changes_nothing_is_none(one, settled, said, pixel, begun) -> None:
    layer, steering = begun(one)
    at = pixel(layer.data, 1)
    mask = np.ones((1, 1), dtype=bool)
    steering.do(Paint.of(mask, at, at))
    settled(steering)
    layer.refresh()
    assert said == ["This changes nothing."]
    assert steering.history.edits == ()


def test_labels_of_another_type_are_mended_on(one, settled, pixel, begun) -> None:
    layer, steering = begun(one)
    layer.data = layer.data.astype(np.int64)
    settled(steering)
    at = pixel(layer.data, 1)
    steering.do(Delete((at,)))
    settled(steering)
    assert layer.data[at] == 0
    assert [type(edit) for edit in steering.history.edits] == [Delete]


def test_stopped_it_lets_the_layer_alone(one, qtbot, turned, begun) -> None:
    layer, steering = begun(one)
    before, callbacks = layer.data.copy(), len(layer.mouse_drag_callbacks)
    steering.turn(turned(steering))
    steering.stop()
    qtbot.wait(300)
    np.testing.assert_array_equal(layer.data, before)
    assert len(layer.mouse_drag_callbacks) == callbacks - 1


def test_a_clustering_that_fails_is_said_once(
    one, settled, said, monkeypatch, turned, fresh, begun
) -> None:
    layer, steering = begun(one)
    usual, replay = steering.clustering, Mending.replay

    def fail(*_):
        raise MemoryError("too little memory")

    monkeypatch.setattr(Mending, "replay", fail)
    steering.turn(turned(steering))
    settled(steering)
    assert said == ["too little memory"]
    assert steering.frame(()) is None
    monkeypatch.setattr(Mending, "replay", replay)
    steering.turn(usual)
    settled(steering)
    np.testing.assert_array_equal(layer.data, fresh(BANDWIDTH))
    assert steering.history.edits == ()
