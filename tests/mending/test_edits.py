"""Edits: what they refuse when made, their words, and the way to JSON and back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_shiftseg.mending.boxes import mask_of, runs_of
from napari_shiftseg.mending.edit_lists import from_dict, to_dict
from napari_shiftseg.mending.edits import Delete, Grow, Merge, Paint, Redraw, Split

EDITS = [
    Merge(((1, 2), (3, 4))),
    Split((((1, 2),), ((3, 4), (3, 5))), (7,)),
    Delete(((1, 2, 3),)),
    Redraw(((1,),), (0, 2)),
    Grow((1, 2)),
    Grow((1, 2, 3), True, (4,)),
    Paint((4, 5), (2, 3), ((1, 2), (5, 1)), "background"),
    Paint((4, 5), (2, 3), ((0, 6),), "new", 9),
    Paint((4, 5), (2, 3), ((0, 6),), (1, 1), frame=(3,)),
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.kind)
def test_json_and_back(edit) -> None:
    assert from_dict(json.loads(json.dumps(to_dict(edit)))) == edit


def test_numpy_positions_become_plain_ones() -> None:
    points = np.array([[1, 2], [3, 4]])
    assert Merge(points) == EDITS[0]
    assert json.dumps(to_dict(Merge(points)))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Merge(((1, 2),)), r"2 points or more.*\(1, 2\): click all objects"),
        (lambda: Merge(((1, 2), (1, 2))), "2 points or more"),
        (lambda: Merge(((1, 2), (1, 2, 3))), "one number of axes"),
        (lambda: Merge(((1, 2), (1.5, 3))), r"whole pixels.*\(1.5, 3\): round it"),
        (lambda: Delete(((1, -2),)), r"from 0 upward, got \(1, -2\)"),
        (lambda: Delete(()), "needs the position of a pixel"),
        (lambda: Redraw(((),)), "needs the position of a pixel"),
        (lambda: Redraw(((True, 1),)), "whole pixels"),
        (lambda: Grow(()), "needs the position of a pixel"),
        (lambda: Grow((1, -2)), r"from 0 upward, got \(1, -2\)"),
        (lambda: Grow((1, 2), 1), "true for an object on background.* got 1"),
        (lambda: Split((((1, 2),),)), "2 seeds or more, one a part, got 1"),
        (lambda: Split((((1, 2),), ())), "needs the position of a pixel"),
        (
            lambda: Split((((1, 2),), ((0, 0),), ((3, 3), (1, 2)))),
            r"seeds 1 and 3 both lie on the pixel \(1, 2\)",
        ),
        (lambda: Split((((1, 2),), ((1, 2, 3),))), "one number of axes"),
        (lambda: Paint((0, 0), (2, 2), (), "new"), "1 pixel or more of the 4"),
        (lambda: Paint((0, 0), (2, 2), ((3, 2),), "new"), "1 pixel or more of the 4"),
        (lambda: Paint((0, 0), (2, 2), ((2, 1), (0, 1)), "new"), "in order"),
        (lambda: Paint((0, 0), (2, 2), ((0, 0),), "new"), "1 pixel or more, in order"),
        (lambda: Paint((0, 0), (2,), ((0, 1),), "new"), "one number of axes"),
        (lambda: Paint((0, 0), (1, 1), ((0, 1),), (0,)), "one number of axes"),
        (lambda: Paint((0,), (1,), ((0, 1),), "background", 3), "only a new object"),
        (lambda: Paint((0,), (1,), ((0, 1),), "new", 0), "from 1 upward, got 0"),
    ],
)
def test_what_cannot_be_an_edit_is_refused(make, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        make()


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (3, "the kind of an edit is merge, split, delete, redraw, grow, paint, got 3"),
        ({"points": [[1, 2]]}, "got None"),
        ({"kind": "glue"}, "got 'glue'"),
        ({"kind": "merge"}, "merge: points: Field required"),
        ({"kind": "delete", "points": [["1", 2]]}, "delete: points: .* got '1'"),
        ({"kind": "delete", "points": [[1.5, 2]]}, "valid integer, got 1.5"),
        ({"kind": "delete", "points": 4}, "delete: points: .* got 4"),
        ({"kind": "delete", "points": [[-1, 2]]}, r"from 0 upward, got \(-1, 2\)"),
        ({"kind": "delete", "points": [[1, 2]], "x": 1}, "x: Unexpected"),
        (
            {"kind": "paint", "corner": [0], "shape": [1], "runs": [[0, 1]], "to": "x"},
            "paint: to: ",
        ),
    ],
)
def test_wrong_dicts_are_refused_in_one_line(known, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        from_dict(known)
    assert "\n" not in str(refused.value)


def test_words() -> None:
    many = tuple((0, x) for x in range(9))
    assert str(Merge(((12, 40), (18, 44)))) == "merge at (12, 40), (18, 44)"
    assert str(Merge(many)) == "merge at (0, 0), (0, 1), (0, 2), …, (0, 8)"
    assert str(EDITS[1]) == "split at (1, 2), (3, 4) of frame 7"
    assert str(EDITS[4]) == "grow at (1, 2)"
    assert str(EDITS[5]) == "add at (1, 2, 3) of frame 4"
    assert str(EDITS[6]) == "paint of 3 px as background"
    assert str(EDITS[8]) == "paint of 6 px as the object at (1, 1) of frame 3"


def test_runs_of_a_small_mask() -> None:
    mask = np.array([[0, 1, 1], [1, 0, 1]], dtype=bool)
    assert runs_of(mask) == ((1, 3), (5, 1))
    np.testing.assert_array_equal(mask_of(((1, 3), (5, 1)), (2, 3)), mask)
    np.testing.assert_array_equal(Paint.of(mask, (8, 8), "new").painted, mask)
    assert runs_of(np.zeros((2, 2), dtype=bool)) == ()


def test_the_middle_of_what_is_painted() -> None:
    mask = np.array([[0, 1, 1], [0, 0, 0], [1, 0, 1]], dtype=bool)
    assert Paint.of(mask, (10, 20), "new").middle == (12, 20)  # the third of four
    assert Paint.of(mask[:1], (10, 20), (0, 0)).middle == (10, 22)
