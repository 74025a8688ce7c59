"""What the user does while labels are made or an edit is computed."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest

from napari_shiftseg.gui.mend import undo as undo_module
from napari_shiftseg.gui.parts.jobs import FrameTask
from napari_shiftseg.mending.edits import Delete, Merge, Paint, Split
from napari_shiftseg.progress import Progress
from napari_shiftseg.relabelling.relabel import InView, Relabelling

pytestmark = pytest.mark.usefixtures("one_thread", "qapp")

VIEW = ((0, 20), (0, 25))


@pytest.fixture
def computing(monkeypatch):
    """Edits are computed, and then kept back until the test lets them go."""
    done, go, compute = Event(), Event(), undo_module.outcome_of

    def held(*given):
        found = compute(*given)
        done.set()
        assert go.wait(60)
        return found

    monkeypatch.setattr(undo_module, "outcome_of", held)
    monkeypatch.setattr(undo_module, "AT_ONCE", 0)  # all of them in a thread
    yield done, go
    go.set()


@pytest.fixture
def held_view(monkeypatch):
    """What is in view is labelled, the rest not before the test lets it."""
    steps, go = Relabelling.steps, Event()

    def held(self, clustering, view=None):
        labels = steps(self, clustering, view)
        while True:
            try:
                progress = next(labels)
            except StopIteration as end:
                return end.value
            yield progress
            if isinstance(progress, InView):
                assert go.wait(60)

    monkeypatch.setattr(Relabelling, "steps", held)
    yield go
    go.set()


def largest(labels):
    """Return the number of the largest object, and two pixels far apart in it."""
    number = int(np.bincount(labels.ravel())[1:].argmax()) + 1
    pixels = np.argwhere(labels == number)
    return number, *(tuple(pixels[i].tolist()) for i in (0, -1))


def away_from(labels, number):
    """Return a pixel that no edit of an object looks at."""
    apart = [
        np.abs(pixel - np.argwhere(labels == number)).max(1).min()
        for pixel in np.argwhere(labels != number)
    ]
    return tuple(np.argwhere(labels != number)[np.argmax(apart)].tolist())


@pytest.fixture
def to_split(one, steer, settled):
    """Labels that are mended, the number of the largest object, two of its pixels."""
    layer, kept = one
    steering = steer(layer, kept)
    settled(steering)
    return layer, steering, *largest(layer.data)


def test_a_number_painted_while_a_split_is_computed(
    one, steer, settled, computing, to_split, qtbot
) -> None:
    layer, steering, number, here, there = to_split
    done, go = computing
    far, new = away_from(layer.data, number), int(layer.data.max()) + 1
    steering.do(Split(((here,), (there,))))
    qtbot.waitUntil(done.is_set, timeout=60_000)
    layer.brush_size = 1
    layer.paint(far, new)
    go.set()
    settled(steering)
    assert [type(edit) for edit in steering.history.edits] == [Paint, Split]
    assert layer.data[far] == new
    assert layer.data[here] != layer.data[there] != new
    left = layer.data.copy()
    steering.stop()
    again = steer(*one)
    settled(again)
    assert len(again.history.edits) == 2
    np.testing.assert_array_equal(layer.data, left)


def test_labels_written_by_a_script_while_an_edit_is_computed(
    settled, computing, to_split, qtbot
) -> None:
    layer, steering, number, here, there = to_split
    done, go = computing
    steering.do(Split(((here,), (there,))))
    qtbot.waitUntil(done.is_set, timeout=60_000)
    done.clear()
    layer.data[here] = 0
    go.set()
    settled(steering)
    assert done.is_set()  # it was computed again
    assert layer.data[here] == 0
    assert layer.data[there] == number


def test_edits_keep_their_order_when_one_is_computed_again(
    one, steer, settled, computing, qtbot, pixel
) -> None:
    layer, kept = one
    steering, (done, go) = steer(layer, kept), computing
    settled(steering)
    first, second = (Delete((pixel(layer.data, n),)) for n in (1, 2))
    steering.do(first)
    steering.do(second)
    qtbot.waitUntil(done.is_set, timeout=60_000)
    layer.brush_size = 1
    layer.paint(away_from(layer.data, 1), int(layer.data.max()) + 1)
    go.set()
    settled(steering)
    assert steering.history.edits[1:] == (first, second)


def test_an_edit_that_waits_outlasts_a_look_at_another_frame(
    series, settled, view, turned, pixel, begun
) -> None:
    layer, steering = begun(series)
    steering.turn(turned(steering))
    edit = Delete((pixel(layer.data[0], 1),), (0,))
    steering.do(edit)
    view.frame = (2,)
    steering.look()
    settled(steering)
    assert steering.history.edits == (edit,)
    assert layer.data[(0, *edit.points[0])] == 0


def test_a_task_waits_for_its_frame_alone(series, steer, settled, view) -> None:
    layer, kept = series
    steering, found = steer(layer, kept), []

    def steps():
        yield Progress(0, 1)
        return set(steering.frames)

    steering.add(FrameTask(steps, found.append, frame=(2,)))
    settled(steering)
    assert found == [{(0,), (2,)}]


def test_a_stroke_means_the_objects_that_are_seen(
    one, steer, settled, qtbot, view, held_view, turned
) -> None:
    layer, kept = one
    view.region = VIEW
    steering = steer(layer, kept)
    held_view.set()
    settled(steering)
    held_view.clear()
    before = layer.data.copy()
    steering.turn(turned(steering))
    qtbot.waitUntil(lambda: not np.array_equal(layer.data, before), timeout=60_000)
    at, beside, number = seen_twice(layer.data)
    layer.brush_size = 1
    layer.paint(beside, number)
    (edit,) = steering.history.edits
    assert all(x < stop for x, (_, stop) in zip(edit.to, VIEW, strict=True))
    held_view.set()
    settled(steering)
    assert layer.data[beside] == layer.data[at] != 0


def seen_twice(labels):
    """Return a pixel in view, one beside it, and its number, deeper out of view."""
    seen = labels[tuple(slice(*pair) for pair in VIEW)]
    for at in np.argwhere(seen[:, :-1] > 0).tolist():
        beside, number = (at[0], at[1] + 1), labels[tuple(at)]
        inside = int((seen == number).sum())
        if labels[beside] != number and (labels == number).sum() > 2 * inside + 9:
            return tuple(at), beside, int(number)
    raise AssertionError("no number is one object in view and another out of it")


def test_an_edit_left_out_stays_told_when_other_frames_are_done(
    series, settled, said, begun
) -> None:
    _, steering = begun(series)
    steering.use((Delete(((99, 0),), (0,)), Delete(((99, 0),), (2,))))
    settled(steering)
    lines = said[-1].splitlines()
    assert [line[:7] for line in lines] == ["edit 1 ", "edit 2 "]
    steering.use(())
    settled(steering)
    assert said[-1] == ""  # what was told is no longer so


def test_edits_taken_out_of_a_frame_leave_the_others_as_they_are(
    series, settled, said, begun, pixel
) -> None:
    layer, steering = begun(series)
    first = Delete((pixel(layer.data[0], 1),), (0,))
    steering.use((first, Delete(((99, 0),), (1,)), Delete(((99, 0),), (2,))))
    settled(steering)
    assert [line[:7] for line in said[-1].splitlines()] == ["edit 2 ", "edit 3 "]
    before = steering.frames
    steering.use(steering.history.edits[1:])
    settled(steering)
    assert [line[:7] for line in said[-1].splitlines()] == ["edit 1 ", "edit 2 "]
    same = {at for at, frame in steering.frames.items() if frame is before[at]}
    assert same == {(1,), (2,)}
    assert layer.data[0][first.points[0]] == 1


def test_the_frame_gone_to_has_its_own_colours(
    series, settled, view, turned, begun
) -> None:
    layer, steering = begun(series)
    steering.turn(turned(steering))
    settled(steering)
    shown = layer.colormap.colors.copy()
    view.frame = (1,)
    steering.look()
    assert not np.array_equal(layer.colormap.colors, shown)
    view.frame = (0,)
    steering.look()
    np.testing.assert_array_equal(layer.colormap.colors, shown)


def test_an_edit_undone_is_not_done_again_on_other_labels(
    one, steer, settled, qtbot, view, held_view, turned, pixel
) -> None:
    layer, kept = one
    view.region = VIEW
    steering = steer(layer, kept)
    held_view.set()
    settled(steering)
    steering.do(Merge((pixel(layer.data, 1), pixel(layer.data, 2))))
    settled(steering)
    layer.undo()
    held_view.clear()
    before = layer.data.copy()
    steering.turn(turned(steering))
    qtbot.waitUntil(lambda: not np.array_equal(layer.data, before), timeout=60_000)
    seen = layer.data.copy()
    layer.redo()
    np.testing.assert_array_equal(layer.data, seen)
    held_view.set()
    settled(steering)
    assert steering.history.edits == ()
