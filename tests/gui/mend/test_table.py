"""The list of edits shows the newest, and writes only what is new."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_shiftseg.gui.mend.table import MOST_LISTED, EditTable, Status
from napari_shiftseg.mending.edits import Delete

MANY = [Delete(((0, n),)) for n in range(MOST_LISTED + 50)]


@pytest.fixture
def table(qapp):
    return EditTable()


def listed(table) -> list[str]:
    return [table.list.item(row).text() for row in range(table.list.count())]


def expected(edits, first=0) -> list[str]:
    return [f"{n + 1}  {edit}" for n, edit in enumerate(edits)][first:]


@pytest.mark.parametrize(
    ("before", "after"),
    [(0, 3), (3, 5), (5, 3), (3, 3), (MOST_LISTED - 1, MOST_LISTED + 2),
     (MOST_LISTED + 2, MOST_LISTED + 9), (MOST_LISTED + 9, MOST_LISTED + 1),
     (MOST_LISTED + 9, 4), (2, MOST_LISTED + 40)],
)  # fmt: skip
def test_edits_come_and_go(table, before, after) -> None:
    for number in (before, after):
        table.show_edits(MANY[:number])
        first = max(0, number - MOST_LISTED)
        assert listed(table) == expected(MANY[:number], first)
    assert f"{after} edit" in table.title.value
    assert table.save.enabled


@pytest.mark.parametrize("number", [4, MOST_LISTED + 20])
def test_one_in_the_middle_taken_out(table, number) -> None:
    table.show_edits(MANY[:number])
    table.list.item(1).setSelected(True)
    assert table.remove.enabled
    taken = []
    table.taken_out.connect(taken.append)
    table.remove.changed.emit(True)
    first = max(0, number - MOST_LISTED)
    assert taken == [[first + 1]]
    left = MANY[: first + 1] + MANY[first + 2 : number]
    table.show_edits(left)
    assert listed(table) == expected(left, max(0, len(left) - MOST_LISTED))


def test_shown_again_a_selection_stays(table) -> None:
    table.show_edits(MANY)
    table.list.item(1).setSelected(True)
    table.show_edits(MANY)
    assert table.remove.enabled


OUT = Status("left out", "Left out: both points lie on object 4.", is_made=False)
OVER = Status("overruled by 3", "No longer holds: edit 3 (…) is newer.", is_made=True)


def looks(table, row) -> tuple:
    """Struck through, slanted, opacity of the text, what is written, tooltip."""
    item = table.list.item(row)
    faint = item.foreground().color().alphaF() if item.data(FOREGROUND) else 1.0
    font = item.font()
    return font.strikeOut(), font.italic(), faint, item.text(), item.toolTip()


FOREGROUND = Qt.ItemDataRole.ForegroundRole


def test_what_does_not_stand_looks_it(table) -> None:
    plain = [(False, False, 1.0, text, "") for text in expected(MANY[:3])]
    table.show_edits(MANY[:3], {0: OUT, 1: OVER})
    struck, slanted, faint, text, why = looks(table, 0)
    assert (struck, slanted, text, why) == (
        False, True, f"1  {MANY[0]} · left out", OUT.reason,
    )  # fmt: skip
    assert faint == pytest.approx(0.5, abs=0.01)
    assert looks(table, 1) == (
        True, False, 1.0, f"2  {MANY[1]} · overruled by 3", OVER.reason,
    )  # fmt: skip
    assert looks(table, 2) == plain[2]
    table.show_edits(MANY[:3], {1: OUT})
    assert looks(table, 0) == plain[0]
    assert looks(table, 1)[:2] == (False, True)
    table.show_edits(MANY[:3])
    assert [looks(table, row) for row in range(3)] == plain


def test_a_status_goes_with_its_edit(table) -> None:
    table.show_edits(MANY[:3], {2: OUT})
    table.show_edits(MANY[1:3], {1: OUT})
    assert [looks(table, row)[1] for row in range(2)] == [False, True]
    many = MANY[: MOST_LISTED + 20]
    table.show_edits(many, {5: OUT, len(many) - 1: OVER})  # 5 is not listed
    assert [looks(table, row)[:2] for row in (0, MOST_LISTED - 1)] == [
        (False, False), (True, False),
    ]  # fmt: skip


@pytest.fixture
def picked(table) -> list:
    told: list = []
    table.picked.connect(told.append)
    return told


def test_picked_edits_are_told_the_current_one_last(table, picked) -> None:
    table.show_edits(MANY[: MOST_LISTED + 20])
    table.list.setCurrentRow(3)
    table.list.item(1).setSelected(True)
    table.list.item(7).setSelected(True)
    assert picked == [[23], [21, 23], [21, 27, 23]]


def test_no_other_edit_is_picked_when_one_goes(table, picked) -> None:
    table.show_edits(MANY[:5])
    table.list.setCurrentRow(2)
    table.show_edits(MANY[:6])
    assert picked == [[2]]
    table.show_edits(MANY[:2] + MANY[3:6])
    assert picked == [[2], []]
    assert not table.remove.enabled
    assert not table.list.selectedItems()


@pytest.mark.parametrize("key", [Qt.Key.Key_Delete, Qt.Key.Key_Backspace])
def test_the_delete_key_takes_out(table, key) -> None:
    taken: list = []
    table.taken_out.connect(taken.append)
    table.show_edits(MANY[:5])
    QTest.keyClick(table.list, key)
    assert taken == []  # none is selected
    for row in (3, 1):
        table.list.item(row).setSelected(True)
    QTest.keyClick(table.list, key)
    assert taken == [[1, 3]]
    assert "Delete key" in table.remove.tooltip
