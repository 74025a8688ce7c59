"""The table of files: thousands of rows, foreign names."""

from math import nan
from pathlib import Path
from time import perf_counter

import pytest
from qtpy.QtCore import Qt

from napari_shiftseg.batch.order import BatchRow
from napari_shiftseg.gui.batch.table import (
    AREA,
    CONDITION,
    NAME,
    STATUS,
    SURE,
    FileTable,
)

MANY = 5_000


def ended(name, status="done", **figures):
    return BatchRow(Path(f"/images/{name}.tif"), name, status, **figures)


@pytest.fixture
def table(qtbot):
    table = FileTable()
    qtbot.addWidget(table)
    return table


def shown(table, at):
    model = table.model()
    return [model.index(row, at).data() for row in range(model.rowCount())]


def test_thousands_of_rows_stay_quick(table, qtbot):
    table.show()
    table.begin([f"plate/{number:05}" for number in range(MANY)])
    table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    began = perf_counter()
    for number in range(200):
        name = f"plate/{number:05}"
        table.files.run(name)
        table.take(ended(name, objects=number * 37 % 200))
    assert (perf_counter() - began) / 200 < 0.02  # seconds a row
    assert shown(table, 2)[:2] == ["199", "198"]


def test_names_are_shown_as_they_are(table):
    name = "<b>bold</b>/=1+1 \u202egnp"
    table.begin([name])
    assert shown(table, CONDITION) == ["<b>bold<"]
    assert shown(table, NAME) == ["b>/=1+1 \\u202egnp"]
    tip = table.model().index(0, NAME).data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;bold" in tip


def test_the_condition_stands_first_where_there_is_one(table):
    table.begin(["a"])
    assert table.isColumnHidden(CONDITION)
    table.begin(["control/day 1/a"])
    assert not table.isColumnHidden(CONDITION)
    assert table.horizontalHeader().visualIndex(CONDITION) == 0
    assert shown(table, NAME) == ["day 1/a"]


def test_what_was_mended_is_seen(table):
    table.begin(["a", "b"])
    table.take(ended("a", files={"edits": Path("a_edits.json")}))
    table.take(ended("b", "skipped"))
    assert shown(table, STATUS) == ["✎ mended", "✓ before"]


def test_a_tip_says_why_and_what_is_odd(table):
    table.begin(["a", "b"])
    table.take(ended("a", "failed", error="it is broken"))
    table.take(ended("b", notes=("it was read as a volume",)))
    tips = [
        table.model().index(row, STATUS).data(Qt.ItemDataRole.ToolTipRole)
        for row in range(2)
    ]
    assert "it is broken" in tips[0]
    assert "read as a volume" in tips[1]


def test_areas_are_rounded_as_on_the_page(table):
    table.begin(["a", "b"])
    table.take(ended("a", median_area=292.5))
    table.take(ended("b", median_area=165.5))
    assert shown(table, AREA) == ["292.5", "165.5"]


def test_what_has_no_figure_is_sorted_below_all(table):
    table.begin(["a", "b", "c", "d"])
    table.take(ended("a", objects=3, median_area=4.0))
    table.take(ended("b", objects=0, median_area=nan))
    table.take(ended("c", "failed", error="it is broken"))
    table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    assert shown(table, NAME)[0] == "a"
    assert shown(table, 3) == ["4", "–", "–", ""]


def test_the_confidence_is_shown_where_it_is_known(table):
    table.begin(["a"])
    table.take(ended("a", objects=3))
    assert table.isColumnHidden(SURE)
    table.take(ended("a", objects=3, confidence=0.876))
    assert not table.isColumnHidden(SURE)
    assert shown(table, SURE) == ["0.88"]
    table.begin(["a"])
    assert table.isColumnHidden(SURE)


def test_the_tip_of_an_area_is_in_units(table):
    table.begin(["a", "b"])
    sizes = {"median_area_um2": 10.0}
    table.take(ended("a", objects=3, median_area=40.0, in_units=sizes))
    table.take(ended("b", objects=3, median_area=40.0))
    tips = [
        table.model().index(row, AREA).data(Qt.ItemDataRole.ToolTipRole)
        for row in range(2)
    ]
    assert tips == ["10 µm²", None]


def test_a_file_that_was_not_found_before_gets_a_row(table):
    table.begin(["a"])
    table.take(ended("b", "skipped", objects=1))
    assert shown(table, NAME) == ["a", "b"]
    assert shown(table, STATUS) == ["waiting", "✓ before"]


def test_what_was_under_way_waits_again(table):
    table.begin(["a", "b"])
    table.files.run("a")
    assert shown(table, STATUS) == ["▶ now", "waiting"]
    table.files.rest()
    assert shown(table, STATUS) == ["waiting", "waiting"]
