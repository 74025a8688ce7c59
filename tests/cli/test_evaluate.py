"""The command ``evaluate``: files and folders of labels, scored by hand."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from napari_shiftseg.stores.pixel_files import write_pixels
from napari_shiftseg.stores.tiff import numbered

if TYPE_CHECKING:
    from pathlib import Path

TRUTH = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]], np.uint16)
PREDICTION = np.array(  # object 1 in halves, 3 and 4 in one: one of seven matches
    [[7, 7, 2, 2], [5, 5, 2, 2], [3, 3, 3, 3], [3, 3, 3, 3]], np.uint16
)
FIGURES = {
    "ap50": 1 / 7, "precision": 1 / 4, "recall": 1 / 4, "f1": 1 / 4,
    "false_splits": 1, "false_merges": 1, "true_objects": 4, "objects": 4,
}  # fmt: skip


def write(path: Path, labels: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, labels)
    else:
        tifffile.imwrite(path, labels)
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two images: one with a split and a merge, one with 2 objects, all found."""
    found, true = tmp_path / "found", tmp_path / "true"
    write(found / "one.tif", PREDICTION)
    write(found / "two_labels.tif", TRUTH[:2])
    write(true / "one.npy", TRUTH)
    write(true / "two.tif", TRUTH[:2])
    return found, true


class TestFiles:
    @pytest.mark.parametrize("suffix", [".tif", ".npy"])
    def test_two_files(self, shiftseg, tmp_path: Path, suffix: str) -> None:
        found = write(tmp_path / f"cells_labels{suffix}", PREDICTION)
        true = write(tmp_path / "truth.tif", TRUTH)
        ran = shiftseg("evaluate", found, true, "--json")
        assert (ran.status, ran.stderr) == (0, "")
        report = json.loads(ran.stdout)
        assert report["images"] == [{"image": "cells", **FIGURES}]
        assert report["pooled"] == FIGURES
        keys = ("ap50", "precision", "recall", "f1")
        assert report["mean"] == {key: FIGURES[key] for key in keys}

    def test_the_only_plane_of_a_stack_is_an_image(self, shiftseg, tmp_path) -> None:
        stack = tmp_path / "stack.tif"
        tifffile.imwrite(stack, TRUTH[None], metadata={"axes": "ZYX"})
        plane = write(tmp_path / "plane.npy", PREDICTION)
        ran = shiftseg("evaluate", plane, stack, "--json")
        assert json.loads(ran.stdout)["pooled"] == FIGURES
        tifffile.imwrite(stack, np.stack([TRUTH] * 2), metadata={"axes": "ZYX"})
        shiftseg("evaluate", stack, plane).assert_refused("must have one shape")

    def test_a_sample_is_its_own_truth(self, shiftseg, disks, tmp_path: Path) -> None:
        found = write(tmp_path / "disks_labels.tif", disks.labels.astype(np.uint16))
        report = json.loads(shiftseg("evaluate", found, "disks", "--json").stdout)
        assert report["pooled"]["ap50"] == 1
        assert report["pooled"]["true_objects"] == 1600

    def test_nothing_found(self, shiftseg, tmp_path: Path) -> None:
        found = write(tmp_path / "a.tif", np.zeros_like(TRUTH))
        true = write(tmp_path / "b.tif", TRUTH)
        report = json.loads(shiftseg("evaluate", found, true, "--json").stdout)
        assert report["pooled"]["ap50"] == report["pooled"]["objects"] == 0
        assert report["pooled"]["precision"] == 1

    def test_what_segment_writes(
        self, shiftseg, model_file, tmp_path: Path, rng
    ) -> None:
        for name in ("a", "b"):
            image = write(tmp_path / "images" / f"{name}.npy", rng.normal(size=(9, 9)))
            shiftseg("segment", image, "-o", tmp_path / "o", "-m", model_file)
            write(tmp_path / "true" / f"{name}.npy", np.ones((9, 9), int))
        ran = shiftseg("evaluate", tmp_path / "o", tmp_path / "true", "--json")
        assert (ran.status, ran.stderr) == (0, "")
        report = json.loads(ran.stdout)
        assert [image["image"] for image in report["images"]] == ["a", "b"]
        assert report["pooled"]["ap50"] == 1  # one mode: all is one object

    def test_each_frame_of_a_series_has_its_own_ids(self, shiftseg, tmp_path) -> None:
        found = np.stack([TRUTH, PREDICTION])  # label 3 of both frames is no one object
        true = np.stack([TRUTH, TRUTH + 4])
        scores = {}
        for axes in ("TYX", "ZYX"):
            prediction = tmp_path / f"{axes}.tif"
            tifffile.imwrite(prediction, found, imagej=True, metadata={"axes": axes})
            truth = write(tmp_path / "true.npy", true)
            ran = shiftseg("evaluate", prediction, truth, "--json")
            scores[axes] = json.loads(ran.stdout)["pooled"]
        series = scores["TYX"]
        assert (series["true_objects"], series["objects"]) == (8, 8)
        assert series["ap50"] == (4 + 1) / (8 + 8 - 5)
        assert (series["false_splits"], series["false_merges"]) == (1, 1)
        assert scores["ZYX"]["objects"] < 8  # a volume: equal ids are one object


