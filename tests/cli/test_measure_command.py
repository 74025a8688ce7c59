"""``shiftseg measure`` and ``differences``, and the tables of segment and mend."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from napari_shiftseg.metrics.measuring import measure
from napari_shiftseg.stores.tables import read_table

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def labels(tmp_path, monkeypatch) -> np.ndarray:
    monkeypatch.chdir(tmp_path)
    found = np.zeros((40, 50), np.uint16)
    found[3:9, 3:9], found[20, 20], found[30:35, 10:40] = 5, 77, 1000
    np.save("a.npy", found)
    tifffile.imwrite("a.tif", found)
    zarr.create_array("a.zarr", data=found, chunks=(16, 16))
    Image.fromarray((found % 251).astype(np.uint8)).save("a.png")
    np.save("image.npy", np.random.default_rng(0).integers(0, 999, found.shape))
    return found


@pytest.mark.parametrize("name", ["a.npy", "a.tif", "a.zarr"])
def test_labels_of_any_program(shiftseg, labels, name) -> None:
    ran = shiftseg("measure", name, "image.npy", "-o", "t.csv", "--spacing", "2x0.5")
    assert ran.status == 0
    assert ran.stdout.startswith("3 objects, median area 36 pixels, written to t.csv")
    expected = measure(labels, np.load("image.npy"), (2, 0.5))
    found = read_table(Path("t.csv"))
    for column, values in expected.items():
        np.testing.assert_array_equal(found[column], values)


def test_json(shiftseg, labels) -> None:
    ran = shiftseg("measure", "a.png", "-o", "t.csv", "--json")
    report = json.loads(ran.stdout)
    assert (report["objects"], report["median_area"]) == (3, 36)
    assert report["columns"][:2] == ["label", "area"]


def test_frames_of_a_series_and_channels(shiftseg, labels) -> None:
    about = {"axes": "TYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite("s.ome.tif", np.stack([labels, labels]), metadata=about)
    image = np.random.default_rng(0).integers(0, 99, (2, 2, 40, 50)).astype(np.uint16)
    about = {"axes": "TCYX", "Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite("i.ome.tif", image, metadata=about)
    shiftseg("measure", "s.ome.tif", "i.ome.tif", "-o", "t.csv")
    found = read_table(Path("t.csv"))
    assert found["frame"].tolist() == [0, 0, 0, 1, 1, 1]
    assert found["area_um2"][0] == 9
    expected = measure(labels, image[1, 1])["mean_intensity"]
    np.testing.assert_array_equal(found["mean_intensity_GFP"][3:], expected)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a.npy", "-o", "t.txt"), "must end with .csv"),
        (("a.npy", "-o", "t.csv", "--spacing", "-1"), "above 0"),
        (("a.npy", "-o", "t.csv", "--spacing", "wide"), "numbers above 0 joined by x"),
        (("a.npy", "-o", "t.csv", "--spacing", "1x2x3"), "2 numbers above 0"),
        (("a.npy", "disks", "-o", "t.csv"), "must have one shape"),
        (("image.npy", "-o", "t.csv"), "is an image, not labels"),
        (("none.npy", "-o", "t.csv"), "there is no such file"),
        (("negative.npy", "-o", "t.csv"), "from 0 upward, got -3"),
        (("halves.npy", "-o", "t.csv"), "whole numbers from 0 upward, got float64"),
        (("a.npy", "-o", "t.csv", "--channel", "2"), "of an image: name one"),
        (("a.npy", "-o", "t.csv", "--axes", "QYX"), "axes must name the 2 axes"),
    ],
)
def test_what_is_wrong_is_one_line(shiftseg, labels, arguments, said) -> None:
    np.save("negative.npy", labels.astype(int) - 3)
    np.save("halves.npy", labels / 2)
    ran = shiftseg("measure", *arguments)
    assert ran.status == 2
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not list(Path().glob("t.*"))


def test_pixels_of_another_size_are_another_place(shiftseg, labels) -> None:
    for name, size in (("b.ome.tif", 0.5), ("c.ome.tif", 0.65)):
        about = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeY": size}
        tifffile.imwrite(name, labels, metadata=about)
    ran = shiftseg("measure", "b.ome.tif", "c.ome.tif", "-o", "t.csv")
    assert ran.status == 2
    assert "the labels are 0.5 µm along y, those of the image 0.65" in ran.stderr


def test_a_file_of_others_is_not_replaced(shiftseg, labels, tmp_path) -> None:
    (tmp_path / "t.csv").write_text("mine")
    ran = shiftseg("measure", "a.npy", "-o", "t.csv")
    assert ran.status == 2
    assert (tmp_path / "t.csv").read_text() == "mine"
    assert shiftseg("measure", "a.npy", "-o", "t.csv", "--overwrite").status == 0


def test_what_a_command_wrote_it_replaces(shiftseg, labels, tmp_path) -> None:
    measured = ("measure", "a.npy", "-o", "t.csv")
    compared = ("differences", "a.npy", "a.tif", "-o", "out")
    for command in (measured, compared):
        assert shiftseg(*command).status == 0
        assert shiftseg(*command).status == 0
    np.save("a.npy", np.where(labels == 77, 0, labels))
    assert shiftseg(*measured).stdout.startswith("2 objects")
    other = shiftseg("measure", "a.tif", "-o", "t.csv")
    assert "no older measurement of these labels wrote" in other.stderr
    (tmp_path / "t.csv").write_text("mine")
    assert shiftseg(*measured).status == 2


def test_a_raw_image_or_a_mask_is_noted(shiftseg, labels) -> None:
    np.save("mask.npy", np.where(labels > 0, 255, 0))
    np.save("stripes.npy", np.repeat(np.tile([7, 0, 3, 0], 20)[None], 30, 0))
    said = "labels mask.npy looks like a mask, not like labels: 3 parts"
    assert said in shiftseg("measure", "mask.npy", "-o", "t.csv").stderr
    ran = shiftseg("measure", "stripes.npy", "-o", "s.csv")
    assert "looks like a raw image or a mask" in ran.stderr
    assert said in shiftseg("differences", "a.npy", "mask.npy", "-o", "out").stderr
    assert not shiftseg("measure", "a.npy", "-o", "a.csv").stderr


def test_many_label_images_are_refused_and_the_way_is_named(shiftseg, labels) -> None:
    Path("folder").mkdir()
    for given in (["a.npy", "a.tif", "a.png"], ["folder"]):
        ran = shiftseg("measure", *given, "-o", "t.csv")
        assert ran.status == 2
        assert "shiftseg segment FOLDER" in ran.stderr


def test_differences(shiftseg, labels, tmp_path) -> None:
    other = np.where(labels == 1000, 0, labels)
    other[3:9, 6:9] = 6
    np.save("b.npy", other)
    ran = shiftseg("differences", "a.npy", "b.npy", "-o", "out", "--json")
    report = json.loads(ran.stdout)
    kinds = {n: report[n] for n in ("matched", "split", "merged", "only_a", "only_b")}
    assert kinds == {"matched": 1, "split": 1, "merged": 0, "only_a": 1, "only_b": 0}
    table = read_table(tmp_path / "out" / "differences.csv")
    assert table["kind"].tolist() == ["split", "split", "matched", "only_a"]
    picture = np.asarray(Image.open(tmp_path / "out" / "differences.png"))
    assert picture.shape == (40, 50, 3)
    assert picture[3, 3].tolist() == [230, 159, 0]  # split
    assert picture[30, 10].tolist() == [204, 121, 167]  # in a alone
    assert not picture[4, 4].any()


def test_segment_writes_a_table_that_is_known_again(
    shiftseg, labels, model_file, tmp_path
) -> None:
    again = ("segment", "image.npy", "-o", "out", "-m", model_file, "--device", "cpu")
    assert shiftseg(*again).status == 0
    table = read_table(tmp_path / "out" / "image_objects.csv")
    found = tifffile.imread(tmp_path / "out" / "image_labels.tif")
    assert len(table["label"]) == found.max()
    assert {"area", "mean_intensity", "confidence", "cut"} <= set(table)
    report = json.loads((tmp_path / "out" / "image_report.json").read_text())
    assert report["files"]["table"].endswith("image_objects.csv")
    assert "image_objects.csv" in report["sha256"]
    assert shiftseg(*again).status == 0  # its own files are replaced
    (tmp_path / "out" / "image_objects.csv").write_text("mine")
    assert shiftseg(*again).status == 2
