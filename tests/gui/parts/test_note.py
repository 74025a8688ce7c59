"""Boxes in the colours of the theme: readable in each, and the result stands out."""

from __future__ import annotations

import re

import pytest
from napari.utils.theme import get_theme
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication

from napari_shiftseg.gui.parts.text_boxes import contrast, dress, style, wrapped_label

KINDS = "note", "warning", "error"
THEMES = "dark", "light"


def colours(sheet: str) -> tuple[QColor, QColor]:
    """Background and text of a style sheet."""
    found = re.search(r"background: (#\w+); color: (#\w+);", sheet)
    assert found
    return QColor(found[1]), QColor(found[2])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_result", [False, True])
def test_every_box_is_readable(theme, kind, is_result):
    back, text = colours(style(kind, is_result, theme))
    assert contrast(back, text) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_result_stands_out_more_than_what_stands_there(theme, kind):
    ground = QColor(get_theme(theme).background.as_hex())
    standing, result = (colours(style(kind, of, theme))[0] for of in (False, True))
    assert _distance(ground, result) > 1.5 * _distance(ground, standing)


def _distance(one: QColor, other: QColor) -> float:
    pairs = zip(one.getRgbF()[:3], other.getRgbF()[:3], strict=True)
    return sum((a - b) ** 2 for a, b in pairs) ** 0.5


def test_contrast_by_hand():
    assert contrast(QColor("black"), QColor("white")) == pytest.approx(21)
    assert contrast(QColor("red"), QColor("red")) == 1


def test_a_box_follows_the_theme_of_its_window(make_napari_viewer):
    viewer = make_napari_viewer()
    box = wrapped_label("text")
    viewer.window.add_dock_widget(box.native, name="box")
    dress(box, "warning")
    sheets = []
    for theme in ("light", "dark"):
        viewer.theme = theme
        QApplication.processEvents()
        sheets.append(box.native.styleSheet())
    assert sheets == [style("warning", theme=theme) for theme in ("light", "dark")]
    dress(box, "")
    assert box.native.styleSheet() == ""
