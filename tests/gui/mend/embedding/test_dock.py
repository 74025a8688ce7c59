"""The embedding plot lies below the image, and takes nothing from the sides."""

from __future__ import annotations

import gc

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QBoxLayout, QMainWindow, QWidget

from napari_shiftseg.gui.mend.embedding.dock import (
    MOST_WORDS,
    Turning,
    open_embedding_plot,
)
from napari_shiftseg.gui.parts.layout import dock_of

CORNERS = Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner


@pytest.fixture
def screen(make_napari_viewer, qtbot):
    """A viewer of 1300 by 800 with a dock of ours at the right."""
    viewer = make_napari_viewer(show=True)
    side = QWidget()
    viewer.window.add_dock_widget(side, name="side", area="right")
    side.window().resize(1300, 800)
    qtbot.wait(200)
    yield viewer, side
    viewer.window.remove_dock_widget("all")
    gc.collect()


def corners(widget) -> list[Qt.DockWidgetArea]:
    window = widget.window()
    assert isinstance(window, QMainWindow)
    return [window.corner(corner) for corner in CORNERS]


@pytest.mark.usefixtures("window")
def test_the_docks_at_the_sides_keep_their_height(screen, qtbot) -> None:
    viewer, side = screen
    before, high, size = corners(side), side.height(), side.window().size()
    plot = open_embedding_plot(viewer)
    qtbot.wait(200)
    assert abs(side.height() - high) <= 2
    assert side.window().size() == size
    dock = dock_of(plot.native)
    assert dock.height() / size.height() == pytest.approx(1 / 3, abs=0.03)
    assert dock.geometry().right() < dock_of(side).geometry().left()
    area = Qt.DockWidgetArea
    assert corners(side) == [area.LeftDockWidgetArea, area.RightDockWidgetArea]
    assert corners(side) != before
    viewer.window.remove_dock_widget(plot.native)
    assert corners(side) == before


@pytest.mark.usefixtures("window")
def test_left_to_qt_the_sides_would_lose_height(screen, qtbot) -> None:
    viewer, side = screen
    high, below = side.height(), QWidget()
    below.setMinimumHeight(200)
    viewer.window.add_dock_widget(below, name="below", area="bottom")
    qtbot.wait(200)
    assert side.height() < high - 150


def test_the_words_stand_beside_the_plot_where_there_is_room(qtbot) -> None:
    widget, words = QWidget(), QWidget()
    layout = QBoxLayout(QBoxLayout.Direction.TopToBottom, widget)
    layout.addWidget(QWidget())
    layout.addWidget(words)
    qtbot.addWidget(widget)
    Turning(widget, words)
    widget.show()
    widget.resize(900, 300)
    assert layout.direction() == QBoxLayout.Direction.LeftToRight
    assert words.maximumWidth() == MOST_WORDS
    widget.resize(300, 900)
    assert layout.direction() == QBoxLayout.Direction.TopToBottom
    assert words.maximumWidth() > 900
