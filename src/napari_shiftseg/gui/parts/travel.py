"""The camera and the sliders moved to a place of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from napari.layers import Layer
    from numpy.typing import NDArray


def bring_into_view(viewer: napari.Viewer, layer: Layer, pixel: Sequence[int]) -> None:
    """Move sliders and camera to a pixel of a layer, unless the canvas shows it.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : Layer
    pixel : sequence of int
        One value an axis of the layer.
    """
    shown, camera = _slid_to(viewer, layer, pixel), viewer.scene.camera
    half = np.array(viewer.canvas.size) / camera.zoom / 2
    away = np.abs(shown - np.array(camera.center)[-len(shown) :])
    if (away[-2:] > half).any():
        camera.center = (*camera.center[: -len(shown)], *shown)


LEAST_SHARE = 1 / 8  # of the canvas, that what is to be looked at takes


def come_near(
    viewer: napari.Viewer, layer: Layer, pixel: Sequence[int], size: Sequence[int]
) -> None:
    """Move sliders and camera to an object, and nearer where it would be too small.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : Layer
    pixel : sequence of int
        Its middle, one value an axis of the layer.
    size : sequence of int
        Its pixels along the last axes of the layer.
    """
    shown, camera = _slid_to(viewer, layer, pixel), viewer.scene.camera
    camera.center = (*camera.center[: -len(shown)], *shown)
    extent = np.array(size) * np.abs(layer.scale[-len(size) :])
    least = LEAST_SHARE * min(viewer.canvas.size) / float(extent[-2:].max())
    camera.zoom = max(camera.zoom, least)


def _slid_to(
    viewer: napari.Viewer, layer: Layer, pixel: Sequence[int]
) -> NDArray[np.float64]:
    """Move the sliders to a pixel; return where it is on the displayed axes."""
    dims = viewer.dims
    at = np.array(dims.point, dtype=float)
    at[dims.ndim - layer.ndim :] = layer.data_to_world(pixel)  # it has the last axes
    for axis in dims.not_displayed:
        dims.set_point(axis, at[axis])
    return at[list(dims.displayed)]
