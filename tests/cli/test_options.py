"""Options that commands share: their spelling, their files, what help shows of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from napari_shiftseg.cli import commands as app
from napari_shiftseg.cli import compare as compare_command
from napari_shiftseg.cli import evaluate as evaluate_command
from napari_shiftseg.cli import segment as segment_command
from napari_shiftseg.networks.header import bundled_models, figure_models
from napari_shiftseg.pipeline.candidates import Candidates
from napari_shiftseg.pipeline.glossary import terms
from napari_shiftseg.pipeline.settings import OF_SEGMENT, Settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

COMMANDS = app.app.commands
GIVEN = {
    "window": "24x32", "stitching": "naive", "border": "valid", "device": "cpu",
    "region": "0:8x4:12", "precision": "float64", "batch": "2", "views": "4",
    "diameter": "30um",
    "bandwidth": "0.5", "kernel": "flat", "scope": "component", "min_size": "3",
    "invert": None, "intensity": "1:9", "ignore_nan": None,
    "foreground_threshold": "0.3", "link_threshold": "0.4", "link_planes": None,
}  # fmt: skip
CHOSEN = Settings(
    window=(24, 32), stitching="naive", border="valid", device="cpu",
    region=((0, 8), (4, 12)), precision="float64", batch=2, views=4, diameter="30 um",
    bandwidth=0.5,
    kernel="flat", scope="component", min_size=3, split_far_parts=False, invert=True,
    intensity=(1.0, 9.0), ignore_nan=True, foreground_threshold=0.3,
    link_threshold=0.4, link_planes=True,
)  # fmt: skip
OPTIONS = [
    word
    for name, value in GIVEN.items()
    for word in (f"--{name.replace('_', '-')}", value)
    if word is not None
]


@pytest.fixture
def image(rng, tmp_path: Path) -> Path:
    np.save(tmp_path / "cells.npy", rng.normal(size=(31, 42)))
    return tmp_path / "cells.npy"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Settings that segment, mend, compare and sweep are asked for, and no work."""
    found: list[Settings] = []

    def steps(*given: Any, **_: Any) -> Any:
        found.extend(each for each in given if isinstance(each, Settings))
        raise ValueError("enough")

    for module, name in (
        (segment_command, "source_steps"), (compare_command, "compare_steps"),
        (compare_command, "sweep_steps"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, steps)
    return found


class TestSettings:
    def test_each_is_an_option(self, shiftseg, model_file, image, tmp_path, taken):
        arguments = (image, "-m", model_file, "-o", tmp_path / "o", *OPTIONS)
        ran = shiftseg("segment", *arguments, "--no-split-far-parts")
        ran.assert_refused("enough")
        assert taken == [CHOSEN]

    def test_commands_share_them(self) -> None:
        for command, absent in {
            "segment": (), "mend": (), "compare": ("stitching", *OF_SEGMENT),
            "sweep": OF_SEGMENT,
            "tune": ("bandwidth", "min_size", "foreground_threshold", *OF_SEGMENT),
        }.items():  # fmt: skip
            options = {param.name: param for param in COMMANDS[command].params}
            for name, term in terms(Settings).items():
                assert (name in options) == (name not in absent)
                own = (("sweep", "window"), ("compare", "window"))
                if name in options and (command, name) not in own:
                    assert options[name].help == term.brief

    def test_a_comma_parts_a_list(self, shiftseg, model_file, image, taken) -> None:
        where = (image, "-m", model_file)
        ran = shiftseg("compare", *where, "--window", "24,32")
        assert taken[-1].window == (24, 32)
        assert ran.stderr.startswith("--window 24,32: write 24x32, a comma parts")
        for spelled in ("--window", "--windows"):
            ran = shiftseg("sweep", *where, spelled, "6,4x8", "--json")
            assert ran.stderr == "shiftseg: enough\n"


class TestConfig:
    @pytest.fixture
    def config(self, tmp_path: Path, model_file: Path) -> Path:
        lines = [f"{name}: {value or 'true'}" for name, value in GIVEN.items()]
        about = (f"model: {model_file}", "split-far-parts: no  # as found", "truth: ")
        (tmp_path / "run.yaml").write_text("\n".join([*lines, *about]))
        return tmp_path / "run.yaml"

    def test_what_is_given_beside_it_wins(
        self, shiftseg, config, image, tmp_path, taken
    ) -> None:
        arguments = ("segment", image, "-o", tmp_path / "o", "--config", config)
        shiftseg(*arguments).assert_refused("enough")
        shiftseg(*arguments, "--split-far-parts", "--window", 8)
        assert taken[0] == CHOSEN
        assert (taken[1].window, taken[1].split_far_parts) == (8, True)
        assert taken[1].min_size == 3

    def test_one_file_serves_all_commands(self, shiftseg, config, image, taken) -> None:
        for command, unused in (
            ("compare", "stitching, diameter, link_threshold, link_planes"),
            ("sweep", "diameter, link_threshold, link_planes"),
        ):
            ran = shiftseg(command, image, "--config", config)
            assert ran.stderr.endswith("shiftseg: enough\n")
            assert taken[-1].kernel == "flat"
            assert f"run.yaml: {command} does not use {unused}\n" in ran.stderr

    @pytest.mark.parametrize("name", ["window", "windows"])
    @pytest.mark.parametrize(
        ("value", "windows"),
        [
            ("[4, 8]", [4, 8]), ("[[4, 8], [8, 8]]", [(4, 8), (8, 8)]), ("6", [6]),
        ],
    )  # fmt: skip
    def test_a_list_of_windows(
        self, shiftseg, image, model_file, tmp_path, monkeypatch, name, value, windows
    ) -> None:
        found = []

        def steps(_image: Any, _model: Any, chosen: Any, *_: Any) -> Any:
            found.extend(chosen)
            raise ValueError("enough")

        monkeypatch.setattr(compare_command, "sweep_steps", steps)
        (tmp_path / "c.yaml").write_text(f"{name}: {value}\nmodel: {model_file}")
        ran = shiftseg("sweep", image, "--config", tmp_path / "c.yaml")
        ran.assert_refused("enough")
        assert found == windows

    def test_other_lists_are_parted_by_commas(
        self, shiftseg, monkeypatch, tmp_path
    ) -> None:
        found = []
        monkeypatch.setattr(
            evaluate_command, "run_tuning", lambda *given: found.append(given[2])
        )
        (tmp_path / "c.yaml").write_text("bandwidths: [0.5, 1]\nmin_sizes: [3]")
        assert shiftseg("tune", "disks", "--config", tmp_path / "c.yaml").status == 0
        assert found == [Candidates((0.5, 1.0), (3,))]

    @pytest.mark.parametrize("command", ["segment", "compare", "sweep"])
    def test_a_record_knows_model_channel_and_series(
        self, shiftseg, model_file, rng, tmp_path, command: str
    ) -> None:
        image, record = tmp_path / "two.tif", tmp_path / "record.json"
        with tifffile.TiffWriter(image) as file:
            for size in (40, 30):
                pixels = rng.random((2, size, size)).astype("f4")
                file.write(pixels, metadata={"axes": "CYX"})
        words = ["--channel", 2, "--json", "-m", model_file]
        words += {"sweep": ["--window", 8]}.get(command, ["--window", 8, "--series", 2])
        output = ("-o", tmp_path / "o")
        first = shiftseg(command, image, *words, *output)
        if command == "sweep":  # it takes no series
            assert first.status == 0
        record.write_text(first.stdout)
        again = shiftseg(command, image, "--config", record, "--json", *output)
        one, other = json.loads(first.stdout), json.loads(again.stdout)
        assert one["given"] == other["given"]
        assert one["given"]["model"] == str(model_file)
        assert one["given"]["channel"] == "2"
        assert one["settings"]["window"] == other["settings"]["window"]
        assert one.get("inputs") == other.get("inputs")

    def test_the_record_of_a_run_makes_it_again(
        self, shiftseg, model_file, image, tmp_path
    ) -> None:
        options = ("--window", 8, "--min-size", 2, "--intensity", "-1:1", "-m")
        ran = shiftseg("segment", image, "-o", tmp_path / "a", *options, model_file)
        assert ran.status == 0
        record, model = tmp_path / "a" / "cells_report.json", ("-m", model_file)
        arguments = ("--config", record, "--json", *model)
        again = shiftseg("segment", image, "-o", tmp_path / "b", *arguments)
        first, second = json.loads(record.read_text()), json.loads(again.stdout)
        assert (again.status, again.stderr) == (0, "")
        assert second["settings"] == first["settings"]
        assert second["objects"] == first["objects"]
        compared = shiftseg("compare", image, *arguments)
        assert compared.status == 0
        (tmp_path / "c.json").write_text(compared.stdout)
        arguments = ("--config", tmp_path / "c.json", "--json", *model)
        assert (
            json.loads(shiftseg("compare", image, *arguments).stdout)["settings"]
            == (json.loads(compared.stdout)["settings"])
        )

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("windw: 8", "bad.yaml sets windw, which no command has"),
            ("windw: 8\nstop: 5", "windw, stop, which no command has: see "),
            ("window: wide", "a window is a whole number"),
            ("batch: many", "--batch"),
            ("kernel: square", "--kernel"),
            ("intensity: [9, 1]", "two grey values"),
            ("- 8", "holds no settings"),
        ],
    )
    def test_refused(self, shiftseg, tmp_path, text: str, said: str) -> None:
        (tmp_path / "bad.yaml").write_text(text)
        arguments = ("disks", "-o", tmp_path / "o", "--config", tmp_path / "bad.yaml")
        shiftseg("segment", *arguments).assert_refused(said)
        assert not (tmp_path / "o").exists()


