"""Text that comes, changes and goes moves nothing."""

from __future__ import annotations

import pytest
from magicgui.widgets import Container, PushButton
from qtpy.QtWidgets import QLabel

from napari_shiftseg.gui.parts.text_boxes import StandingText, wrapped_label

TEXTS = [
    ("", ""), ("short", "note"), ("long " * 200, "warning"), ("a\nb\nc\nd", "error"),
]  # fmt: skip
LINES = 3


@pytest.fixture
def below(qtbot):
    """Show a text above a button; return where the button is."""
    shown = []

    def where(text) -> int:
        if not shown:
            rows = Container(widgets=[text, PushButton(text="below")], labels=False)
            rows.native.layout().addStretch()
            rows.native.resize(300, 500)
            rows.native.show()
            qtbot.addWidget(rows.native)
            shown.append(rows)
        qtbot.wait(30)
        return shown[0][1].native.y()

    return where


def test_nothing_moves(below) -> None:
    text = StandingText(LINES, empty="nothing yet")
    places = []
    for said, kind in TEXTS:
        text.say(said, kind)
        places.append(below(text))
        assert text.value == said
    assert len(set(places)) == 1
    line = text.native.fontMetrics().lineSpacing()
    assert LINES * line < text.native.height() < (LINES + 3) * line


def test_a_low_screen_leaves_room_for_fewer_lines(below, qtbot) -> None:
    text = StandingText(LINES, least=1)
    below(text)
    line = text.native.fontMetrics().lineSpacing()
    assert LINES * line < text.native.height() < (LINES + 3) * line
    rows = text.native.parentWidget()
    rows.resize(300, rows.minimumSizeHint().height())
    qtbot.wait(30)
    assert line < text.native.height() < 3 * line


def test_the_frame_is_as_high_as_the_text(below, qtbot) -> None:
    text = StandingText(LINES)
    below(text)
    label, line = text.native.findChild(QLabel), text.native.fontMetrics().lineSpacing()
    heights = {}
    for said in ("one", "one\ntwo", "long " * 200):
        text.say(said, "warning")
        qtbot.wait(30)
        heights[said] = label.height()
        assert label.y() == 0
    one, two, long = heights.values()
    assert line < one < text.native.height() - line
    assert two == one + line
    assert long > text.native.height()  # is scrolled


def test_a_plain_label_would_move_it(below) -> None:
    text = wrapped_label()
    places = []
    for said, _ in TEXTS:
        text.value = said
        places.append(below(text))
    assert len(set(places)) > 1
