"""Edits that join and part, on labels drawn by hand and remembered at every step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_shiftseg.explain.reasons import (
    AnEdit,
    Background,
    OneObject,
    TwoModes,
    edit_between,
    reason_of,
    why_background,
)
from napari_shiftseg.explain.two_objects import TileBorder
from napari_shiftseg.mending.edits import Delete, Grow, Merge, Paint, Redraw, Split
from napari_shiftseg.mending.mending import Mending

pytestmark = pytest.mark.usefixtures("one_thread")

#  x       0  1  2  3  4  5  6  7  8  9 10 11
#  object  1  1  1  1  1  1  2  2  2  0  3  3
LABELS = np.tile([1] * 6 + [2] * 3 + [0] + [3] * 2, (3, 1))
VALUES = np.tile([0.0] * 3 + [1.5] * 3 + [3.0] * 3 + [9.0] + [6.0] * 2, (3, 1))
CUT = Split((((0, 0),), ((0, 5),)))  # of object 1, between x = 2 and 3
JOIN = Merge(((1, 5), (1, 6)))  # objects 1 and 2


def painted(xs, to):
    """Pixels of the first line, painted."""
    return Paint.of(np.ones((1, len(xs)), bool), (0, xs[0]), to)


class TestAnEdit:
    @pytest.fixture
    def mended(self, evidence_of):
        """Evidence of the row after edits."""

        def make(*edits, labels=LABELS, foreground=None, **known):
            asked = evidence_of(labels.copy(), VALUES, **known)
            mending = Mending(asked.labels, asked.predicted.embedding, foreground)
            assert mending.replay(edits) == {}
            return replace(asked, made=tuple(mending.made))

        return make

    def test_that_parts(self, mended):
        asked = mended(CUT)
        assert reason_of(asked, (2, 0), (2, 5)) == AnEdit(CUT, False, False)
        assert reason_of(asked, (0, 5), (0, 0)) == AnEdit(CUT, False, True)
        assert not reason_of(asked, (0, 5), (2, 0)).holds
        assert isinstance(reason_of(asked, (2, 5), (2, 6)), TwoModes)
        assert isinstance(reason_of(asked, (2, 0), (2, 2)), OneObject)
        unknown = replace(asked, made=None)
        assert isinstance(reason_of(unknown, (2, 0), (2, 5)), TwoModes)

    def test_that_joins(self, mended):
        asked = mended(JOIN)
        assert reason_of(asked, (0, 0), (2, 8)) == AnEdit(JOIN, True, False)
        assert reason_of(asked, (1, 5), (1, 6)) == AnEdit(JOIN, True, True)
        assert isinstance(reason_of(asked, (0, 0), (2, 5)), OneObject)
        assert isinstance(reason_of(asked, (0, 6), (2, 8)), OneObject)

    def test_the_newest_counts(self, mended):
        again = Split((((2, 1),), ((2, 4),)))
        asked = mended(CUT, Merge(((0, 0), (0, 5))), again)
        assert reason_of(asked, (0, 0), (0, 5)).edit == again
        assert reason_of(mended(JOIN, CUT), (0, 0), (0, 8)).edit == CUT
        join = Merge(((0, 0), (2, 3)))
        assert reason_of(mended(CUT, join), (0, 0), (0, 5)).edit == join

    def test_before_a_tile_border(self, mended, plan_of):
        plan = plan_of((3, 12), window=3, stitching="naive")
        asked = mended(CUT, plan=plan)
        assert isinstance(reason_of(asked, (2, 2), (2, 3)), AnEdit)
        assert isinstance(
            reason_of(replace(asked, made=()), (2, 2), (2, 3)), TileBorder
        )

    def test_a_split_of_what_was_two_already(self, mended):
        labels = np.where(np.arange(12) < 3, 4, LABELS)
        asked = mended(CUT, labels=labels)
        np.testing.assert_array_equal(asked.labels, labels)
        assert reason_of(asked, (2, 0), (2, 5)) == AnEdit(CUT, False, False)
        assert isinstance(reason_of(asked, (2, 5), (2, 6)), TwoModes)

    @pytest.mark.parametrize(
        ("edit", "one", "other", "joins"),
        [
            (painted([4, 5], (1, 7)), (0, 4), (0, 0), False),  # over a part
            (Grow((1, 9), new=True), (1, 9), (0, 10), False),
            (painted([9], "new"), (0, 9), (0, 10), False),
            (painted([4, 5], "new"), (0, 4), (0, 6), False),
            (painted([6], (1, 0)), (0, 6), (2, 0), True),
            (painted([9], (1, 10)), (0, 9), (0, 10), True),
            (painted([4, 5], "new"), (0, 4), (0, 5), True),  # one stroke
            (painted([9], "new"), (0, 9), (0, 9), True),
        ],
    )
    def test_paint_and_growth(self, mended, edit, one, other, joins):
        assert reason_of(mended(edit), one, other) == AnEdit(edit, joins, False)

    def test_what_widens_an_object_parts_nothing(self, mended):
        edit = painted([9], (1, 8))
        asked = mended(edit)
        assert asked.labels[0, 9] == 2
        for other in (0, 10):
            found = reason_of(asked, (0, 9), (0, other))
            assert isinstance(found, TwoModes)
            assert found.edits == (edit,)

    def test_edits_on_the_objects_are_named(self, mended):
        asked = mended(CUT, JOIN)
        found = reason_of(asked, (0, 8), (0, 0))  # of parts that neither edit parted
        assert (type(found), found.edits) == (TwoModes, (CUT, JOIN))
        there = Merge(((0, 0), (0, 5)))  # both on object 1 already: it does nothing
        found = reason_of(mended(there), (0, 0), (0, 6))
        assert found.edits == (there,)
        assert reason_of(mended(there), (0, 10), (0, 6)).edits == ()

    def test_that_made_background(self, mended):
        gone = Delete(((1, 7),))
        asked = mended(gone, painted([7, 8], "new"), painted([7], "background"))
        for pixel, edit in (
            ((0, 7), asked.made[2].edit),
            ((2, 7), gone),
            ((2, 9), None),
        ):
            assert reason_of(asked, (0, 0), pixel) == Background(pixel, edit)
        foreground = (LABELS > 0) & (np.arange(12) != 8)
        edit = Redraw(((1, 7),))
        left_out = mended(edit, foreground=foreground)
        assert reason_of(left_out, (1, 8), (1, 8)) == Background((1, 8), edit)

    def test_in_a_volume_in_a_region(self, evidence_of, plan_of):
        """Edits name pixels of the image; the result begins elsewhere."""
        plan = plan_of((12, 16, 20), region=((4, 8), (8, 16), (4, 12)))
        labels, values = (np.ones(plan.output_shape, kind) for kind in (int, float))
        labels[:, 4:], labels[:, :, 6:] = 2, 0
        values[2:] = 1.5
        cut = Split((((4, 8, 4),), ((7, 8, 4),)))
        join, rub = Merge(((7, 8, 4), (7, 15, 4))), Delete(((4, 8, 4),))
        asked = evidence_of(labels, values, plan=plan)
        mending = Mending(asked.labels, asked.predicted.embedding, offset=plan.offset)
        for edit, one, other in (
            (cut, (5, 9, 5), (6, 9, 5)),
            (join, (6, 9, 5), (4, 13, 5)),
            (rub, (5, 9, 5), (6, 9, 5)),
        ):
            mending.make(edit)
            now = replace(asked, made=tuple(mending.made))
            assert reason_of(now, one, other).edit == edit


def test_an_edit_fits_labels_remembered_at_every_step(evidence_of):
    """Random merges, deletions and single painted pixels."""
    rng, found = np.random.default_rng(5), []
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
            found.append(check_against(seen, asked, one, other))
    assert found.count("background") > 100
    assert found.count("joined") > 50
    assert found.count("parted") > 5
    assert found.count(None) > 100


def check_against(seen, asked, one, other):
    """Hold an edit against all labels there were; return what it did, if one acted."""
    places = [asked.place(one), asked.place(other)]
    pairs = [(int(labels[one]), int(labels[other])) for labels in seen]
    first, second = pairs[-1]
    since = max(i for i, pair in enumerate(pairs) if i == 0 or 0 in pair)
    if not first:
        kind, found = "background", why_background(asked, places[0]).edit
        otherwise = [i for i, (a, _) in enumerate(pairs) if a]
    elif not second:
        return None
    else:
        kind = "joined" if first == second else "parted"
        found = edit_between(asked, places)
        found = found and found.edit
        otherwise = [
            i
            for i, (a, b) in enumerate(pairs[since:], start=since)
            if (a == b != 0) == (kind == "parted")
        ]
    assert found is (asked.made[otherwise[-1]].edit if otherwise else None)
    return kind if found else None
