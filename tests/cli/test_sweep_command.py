"""The command ``sweep``: several images, several windows, one JSON object."""

from __future__ import annotations

import csv
import json
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from skimage.io import imread

from napari_shiftseg.metrics.objects import ObjectScores
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.sweep import sweep

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPES = {"a": (31, 42), "b": (25, 33)}


@pytest.fixture
def images(rng, tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.npy" for name in SHAPES]
    for path, shape in zip(paths, SHAPES.values(), strict=True):
        np.save(path, rng.normal(size=shape))
    return paths


@pytest.fixture
def truths(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}_truth.npy" for name in SHAPES]
    for path, shape in zip(paths, SHAPES.values(), strict=True):
        np.save(path, np.arange(np.prod(shape)).reshape(shape) // 50)
    return paths


def truth_options(truths: list[Path]) -> list[object]:
    return [word for path in truths for word in ("--truth", path)]


@pytest.fixture
def found(shiftseg, model_file, images, truths, tmp_path) -> dict[str, Any]:
    ran = shiftseg(
        "sweep", *images, "-m", model_file, "--windows", "6,4x8,8",
        *truth_options(truths), "-o", tmp_path / "o", "--json",
    )  # fmt: skip
    assert (ran.status, ran.stderr) == (0, "")
    return json.loads(ran.stdout)


def without_seconds(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in figures.items() if key != "seconds"}


class TestFigures:
    def test_those_of_the_function(self, found, model_file, images, truths) -> None:
        assert {k: found[k] for k in ("model", "period", "stitching")} == {
            "model": "tiny", "period": [4, 4], "stitching": "naive",
        }  # fmt: skip
        assert [image["image"] for image in found["images"]] == ["a", "b"]
        for image, path, truth in zip(found["images"], images, truths, strict=True):
            points = sweep(
                np.load(path), load_unet(model_file), [6, (4, 8), 8], np.load(truth)
            )
            expected = [without_seconds(point.figures()) for point in points]
            assert [without_seconds(p) for p in image["points"]] == expected

    def test_pooled(self, found) -> None:
        windows = [point["window"] for point in found["pooled"]]
        assert windows == [[6, 6], [4, 8], [8, 8]]
        assert [point["valid"] for point in found["pooled"]] == [False, True, True]
        for number, pooled in enumerate(found["pooled"]):
            points = [image["points"][number] for image in found["images"]]
            for key in (
                "true_objects", "objects", "split_by_seams", "false_splits",
                "false_merges",
            ):  # fmt: skip
                assert pooled[key] == sum(point[key] for point in points)
            for key, own in (
                ("seam_ratio", "seam_ratio"), ("ap50_mean", "ap50"),
                ("seam_ratio_within_untiled", "seam_ratio_within_untiled"),
            ):  # fmt: skip
                assert pooled[key] == pytest.approx(fmean(p[own] for p in points))
            counts = ObjectScores(pooled["true_objects"], pooled["objects"], 0, 0, 0)
            assert pooled["ap50"] >= counts.ap50
            assert pooled["failure"] is None

    def test_without_truths(self, shiftseg, model_file, images) -> None:
        ran = shiftseg(
            "sweep", *images, "-m", model_file, "--windows", "6", "--json",
            "--stitching", "cropped",
        )  # fmt: skip
        report = json.loads(ran.stdout)
        assert report["stitching"] == "cropped"
        assert report["pooled"][0]["ap50"] is None
        assert report["pooled"][0]["split_by_seams"] is None
        assert report["images"][0]["points"][0]["stride"] == [4, 4]

    def test_default_windows(self, shiftseg, model_file, images) -> None:
        ran = shiftseg("sweep", images[1], "-m", model_file, "--json")
        windows = [point["window"] for point in json.loads(ran.stdout)["pooled"]]
        assert windows == [[w, w] for w in range(4, 17)]


class TestFiles:
    def test_json_csv_and_plot(self, found, tmp_path: Path) -> None:
        folder = tmp_path / "o"
        assert {path.name for path in folder.iterdir()} == {
            "sweep.csv", "sweep.json", "sweep.png",
        }  # fmt: skip
        assert json.loads((folder / "sweep.json").read_text()) == found
        with (folder / "sweep.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [(row["image"], row["window"]) for row in rows] == [
            (name, window) for name in "ab" for window in ("6x6", "4x8", "8x8")
        ]
        points = [p for image in found["images"] for p in image["points"]]
        for row, point in zip(rows, points, strict=True):
            assert float(row["seam_ratio"]) == point["seam_ratio"]
            assert int(row["false_splits"]) == point["false_splits"]
            assert int(row["split_by_seams"]) == point["split_by_seams"]
        assert imread(folder / "sweep.png").std() > 0


class TestWords:
    def test_a_table(self, shiftseg, model_file, images, tmp_path) -> None:
        ran = shiftseg(
            "sweep", images[0], "-m", model_file, "--windows", "6,8,4x8,100",
            "-o", tmp_path / "o",
        )  # fmt: skip
        assert (ran.status, ran.stderr) == (0, "")
        header, *rows = ran.stdout.splitlines()
        assert header.split() == [
            "window", "seam", "ratio", "untiled", "objects", "split", "by", "seams",
            "false", "splits", "false", "merges", "AP50",
        ]  # fmt: skip
        starts = [row[:7].strip() for row in rows[:4]]
        assert starts == ["6", "8 *", "4 × 8 *", "100 *"]
        assert rows[3].split()[2:4] == ["not", "defined"]  # one tile
        assert rows[4] == "* a multiple of the period, 4"
        assert rows[6] == (  # untrained: all steps are large
            "No seams at 6, 8, 4x8. One tile holds it all at 100."
        )
        assert str(tmp_path / "o") in ran.stdout


class TestMemory:
    def test_what_does_not_fit_is_reported_and_the_rest_goes_on(
        self, shiftseg, model_file, images, tmp_path, limit_memory
    ) -> None:
        limit_memory(52**2)  # what a tile reads that keeps 12
        arguments = ("sweep", images[0], "-m", model_file, "--windows", "8,24,12")
        ran = shiftseg(*arguments, "-o", tmp_path / "o", "--json")
        assert ran.status == 0
        pooled = json.loads(ran.stdout)["pooled"]
        failures = [point["failure"] for point in pooled]
        assert failures[0] is failures[2] is None
        assert "does not fit in memory" in failures[1]
        assert [point["seam_ratio"] is None for point in pooled] == [False, True, False]
        ran = shiftseg(*arguments)
        assert "window 24: does not fit in memory" in ran.stdout
        assert "Too large for the memory: 24." in ran.stdout


class TestRefused:
    def test_as_many_truths_as_images(
        self, shiftseg, model_file, images, truths
    ) -> None:
        shiftseg(
            "sweep", *images, "-m", model_file, *truth_options(truths[:1])
        ).assert_refused("as many truths as images", "got 1 for 2")

    def test_a_truth_before_any_work(
        self, shiftseg, model_file, images, truths, limit_memory, tmp_path
    ) -> None:
        came = limit_memory(10**9)
        shiftseg(
            "sweep", *images, "-m", model_file, *truth_options(truths[::-1]),
            "-o", tmp_path / "o",
        ).assert_refused("truth and image must have one shape")  # fmt: skip
        assert not (tmp_path / "o").exists()
        np.save(truths[1], np.full(SHAPES["b"], 0.5))
        shiftseg(
            "sweep", *images, "-m", model_file, *truth_options(truths)
        ).assert_refused("truth b_truth.npy must be a label image", "float64")
        assert came == []

    @pytest.mark.parametrize(
        ("windows", "said"),
        [
            ("", "from 1 upward"),
            ("16,", "from 1 upward"),
            ("16,wide", "from 1 upward"),
            ("16,0", "from 1 upward"),
            ("8x8x8", "one value or 2"),
        ],
    )
    def test_windows(self, shiftseg, model_file, images, windows, said) -> None:
        shiftseg(
            "sweep", *images, "-m", model_file, f"--windows={windows}"
        ).assert_refused(said)

    def test_images(self, shiftseg, model_file, images, tmp_path) -> None:
        shiftseg("sweep", tmp_path / "no.npy", "-m", model_file).assert_refused(
            "there is no such file"
        )
        shiftseg("sweep", images[0], images[0], "-m", model_file).assert_refused(
            "was given twice"
        )
        np.save(tmp_path / "series.npy", np.zeros((3, 21, 26)))
        shiftseg("sweep", tmp_path / "series.npy", "-m", model_file).assert_refused(
            "take one plane"
        )

    def test_a_folder_that_cannot_be_written(
        self, shiftseg, model_file, images, tmp_path
    ) -> None:
        (tmp_path / "taken").write_text("mine")
        shiftseg(
            "sweep", *images, "-m", model_file, "-o", tmp_path / "taken"
        ).assert_refused("cannot write files into")


def test_files_of_one_name_keep_their_folders(
    shiftseg, model_file, images, tmp_path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    images[1].rename(other / "a.npy")
    ran = shiftseg(
        "sweep", images[0], other / "a.npy", "-m", model_file, "--windows", 8, "--json"
    )
    names = [image["image"] for image in json.loads(ran.stdout)["images"]]
    assert names == [str(images[0]), str(other / "a.npy")]
