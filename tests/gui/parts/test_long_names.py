"""Narrow lists show of a name what tells it from others."""

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint
from qtpy.QtGui import QHelpEvent
from qtpy.QtWidgets import QApplication, QToolTip

from napari_shiftseg.gui.parts.choices import LayerChoice, shortened

RUNS = ["disks · labels · cropped 16", "disks · labels · cropped 32"]
HELP = "What to choose."


@pytest.mark.parametrize(
    ("room", "name", "shown"),
    [
        (27, RUNS[0], RUNS[0]),
        (26, RUNS[0], "disks · label…· cropped 16"),
        (16, RUNS[0], "disks…cropped 16"),
        (15, RUNS[0], "disk…cropped 16"),
        (12, RUNS[0], "d…cropped 16"),
        (11, RUNS[0], "…cropped 16"),
        (6, RUNS[0], "…ed 16"),
        (2, RUNS[0], "…6"),
        (1, RUNS[0], "…"),
        (9, "a name of one part", "a na…part"),
    ],
)  # fmt: skip
def test_the_middle_is_cut_before_the_last_part(room, name, shown):
    assert shortened(name, lambda text: len(text) <= room) == shown


@pytest.fixture
def choice(viewer, qtbot):
    choice = LayerChoice(viewer, lambda layer: True, tooltip=HELP)
    qtbot.addWidget(choice.native)
    for name in RUNS:
        viewer.add_labels(np.zeros((4, 4), int), name=name)
    choice.native.show()
    return choice


def picture(choice, row):
    choice.native.setCurrentIndex(row)
    return choice.native.grab().toImage()


@pytest.mark.parametrize(("width", "same"), [(130, False), (32, True)])
def test_two_runs_look_different_where_there_is_any_room(choice, width, same):
    choice.native.setFixedWidth(width)
    first, second = (picture(choice, row) for row in (0, 1))
    assert (first == second) is same


def test_a_name_that_fits_is_left_to_qt(choice, monkeypatch):
    painted = []
    monkeypatch.setattr(choice._names, "_paint", painted.append)
    choice.native.setFixedWidth(500)
    picture(choice, 0)
    assert painted == []
    choice.native.setFixedWidth(130)
    picture(choice, 0)
    assert painted[-1].endswith("cropped 16")


def told(choice):
    QToolTip.hideText()
    at = QPoint(3, 3)
    event = QHelpEvent(QEvent.Type.ToolTip, at, choice.native.mapToGlobal(at))
    QApplication.sendEvent(choice.native, event)
    return QToolTip.text()


def test_the_tooltip_tells_the_whole_name(choice):
    choice.native.setFixedWidth(130)
    assert told(choice) == f"{RUNS[0]}\n{HELP}"
    choice.native.setFixedWidth(500)
    assert told(choice) == HELP
    QToolTip.hideText()


def test_an_open_list_is_as_wide_as_its_names(choice, viewer):
    box = choice.native
    box.setFixedWidth(60)
    widest = max(box.fontMetrics().horizontalAdvance(name) for name in RUNS)
    assert box.view().minimumWidth() > widest > 60
    viewer.layers.clear()
    assert box.view().minimumWidth() < widest
