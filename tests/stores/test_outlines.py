"""ROIs and GeoJSON, each opened by its own reader and drawn as labels again."""

from __future__ import annotations

import json
import time
import zipfile
from typing import TYPE_CHECKING

import geojson
import numpy as np
import pytest
import roifile
import shapely
from skimage.draw import polygon2mask

from napari_shiftseg.stores.outlines import write_geojson, write_rois

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (60, 70)


@pytest.fixture
def labels() -> np.ndarray:
    """Disks, one with a hole and an island, one in two parts, one pixel, gaps."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    found = np.zeros(SHAPE, np.int32)
    found[np.hypot(y - 20, x - 20) < 15] = 3
    found[np.hypot(y - 20, x - 20) < 8] = 0
    found[np.hypot(y - 20, x - 20) < 4] = 3
    found[40:50, 5:15] = 70_000
    found[52:55, 3:30] = 70_000
    found[0, 69] = found[59, 0] = 9
    found[30, 60] = 11
    found[10:30, 45:66][np.tri(20, 21, dtype=bool)] = 12
    return found


def rings_filled(shape: tuple[int, ...], rings: list[np.ndarray]) -> np.ndarray:
    """Fill closed rings (x, y) by pixel centres, even and odd."""
    inside = np.zeros(shape, bool)
    for ring in rings:
        inside ^= polygon2mask(shape, np.asarray(ring)[:, ::-1] - 0.5)
    return inside


def geometry_filled(shape: tuple[int, ...], geometry: dict) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    shapely_one = shapely.geometry.shape(geometry)
    assert shapely_one.is_valid
    return shapely.contains_xy(shapely_one, x + 0.5, y + 0.5)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


class TestRois:
    def test_read_back_they_are_the_labels(self, tmp_path: Path, labels: np.ndarray):
        number = write_rois(tmp_path / "a.zip", labels)
        rois = roifile.roiread(tmp_path / "a.zip")
        assert number == len(rois) == 5
        assert {int(roi.name) for roi in rois} == set(np.unique(labels)) - {0}
        for roi in rois:
            drawn = rings_filled(SHAPE, roi.coordinates(multi=True))
            assert iou(drawn, labels == int(roi.name)) == 1

    def test_of_one_ring_it_is_traced_else_composite(
        self, tmp_path: Path, labels: np.ndarray
    ):
        write_rois(tmp_path / "a.zip", labels)
        rois = {roi.name: roi for roi in roifile.roiread(tmp_path / "a.zip")}
        assert rois["11"].roitype == roifile.ROI_TYPE.TRACED
        assert (rois["11"].left, rois["11"].top) == (60, 30)
        assert (rois["11"].right, rois["11"].bottom) == (61, 31)
        assert rois["3"].composite
        assert len(rois["3"].coordinates(multi=True)) == 3

    def test_offset_of_a_region(self, tmp_path: Path):
        write_rois(tmp_path / "a.zip", np.ones((1, 1), int), offset=(100, 7))
        (roi,) = roifile.roiread(tmp_path / "a.zip")
        assert roi.coordinates().min(axis=0).tolist() == [7, 100]

    @pytest.mark.parametrize("two_parts", [False, True])
    def test_far_from_the_origin(self, tmp_path: Path, two_parts: bool):
        labels = np.ones((1, 3), int)
        labels[0, 1] = not two_parts
        write_rois(tmp_path / "a.zip", labels, offset=(40_000, 70_000))
        (roi,) = roifile.roiread(tmp_path / "a.zip")
        found = np.concatenate(roi.coordinates(multi=True))
        assert found.min(axis=0).tolist() == [70_000, 40_000]
        assert found.max(axis=0).tolist() == [70_003, 40_001]

    @pytest.mark.parametrize(
        ("axes", "at"),
        [
            ("ZYX", {"position": 2}),
            ("TYX", {"position": 2}),
            ("TZYX", {"z_position": 2, "t_position": 1}),
            ("QQYX", {"position": 2}),
        ],
    )
    def test_planes(self, tmp_path: Path, axes: str, at: dict[str, int]):
        shape = (1,) * (len(axes) - 3) + (3, 4, 4)
        labels = np.zeros(shape, int)
        labels[..., 1, 2, 2] = labels[..., 2, 2, 2] = 5
        assert write_rois(tmp_path / "a.zip", labels, axes) == 2
        roi, _ = roifile.roiread(tmp_path / "a.zip")
        assert roi.name == "5"
        assert {name: getattr(roi, name) for name in at} == at

    def test_a_volume_of_a_region_keeps_its_planes(self, tmp_path: Path):
        write_rois(tmp_path / "a.zip", np.ones((1, 2, 2), int), "ZYX", (4, 0, 0))
        assert roifile.roiread(tmp_path / "a.zip")[0].position == 5

    def test_no_objects(self, tmp_path: Path):
        assert write_rois(tmp_path / "a.zip", np.zeros((3, 3), int)) == 0
        assert roifile.roiread(tmp_path / "a.zip") == []

    def test_a_line_is_refused(self, tmp_path: Path):
        with pytest.raises(ValueError, match="rows and columns"):
            write_rois(tmp_path / "a.zip", np.ones(3, int))

    def test_the_same_labels_give_the_same_file(self, tmp_path, monkeypatch):
        for year in (2020, 2030):
            monkeypatch.setattr(zipfile.time, "time", lambda y=year: (y - 1970) * 3.2e7)
            write_rois(tmp_path / f"{year}.zip", np.eye(4, dtype=int))
        first, second = ((tmp_path / f"{y}.zip").read_bytes() for y in (2020, 2030))
        assert first == second


class TestGeoJson:
    def test_read_back_it_is_the_labels(self, tmp_path: Path, labels: np.ndarray):
        write_geojson(tmp_path / "a.geojson", labels)
        read = geojson.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
        assert read.is_valid
        assert len(read["features"]) == 5
        for feature in read["features"]:
            drawn = geometry_filled(SHAPE, feature["geometry"])
            assert iou(drawn, labels == int(feature["properties"]["name"])) == 1
            assert feature["properties"]["objectType"] == "detection"

    def test_table_becomes_class_and_measurements(self, tmp_path: Path):
        labels = np.array([[1, 0, 2]])
        table = {
            "label": np.array([2, 1]),
            "class": np.array(['a "b"', ""], dtype=object),
            "area": np.array([1, 4]),
            "confidence": np.array([0.5, np.nan]),
            "cut": np.array([True, False]),
            "looked_at": np.array(["", "edited"], dtype=object),
        }
        write_geojson(tmp_path / "a.geojson", labels, table=table)
        read = json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
        one, two = (feature["properties"] for feature in read["features"])
        assert one["measurements"] == {"area": 4, "cut": 0}
        assert "classification" not in one
        assert two["measurements"] == {"area": 1, "confidence": 0.5, "cut": 1}
        assert two["classification"] == {"name": 'a "b"'}

    def test_planes_and_their_rows(self, tmp_path: Path):
        labels = np.array([[[1, 0]], [[0, 1]]])
        table = {
            "label": np.array([1, 1]), "frame": np.array([0, 1]),
            "area": np.array([10, 20]),
        }  # fmt: skip
        write_geojson(tmp_path / "a.geojson", labels, "TYX", table=table)
        read = json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
        planes = [feature["geometry"]["plane"] for feature in read["features"]]
        areas = [f["properties"]["measurements"]["area"] for f in read["features"]]
        assert planes == [{"c": -1, "z": 0, "t": 0}, {"c": -1, "z": 0, "t": 1}]
        assert areas == [10, 20]

    def test_offset_of_a_region(self, tmp_path: Path):
        write_geojson(tmp_path / "a.geojson", np.ones((1, 1), int), offset=(100, 7))
        read = json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
        ring = read["features"][0]["geometry"]["coordinates"][0]
        assert ring == [[7, 100], [8, 100], [8, 101], [7, 101], [7, 100]]

    def test_no_objects(self, tmp_path: Path):
        write_geojson(tmp_path / "a.geojson", np.zeros((3, 3), int))
        read = geojson.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
        assert read["features"] == []

    def test_a_table_without_labels_is_refused(self, tmp_path: Path):
        with pytest.raises(ValueError, match="column label"):
            write_geojson(
                tmp_path / "a", np.ones((2, 2), int), table={"area": np.ones(1)}
            )


def test_time_grows_with_the_objects_alone(tmp_path: Path):
    """Ten times as many objects take about ten times as long, not a hundred."""

    def seconds(side: int) -> float:
        tile = np.kron(np.arange(1, side**2 + 1).reshape(side, side), np.ones((6, 6)))
        tile[::6] = tile[:, ::6] = 0
        begin = time.perf_counter()
        write_rois(tmp_path / "a.zip", tile.astype(np.int32))
        return time.perf_counter() - begin

    seconds(10)
    assert seconds(63) < 60 * min(seconds(20) for _ in range(3))