class TestSpelling:
    def test_a_model_in_its_place_or_as_an_option(self, shiftseg, tmp_path) -> None:
        for words in (("disks",), ("-m", "disks")):
            found = json.loads(shiftseg("inspect", *words, "--json").stdout)
            assert found["name"] == "disks"
            assert shiftseg("export", *words, "-o", tmp_path).status == 0
        shiftseg("export", "disks", "-m", "nuclei", "-o", tmp_path).assert_refused(
            "the model is given twice, as disks and as nuclei"
        )
        shiftseg("export", "-o", tmp_path).assert_refused("name a model with -m")

    def test_an_image_in_its_place_or_as_an_option(
        self, shiftseg, model_file, image
    ) -> None:
        known = []
        for words in (
            (image, "-m", model_file),
            (model_file, "--image", image),
            ("--image", image, "-m", model_file),
        ):
            ran = shiftseg("inspect", *words, "--device", "cpu", "--json")
            known.append(json.loads(ran.stdout))
            for window in known[-1]["windows"]:
                del window["seconds"], window["cheapest"], window["measured"]
        assert known[0] == known[1] == known[2]
        assert known[0]["image"] == "cells"

    def test_a_truth_in_its_place_or_as_an_option(
        self, shiftseg, image, tmp_path
    ) -> None:
        np.save(tmp_path / "true.npy", np.eye(9, dtype=np.uint8))
        truth = tmp_path / "true.npy"
        ran = [
            shiftseg("evaluate", truth, *words, "--json").stdout
            for words in ((truth,), ("--truth", truth))
        ]
        assert ran[0] == ran[1]
        assert json.loads(ran[0])["pooled"]["ap50"] == 1
        for command, *words in (
            ("evaluate", truth), ("train", "-o", tmp_path / "m.safetensors"), ("tune",),
        ):  # fmt: skip
            twice = (image, truth, "--truth", truth)
            ran = shiftseg(command, *words, *twice[command == "evaluate" :])
            ran.assert_refused("the truth is given twice")


