"""Which edit is to blame, by labels drawn by hand and edits made on them.

A row of twelve pixels, three lines high:

x       0  1  2  3  4  5  6  7  8  9 10 11
object  1  1  1  1  1  1  2  2  2  0  3  3
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_shiftseg.explain.edited import (
    erased_by,
    is_edited,
    joined_by,
    parted_by,
)
from napari_shiftseg.explain.explain import explain
from napari_shiftseg.explain.pixel import ask_pixel
from napari_shiftseg.mending.edits import (
    Delete,
    Grow,
    Merge,
    Paint,
    Redraw,
    Split,
)
from napari_shiftseg.mending.mending import Mending

pytestmark = pytest.mark.usefixtures("one_thread")

LABELS = np.tile([1] * 6 + [2] * 3 + [0] + [3] * 2, (3, 1))
VALUES = np.tile([0.0] * 3 + [1.5] * 3 + [3.0] * 3 + [9.0] + [6.0] * 2, (3, 1))
CUT = Split((((0, 0),), ((0, 5),)))  # of object 1, between x = 2 and 3
JOIN = Merge(((1, 5), (1, 6)))  # objects 1 and 2
HOLDS = "it holds whatever the bandwidth"
AGAIN = "with another bandwidth it is made again, on the objects that are there then"
UNDO = "To undo it, take it out of the list of edits."


def painted(xs, to, number=None):
    """Pixels of the first line, painted."""
    return Paint.of(np.ones((1, len(xs)), bool), (0, xs[0]), to, number)


@pytest.fixture
def mended(evidence_of):
    """Evidence of the row after edits."""

    def make(*edits, labels=LABELS, values=VALUES, foreground=None, **known):
        asked = evidence_of(labels.copy(), values, **known)
        mending = Mending(asked.labels, asked.predicted.embedding, foreground)
        assert mending.replay(edits) == {}
        return replace(asked, made=tuple(mending.made))

    return make


def blamed(find, evidence, *pixels):
    """Return the edit found to blame, and the numbers before it."""
    found = find(evidence, [evidence.place(pixel) for pixel in pixels])
    return found and (found.made.edit, found.before)


class TestParted:
    def test_by_a_split(self, mended):
        asked = mended(CUT)
        found = explain(asked, (2, 0), (2, 5))
        assert (found.case, found.edit) == ("parted by an edit", CUT)
        assert found.bandwidth is None
        assert found.text == (
            f"Parted by an edit (split at (0, 0), (0, 5)): {AGAIN}. Before it, they "
            f"were one object. {UNDO}"
        )
        assert explain(asked, (2, 5), (2, 0)) == found
        named = explain(asked, (0, 5), (0, 0)).text
        assert named == found.text.replace(AGAIN, HOLDS)
        assert AGAIN in explain(asked, (0, 5), (2, 0)).text

    def test_without_the_edits_a_bandwidth_is_named(self, mended):
        asked = replace(mended(CUT), made=None)
        found = explain(asked, (2, 0), (2, 5))
        assert (found.case, found.edit) == ("different modes", None)
        assert "bandwidth would merge them" in found.text

    def test_only_the_two_that_it_parts(self, mended):
        asked = mended(CUT)
        assert explain(asked, (2, 5), (2, 6)).case == "different modes"
        assert explain(asked, (2, 0), (2, 2)).case == "same object"
        assert explain(asked, (2, 6), (2, 10)).case == "different modes"

    def test_before_a_tile_border(self, mended, plan_of):
        plan = plan_of((3, 12), window=3, stitching="naive")
        asked = mended(CUT, values=VALUES * 9, plan=plan)
        assert explain(asked, (2, 2), (2, 3)).case == "parted by an edit"
        assert explain(replace(asked, made=()), (2, 2), (2, 3)).case == "tile border"

    def test_by_paint_over_a_part(self, mended):
        edit = painted([4, 5], (1, 7))
        asked = mended(edit)
        assert blamed(parted_by, asked, (0, 4), (0, 0)) == (edit, (1, 1))
        assert blamed(parted_by, asked, (1, 4), (0, 6)) is None

    def test_by_the_newest_of_two(self, mended):
        again = Split((((2, 1),), ((2, 4),)))
        asked = mended(CUT, Merge(((0, 0), (0, 5))), again)
        assert explain(asked, (0, 0), (0, 5)).edit == again

    def test_by_a_split_of_what_was_two_already(self, mended):
        labels = np.where(np.arange(12) < 3, 4, LABELS)
        asked = mended(CUT, labels=labels)
        np.testing.assert_array_equal(asked.labels, labels)
        found = explain(asked, (2, 0), (2, 5))
        assert found.edit == CUT
        assert "Before it, they were two objects already." in found.text
        assert explain(asked, (2, 5), (2, 6)).case == "different modes"

    def test_by_what_made_an_object(self, mended):
        for edit in (Grow((1, 9), new=True), painted([9], "new")):
            asked = mended(edit)
            found = explain(asked, edit.points[0] if edit.points else (0, 9), (0, 10))
            assert (found.case, found.edit) == ("parted by an edit", edit)
            assert "Before it, one of them was background." in found.text

    def test_by_paint_of_a_new_object_on_another(self, mended):
        edit = painted([4, 5], "new")
        asked = mended(edit)
        found = explain(asked, (0, 4), (0, 6))
        assert found.edit == edit
        assert "they were two objects already" in found.text
        assert blamed(parted_by, asked, (1, 4), (1, 6)) is None

    def test_not_by_what_widens_an_object(self, mended):
        edit = painted([9], (1, 8))
        asked = mended(edit)
        assert asked.labels[0, 9] == 2
        assert explain(asked, (0, 9), (0, 10)).case == "different modes"
        assert explain(asked, (0, 9), (0, 0)).case == "different modes"

    def test_a_widened_part_is_followed_to_the_split(self, mended):
        asked = mended(CUT, painted([6], (1, 5)), painted([7], (1, 5)))
        assert blamed(parted_by, asked, (0, 7), (1, 0)) == (CUT, (1, 1))
        assert blamed(parted_by, asked, (0, 7), (1, 7)) == (asked.made[2].edit, (2, 2))

    def test_a_redrawn_object_is_followed_though_its_pixel_is_left_out(self, mended):
        foreground = (LABELS > 0) | (np.arange(12) == 9)
        foreground[1, 7] = False
        edit = Redraw(((1, 7),))
        asked = mended(edit, foreground=foreground)
        assert (asked.labels[1, 7], asked.labels[0, 9]) == (0, 2)
        assert blamed(parted_by, asked, (0, 9), (0, 0)) is None
        cut = Split((((0, 6),), ((0, 8),)))
        asked = mended(cut, Redraw(((1, 7),)), foreground=foreground)
        gained = next(x for x in (9, 8) if asked.labels[0, x])
        assert blamed(parted_by, asked, (0, 6), (0, gained)) == (cut, (2, 2))

    def test_a_merged_object_is_followed_by_all_its_parts(self, mended):
        asked = mended(CUT, JOIN)
        assert asked.labels[0, 5] == asked.labels[0, 8] != asked.labels[0, 0]
        assert blamed(parted_by, asked, (0, 8), (0, 0)) == (CUT, (1, 1))
        assert blamed(parted_by, asked, (0, 8), (0, 10)) is None

    def test_a_new_object_merged_with_an_old_one_is_not_new(self, mended):
        asked = mended(painted([9], "new"), Merge(((0, 9), (0, 8))))
        assert blamed(parted_by, asked, (0, 9), (0, 10)) is None


class TestJoined:
    def test_by_a_merge(self, mended):
        asked = mended(JOIN)
        found = explain(asked, (0, 0), (2, 8))
        assert (found.case, found.edit) == ("joined by an edit", JOIN)
        assert found.bandwidth is None
        assert found.text == (
            f"Joined by an edit (merge at (1, 5), (1, 6)): {AGAIN}. Before it, they "
            f"were two objects. {UNDO}"
        )
        named = explain(asked, (1, 5), (1, 6)).text
        assert named == found.text.replace(AGAIN, HOLDS)
        assert explain(replace(asked, made=()), (0, 0), (2, 8)).case == "same object"

    def test_not_what_was_one_before(self, mended):
        asked = mended(JOIN)
        assert explain(asked, (0, 0), (2, 5)).case == "same object"
        assert explain(asked, (0, 6), (2, 8)).case == "same object"

    def test_by_paint(self, mended):
        edit = painted([6], (1, 0))
        asked = mended(edit)
        assert blamed(joined_by, asked, (0, 6), (2, 0)) == (edit, (2, 1))
        assert blamed(joined_by, asked, (0, 5), (2, 0)) is None

    def test_by_one_stroke(self, mended):
        edit = painted([4, 5], "new")
        found = explain(mended(edit), (0, 4), (0, 5))
        assert (found.case, found.edit) == ("joined by an edit", edit)
        assert "they were one object already" in found.text

    def test_with_background(self, mended):
        edit = painted([9], (1, 10))
        found = explain(mended(edit), (0, 9), (0, 10))
        assert found.edit == edit
        assert "Before it, one of them was background." in found.text
        edit = painted([9], "new")
        found = explain(mended(edit), (0, 9), (0, 9))
        assert "Before it, both were background." in found.text

    def test_by_the_newest_of_two(self, mended):
        again = Merge(((0, 0), (2, 3)))
        asked = mended(CUT, again)
        assert blamed(joined_by, asked, (0, 0), (0, 5))[0] == again
        assert blamed(parted_by, mended(JOIN, CUT), (0, 0), (0, 8))[0] == CUT


class TestErased:
    def test_deleted(self, mended):
        edit = Delete(((1, 7),))
        asked = mended(edit)
        found = explain(asked, (0, 0), (2, 8))
        assert found.case == "background"
        assert found.text == (
            "y = 2, x = 8 is background: an edit (delete at (1, 7)) made it so."
        )
        other = explain(asked, (0, 0), (2, 9)).text
        assert "edit (" not in other
        assert erased_by(asked, asked.place((2, 9))) is None
        assert erased_by(asked, asked.place((2, 5))) is None  # on an object

    def test_the_newest_counts(self, mended):
        rubbed = painted([7], "background")
        asked = mended(Delete(((1, 7),)), painted([7, 8], "new"), rubbed)
        assert erased_by(asked, asked.place((0, 7))).edit == rubbed
        assert erased_by(asked, asked.place((2, 7))).edit == Delete(((1, 7),))

    def test_outside_a_redrawn_outline(self, mended):
        foreground = (LABELS > 0) & (np.arange(12) != 8)
        edit = Redraw(((1, 7),))
        asked = mended(edit, foreground=foreground)
        assert "an edit (redraw at (1, 7)) made it" in explain(
            asked, (1, 8), (1, 8)
        ).text  # fmt: skip


class TestStatusBar:
    def test_an_edited_object_says_so(self, mended):
        asked = mended(CUT)
        for pixel, says in {
            (0, 0): "object 1 (edited) · ",  # that kept its number
            (0, 5): "object 4 (edited) · ",
            (0, 6): "object 2 · ",
        }.items():
            assert ask_pixel(asked, pixel).text.startswith(says)
            assert ask_pixel(asked, pixel).edited == ("edited" in says)
            bare = ask_pixel(replace(asked, made=None), pixel)
            assert "edited" not in bare.text
            assert bare.edited is False

    def test_both_parts_of_a_merged_object(self, mended):
        asked = mended(JOIN)
        assert [is_edited(asked, asked.place((0, x))) for x in (0, 8, 10)] == [
            True, True, False,
        ]  # fmt: skip

    def test_background_says_it_only_where_it_was_erased(self, mended):
        asked = mended(Delete(((1, 7),)))
        assert ask_pixel(asked, (0, 7)).text.startswith("background (edited) · ")
        assert ask_pixel(asked, (0, 9)).text.startswith("background · ")

    def test_an_edit_taken_back_is_none(self, mended):
        asked = mended(CUT)
        mending = Mending(asked.labels, asked.predicted.embedding)
        mending.made = list(asked.made)
        mending.take_back()
        undone = replace(asked, made=tuple(mending.made))
        assert ask_pixel(undone, (0, 0)).edited is False
        assert explain(undone, (0, 0), (0, 5)).case == "same object"


def test_in_a_volume_in_a_region(evidence_of, plan_of):
    """Edits name pixels of the image; the result begins elsewhere."""
    plan = plan_of((12, 16, 20), region=((4, 8), (8, 16), (4, 12)))
    labels, values = (np.ones(plan.output_shape, kind) for kind in (int, float))
    labels[:, 4:], labels[:, :, 6:] = 2, 0
    values[2:] = 1.5
    cut = Split((((4, 8, 4),), ((7, 8, 4),)))
    join, rub = Merge(((7, 8, 4), (7, 15, 4))), Delete(((4, 8, 4),))
    asked = evidence_of(labels, values, plan=plan)
    mending = Mending(asked.labels, asked.predicted.embedding, offset=plan.offset)
    for number, edit in enumerate((cut, join, rub), start=1):
        mending.make(edit)
        now = replace(asked, made=tuple(mending.made))
        assert len(now.made) == number
        if edit is cut:
            found = explain(now, (5, 9, 5), (6, 9, 5))
            assert (found.case, found.edit) == ("parted by an edit", cut)
            assert explain(now, (5, 9, 5), (5, 13, 5)).case != "parted by an edit"
        elif edit is join:
            found = explain(now, (6, 9, 5), (4, 13, 5))
            assert (found.case, found.edit) == ("joined by an edit", join)
            assert explain(now, (5, 9, 5), (6, 9, 5)).edit == cut
    assert explain(now, (5, 9, 5), (6, 9, 5)).text == (
        "z = 5, y = 9, x = 5 is background: an edit (delete at (4, 8, 4)) made it so."
    )
    assert ask_pixel(now, (6, 13, 5)).text.startswith("object 2 (edited) · ")


def test_what_is_found_fits_labels_remembered_at_every_step(evidence_of):
    """Random merges, deletions and single painted pixels."""
    rng, blames = np.random.default_rng(5), []
    for _ in range(30):
        labels = rng.integers(0, 4, (4, 6))
        asked = evidence_of(labels, 1.0 * labels)
        mending, seen = Mending(labels, asked.predicted.embedding), [labels.copy()]
        for kind in rng.integers(4, size=8):
            one, other = (tuple(map(int, rng.integers((4, 6)))) for _ in range(2))
            edit = Paint.of(np.ones((1, 1), bool), one, other)
            if kind == 0 and one != other:
                edit = Merge((one, other))
            elif kind == 1:
                edit = Delete((one,))
            if not mending.replay([edit]):
                seen.append(labels.copy())
        asked = replace(asked, made=tuple(mending.made))
        pixels = rng.integers((4, 6), size=(40, 2, 2)).tolist()
        for one, other in ((tuple(a), tuple(b)) for a, b in pixels if a != b):
            blames.append(check_against(seen, asked, one, other))
    assert blames.count("erased") > 100
    assert blames.count("joined") > 50
    assert blames.count(None) > 100


def check_against(seen, asked, one, other):
    """Compare with all labels there were; return what was found, if anything."""
    places = [asked.place(one), asked.place(other)]
    pairs = [(int(labels[one]), int(labels[other])) for labels in seen]
    first, second = pairs[-1]
    if not first:
        kind, found = "erased", erased_by(asked, places[0])
        otherwise = [i for i, (a, _) in enumerate(pairs[:-1]) if a]
    elif first == second:
        found = joined_by(asked, places)
        kind, found = "joined", found and found.made
        otherwise = [i for i, (a, b) in enumerate(pairs[:-1]) if not a or a != b]
    else:
        return None
    assert found is (asked.made[otherwise[-1]] if otherwise else None)
    return kind if found else None
