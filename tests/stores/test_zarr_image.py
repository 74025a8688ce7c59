"""Zarr stores are read as they say, and what they do not say is told."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import zarr

from napari_shiftseg.stores.axes import Distance
from napari_shiftseg.stores.lazy import Lazy
from napari_shiftseg.stores.reading import read_image, read_labels

PIXELS = np.arange(2 * 3 * 40 * 50, dtype=np.uint16).reshape(2, 3, 40, 50)  # C, Z, Y, X
AXES = [
    {"name": "c", "type": "channel"},
    {"name": "z", "type": "space", "unit": "micrometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "nanometer"},
]
SCALE = [{"type": "scale", "scale": [1.0, 2.0, 0.5, 250.0]}]


def multiscale(path="0", **more):
    datasets = [{"path": path, "coordinateTransformations": SCALE}, {"path": "1"}]
    return {"version": "0.4", "axes": AXES, "datasets": datasets, **more}


def store(folder, attributes, zarr_format, pixels=PIXELS):
    group = zarr.create_group(
        str(folder), zarr_format=zarr_format, attributes=attributes
    )
    for level, data in (("0", pixels), ("1", pixels[..., ::2, ::2])):
        chunks = (1,) * (data.ndim - 2) + (16, 16)
        array = group.create_array(
            level, shape=data.shape, dtype=data.dtype, chunks=chunks
        )
        array[:] = data
    return folder


VERSIONS = {
    "0.4": (2, {"multiscales": [multiscale()]}),
    "0.5": (3, {"ome": {"version": "0.5", "multiscales": [multiscale()]}}),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("lazily", [False, True])
def test_ome_zarr_keeps_axes_scale_and_channels(tmp_path, version, lazily):
    zarr_format, said = VERSIONS[version]
    inside = said.get("ome", said)
    inside["omero"] = {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}
    path = store(tmp_path / "cells.zarr", said, zarr_format)

    source = read_image(path, channel="GFP", lazily=lazily)

    assert isinstance(source.data, Lazy) == lazily
    np.testing.assert_array_equal(np.asarray(source.data), PIXELS[1])
    assert source.axes == "ZYX"
    assert source.calibration == {
        "Z": Distance(2.0, "µm"), "Y": Distance(0.5, "µm"), "X": Distance(250.0, "nm"),
    }  # fmt: skip
    assert source.name == "cells"
    assert source.notes == ()
    with pytest.raises(ValueError, match=r"2 channels \(1 DAPI, 2 GFP\): choose one"):
        read_image(path)


def test_the_scale_of_all_levels_counts_too(tmp_path):
    said = multiscale(
        coordinateTransformations=[{"type": "scale", "scale": [1, 1, 3, 3]}]
    )
    path = store(tmp_path / "a.zarr", {"multiscales": [said]}, 2)

    assert read_image(path, 1).calibration["Y"] == Distance(1.5, "µm")


def test_the_first_versions_are_tczyx(tmp_path):
    said = {"multiscales": [{"version": "0.1", "datasets": [{"path": "0"}]}]}
    path = store(tmp_path / "old.zarr", said, 2, PIXELS[None])

    source = read_image(path, channel=2)

    assert source.axes == "TZYX"
    np.testing.assert_array_equal(source.data[0], PIXELS[1])
    assert source.calibration == {}


def test_five_axes_with_a_channel_to_choose(tmp_path):
    axes = [{"name": "t", "type": "time", "unit": "second"}, *AXES]
    said = multiscale() | {"axes": axes, "datasets": [{"path": "0"}]}
    path = store(
        tmp_path / "t.zarr", {"multiscales": [said]}, 2, np.stack([PIXELS] * 2)
    )

    source = read_image(path, channel=1)

    assert source.axes == "TZYX"
    assert source.data.shape == (2, 3, 40, 50)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_axes_of_a_bare_array_are_those_of_its_shape(tmp_path, zarr_format):
    path = tmp_path / "bare.zarr"
    array = zarr.create_array(
        str(path), shape=(3, 40, 50), dtype="u2", zarr_format=zarr_format
    )
    array[:] = PIXELS[0] + 1

    source = read_image(path)

    np.testing.assert_array_equal(source.data, PIXELS[0] + 1)
    assert source.axes == "QYX"
    assert source.notes == (
        "its axes have no names, so they were taken from its shape: QYX",
    )


def test_an_array_of_a_store_may_be_named(tmp_path):
    path = store(tmp_path / "a.zarr", VERSIONS["0.5"][1], 3)

    assert read_image(path / "1").data.shape == (2, 3, 20, 25)


def test_series_of_a_collection(tmp_path):
    said = {"bioformats2raw.layout": 3}
    group = zarr.create_group(
        str(tmp_path / "many.zarr"), zarr_format=2, attributes=said
    )
    group.create_group("OME")
    for number in range(2):
        said = {"multiscales": [multiscale()]}
        store(tmp_path / "many.zarr" / str(number), said, 2, PIXELS + number)

    source = read_image(tmp_path / "many.zarr", channel=1, series=2)

    np.testing.assert_array_equal(source.data, PIXELS[0] + 1)
    with pytest.raises(
        ValueError, match="2 series, counted from 1: there is no series 3"
    ):
        read_image(tmp_path / "many.zarr", channel=1, series=3)


def test_chunks_that_are_not_there_are_told(tmp_path):
    array = zarr.create_array(
        str(tmp_path / "holes.zarr"), shape=(64, 64), chunks=(16, 16), dtype="u1",
        fill_value=7,
    )  # fmt: skip
    array[:16] = 1

    source = read_image(tmp_path / "holes.zarr")

    assert source.notes == (
        "12 of 16 chunks are not there, and were read as 7: they hold nothing else, or "
        "the copy is incomplete",
    )
    assert source.data[40, 40] == 7


def test_what_is_no_image_is_refused(tmp_path):
    zarr.create_group(str(tmp_path / "group.zarr")).create_group("well")
    zarr.create_group(str(tmp_path / "empty.zarr"))
    zarr.create_group(
        str(tmp_path / "lost.zarr"), attributes={"multiscales": [multiscale("none")]}
    )
    zarr.create_array(str(tmp_path / "words.zarr"), shape=(4, 4), dtype="c8")
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("{")
    (tmp_path / "plain.zarr").mkdir()

    for name, said in {
        "group": r"holds no multiscale image \(in it: well\)",
        "empty": r"holds no multiscale image \(it is empty\)",
        "lost": "its multiscale names no array that can be read",
        "words": "an image must hold real numbers",
        "broken": "the zarr store is damaged",
    }.items():
        with pytest.raises(ValueError, match=f"{name}.zarr cannot be read: .*{said}"):
            read_image(tmp_path / f"{name}.zarr")
    with pytest.raises(IsADirectoryError, match="is a folder without an image"):
        read_image(tmp_path / "plain.zarr")


def test_labels_in_a_store(tmp_path):
    array = zarr.create_array(
        str(tmp_path / "l.zarr"), shape=(9, 9), dtype="i4", chunks=(9, 9)
    )
    array[2:5, 2:5] = 3

    labels = read_labels("truth", tmp_path / "l.zarr")

    assert labels.sum() == 27


class TestLazy:
    @pytest.fixture
    def lazy(self, tmp_path):
        path = store(tmp_path / "a.zarr", VERSIONS["0.5"][1], 3)
        return Lazy.of(zarr.open_array, str(path / "0"))

    def test_parts_are_read_and_places_are_not(self, lazy):
        assert lazy.shape == PIXELS.shape
        assert lazy.ndim == 4
        np.testing.assert_array_equal(lazy[1, :, 3:9, 4], PIXELS[1, :, 3:9, 4])
        np.testing.assert_array_equal(lazy[..., 2:3], PIXELS[..., 2:3])
        one = lazy[-1]
        assert isinstance(one, Lazy)
        np.testing.assert_array_equal(one[2, 1:4, :], PIXELS[1, 2, 1:4])
        np.testing.assert_array_equal(np.asarray(one.take(0, 1)), PIXELS[1, :, 0])
        assert isinstance(lazy[..., 0], Lazy)
        assert isinstance(lazy[:, :], Lazy)
        assert float(np.asarray(lazy[0, 0, 0, 7])) == 7

    def test_a_place_beyond_the_end_is_an_error(self, lazy):
        with pytest.raises(IndexError):
            lazy.take(5, 0)

    def test_it_goes_to_another_process_as_a_path(self, lazy):
        sent = pickle.dumps(lazy[1])

        assert len(sent) < 1000
        np.testing.assert_array_equal(np.asarray(pickle.loads(sent)), PIXELS[1])


def test_missing_shards_are_said(tmp_path):
    """Of an axis that shards do not part evenly zarr counts chunks beyond its end."""
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        str(path), shape=(60, 60), chunks=(10, 10), shards=(50, 50), dtype="u1"
    )
    array[:] = 1
    assert read_image(path).notes == ()

    (path / "c" / "0" / "1").unlink()

    assert read_image(path).notes[0].startswith("1 of 4 shards are not there")


def test_a_plate_names_one_of_its_images(tmp_path):
    path = tmp_path / "plate.zarr"
    wells = [{"path": "A/1"}, {"path": "B/2"}]
    zarr.create_group(str(path), attributes={"ome": {"plate": {"wells": wells}}})
    well = {"ome": {"well": {"images": [{"path": "3"}]}}}
    zarr.create_group(str(path / "A" / "1"), attributes=well)

    with pytest.raises(ValueError, match=r"a plate of 2 wells: give the path .*A/1/0"):
        read_image(path)
    with pytest.raises(ValueError, match=r"a well of 1 images: .*A/1/3"):
        read_image(path / "A" / "1")


def test_the_place_is_read_the_translation_of_a_level_first(tmp_path):
    pixels = np.ones((8, 9), np.uint8)
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "yx"]
    moved = [
        {"type": "scale", "scale": [0.5, 0.25]},
        {"type": "translation", "translation": [10.0, 0.0]},
    ]
    twice = [
        {"type": "scale", "scale": [2.0, 2.0]},
        {"type": "translation", "translation": [1.0, 0.0]},
    ]
    said = {
        "axes": axes, "coordinateTransformations": twice,
        "datasets": [{"path": "0", "coordinateTransformations": moved}],
    }  # fmt: skip
    attributes = {"ome": {"version": "0.5", "multiscales": [said]}}
    path = store(tmp_path / "a.zarr", attributes, 3, pixels)

    source = read_image(path)

    assert source.origin == {"Y": 21.0}  # 2 · 10 + 1
    assert source.calibration["Y"] == Distance(1.0, "µm")