class TestWhatIsNoLabelImage:
    @pytest.mark.parametrize("kind", ["prediction", "truth"])
    def test_grey_values(self, shiftseg, tmp_path, rng, kind: str) -> None:
        photograph = rng.integers(0, 256, (64, 64), dtype=np.uint8)
        labels = np.repeat(np.arange(16), 256).reshape(64, 64)
        paths = {
            "prediction": write(tmp_path / "found.tif", labels.astype(np.uint8)),
            "truth": write(tmp_path / "true.npy", labels),
        }
        plain = shiftseg("evaluate", *paths.values(), "--json")
        assert (plain.status, plain.stderr) == (0, "")
        paths[kind] = write(tmp_path / "photograph.tif", photograph)
        ran = shiftseg("evaluate", *paths.values(), "--json")
        ran.assert_refused(
            f"the {kind} photograph.tif is an image, not labels", "give the labels"
        )

    @pytest.mark.parametrize(
        ("value", "parts", "said"),
        [
            (1, 1, ""),
            (1, 2, "2 parts that do not touch all have the id 1;"),
            (255, 1, "its only id is 255;"),
            (255, 11, "11 parts that do not touch all have the id 255;"),
        ],
    )
    def test_a_mask(self, shiftseg, tmp_path, value, parts, said) -> None:
        mask = np.zeros((3, 30), np.uint8)
        mask[1, 1 : 2 * parts : 2] = value
        path = write(tmp_path / "one.tif", mask)
        ran = shiftseg("evaluate", path, path)
        assert said in ran.stderr
        assert ("mask" in ran.stderr) == bool(said) == bool(ran.stderr)

    def test_ids_that_come_again_in_each_frame(self, shiftseg, tmp_path) -> None:
        series = np.zeros((30, 4, 4), np.uint8)
        series[::2, 1, 1] = 1  # 15 parts in all, but one a frame
        for axes, noted in (("TYX", False), ("ZYX", True)):
            path = tmp_path / f"{axes}.tif"
            tifffile.imwrite(path, series, imagej=True, metadata={"axes": axes})
            ran = shiftseg("evaluate", path, path)
            assert bool(ran.stderr) == noted


class TestFolders:
    def test_matched_by_name(self, shiftseg, folders) -> None:
        report = json.loads(shiftseg("evaluate", *folders, "--json").stdout)
        one, two = report["images"]
        assert one == {"image": "one", **FIGURES}
        assert (two["image"], two["ap50"], two["objects"]) == ("two", 1, 2)
        assert report["mean"]["ap50"] == pytest.approx((1 / 7 + 1) / 2)
        assert report["pooled"]["ap50"] == 3 / 9
        assert report["pooled"]["false_splits"] == 1

    def test_in_words(self, shiftseg, folders) -> None:
        ran = shiftseg("evaluate", *folders)
        assert (ran.status, ran.stderr) == (0, "")
        header, one, two, mean, pooled = ran.stdout.splitlines()
        assert header.split()[:2] == ["image", "ap50"]
        assert one.split()[:2] == ["one", "0.143"]
        assert two.split()[:2] == ["two", "1"]
        assert mean.split() == ["mean", "0.571", "0.625", "0.625", "0.625"]
        assert pooled.split()[:4] == ["all", "as", "one", "0.333"]

    def test_csv(self, shiftseg, folders, tmp_path: Path) -> None:
        path = tmp_path / "new" / "scores.csv"
        assert shiftseg("evaluate", *folders, "-o", path).status == 0
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [row["image"] for row in rows] == ["one", "two"]
        assert list(rows[0]) == ["image", *FIGURES]
        assert [float(rows[0][key]) for key in FIGURES] == list(FIGURES.values())

    def test_a_name_with_labels_on_both_sides(self, shiftseg, tmp_path) -> None:
        found = write(tmp_path / "found" / "x_labels.tif", TRUTH).parent
        true = write(tmp_path / "true" / "x_labels.tif", TRUTH).parent
        report = json.loads(shiftseg("evaluate", found, true, "--json").stdout)
        assert report["images"][0]["image"] == "x_labels"

    def test_companions_of_macos_are_no_images(self, shiftseg, tmp_path: Path) -> None:
        found = write(tmp_path / "found" / "x_labels.tif", TRUTH).parent
        true = write(tmp_path / "true" / "x.ome.tif", TRUTH).parent
        for folder in (found, true):
            (folder / "._x.tif").write_bytes(b"\0\5\x16\7")
            (folder / ".DS_Store").touch()
            (folder / "Thumbs.db").touch()
            (folder / "folder.tif").mkdir()
        ran = shiftseg("evaluate", found, true, "--json")
        assert json.loads(ran.stdout)["pooled"]["ap50"] == 1

    def test_a_table_is_not_overwritten_unasked(self, shiftseg, tmp_path) -> None:
        labels = write(tmp_path / "x.tif", TRUTH)
        (tmp_path / "t.csv").write_text("mine")
        arguments = ("evaluate", labels, labels, "-o", tmp_path / "t.csv")
        shiftseg(*arguments).assert_refused("t.csv", "--overwrite")
        assert (tmp_path / "t.csv").read_text() == "mine"
        assert shiftseg(*arguments, "--overwrite").status == 0
        assert (tmp_path / "t.csv").read_text().startswith("image,")

    def test_planes_of_a_stack_that_segment_wrote_have_their_own_ids(
        self, shiftseg, tmp_path
    ) -> None:
        planes = np.stack([TRUTH, TRUTH])
        path = tmp_path / "x_labels.tif"
        write_pixels(path, planes, "ZYX", {}, numbered("YX"))
        ran = shiftseg("evaluate", path, path, "--json")
        assert json.loads(ran.stdout)["pooled"]["objects"] == 8

    @pytest.mark.parametrize(
        ("said", "objects"),
        [
            (numbered("YX"), 8),
            (numbered("ZYX"), 4),  # linked planes are one volume
            ("numbered from 1 in every image of the axes YX", 8),  # as it once was
        ],
    )
    def test_labels_of_planes_are_scored_as_what_they_are(
        self, shiftseg, tmp_path, said: str, objects: int
    ) -> None:
        path, truth = tmp_path / "x_labels.tif", tmp_path / "x.tif"
        write_pixels(path, np.stack([TRUTH, TRUTH]), "ZYX", {}, said)
        write_pixels(truth, np.stack([TRUTH, TRUTH]), "ZYX", {})
        ran = shiftseg("evaluate", path, truth, "--json")
        assert json.loads(ran.stdout)["pooled"]["true_objects"] == objects
        assert json.loads(ran.stdout)["pooled"]["ap50"] == 1

    def test_a_prediction_named_gradient_alone(self, shiftseg, tmp_path) -> None:
        found = write(tmp_path / "found" / "x_gradient.tif", TRUTH).parent
        true = write(tmp_path / "true" / "x_gradient.tif", TRUTH).parent
        assert shiftseg("evaluate", found, true).status == 0


