"""From clicks and strokes to edits."""

from __future__ import annotations

import pytest

from napari_shiftseg.gui.mend.tools import ASK, DELETE, MERGE, REDRAW, SPLIT, Clicks
from napari_shiftseg.mending.edits import Delete, Merge, Redraw, Split

A, B, C = (1, 2), (3, 4), (5, 6)


@pytest.fixture
def clicks() -> Clicks:
    return Clicks()


def test_one_click_deletes_or_redraws(clicks) -> None:
    assert clicks.click(DELETE, (), A, ()) == Delete((A,))
    assert clicks.click(REDRAW, (4,), A, ()) == Redraw((A,), (4,))


def test_two_clicks_merge_or_split(clicks) -> None:
    assert clicks.click(MERGE, (), A, ()) is None
    assert clicks.points == [A]
    assert clicks.click(MERGE, (), B, ()) == Merge((A, B))
    assert clicks.points == []
    assert clicks.click(SPLIT, (), A, ()) is None
    assert clicks.click(SPLIT, (), B, ()) == Split(((A,), (B,)))


def test_shift_waits_for_more(clicks) -> None:
    assert clicks.click(SPLIT, (), A, ["Shift"]) is None
    assert clicks.click(SPLIT, (), B, ["Shift"]) is None
    assert clicks.click(SPLIT, (), C, []) == Split(((A,), (B,), (C,)))


def test_the_same_pixel_counts_once(clicks) -> None:
    assert clicks.click(MERGE, (), A, ()) is None
    assert clicks.click(MERGE, (), A, ()) is None
    assert clicks.points == [A]


def test_another_frame_begins_anew(clicks) -> None:
    assert clicks.click(MERGE, (0,), A, ()) is None
    assert clicks.click(MERGE, (1,), B, ()) is None
    assert clicks.click(MERGE, (1,), C, ()) == Merge((B, C), (1,))


def test_a_stroke_is_whole_at_once(clicks) -> None:
    clicks.click(MERGE, (), A, ())
    assert clicks.stroke(MERGE, (), [A, B, C]) == Merge((A, B, C))
    assert clicks.points == []
    assert clicks.stroke(SPLIT, (), [A, B, C]) == Split(((A,), (C,)))
    assert clicks.stroke(SPLIT, (), [A]) is None
    assert clicks.stroke(ASK, (), [A, B]) is None


def test_what_waits_and_where(clicks) -> None:
    clicks.click(MERGE, (0,), A, ())
    assert clicks.waits_at((0,), A)
    assert not clicks.waits_at((1,), A)
    assert not clicks.waits_at((0,), B)
    clicks.click(MERGE, (0,), B, ())
    assert not clicks.waits_at((0,), A)
