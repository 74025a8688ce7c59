"""Foreign names are text: no markup in them is obeyed."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_shiftseg.gui.parts.choices import LayerChoice
from napari_shiftseg.gui.parts.text_boxes import plainly, wrapped_label
from napari_shiftseg.gui.parts.window_advice import Note

RICH = "<img src='file:///x'><b>cells</b>"


@pytest.mark.parametrize("text", ["", "cells", "a < b", "1 & 2\ntwo", "a\tb"])
def test_what_qt_takes_for_plain_stays_as_it_is(text) -> None:
    assert plainly(text) == text


def test_markup_is_shown_as_it_is_written(qtbot) -> None:
    assert Qt.mightBeRichText(RICH)  # else nothing would be shown by this test
    written = plainly(f"{RICH}\nx")
    assert "<img" not in written
    assert "<b>" not in written
    obeyed, shown, plain = (QLabel(text) for text in (RICH, plainly(RICH), RICH))
    plain.setTextFormat(Qt.TextFormat.PlainText)
    for label in (obeyed, shown, plain):
        qtbot.addWidget(label)
    assert shown.sizeHint().width() == plain.sizeHint().width()
    assert obeyed.sizeHint().width() < plain.sizeHint().width()


def test_what_steers_is_shown_as_an_escape() -> None:
    assert plainly("a\u202eb\x1b[0m") == "a\\u202eb\\x1b[0m"


def test_labels_and_notes_take_text_as_plain(qtbot) -> None:
    label, note = wrapped_label(RICH), Note(print)
    for widget in (label, note):
        qtbot.addWidget(widget.native)
    note.say(RICH, "note", [], more=RICH)
    for native in (label.native, note.text.native):
        assert native.textFormat() == Qt.TextFormat.PlainText
        assert native.text() == RICH
    assert "&lt;b&gt;" in note.text.native.toolTip()


def test_the_names_of_a_list(viewer, qtbot) -> None:
    choice = LayerChoice(viewer, lambda layer: True)
    qtbot.addWidget(choice.native)
    viewer.add_image(np.zeros((4, 4)), name=RICH)
    role = Qt.ItemDataRole.ToolTipRole
    assert choice.native.itemText(0) == RICH
    assert choice.native.itemData(0, role) == plainly(RICH)
