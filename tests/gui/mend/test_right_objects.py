"""Objects marked as right, those of each result by themselves."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_shiftseg.gui.mend.layers import RightMarks, RightObjects

TWO = np.array([[1, 1, 0, 2], [1, 1, 0, 2]], dtype=np.int32)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def right(viewer):
    return RightObjects(viewer)


def test_marked_and_unmarked(viewer, right) -> None:
    labels = viewer.add_labels(TWO.copy(), scale=(2, 3), translate=(5, 6))
    assert RightMarks.of(labels).frame(()) is None
    assert right.toggle(labels, (0, 0), 0)
    assert right.toggle(labels, (1, 3), 0)
    assert RightMarks.of(labels).number == 2
    np.testing.assert_array_equal(RightMarks.of(labels).frame(()), TWO)
    shown = viewer.layers[-1]
    np.testing.assert_array_equal(shown.scale, labels.scale)
    np.testing.assert_array_equal(shown.translate, labels.translate)
    assert right.toggle(labels, (1, 1), 0)
    assert RightMarks.of(labels).number == 1
    np.testing.assert_array_equal(RightMarks.of(labels).frame(()), TWO * (TWO == 2))


def test_background_is_no_object(viewer, right) -> None:
    labels = viewer.add_labels(TWO.copy())
    assert not right.toggle(labels, (0, 2), 0)
    assert RightMarks.of(labels).number == 0
    assert len(viewer.layers) == 1


def test_a_mark_that_covers_another(viewer, right) -> None:
    labels = viewer.add_labels(TWO.copy())
    right.toggle(labels, (0, 3), 0)
    labels.data[:] = 1  # merged meanwhile
    right.toggle(labels, (0, 0), 0)
    assert RightMarks.of(labels).number == 1
    assert len(np.unique(RightMarks.of(labels).frame(()))) == 1


def test_those_of_two_results_are_apart(viewer, right, qtbot) -> None:
    one = viewer.add_labels(TWO.copy())
    other = viewer.add_labels(np.ones((5, 7), dtype=np.int32))
    right.toggle(one, (0, 0), 0)
    assert RightMarks.of(other).number == 0
    assert RightMarks.of(other).frame(()) is None
    right.toggle(other, (4, 6), 0)
    assert (RightMarks.of(one).number, RightMarks.of(other).number) == (1, 1)
    assert RightMarks.of(other).frame(()).shape == (5, 7)
    viewer.layers.remove(other)
    left = [one.name, f"marked right · {one.name}"]
    qtbot.waitUntil(
        lambda: [layer.name for layer in viewer.layers] == left, timeout=60_000
    )
    assert RightMarks.of(one).number == 1


def test_both_are_deleted_at_once(viewer, right, qtbot) -> None:
    labels = viewer.add_labels(TWO.copy())
    right.toggle(labels, (0, 0), 0)
    viewer.layers.selection = set(viewer.layers)
    viewer.layers.remove_selected()
    assert not viewer.layers
    qtbot.wait(200)  # nothing is left to remove


def test_marks_stay_with_the_labels(viewer, right, qtbot) -> None:
    labels = viewer.add_labels(TWO.copy())
    right.toggle(labels, (0, 0), 0)
    right.toggle(labels, (1, 3), 0)
    right.close()
    assert list(viewer.layers) == [labels]
    again = RightObjects(viewer)
    assert RightMarks.of(labels).number == 2
    again.show(labels)
    np.testing.assert_array_equal(viewer.layers[-1].data, TWO)
    np.testing.assert_array_equal(RightMarks.of(labels).frame(()), TWO)
    assert viewer.layers.selection.active is labels
    viewer.layers.remove(viewer.layers[-1])  # by the user: these marks go
    assert RightMarks.of(labels).number == 0


def test_marks_of_another_shape_are_none(viewer, right) -> None:
    labels = viewer.add_labels(TWO.copy())
    right.toggle(labels, (0, 0), 0)
    right.close()
    labels.data = np.ones((5, 7), dtype=np.int32)
    right.show(labels)
    assert (len(viewer.layers), RightMarks.of(labels).number) == (1, 0)


def test_frames_of_a_series(viewer, right) -> None:
    labels = viewer.add_labels(np.stack([TWO, TWO, TWO]))
    right.toggle(labels, (2, 0, 0), 1)
    right.toggle(labels, (1, 0, 3), 1)
    frames = RightMarks.of(labels).frames(1)
    assert set(frames) == {(1,), (2,)}
    np.testing.assert_array_equal(frames[2,] > 0, TWO == 1)


def test_a_layer_that_the_user_removed(viewer, right) -> None:
    labels = viewer.add_labels(TWO.copy())
    right.toggle(labels, (0, 0), 0)
    viewer.layers.remove(viewer.layers[-1])
    assert RightMarks.of(labels).number == 0
    assert RightMarks.of(labels).frame(()) is None
    right.toggle(labels, (0, 3), 0)
    right.close()
    assert list(viewer.layers) == [labels]
