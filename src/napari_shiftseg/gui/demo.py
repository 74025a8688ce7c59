"""The demo's result in napari."""

from __future__ import annotations

from typing import TYPE_CHECKING

import napari
from napari.layers import Layer

from napari_shiftseg.gui.layers import result_layers
from napari_shiftseg.gui.samples import disks_13
from napari_shiftseg.gui.source import Source

if TYPE_CHECKING:
    from napari_shiftseg.pipeline.comparison import Comparison


def show_demo(comparison: Comparison, model: str) -> None:
    """Open napari with the sample, both results and the Segment widget; wait for it."""
    viewer = open_demo(comparison, model)
    viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    napari.run()


def open_demo(comparison: Comparison, model: str) -> napari.Viewer:
    """Return a viewer with the sample and the layers of both sides, naive on top."""
    viewer = napari.Viewer(title="napari-shiftseg: the disk sample")
    for data, options, kind in disks_13():
        getattr(viewer, f"add_{kind}")(data, **options)
    source = Source.of(viewer.layers[0])
    for side in (comparison.cropped, comparison.naive):
        for layer in result_layers(side.result, source, model):
            added = viewer.add_layer(Layer.create(*layer))
            added.visible = added.visible and side is comparison.naive
    return viewer
