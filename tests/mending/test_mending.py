"""What each edit does to a small image, and where it refuses to act."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.mending.boxes import object_boxes
from napari_shiftseg.mending.edits import Delete, Merge, Paint, Redraw, Split
from napari_shiftseg.mending.mending import Mending

LABELS = [
    [1, 1, 0, 2, 2, 2, 2],
    [1, 1, 0, 2, 2, 2, 2],
    [0, 0, 0, 0, 0, 0, 0],
    [5, 0, 0, 0, 0, 0, 0],
]


@pytest.fixture
def frame() -> Mending:
    labels = np.array(LABELS, dtype=np.int32)
    return Mending(labels, np.zeros((3, 4, 7)), labels > 0)


class TestActs:
    def test_a_merge_keeps_the_lowest_number(self, frame: Mending) -> None:
        change = frame.make(Merge(((3, 0), (2, 3), (0, 4), (1, 5))))
        assert (frame.labels == 2).sum() == 9
        assert (frame.labels == 5).sum() == 0
        assert change.pixels == 1  # only those of object 5
        assert sorted(frame.boxes) == [1, 2]

    def test_a_split_gives_the_next_number(self, frame: Mending) -> None:
        frame.make(Split((((0, 3),), ((0, 6),))))
        assert frame.labels[:2, 3:].tolist() == [[2, 2, 6, 6]] * 2
        assert frame.labels[:, :3].tolist() == [row[:3] for row in LABELS]

    def test_a_split_over_two_objects_keeps_both_numbers(self, frame) -> None:
        frame.make(Split((((0, 0),), ((0, 3),), ((0, 6),))))
        assert frame.labels[0].tolist() == [1, 1, 0, 2, 2, 6, 6]

    def test_a_deletion(self, frame: Mending) -> None:
        frame.make(Delete(((0, 0), (2, 2), (3, 0))))
        assert set(frame.labels.ravel()) == {0, 2}

    def test_an_outline(self, frame: Mending) -> None:
        frame.foreground[0, 0], frame.foreground[2, 0] = False, True
        frame.make(Redraw(((1, 1),)))
        assert frame.labels[:3, :2].tolist() == [[0, 1], [1, 1], [1, 0]]

    @pytest.mark.parametrize(
        ("to", "number", "value"),
        [
            ("background", None, 0),
            ("new", None, 6),
            ("new", 4, 4),
            ("new", 5, 6),  # 5 is taken
            ((3, 0), None, 5),
        ],
    )
    def test_painted_pixels(self, frame, to, number, value) -> None:
        mask = np.array([[1, 0], [1, 1]], dtype=bool)
        frame.make(Paint.of(mask, (1, 1), to, number))
        assert frame.labels[1:3, 1:3].tolist() == [[value, 0], [value, value]]
        assert (frame.labels != np.array(LABELS)).sum() == 3 - (value == 0) * 2

    def test_only_the_box_changes_and_it_can_be_taken_back(self, frame) -> None:
        before = frame.labels.copy()
        change = frame.make(Split((((0, 3),), ((0, 6),))))
        assert change.box == (slice(0, 2), slice(3, 7))
        np.testing.assert_array_equal(change.before, before[change.box])
        changed = np.zeros(before.shape, dtype=bool)
        changed[change.indices] = True
        np.testing.assert_array_equal(changed, frame.labels != before)
        old, new = change.values
        np.testing.assert_array_equal(frame.labels[change.indices], new)
        np.testing.assert_array_equal(before[change.indices], old)
        back = change.reversed()
        frame.labels[back.box] = back.after
        frame.note(back)
        np.testing.assert_array_equal(frame.labels, before)
        assert frame.boxes == object_boxes(before)

    def test_what_an_edit_would_do_is_not_done(self, frame: Mending) -> None:
        frame.change_of(Delete(((0, 0),)))
        assert frame.labels.tolist() == LABELS

    def test_positions_are_those_of_the_image(self) -> None:
        labels = np.array(LABELS, dtype=np.int32)
        frame = Mending(labels, np.zeros((3, 4, 7)), offset=(10, 20))
        frame.make(Delete(((13, 20),)))
        assert 5 not in labels
        with pytest.raises(ValueError, match=r"pixels are 10 to 13 × 20 to 26"):
            frame.make(Delete(((3, 0),)))

    def test_a_volume(self) -> None:
        labels = np.zeros((3, 4, 8), dtype=np.int32)
        labels[1:, 1:3] = 1
        frame = Mending(labels, np.zeros((1, 3, 4, 8)))
        frame.make(Split((((1, 1, 0),), ((1, 1, 7),))))
        assert (labels[1:, 1:3, :4] == 1).all()
        assert (labels[1:, 1:3, 4:] == 2).all()
        assert not labels[0].any()


class TestRefuses:
    @pytest.mark.parametrize(
        ("edit", "reason"),
        [
            (
                Merge(((0, 0), (1, 1))),
                "^both points lie on object 1: a merge needs 2 objects or more, click",
            ),
            (Merge(((0, 0), (0, 1), (1, 1))), "^all 3 points lie on object 1: a merge"),
            (Merge(((0, 0), (2, 2))), "^only 1 of 2 points lies on object 1: a merge"),
            (Merge(((0, 3), (0, 4), (2, 2))), "^only 2 of 3 points lie on object 2: "),
            (Merge(((2, 2), (2, 3))), "all points lie on background: click an object"),
            (Merge(((0, 0), (0, 7))), r"\(0, 7\) lies outside the image, .* 0 to 6"),
            (Merge(((0, 0, 0), (0, 0, 1))), r"\(0, 0, 0\) has 3 axes, the image 2"),
            (Delete(((2, 2),)), r"\(2, 2\) lies on background"),
            (Redraw(((2, 2),)), r"\(2, 2\) lies on background"),
            (Split((((3, 0),), ((3, 1),))), r"seed 2 at \(3, 1\) lies on background"),
            (Split((((0, 0),), ((9, 0),))), r"\(9, 0\) lies outside"),
            (Paint((3, 5), (2, 1), ((0, 1),), "new"), r"\(4, 5\) lies outside"),
            (Paint((0, 0), (1, 1), ((0, 1),), (2, 2)), r"\(2, 2\) lies on background"),
            (Paint((0,), (1,), ((0, 1),), "new"), "1 axes, the image 2"),
            (
                Paint((0, 0), (10**6, 10**6), ((0, 1),), "new"),
                r"\(999999, 999999\) lies outside",
            ),
        ],
    )
    def test_and_leaves_the_labels(self, frame, edit, reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            frame.make(edit)
        assert frame.labels.tolist() == LABELS

    def test_an_outline_without_a_foreground(self) -> None:
        labels = np.array(LABELS, dtype=np.int32)
        frame = Mending(labels, np.zeros((3, 4, 7)))
        with pytest.raises(ValueError, match="model does not predict: take a model"):
            frame.make(Redraw(((0, 0),)))

    def test_numbers_beyond_the_type(self) -> None:
        labels = np.array([[255, 255, 255, 0]], dtype=np.uint8)
        frame = Mending(labels, np.zeros((1, 1, 4)))
        for edit in (
            Split((((0, 0),), ((0, 2),))),
            Paint((0, 3), (1, 1), ((0, 1),), "new"),
        ):
            with pytest.raises(ValueError, match="uint8 end at 255, 256 is needed"):
                frame.make(edit)
        frame.make(Paint((0, 3), (1, 1), ((0, 1),), "new", 7))
        assert labels.tolist() == [[255, 255, 255, 7]]

    def test_arrays_that_do_not_fit(self) -> None:
        labels = np.zeros((4, 7), dtype=np.int32)
        with pytest.raises(ValueError, match=r"labels and embedding .* \(4, 6\)"):
            Mending(labels, np.zeros((3, 4, 6)))
        with pytest.raises(ValueError, match="labels and foreground must cover"):
            Mending(labels, np.zeros((3, 4, 7)), np.ones((4, 6), dtype=bool))
        with pytest.raises(ValueError, match="bandwidth must be above 0, got 0"):
            Mending(labels, np.zeros((3, 4, 7)), bandwidth=0)
