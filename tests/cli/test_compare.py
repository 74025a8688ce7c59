"""The command ``compare``: figures, verdict, report, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from napari_shiftseg.cli import compare as compare_command
from napari_shiftseg.cli.terminal import _print_better
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.metrics.metric import titles
from napari_shiftseg.networks.unet import load_unet, save_model
from napari_shiftseg.pipeline.comparison import compare
from napari_shiftseg.report.figures_of_merit import lines
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def image(rng, tmp_path: Path) -> Path:
    np.save(tmp_path / "cells.npy", rng.normal(size=(31, 42)))
    return tmp_path / "cells.npy"


def truth_file(folder: Path, labels: Any) -> Path:
    np.save(folder / "truth.npy", labels)
    return folder / "truth.npy"


def table_of(text: str) -> list[list[str]]:
    """The rows of the table of ways."""
    _, after = text.split("difference from the untiled prediction")
    return [row.split() for row in after.split("\n\n")[0].splitlines() if row]


def without_seconds(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in figures.items() if key != "seconds"}


class TestFigures:
    def test_those_of_the_function(
        self, shiftseg, model_file: Path, image: Path, tmp_path: Path
    ) -> None:
        labels = np.arange(31 * 42).reshape(31, 42) // 100
        truth = truth_file(tmp_path, labels.astype(np.uint16))
        ran = shiftseg(
            "compare", image, "-m", model_file, "--window", "6x10", "--truth", truth,
            "--json",
        )  # fmt: skip
        assert (ran.status, ran.stderr) == (0, "")
        found = json.loads(ran.stdout)
        expected = compare(
            np.load(image), load_unet(model_file), labels, window=(6, 10)
        )
        for side in ("naive", "cropped"):
            figures = getattr(expected, side).figures()
            assert without_seconds(found[side]) == without_seconds(figures)
        assert found["image"] == "cells"
        assert found["period"] == [4, 4]
        assert found["files"] == []

    def test_ways_of_other_libraries(
        self, shiftseg, model_file: Path, image: Path, tmp_path: Path
    ) -> None:
        asked = ("compare", image, "-m", model_file, "--window", 12)
        ran = shiftseg(*asked, "--also", "blended,blended-0.25", "--json")
        found = json.loads(ran.stdout)["also"]
        expected = compare(
            np.load(image), load_unet(model_file), window=12,
            also=["blended", "blended 0.25"],
        ).also  # fmt: skip
        assert list(found) == list(expected)
        for way, side in expected.items():
            assert without_seconds(found[way]) == without_seconds(side.figures())
        assert json.loads(shiftseg(*asked, "--json").stdout)["also"] == {}

        twice = [word for way in found for word in ("--also", way.replace(" ", "-"))]
        again = json.loads(shiftseg(*asked, *twice, "--json").stdout)["also"]
        assert list(again) == list(found)
        for way, side in found.items():
            assert without_seconds(again[way]) == without_seconds(side)
        (tmp_path / "also.yaml").write_text("also: blended")
        by_file = shiftseg(*asked, "--config", tmp_path / "also.yaml", "--json")
        assert list(json.loads(by_file.stdout)["also"]) == ["blended"]
        ran = shiftseg(*asked, "--also", "blended", "-o", tmp_path / "report")
        *_, blended, cropped = table_of(ran.stdout)
        assert blended[:2] == ["blended", str(found["blended"]["tiles"])]
        assert cropped[0] == "cropped"
        page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
        assert "As other libraries tile it" in page
        figures = (tmp_path / "report" / "figures.csv").read_text().splitlines()
        assert figures[0].endswith(",better,blended")

    def test_ways_that_there_are_not(self, shiftseg, model_file, image) -> None:
        for way, said in (
            ("blend", "also compared can be blended, "),
            ("declared-halo", "declares no halo, only BioImage.IO packages do"),
        ):
            ran = shiftseg("compare", image, "-m", model_file, "--also", way)
            assert ran.status == 2
            assert said in ran.stderr

    def test_settings_arrive(self, shiftseg, model_file, tmp_path, rng) -> None:
        np.save(tmp_path / "a.npy", rng.normal(size=(67, 70)))
        ran = shiftseg(
            "compare", tmp_path / "a.npy", "-m", model_file, "--window", 6, "--json",
            "--border", "valid", "--device", "cpu", "--batch", 2, "--bandwidth", 50,
        )  # fmt: skip
        settings = json.loads(ran.stdout)["settings"]
        expected = {
            "window": [6, 6], "border": "valid", "device": "cpu", "batch": 2,
            "bandwidth": 50,
        }  # fmt: skip
        assert {key: settings[key] for key in expected} == expected

    def test_another_truth_for_a_sample(
        self, shiftseg, model_file, tmp_path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from napari_shiftseg.samples.catalogue import SAMPLES, Entry

        sample = Sample(np.eye(20, dtype=np.float32), np.eye(20, dtype=np.int32))
        monkeypatch.setitem(SAMPLES, "eye", Entry(lambda: sample, "", ""))
        arguments = ("compare", "eye", "-m", model_file, "--window", 6, "--json")
        own = json.loads(shiftseg(*arguments).stdout)
        assert own["naive"]["true_objects"] == 1
        truth = truth_file(tmp_path, np.arange(400).reshape(20, 20))
        other = json.loads(shiftseg(*arguments, "--truth", truth).stdout)
        assert other["naive"]["true_objects"] == 399


class TestWords:
    def test_table_verdict_and_notes(self, shiftseg, model_file, image) -> None:
        ran = shiftseg("compare", image, "-m", model_file, "--window", 6)
        assert (ran.status, ran.stderr) == (0, "")
        header, *lines = ran.stdout.splitlines()
        assert header.split() == ["naive", "cropped", "untiled"]
        rows = {line[:24].strip(): line[24:].split() for line in lines[:13]}
        assert rows["tile size (window)"] == ["6", "6"]
        assert rows["keeps (stride)"] == ["6", "4"]
        assert "AP50" not in rows
        assert "no true labels (--truth): inside objects, " in ran.stdout
        expected = compare(np.load(image), load_unet(model_file), window=6)
        naive, cropped = expected.naive.figures(), expected.cropped.figures()
        ratios = [naive["seam_ratio"], cropped["seam_ratio"]]
        assert rows["seam ratio"][:2] == [f"{ratio:.3g}" for ratio in ratios]
        assert " ".join(rows["seam ratio"][2:]) == (
            f"{naive['seam_ratio_untiled']:.3g} / {cropped['seam_ratio_untiled']:.3g}"
        )
        assert "Tiles of 6 make no jump at their borders" in ran.stdout
        assert "expect seams" not in ran.stdout
        assert "note: 6 is not a multiple of 4 (= 2²): cropped" in ran.stdout


class TestReport:
    def test_into_a_folder(self, shiftseg, model_file, image, tmp_path) -> None:
        folder = tmp_path / "new" / "folder"
        ran = shiftseg(
            "compare", image, "-m", model_file, "--window", 6, "-o", folder, "--json"
        )
        assert (ran.status, ran.stderr) == (0, "")
        report = json.loads(ran.stdout)
        assert {path.name for path in folder.iterdir()} == set(report["files"])
        assert json.loads((folder / "report.json").read_text()) == report
        assert report["verdict"].split(".")[0] in (
            (folder / "report.html").read_text(encoding="utf-8")
        )

    def test_it_says_where(self, shiftseg, model_file, image, tmp_path) -> None:
        arguments = ("compare", image, "-m", model_file, "--window", 6)
        assert str(tmp_path / "o") in (
            shiftseg(*arguments, "-o", tmp_path / "o").stdout
        )


class TestEdges:
    @pytest.mark.parametrize("window", [6, 500])
    def test_an_image_smaller_than_two_tiles(
        self, shiftseg, model_file, tmp_path, window: int
    ) -> None:
        np.save(tmp_path / "a.npy", np.eye(4))
        ran = shiftseg(
            "compare", tmp_path / "a.npy", "-m", model_file, "--window", window,
            "-o", tmp_path / "o",
        )  # fmt: skip
        assert (ran.status, ran.stderr) == (0, "")
        line = next(x for x in ran.stdout.splitlines() if x.startswith("seam ratio"))
        assert line.split()[2:6] == ["not", "defined", "not", "defined"]
        assert f"One tile of {window} holds the whole image" in ran.stdout

    def test_nothing_but_background(self, shiftseg, small_model, image, tmp_path):
        clustering = Clustering(bandwidth=1e3, background_embedding=(0, 0, 0))
        model = small_model(2, 2, clustering=clustering, intensity="range")
        file = save_model(model, tmp_path / "m.safetensors")
        truth = truth_file(tmp_path, np.zeros((31, 42), np.uint8))
        ran = shiftseg(
            "compare", image, "-m", file, "--window", 6, "--truth", truth,
            "-o", tmp_path / "o", "--json",
        )  # fmt: skip
        assert (ran.status, ran.stderr) == (0, "")
        figures = json.loads(ran.stdout)["naive"]
        assert figures["objects"] == figures["true_objects"] == 0
        assert figures["seam_ratio_within"] is None
        assert figures["ap50"] == 1


class TestRefused:
    @pytest.mark.parametrize(
        ("labels", "said"),
        [
            (np.zeros((31, 41), int), "truth and image must have one shape"),
            (
                np.full((31, 42), 0.25),
                "truth truth.npy must be a label image of whole numbers from 0 upward, "
                "got float64; save it with an integer type, for example uint16",
            ),
            (np.full((31, 42), 0.5, np.float32), "got float32"),
            (np.full((31, 42), -1), "got -1"),
        ],
    )
    def test_a_truth(
        self, shiftseg, model_file, image, tmp_path, labels: Any, said: str
    ) -> None:
        truth = truth_file(tmp_path, labels)
        shiftseg(
            "compare", image, "-m", model_file, "--window", 6, "--truth", truth,
            "-o", tmp_path / "o", "--json",
        ).assert_refused(said)  # fmt: skip
        assert not (tmp_path / "o").exists()

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--window", "0"), "from 1 upward"),
            (("--window", "4x4x4"), "one value or 2"),
            (("--window", "6", "--truth", "no.tif"), "no image 'no.tif'"),
            (("--window", "6", "-m", "nosuch"), "bundled models"),
            (("--window", "6", "--device", "abacus"), "no device 'abacus'"),
            (
                ("--window", "6", "--batch", "0"),
                "batch: Input should be greater than or equal to 1, got 0",
            ),
            (("--window", "6", "--bandwidth", "0"), "greater than 0"),
            (("--window", "6", "--border", "valid"), "at least 44 pixels"),
        ],
    )
    def test_an_option(self, shiftseg, model_file, image, options, said) -> None:
        shiftseg("compare", image, "-m", model_file, "--json", *options).assert_refused(
            said
        )

    def test_a_time_series(self, shiftseg, model_file, tmp_path) -> None:
        path = tmp_path / "series.tif"
        series = np.zeros((3, 21, 26), np.uint8)
        tifffile.imwrite(path, series, imagej=True, metadata={"axes": "TYX"})
        shiftseg("compare", path, "-m", model_file, "--window", 6).assert_refused(
            "one image of 2 axes is compared at a time", "take one plane"
        )

    def test_the_only_plane_of_a_stack_is_compared(
        self, shiftseg, model_file, image, tmp_path
    ) -> None:
        stack = tmp_path / "stack.npy"
        np.save(stack, np.load(image)[None])
        options = ("-m", model_file, "--window", 6, "--json")
        plane, only = (
            json.loads(shiftseg("compare", path, *options).stdout)
            for path in (image, stack)
        )
        assert only["cropped"]["objects"] == plane["cropped"]["objects"]

    def test_a_missing_image(self, shiftseg, model_file, tmp_path) -> None:
        shiftseg(
            "compare", tmp_path / "no.tif", "-m", model_file, "--window", 6
        ).assert_refused("no.tif': there is no such file")

    def test_a_folder_that_cannot_be_written(
        self, shiftseg, model_file, image, tmp_path
    ) -> None:
        (tmp_path / "taken").write_text("mine")
        shiftseg(
            "compare", image, "-m", model_file, "--window", 6, "-o", tmp_path / "taken"
        ).assert_refused("cannot write files into", "choose another folder")


def test_the_window_is_the_one_trained_with(
    shiftseg, model_file, tmp_path, rng
) -> None:
    np.save(tmp_path / "a.npy", rng.normal(size=(39, 41)))
    ran = shiftseg("compare", tmp_path / "a.npy", "-m", model_file, "--json")
    config = load_unet(model_file).config
    known = config.provenance.window if config.provenance else config.shape.period
    assert json.loads(ran.stdout)["naive"]["window"] == list(known)
    shown = " ".join(shiftseg("compare", "--help").stdout.split())
    assert "[that of training]" in shown


def test_a_file_that_would_be_overwritten_is_named_before_any_work(
    shiftseg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "image.png").write_text("mine")
    np.save(tmp_path / "a.npy", np.zeros((9, 11)))
    monkeypatch.setattr(compare_command, "compare_steps", None)
    ran = shiftseg("compare", tmp_path / "a.npy", "-o", tmp_path)
    assert ran.status == 2
    assert "image.png that no older report wrote" in ran.stderr
    assert (tmp_path / "image.png").read_text() == "mine"


def test_it_prints_in_what_a_side_is_better(capsys) -> None:
    """A mark stands where the JSON has one; neither side, no line."""
    differences = {
        "ap50": {"better": "cropped"},
        "seam_ratio": {"better": "cropped"},
        "false_splits": {"better": None},
    }
    nothing = dict.fromkeys(titles())
    sides = {"naive": nothing, "cropped": nothing}
    _print_better(lines({**sides, "differences": differences}))
    assert capsys.readouterr().out == (
        "\ncropped is better beyond chance: seam ratio, AP50\n"
    )
    _print_better(lines({**sides, "differences": {"ap50": {"better": None}}}))
    assert capsys.readouterr().out == ""
