"""What is written is OME-Zarr 0.5, as another library reads it."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from ome_zarr_models import open_ome_zarr
from ome_zarr_models.v05 import Image, ImageLabel

from napari_shiftseg.stores.axes import Distance
from napari_shiftseg.stores.ome_zarr import LABELS, Pyramid, make_image
from napari_shiftseg.stores.reading import read_image

CALIBRATION = {
    "Z": Distance(2.0, "µm"),
    "Y": Distance(0.5, "µm"),
    "X": Distance(0.5, "µm"),
}


def test_labels_are_valid_and_keep_the_scale(tmp_path):
    pyramid = Pyramid((3, 100, 70), "ZYX", (1, 32, 32), 2)

    levels = make_image(tmp_path / "a.zarr", pyramid, "int32", CALIBRATION, LABELS)

    assert [path.name for path in levels] == ["0", "1", "2"]
    found = open_ome_zarr(zarr.open_group(str(tmp_path / "a.zarr")))
    assert isinstance(found, ImageLabel)
    multiscale = found.attributes.ome.multiscales[0]
    assert [axis.unit for axis in multiscale.axes] == ["micrometer"] * 3
    scales = [d.coordinateTransformations[0].scale for d in multiscale.datasets]
    assert scales == [[2, 0.5, 0.5], [2, 1, 1], [2, 2, 2]]
    shapes = [zarr.open_array(str(path)).shape for path in levels]
    assert shapes == [(3, 100, 70), (3, 50, 35), (3, 25, 18)]


def test_an_image_is_valid_and_read_again(tmp_path):
    pyramid = Pyramid((16, 40, 50), "CYX", (16, 20, 20), 2)

    (path,) = make_image(tmp_path / "e.zarr", pyramid, "float16", CALIBRATION, levels=1)

    assert isinstance(open_ome_zarr(zarr.open_group(str(tmp_path / "e.zarr"))), Image)
    array = zarr.open_array(str(path))
    assert (array.shape, array.chunks) == ((16, 40, 50), (16, 20, 20))
    array[:] = np.ones((16, 40, 50))
    source = read_image(tmp_path / "e.zarr", channel=3)
    assert source.axes == "YX"
    assert source.calibration == {k: CALIBRATION[k] for k in "YX"}


@pytest.mark.parametrize(
    ("shape", "chunks", "ndim", "steps"),
    [
        ((5, 5), (8, 8), 2, [(1, 1)]),
        ((9, 5), (8, 8), 2, [(1, 1), (2, 1)]),
        ((40, 64, 64), (16, 16, 16), 3, [(1, 1, 1), (2, 2, 2), (4, 4, 4)]),
        ((40, 64, 64), (1, 32, 32), 2, [(1, 1, 1), (1, 2, 2)]),
    ],
)
def test_an_axis_is_halved_while_it_is_longer_than_a_chunk(shape, chunks, ndim, steps):
    assert Pyramid(shape, "ZYX"[-len(shape) :], chunks, ndim).steps == steps