class TestModels:
    def test_a_list(self, shiftseg, models_folder, tmp_path) -> None:
        models_folder.mkdir(parents=True)
        (models_folder / "broken.safetensors").write_bytes(b"\0" * 20)
        report = json.loads(shiftseg("models", "--json").stdout)["models"]
        assert [row["name"] for row in report] == [
            *bundled_models(), *figure_models(), "broken",
        ]  # fmt: skip
        assert report[0] == {
            "name": "disks", "kind": "bundled", "dimensions": 2, "channels": 1,
            "window": "20", "period": "16",
            "for": "Disks on a lattice; its loss saw 20 × 20 pixels.",
        }  # fmt: skip
        assert report[-1]["for"].startswith("Cannot be read: broken.safetensors")
        header, *rows = shiftseg("models").stdout.splitlines()
        assert header.split() == list(report[0])
        assert [row.split()[0] for row in rows] == [row["name"] for row in report]


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_it_fits_a_screen_and_all_of_it_is_there(
        self, shiftseg, monkeypatch, command: str
    ) -> None:
        monkeypatch.setenv("COLUMNS", "100")
        ran = shiftseg(command, "--help")
        assert (ran.status, ran.stderr) == (0, "")
        assert len(ran.stdout.splitlines()) <= 40
        assert "--json" in ran.stdout
        names = {param.opts[0] for param in COMMANDS[command].params}
        names = {name for name in names if name[0] == "-"} - {"--image"}
        full = "--help-all" if "--help-all" in names else "--help"
        assert names <= set(shiftseg(command, full).stdout.replace(",", " ").split())

    def test_completion_is_there_and_takes_no_room(self, shiftseg) -> None:
        assert "completion" not in shiftseg("--help").stdout
        program = "from napari_shiftseg.cli import main; main()"
        words = "shiftseg segment disks --mod"
        ran = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.argv[0] = 'shiftseg'; {program}"],
            capture_output=True, text=True, check=False,
            env={
                **os.environ, "_SHIFTSEG_COMPLETE": "complete_bash",
                "COMP_WORDS": words, "COMP_CWORD": "3",
            },
        )  # fmt: skip
        assert ran.stdout.split() == ["--model"]
