"""Lists of edits: made again, contradicted, left out, taken back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_shiftseg.mending import mending as mending_module
from napari_shiftseg.mending.boxes import object_boxes
from napari_shiftseg.mending.changes import Change, Made
from napari_shiftseg.mending.edits import Delete, Grow, Merge, Paint, Redraw, Split
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.mending.replay import contradicted, overruled, replay

ROW = [[1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 3, 3]]
EMBEDDING = np.zeros((2, 1, 12))


NOTHING = Change.none((), np.array(ROW))


def row() -> np.ndarray:
    return np.array(ROW, dtype=np.int32)


def bars() -> tuple[np.ndarray, np.ndarray]:
    """Two frames of one bar each."""
    labels = np.zeros((2, 3, 8), dtype=np.int32)
    labels[0, 1], labels[1, 0] = 1, 4
    return labels, np.zeros((2, 2, 3, 8))


class TestReplay:
    def test_edits_act_in_their_order(self) -> None:
        edits = [
            Merge(((0, 0), (0, 5))),
            Split((((0, 0),), ((0, 3),))),
            Delete([(0, 10)]),
        ]
        labels = row()
        outcome = replay(edits, labels, EMBEDDING)
        assert outcome.labels.tolist() == [[1, 1, 4, 4, 0, 4, 4, 4, 4, 0, 0, 0]]
        assert outcome.applied == (1, 2, 3)
        assert labels.tolist() == ROW  # a copy was mended

    def test_an_edit_holds_on_other_labels(self) -> None:
        """The clustering changed: objects 1 and 2 are one now, 3 is in two pieces."""
        turned = np.array([[7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 8, 9]], dtype=np.int32)
        edits = [Split((((0, 1),), ((0, 7),))), Merge(((0, 10), (0, 11)))]
        outcome = replay(edits, turned, EMBEDDING)
        assert outcome.labels[0, [1, 7, 10, 11]].tolist() == [7, 10, 8, 8]
        assert outcome.notes == ()

    def test_what_cannot_act_is_left_out_and_named(self) -> None:
        edits = [
            Merge(((0, 4), (0, 9))),
            Delete(((0, 0),)),
            Redraw(((0, 5),)),
            Delete(((3, 0),)),
            Split((((0, 5),), ((0, 9),))),
            Merge(((0, 5), (0, 9))),
            Grow((0, 9)),
        ]
        outcome = replay(edits, row(), EMBEDDING)
        assert outcome.applied == (2,)
        assert outcome.left_out == {
            1: "all points lie on background",
            3: "an outline is redrawn to the foreground, which this model does not "
            "predict",
            4: "(3, 0) lies outside the image, whose pixels are 0 to 0 × 0 to 11",
            5: "seed 2 at (0, 9) lies on background",
            6: "only 1 of 2 points lies on object 2",
            7: "(0, 9) lies on background",
        }
        assert outcome.notes[0] == (
            "edit 1 (merge at (0, 4), (0, 9)) is left out: all points lie on background"
        )

    @pytest.mark.parametrize(
        "edit",
        [
            Merge(((0, 0), (0, 3))),
            Merge(((0, 0), (0, 3), (0, 4))),  # a stroke that ends beside the object
            Delete(((0, 4), (0, 9))),
            Grow((0, 5), new=True),
            Grow((0, 5)),  # finds nothing more
        ],
    )
    def test_what_holds_already_counts_as_applied(self, edit) -> None:
        labels, logit = row(), np.full((1, 12), -9.0)
        outcome = replay([edit], labels, EMBEDDING, logit=logit)
        assert (outcome.applied, outcome.left_out, outcome.notes) == ((1,), {}, ())
        np.testing.assert_array_equal(outcome.labels, labels)
        with pytest.raises(ValueError, match=": "):  # made by hand it is refused
            Mending(labels, EMBEDDING, logit=logit).make(edit)

    def test_what_held_already_can_be_overruled(self) -> None:
        edits = [
            Merge(((0, 0), (0, 3))),
            Delete(((0, 4),)),
            Split((((0, 0),), ((0, 3),))),
            Paint((0, 4), (1, 1), ((0, 1),), "new"),
        ]
        outcome = replay(edits, row(), EMBEDDING)
        assert outcome.applied == (1, 2, 3, 4)
        assert outcome.overruled == {1: 3, 2: 4}
        mending = Mending(row(), EMBEDDING)
        mending.replay(edits)
        for _ in edits:
            mending.take_back()
        assert mending.labels.tolist() == ROW
        assert mending.boxes == object_boxes(row())

    def test_frames_have_edits_of_their_own(self) -> None:
        labels, embedding = bars()
        edits = [
            Split((((0, 0),), ((0, 7),)), (1,)),
            Delete(((1, 0),), (0,)),
            Delete(((1, 0),), (2,)),
            Delete(((1, 0),)),
        ]
        outcome = replay(edits, labels, embedding, leading=1)
        assert not outcome.labels[0].any()
        assert outcome.labels[1, 0].tolist() == [4, 4, 4, 4, 6, 6, 6, 6]
        assert outcome.left_out[3].startswith("there is no frame (2,), the result has")
        assert outcome.left_out[4].startswith("there is no frame ()")


class TestContradictions:
    def test_the_newest_wins_and_is_named(self) -> None:
        edits = [
            Delete(((0, 11),)),
            Split((((0, 5),), ((0, 8),))),
            Merge(((0, 5), (0, 8))),
        ]
        outcome = replay(edits, row(), EMBEDDING)
        assert outcome.labels[0, 5:9].tolist() == [2, 2, 2, 2]
        assert outcome.overruled == {2: 3}
        assert outcome.notes == (
            "edit 2 (split at (0, 5), (0, 8)) no longer holds: edit 3 (merge at "
            "(0, 5), (0, 8)) is newer and wins",
        )

    def test_the_one_to_blame_is_the_one_that_broke_it(self) -> None:
        edits = [
            Merge(((0, 0), (0, 5))),
            Delete(((0, 10),)),
            Split((((0, 0),), ((0, 5),))),  # breaks the merge
            Split((((0, 0),), ((0, 2),))),  # changes its points, no more
            Paint((0, 10), (1, 1), ((0, 1),), "new"),  # breaks the deletion
        ]
        outcome = replay(edits, row(), EMBEDDING)
        assert outcome.overruled == {1: 3, 2: 5}

    def test_one_that_holds_again_is_not_named(self) -> None:
        seeds = Split((((0, 5),), ((0, 8),)))
        edits = [seeds, Merge(((0, 5), (0, 8))), seeds]
        outcome = replay(edits, row(), EMBEDDING)
        assert outcome.overruled == {2: 3}

    def test_through_a_third_object(self) -> None:
        """A merge of others joins the seeds of a split in a roundabout way."""
        edits = [
            Split((((0, 5),), ((0, 8),))),
            Merge(((0, 5), (0, 0))),
            Merge(((0, 8), (0, 1))),
        ]
        assert replay(edits, row(), EMBEDDING).overruled == {1: 3}

    def test_it_is_known_before_an_edit_is_made(self) -> None:
        mending = Mending(row(), EMBEDDING)
        mending.make(Delete(((0, 11),)))
        mending.make(Split((((0, 5),), ((0, 8),))))
        merge = Merge(((0, 5), (0, 8)))
        change = mending.change_of(merge)
        assert contradicted(mending, change) == [mending.edits[1]]
        assert contradicted(mending, mending.change_of(Delete(((0, 0),)))) == []
        mending.make(merge)
        assert overruled(mending) == [(1, 2)]

    def test_however_many_they_are_the_labels_are_looked_up_once(self) -> None:
        mending, looks = Mending(row(), EMBEDDING), []
        for at in ((0, 0), (0, 1), (0, 2)):
            mending.made.append(Made(Merge((at, (0, 5))), NOTHING, (at, (0, 5))))
        change = mending.change_of(Delete(((0, 5),)))

        class Watched(np.ndarray):
            def __getitem__(self, key):
                looks.append(key)
                return np.asarray(self)[key]

        mending.labels = mending.labels.view(Watched)
        contradicted(mending, change)
        assert len(looks) == 1

    def test_other_frames_are_no_matter(self) -> None:
        labels, embedding = bars()
        labels[1] = labels[0]
        edits = [
            Split((((1, 0),), ((1, 7),)), (0,)),
            Split((((1, 0),), ((1, 7),)), (1,)),
            Merge(((1, 0), (1, 7)), (1,)),
        ]
        assert replay(edits, labels, embedding, leading=1).overruled == {2: 3}


class TestTakenBack:
    def test_step_by_step_to_the_beginning(self) -> None:
        mending = Mending(row(), EMBEDDING)
        mending.make(Merge(((0, 0), (0, 5))))
        between = mending.labels.copy()
        mending.make(Split((((0, 0),), ((0, 8),))))
        mending.take_back()
        np.testing.assert_array_equal(mending.labels, between)
        assert mending.edits == (Merge(((0, 0), (0, 5))),)
        mending.take_back()
        assert mending.labels.tolist() == ROW
        with pytest.raises(ValueError, match="no edit has been made"):
            mending.take_back()

    def test_what_is_made_again_is_the_same(self) -> None:
        mending = Mending(row(), EMBEDDING)
        mending.make(Split((((0, 5),), ((0, 8),))))
        made = mending.labels.copy()
        mending.take_back()
        mending.make(Split((((0, 5),), ((0, 8),))))
        np.testing.assert_array_equal(mending.labels, made)


class TestAdopted:
    def paint(self, mending: Mending, at: list[tuple], value: int):
        """Write as a brush does: at once, the old values kept for the history."""
        indices = tuple(np.array(axis) for axis in zip(*at, strict=True))
        before = mending.labels[indices].copy()
        mending.labels[indices] = value
        return mending.adopt(indices, before)

    def test_a_brush_names_the_object_elsewhere(self) -> None:
        mending = Mending(row(), EMBEDDING)
        (edit,) = self.paint(mending, [(0, 8), (0, 9)], 3)
        assert edit == Paint((0, 8), (1, 2), ((0, 2),), (0, 10))
        outcome = replay([edit], row(), EMBEDDING)
        np.testing.assert_array_equal(outcome.labels, mending.labels)
        assert mending.boxes[3] == (slice(0, 1), slice(8, 12))

    def test_a_new_object_keeps_its_number_and_an_eraser_none(self) -> None:
        mending = Mending(row(), EMBEDDING)
        (new,) = self.paint(mending, [(0, 4)], 77)
        (gone,) = self.paint(mending, [(0, 10), (0, 11)], 0)
        assert (new.to, new.number, gone.to) == ("new", 77, "background")
        outcome = replay([new, gone], row(), EMBEDDING)
        np.testing.assert_array_equal(outcome.labels, mending.labels)
        mending.take_back()
        assert mending.labels[0, 10:].tolist() == [3, 3]

    def test_several_values_and_a_pixel_painted_twice(self) -> None:
        mending = Mending(row(), EMBEDDING)
        indices = (np.zeros(4, int), np.array([4, 5, 11, 5]))
        before = np.array([0, 2, 3, 1])  # pixel 5 was 2, then 1 for a while
        mending.labels[0, [4, 5, 11]] = [1, 1, 0]
        edits = mending.adopt(indices, before)
        assert [edit.to for edit in edits] == ["background", (0, 0)]
        outcome = replay(edits, row(), EMBEDDING)
        np.testing.assert_array_equal(outcome.labels, mending.labels)
        mending.take_back(), mending.take_back()
        assert mending.labels.tolist() == ROW

    @pytest.mark.parametrize("shape", [(900, 1100), (60, 80)])
    def test_of_a_large_object_a_grid_of_pixels_is_looked_at(
        self, monkeypatch, shape
    ) -> None:
        labels = np.ones(shape, dtype=np.int32)
        labels[:, 0] = 0
        mending = Mending(labels, np.zeros((1, *shape)))
        looked, slow = [], ndimage.distance_transform_edt
        monkeypatch.setattr(
            mending_module.ndimage,
            "distance_transform_edt",
            lambda mask: looked.append(mask.size) or slow(mask),
        )
        (edit,) = self.paint(mending, [(5, 0), (6, 0)], 1)
        assert sum(looked) < 2 * mending_module.LOOKED_AT
        kept = np.pad(np.array(labels == 1), 1)
        kept[6:8, 1] = False
        depth = slow(kept)[1:-1, 1:-1]
        assert depth[edit.to] >= 0.98 * depth.max()
        if labels.size < mending_module.LOOKED_AT:
            assert edit.to == np.unravel_index(depth.argmax(), shape)

    def test_a_line_of_a_large_object_that_no_grid_meets_is_named(self) -> None:
        labels = np.zeros((1000, 1000), dtype=np.int32)
        labels[501, :], labels[:, 501] = 1, 1
        mending = Mending(labels, np.zeros((1, 1000, 1000)))
        (edit,) = self.paint(mending, [(0, 500)], 1)
        assert labels[edit.to] == 1
        assert edit.to != (0, 500)
