"""Moving the view to a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from napari.layers import Layer


def bring_into_view(viewer: napari.Viewer, layer: Layer, pixel: Sequence[int]) -> None:
    """Move sliders and camera to a pixel of a layer, unless the canvas shows it.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : Layer
    pixel : sequence of int
        One value an axis of the layer.
    """
    dims, camera = viewer.dims, viewer.scene.camera
    at = np.array(dims.point, dtype=float)
    at[dims.ndim - layer.ndim :] = layer.data_to_world(pixel)  # it has the last axes
    for axis in dims.not_displayed:
        dims.set_point(axis, at[axis])
    shown = at[list(dims.displayed)]
    centre = np.array(camera.center)
    half = np.array(viewer.canvas.size) / camera.zoom / 2
    away = np.abs(shown - centre[-len(shown) :])
    if (away[-2:] > half).any():
        camera.center = (*centre[: -len(shown)], *shown)
