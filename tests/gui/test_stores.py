"""A store that this program wrote opens in napari as labels in place."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from napari.layers import Image
from npe2 import PluginManager

from napari_shiftseg.distributed.segmenting import segment_to_store
from napari_shiftseg.gui.parts.belonging import METADATA_KEY, MadeFrom
from napari_shiftseg.gui.parts.stored_labels import store_record
from napari_shiftseg.gui.stores import get_reader, read_store
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.stores.axes import Distance
from napari_shiftseg.stores.ome_zarr import LABELS, Pyramid, make_image
from napari_shiftseg.stores.own_stores import OURS, record_in
from napari_shiftseg.stores.written_labels import LabelImage


@pytest.fixture
def store(tmp_path):
    """A store as a run leaves it: two levels of labels, and a gradient."""
    path = tmp_path / "out.zarr"
    pyramid = Pyramid((30, 40), "YX", (20, 20), 2)
    sizes = {"Y": Distance(0.5, "µm"), "X": Distance(0.25, "µm")}
    place = {"Y": 5.0}
    levels = make_image(path, pyramid, "int32", sizes, LABELS, origin=place)
    for step, level in zip(pyramid.steps, levels, strict=True):
        zarr.open_array(str(level), mode="r+")[:] = step[0]
    one = {"levels": 1, "name": "gradient", "origin": place}
    make_image(path / "gradient", pyramid, "float32", sizes, **one)
    group = zarr.open_group(str(path), mode="r+")
    group.attrs[OURS] = {"about": {}, "report": {"image": "cells"}}
    return path


def test_labels_lie_over_the_image(make_napari_viewer, store):
    viewer = make_napari_viewer()

    viewer.open(store, plugin="napari-shiftseg")

    gradient, labels = viewer.layers
    assert (labels.name, labels.multiscale) == ("cells · labels", True)
    assert [level.shape for level in labels.data] == [(30, 40), (15, 20)]
    for layer in (labels, gradient):
        np.testing.assert_allclose(layer.scale, [0.5, 0.25])
        np.testing.assert_allclose(layer.translate, [5, 0])
        assert [str(unit) for unit in layer.units] == ["micrometer"] * 2
        assert layer.axis_labels == ("y", "x")
    assert (labels.visible, gradient.visible) == (True, False)
    assert int(labels.data[1][0, 0]) == 2


def test_labels_of_a_run_in_memory_open_where_they_lie(make_napari_viewer, tmp_path):
    sizes = {"Y": Distance(0.5, "µm"), "X": Distance(0.25, "µm")}
    data = np.repeat(np.arange(3, dtype=np.int32), 8).reshape(4, 6)
    image = LabelImage(data, "YX", "YX", (4, 8), sizes, image="cells")
    image.write("zarr", tmp_path / "cells.zarr")
    viewer = make_napari_viewer()

    viewer.open(tmp_path / "cells.zarr", plugin="napari-shiftseg")

    (labels,) = viewer.layers
    np.testing.assert_array_equal(np.asarray(labels.data), data)
    np.testing.assert_allclose(labels.scale, [0.5, 0.25])
    np.testing.assert_allclose(labels.translate, [2, 2])


def test_other_stores_are_left_to_others(tmp_path, store):
    zarr.create_group(str(tmp_path / "other.zarr"), attributes={"ome": {}})
    (tmp_path / "none.zarr").mkdir()

    assert get_reader(str(store)) is read_store
    assert get_reader([str(store)]) is read_store
    for name in ("other.zarr", "none.zarr", "not_there.zarr"):
        assert get_reader(str(tmp_path / name)) is None


def test_the_manifest_names_the_reader(store):
    manager = PluginManager.instance()
    manager.discover()

    names = {reader.plugin_name for reader in manager.iter_compatible_readers([store])}
    assert "napari-shiftseg" in names


def test_channels_of_a_series_do_not_line_up_with_its_times(tmp_path):
    """napari lines axes up from the last one: those of labels are (t, y, x)."""
    image = np.random.default_rng(0).random((3, 40, 44)).astype(np.float32)
    model, path = (
        new_model(depth=1, features=2, embedding_channels=2),
        tmp_path / "o.zarr",
    )
    segment_to_store(
        image, model, path, axes="t", save=("labels", "embedding"), window=12,
        device="cpu",
    )  # fmt: skip

    (embedding, about, _), (labels, place, _) = read_store(path)
    assert labels.shape == (3, 40, 44)
    assert embedding.shape == (2, *labels.shape)
    assert about["axis_labels"] == ["c", *place["axis_labels"]] == ["c", "t", "y", "x"]
    stored = zarr.open_array(str(path / "embedding" / "0"), mode="r")
    np.testing.assert_array_equal(embedding[1, 2], stored[2, 1])


def test_labels_smaller_than_their_image_know_it(tmp_path):
    image = np.random.default_rng(0).random((48, 56)).astype(np.float32)
    np.save(tmp_path / "cells.npy", image)
    model = new_model(depth=1, features=2, embedding_channels=2)
    path = tmp_path / "out.zarr"
    segment_to_store(
        tmp_path / "cells.npy", model, path, window=12, border="valid", device="cpu"
    )
    ((labels, about, _),) = read_store(path)
    assert labels.shape < image.shape
    same, other = Image(image, name="cells"), Image(labels, name="cells")
    made_from = MadeFrom(about["metadata"][METADATA_KEY])
    assert made_from.among([other, same]) is same
    known = record_in(path)
    del known["report"]["image_shape"]  # a store of an earlier version says nothing
    assert store_record(path, known)["image_shape"] is None
