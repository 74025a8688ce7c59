"""Which frame of a result is shown, and which part of it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_shiftseg.gui.parts.viewer import shown_part

PLACED = {"scale": (3, 2, 2), "translate": (7, -5, 4)}


def kept(ndim, offset=None):
    return SimpleNamespace(ndim=ndim, offset=offset or (0,) * ndim)


def shown(shape, known, position, corners, **place):
    """What is shown when the slider is at a plane and the canvas at these corners."""
    viewer = ViewerModel()
    layer = viewer.add_labels(np.zeros(shape, dtype=int), **place)
    viewer.dims.set_point(0, layer.data_to_world(position)[0])
    layer.corner_pixels = np.array(corners)
    return shown_part(viewer, layer, known)


def test_an_image_and_a_region_of_one() -> None:
    corners = [[2, 3], [5, 8]]
    assert shown((20, 30), kept(2), (0, 0), corners) == ((), ((2, 6), (3, 9)))
    part = shown((20, 30), kept(2, (4, 40)), (0, 0), corners)
    assert part == ((), ((6, 10), (43, 49)))


@pytest.mark.parametrize("place", [{}, PLACED])
def test_a_frame_of_a_series(place) -> None:
    corners = [[3, 2, 3], [3, 5, 8]]
    part = shown((6, 20, 30), kept(2), (3, 0, 0), corners, **place)
    assert part == ((3,), ((2, 6), (3, 9)))


@pytest.mark.parametrize("place", [{}, PLACED])
def test_a_plane_of_a_volume(place) -> None:
    corners = [[3, 2, 3], [3, 5, 8]]
    part = shown((6, 20, 30), kept(3, (10, 0, 0)), (3, 0, 0), corners, **place)
    assert part == ((), ((13, 14), (2, 6), (3, 9)))


def test_beyond_the_last_frame_it_is_the_last() -> None:
    part = shown((6, 20, 30), kept(2), (40, 0, 0), [[5, 0, 0], [5, 4, 4]])
    assert part[0] == (5,)


def test_out_of_view() -> None:
    assert shown((20, 30), kept(2), (0, 0), [[0, 0], [0, 0]]) == ((), None)
