"""Which layers are on disk, and which part of a large one is in view."""

from __future__ import annotations

from math import prod
from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest
import zarr
from napari.layers import Image

from napari_shiftseg.gui.parts import large
from napari_shiftseg.gui.parts.large import is_large, is_on_disk, part_in_view
from napari_shiftseg.gui.parts.viewer import region_in_view

SMALL = np.zeros((30, 40), np.uint8)


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(large, "AT_ONCE", 100)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (SMALL, False),
        (da.from_array(SMALL), True),
        (zarr.array(SMALL), True),
        ([SMALL, SMALL[::2, ::2]], True),
    ],
)
def test_what_is_on_disk(data, expected, at_once):
    layer = Image(data)
    assert is_on_disk(layer) is expected
    assert is_large(layer) is expected


def test_more_than_half_the_memory(monkeypatch, at_once):
    memory = SimpleNamespace(total=2 * SMALL.nbytes)
    monkeypatch.setattr(large.psutil, "virtual_memory", lambda: memory)
    assert not is_on_disk(Image(SMALL))
    memory.total -= 2
    assert is_large(Image(SMALL))


def test_what_is_segmented_at_once_is_not_large():
    assert is_on_disk(Image(da.from_array(SMALL)))
    assert not is_large(Image(da.from_array(SMALL)))


@pytest.mark.parametrize("sizes", [(30, 40), (2, 40), (5, 40), (10, 10), (3, 3)])
def test_no_more_than_is_done_at_once(sizes, at_once):
    """Brute force: the longest side of which no more pixels are taken."""
    fits = [s for s in range(1, 51) if prod(min(n, s) for n in sizes) <= 100]
    assert min(large._side(sizes), max(sizes)) == min(max(fits), max(sizes))


def test_of_a_layer_of_several_levels_no_more_than_is_seen(viewer):
    """napari reads whole chunks of such a layer, and says that it shows all of them."""
    levels = [da.zeros((3, 400, 600), chunks=(1, 400, 600))]
    levels += [level[:, ::2, ::2] for level in levels]
    layer = viewer.add_image(levels, multiscale=True, scale=(1, 2, 0.5))
    layer.corner_pixels = np.array([(0, 0, 0), (0, 399, 599)])
    viewer.canvas.size = (100, 50)  # rows, columns on the screen
    viewer.scene.camera.zoom, viewer.scene.camera.center = 2, (0, 500, 70)

    assert region_in_view(layer, viewer, 2) == ((237, 263), (115, 165))
    viewer.scene.camera.center = (0, 0, 0)
    assert region_in_view(layer, viewer, 2) == ((0, 13), (0, 25))
    viewer.scene.camera.center = (0, 900, 900)
    with pytest.raises(ValueError, match="not in view"):
        region_in_view(layer, viewer, 2)


def test_the_middle_of_what_is_seen(at_once, viewer):
    layer = viewer.add_image(da.zeros((3, 30, 40)), scale=(1, 2, 2))
    viewer.dims.set_point(0, 1)
    assert part_in_view(layer, viewer, 2) == ((10, 20), (15, 25))
    assert part_in_view(layer, viewer, 3) == ((0, 3), (13, 18), (18, 23))
