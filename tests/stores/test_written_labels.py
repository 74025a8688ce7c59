"""Labels as OME-Zarr and as tracks, each read back by its own reader."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from ome_zarr_models.v05.image_label import ImageLabel

from napari_shiftseg.stores.axes import Distance
from napari_shiftseg.stores.reading import image_for, numbered_anew, read_labels
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.stores.written_labels import KINDS, LabelImage, check_kinds

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {"Y": Distance(0.5, "µm"), "X": Distance(0.25, "µm")}


def series() -> np.ndarray:
    """Two frames: 4 moves, 6 is in the first alone, 9 in the second; 4 is a ring."""
    labels = np.zeros((2, 9, 12), np.int32)
    labels[0, 2:5, 2:5], labels[0, 3, 3] = 4, 0
    labels[1, 2:5, 4:7] = 4
    labels[0, 7, 10], labels[1, 8, 11] = 6, 9
    return labels


class TestTracks:
    def test_linked(self, tmp_path: Path) -> None:
        LabelImage(series(), "TYX", "TYX", (10, 20)).write("tracks", tmp_path / "t.csv")
        rows = pd.read_csv(tmp_path / "t.csv")
        assert list(rows) == [
            "time", "y", "x", "id", "parent_id", "track_id", "seg_id",
        ]  # fmt: skip
        assert rows.id.is_unique
        assert rows.seg_id.tolist() == rows.track_id.tolist() == [4, 6, 4, 9]
        parents = rows.set_index("id").parent_id
        assert parents.fillna(0).tolist() == [0, 0, 1, 0]
        assert rows.loc[rows.seg_id == 9, ["time", "y", "x"]].values.tolist() == [
            [1, 18, 31]
        ]

    def test_each_place_is_in_its_object(self, tmp_path: Path) -> None:
        """As napari-track-edit checks it: also of a ring, around its centroid."""
        labels = series()
        LabelImage(labels, "TYX").write("tracks", tmp_path / "t.csv")
        for row in pd.read_csv(tmp_path / "t.csv").itertuples():
            assert labels[row.time, row.y, row.x] == row.seg_id

    def test_not_linked_has_no_parents(self, tmp_path: Path) -> None:
        LabelImage(series(), "TYX", "YX").write("tracks", tmp_path / "t.csv")
        rows = pd.read_csv(tmp_path / "t.csv")
        assert rows.parent_id.isna().all()
        assert rows.track_id.isna().all()

    def test_volumes_have_z(self, tmp_path: Path) -> None:
        LabelImage(series()[:, None], "TZYX").write("tracks", tmp_path / "t.csv")
        assert list(pd.read_csv(tmp_path / "t.csv"))[:4] == ["time", "z", "y", "x"]


def write_half(path: Path) -> None:
    with all_or_none([path], [path]) as (unfinished,):
        (unfinished / "half").write_text("")
        raise OSError(28, "full")


class TestStore:
    def test_it_is_ome_zarr(self, tmp_path: Path) -> None:
        labels = np.random.default_rng(0).integers(0, 99, (2, 40, 1100)).astype("i4")
        image = LabelImage(labels, "TYX", "YX", (4, 8), SIZES, image="cells")
        image.write("zarr", tmp_path / "a.zarr")
        found = ImageLabel.from_zarr(zarr.open_group(str(tmp_path / "a.zarr")))
        (said,) = found.ome_attributes.multiscales
        assert [axis.name for axis in said.axes] == ["t", "y", "x"]
        first = said.datasets[0].coordinateTransformations
        assert first[0].scale == [1, 0.5, 0.25]
        assert first[1].translation == [0, 2, 2]
        levels = [da.from_zarr(str(tmp_path / "a.zarr" / str(n))) for n in range(3)]
        np.testing.assert_array_equal(levels[0], labels)
        np.testing.assert_array_equal(levels[1], labels[:, :, ::2])
        np.testing.assert_array_equal(levels[2], labels[:, :, ::4])

    def test_it_is_read_as_labels_and_refused_as_an_image(
        self, tmp_path: Path, small_model
    ) -> None:
        labels = np.kron(np.arange(1, 7).reshape(1, 2, 3), np.ones((1, 8, 8)))
        image = LabelImage(labels.astype("i4"), "ZYX", "ZYX", image="c", path="/c.tif")
        image.write("zarr", tmp_path / "a.zarr")
        found = read_labels("truth", tmp_path / "a.zarr")
        np.testing.assert_array_equal(found, labels)
        assert numbered_anew(tmp_path / "a.zarr") == 0
        with pytest.raises(ValueError, match="holds the labels of a run"):
            image_for(small_model(2, 1).config, tmp_path / "a.zarr")

    def test_a_store_replaces_an_older_one_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zarr"
        for labels in (np.ones((3, 700), "i4"), np.full((2, 2), 5, "i4")):
            with all_or_none([path], [path]) as (unfinished,):
                LabelImage(labels, "YX").write("zarr", unfinished)
        np.testing.assert_array_equal(zarr.open_array(str(path / "0"))[:], 5)
        assert [one.name for one in tmp_path.iterdir()] == ["a.zarr"]
        assert not (path / "1").exists()

    def test_a_failure_leaves_the_older_store(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zarr"
        path.mkdir()
        (path / "theirs").write_text("kept")
        with pytest.raises(OSError, match="full"):
            write_half(path)
        assert os.listdir(tmp_path) == ["a.zarr"]
        assert os.listdir(path) == ["theirs"]


def test_labels_are_a_tiff(tmp_path: Path) -> None:
    LabelImage(series(), "TYX", "YX").write("labels", tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.series[0].axes == "TYX"
        assert file.asarray().dtype == np.uint16
    assert numbered_anew(tmp_path / "a.tif") == 1


@pytest.mark.parametrize(
    ("kind", "axes", "said"),
    [
        ("tracks", "ZYX", "no axis of this image is called time"),
        ("zarr", "QYX", "name its axes"),
        ("rois", "X", "the image is a line"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    kind: str, axes: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        check_kinds((kind,), axes)
    check_kinds(KINDS, "TZYX")
