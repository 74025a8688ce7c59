"""Bars and dots are the figures of the conditions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from napari_shiftseg.batch.conditions import IN_UNITS, Condition
from napari_shiftseg.report.condition_plot import condition_table, draw_conditions

FOUND = (
    Condition("control", (10, 20, 0), (20.0, 26.0)),
    Condition("$x$ <b>", (7,), ()),
)


@pytest.fixture
def figure() -> Figure:
    return Figure(figsize=(8, 3))


def test_bars_and_dots(figure, tmp_path):
    in_units = [replace(one, size=IN_UNITS[0]) for one in FOUND]
    draw_conditions(figure, in_units)
    figure.savefig(tmp_path / "a.png")
    counts, areas = figure.axes
    assert [bar.get_height() for bar in counts.patches] == [10, 7]
    assert [bar.get_height() for bar in areas.patches] == [23, 0]
    assert [list(line.get_ydata()) for line in counts.lines] == [[10, 20, 0], [7]]
    assert [list(line.get_ydata()) for line in areas.lines] == [[20, 26], []]
    for at, line in enumerate(counts.lines):
        assert np.abs(line.get_xdata() - at).max() < 0.3  # within the bar
    assert areas.get_title("left") == "median area (µm²)"
    assert counts.get_xlabel() == "bar: mean; dot: an image (4)"
    assert areas.get_xlabel() == "bar: median; dot: an image (2 of 4)"


def test_names_are_no_formulas(figure, tmp_path):
    draw_conditions(figure, (Condition("$\\nonsense", (1,), (1.0,)),))
    figure.savefig(tmp_path / "a.png")  # would be refused
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["$\\nonsense"]


def test_long_names_are_cut_and_many_stand_aslant(figure):
    names = [f"{number} with a long name, too long" for number in range(9)]
    draw_conditions(figure, [Condition(name, (1,), (1.0,)) for name in names])
    texts = figure.axes[0].get_xticklabels()
    assert texts[3].get_text() == "3 with a long nam…"
    assert {text.get_rotation() for text in texts} == {45}


def test_no_condition_is_an_empty_plot(figure, tmp_path):
    draw_conditions(figure, ())
    figure.savefig(tmp_path / "a.png")
    assert not figure.axes[0].patches


def test_table():
    table = condition_table(FOUND)
    assert (table.header[0], table.header[-1]) == ("condition", "median_area")
    assert table.rows == (("control", 3, 30, 10.0, 23.0), ("$x$ <b>", 1, 7, 7.0, None))
