"""Keys of our widgets."""

from __future__ import annotations

import pytest
from magicgui.widgets import Container, LineEdit, PushButton
from qtpy.QtCore import Qt

from napari_shiftseg.gui.parts.keys import NEXT, RUN, press_on_key
from napari_shiftseg.gui.parts.run_panel import RunPanel
from napari_shiftseg.progress import Progress

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def rows(qtbot):
    """A shown widget with a line to write in and a button that counts."""
    line, button = LineEdit(), PushButton(text="Do", tooltip="Do it")
    rows = Container(widgets=[line, button], labels=False)
    rows.pressed = []
    button.changed.connect(lambda: rows.pressed.append(True))
    qtbot.addWidget(rows.native)
    rows.native.show()
    qtbot.waitExposed(rows.native)
    rows.native.activateWindow()
    line.native.setFocus()
    qtbot.waitUntil(lambda: rows.native.isActiveWindow(), timeout=60_000)
    return rows


def test_a_key_presses_a_button_wherever_the_focus_is(rows, qtbot) -> None:
    press_on_key(rows.native, RUN, rows[1])
    assert "Ctrl+Return" in rows[1].tooltip
    qtbot.keyClick(rows[0].native, Qt.Key.Key_Return, CTRL)
    qtbot.keyClick(rows[0].native, Qt.Key.Key_Enter, CTRL)
    assert len(rows.pressed) == 2
    qtbot.keyClick(rows[0].native, Qt.Key.Key_Return)  # without Ctrl
    rows[1].enabled = False
    qtbot.keyClick(rows[0].native, Qt.Key.Key_Return, CTRL)
    assert len(rows.pressed) == 2


def test_a_line_keeps_the_keys_that_move_its_cursor(rows, qtbot) -> None:
    press_on_key(rows.native, NEXT, rows[1])
    rows[0].value = "one two"
    rows[0].native.setCursorPosition(0)
    qtbot.keyClick(rows[0].native, Qt.Key.Key_Right, CTRL)
    assert rows.pressed == []
    assert rows[0].native.cursorPosition() == 4


def test_the_run_key_begins_a_run_and_never_cancels_one(rows, qtbot) -> None:
    begun = []

    def steps():
        begun.append(True)
        while len(begun) < 2:
            yield Progress(0, 1)

    panel = RunPanel(steps, lambda _: ("", "note"), lambda: None, tooltip="Find them")
    rows.append(panel)
    panel.bind_key(rows.native)
    assert panel.button.tooltip == "Find them\nKey: Ctrl+Return"
    qtbot.keyClick(rows[0].native, Qt.Key.Key_Return, CTRL)
    qtbot.waitUntil(lambda: begun == [True], timeout=60_000)
    qtbot.keyClick(rows[0].native, Qt.Key.Key_Return, CTRL)
    assert panel.is_running
    assert panel.button.text == "Cancel"
    begun.append(True)
    qtbot.waitUntil(lambda: not panel.is_running, timeout=60_000)
    assert panel.button.tooltip == "Find them\nKey: Ctrl+Return"
