"""A widget whose dock was closed follows the viewer no longer."""

from __future__ import annotations

import gc

import pytest
from qtpy.QtWidgets import QComboBox, QLabel

from napari_shiftseg.gui.parts.records import KEPT

NAMES = (
    "Segment",
    "Compare stitching",
    "Compare labels",
    "Inspect model",
    "Train",
    "Mend",
    "Batch",
)


def shown(widget):
    """All that a widget lists and says."""
    lists = widget.native.findChildren(QComboBox)
    listed = [[box.itemText(row) for row in range(box.count())] for box in lists]
    return listed, [label.text() for label in widget.native.findChildren(QLabel)]


@pytest.mark.parametrize("name", NAMES)
def test_a_closed_widget_follows_nothing(viewer, noise, name, qtbot):
    dock, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", name)
    image = viewer.add_image(noise, name="before")
    if name not in ("Mend", "Compare labels", "Batch"):  # which list others
        assert "before" in str(shown(widget))
    dock.destroyOnClose()
    before = shown(widget)
    image.name = "renamed"
    viewer.add_labels(noise.astype(int), metadata={"shiftseg": {}}, name="after")
    KEPT.changed.emit()
    viewer.layers.remove(image)
    viewer.theme = "light"
    qtbot.wait(200)  # what gathers changes has had its time
    assert shown(widget) == before
    del dock, widget
    gc.collect()
