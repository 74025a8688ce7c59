"""The control that has the focus: its ring, and the order in which Tab goes."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_shiftseg.gui.parts.focus import WIDTH, FocusRing, order_tabs


@pytest.fixture
def rows(qtbot):
    """A widget whose button stands in another one."""
    rows = QWidget()
    QVBoxLayout(rows)
    for _ in range(2):
        group = QWidget()
        button = QPushButton("press")
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # macOS has another
        QVBoxLayout(group).addWidget(button)
        rows.layout().addWidget(group)
    rows.ring = FocusRing(rows)
    qtbot.addWidget(rows)
    rows.show()
    qtbot.waitExposed(rows)
    rows.activateWindow()
    qtbot.waitUntil(rows.isActiveWindow, timeout=60_000)
    return rows


def around(rows, button):
    corner = button.mapTo(rows, button.rect().topLeft())
    rect = button.rect().translated(corner)
    return rect.adjusted(-WIDTH, -WIDTH, WIDTH, WIDTH)


def test_it_goes_with_the_focus_of_the_keyboard(rows, qtbot) -> None:
    one, other = rows.findChildren(QPushButton)
    one.setFocus()
    assert rows.ring.isVisible()
    assert rows.ring.geometry() == around(rows, one)
    qtbot.keyClick(one, Qt.Key.Key_Tab)
    assert rows.ring.geometry() == around(rows, other)


def test_it_follows_what_holds_the_control(rows) -> None:
    _, other = rows.findChildren(QPushButton)
    other.setFocus()
    before = rows.ring.geometry()
    other.parentWidget().move(30, 200)
    assert rows.ring.geometry() == around(rows, other) != before


def test_the_mouse_brings_none(rows, qtbot) -> None:
    one, other = rows.findChildren(QPushButton)
    one.setFocus()
    qtbot.mousePress(other, Qt.MouseButton.LeftButton)
    assert other.hasFocus()
    assert not rows.ring.isVisible()
    qtbot.mouseRelease(other, Qt.MouseButton.LeftButton)


def test_it_takes_no_click(rows, qtbot) -> None:
    one, _ = rows.findChildren(QPushButton)
    one.setFocus()
    assert rows.childAt(rows.ring.geometry().center()) is one


def test_elsewhere_there_is_none(rows, qtbot) -> None:
    one, _ = rows.findChildren(QPushButton)
    one.setFocus()
    one.clearFocus()
    assert not rows.ring.isVisible()


def test_tab_goes_as_controls_lie(rows, qtbot) -> None:
    one, other = rows.findChildren(QPushButton)
    between, inner = QWidget(), QPushButton("between")
    QVBoxLayout(between).addWidget(inner)
    rows.layout().insertWidget(1, between)  # made last
    between.show()
    one.setFocus()
    qtbot.keyClick(one, Qt.Key.Key_Tab)
    assert other.hasFocus()
    order_tabs(rows)
    one.setFocus()
    qtbot.keyClick(one, Qt.Key.Key_Tab)
    assert inner.hasFocus()
    qtbot.keyClick(inner, Qt.Key.Key_Tab)
    assert other.hasFocus()
