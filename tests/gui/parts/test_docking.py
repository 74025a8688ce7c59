"""Docks of ours share one place, as tabs."""

from __future__ import annotations

import gc

from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

NAMES = "Segment", "Compare stitching", "Inspect model"


def dock(viewer, name: str) -> QDockWidget:
    """Open a widget as the menu does: below the others."""
    return viewer.window.add_plugin_dock_widget("napari-shiftseg", name)[0]


def test_docks_become_tabs_and_the_window_does_not_grow(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    first = dock(viewer, NAMES[0])
    window = first.window()
    assert isinstance(window, QMainWindow)
    window.resize(1300, 800)
    qtbot.wait(200)
    size = window.size()
    for number, name in enumerate(NAMES[1:], start=1):
        dock(viewer, name)
        qtbot.waitUntil(
            lambda: len(window.tabifiedDockWidgets(first)) == number,  # noqa: B023
            timeout=60_000,
        )
        qtbot.waitUntil(lambda: window.size() == size, timeout=60_000)
    window = first = None  # napari checks that nothing is held
    viewer.window.remove_dock_widget("all")
    gc.collect()


def test_docks_of_others_stay_where_they_are(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    other = viewer.window.add_dock_widget(QWidget(), name="other", area="right")
    own = dock(viewer, NAMES[0])
    qtbot.wait(100)
    assert own.window().tabifiedDockWidgets(other) == []