class TestRefused:
    def test_a_name_without_partner(self, shiftseg, folders, tmp_path) -> None:
        found, true = folders
        write(found / "extra_labels.tif", TRUTH)
        shiftseg("evaluate", *folders).assert_refused(
            f"extra_labels.tif has no partner in {true}"
        )
        (found / "extra_labels.tif").unlink()
        (found / "one.tif").unlink()
        shiftseg("evaluate", *folders).assert_refused(
            f"one.npy has no partner in {found}"
        )

    def test_two_files_of_one_name(self, shiftseg, folders) -> None:
        write(folders[1] / "one.tif", TRUTH)
        shiftseg("evaluate", *folders).assert_refused(
            "one.npy and one.tif", "both have the name 'one'"
        )

    def test_an_image_twice(self, shiftseg, folders) -> None:
        write(folders[0] / "one_labels.tif", TRUTH)
        shiftseg("evaluate", *folders).assert_refused(
            "one.tif and one_labels.tif", "both have the name 'one'"
        )

    def test_an_empty_folder(self, shiftseg, folders, tmp_path) -> None:
        empty = tmp_path / "empty"
        empty.mkdir()
        (empty / "notes.txt").write_text("hello")
        for pair in ((empty, folders[1]), (folders[0], empty)):
            shiftseg("evaluate", *pair).assert_refused(f"{empty} holds no image")

    def test_a_file_and_a_folder(self, shiftseg, folders) -> None:
        found, true = folders
        shiftseg("evaluate", found, true / "two.tif").assert_refused(
            "two files or two folders"
        )

    @pytest.mark.parametrize(
        ("labels", "said"),
        [
            (
                TRUTH[:3],
                "one: prediction and truth must have one shape, got (4, 4) and",
            ),
            (
                TRUTH / 2,
                "truth one.npy must be a label image",
            ),
            (-TRUTH.astype(int), "from 0 upward, got -4"),
        ],
    )
    def test_a_truth(self, shiftseg, folders, labels: Any, said: str) -> None:
        write(folders[1] / "one.npy", labels)
        shiftseg("evaluate", *folders).assert_refused(said)

    def test_a_float_prediction(self, shiftseg, folders) -> None:
        write(folders[0] / "one.tif", (TRUTH / 2).astype(np.float32))
        shiftseg("evaluate", *folders).assert_refused(
            "prediction one.tif must be a label image", "float32", "integer"
        )

    def test_missing_files(self, shiftseg, folders, tmp_path) -> None:
        shiftseg("evaluate", tmp_path / "no.tif", "disks").assert_refused(
            "there is no such file"
        )

    def test_an_output(self, shiftseg, folders, tmp_path) -> None:
        shiftseg("evaluate", *folders, "-o", tmp_path / "a.txt").assert_refused(
            "must end with .csv, got 'a.txt'"
        )
        (tmp_path / "taken").write_text("mine")
        shiftseg(
            "evaluate", *folders, "-o", tmp_path / "taken" / "a.csv"
        ).assert_refused("cannot write files into")
