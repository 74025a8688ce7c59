"""The list of edits shows the newest, and writes only what is new."""

from __future__ import annotations

import pytest

from napari_shiftseg.gui.mend.edit_table import MOST_LISTED, EditTable
from napari_shiftseg.interaction.editing.edits import Delete

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
