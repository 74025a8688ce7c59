"""Recipes: each repeats the run to the same labels, in a process of its own, too."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import yaml

import napari_shiftseg as shiftseg_package
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.mending.edit_lists import EditList, read_edits, write_edits
from napari_shiftseg.mending.edits import Split
from napari_shiftseg.networks.unet import save_model
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.results.recipe import (
    Recipe,
    as_command,
    as_python,
    joined,
    words_of,
)
from napari_shiftseg.results.recipe_file import as_yaml
from napari_shiftseg.stores.label_sum import labels_sum

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

MAIN = "import sys; from napari_shiftseg.cli import main; sys.exit(main())"
SPLIT = Split((((5, 5),), ((25, 38),)))


@pytest.fixture(scope="session")
def many_objects(tmp_path_factory: pytest.TempPathFactory, small_model) -> Path:
    """A small untrained model that finds many objects, by naive tiles others."""
    clustering = Clustering(bandwidth=0.05, min_size=2)
    model = small_model(
        2, 2, name="many", clustering=clustering, intensity="range", diameter=12.0
    )
    folder = tmp_path_factory.mktemp("a model's folder")
    return save_model(model, folder / "it's many.safetensors")


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory, small_model) -> Path:
    """A small untrained model that finds one object."""
    clustering = Clustering(bandwidth=1e3)
    model = small_model(2, 2, name="tiny", clustering=clustering, intensity="range")
    return save_model(model, tmp_path_factory.mktemp("tiny") / "tiny.safetensors")


@pytest.fixture(scope="session")
def in_volumes(tmp_path_factory: pytest.TempPathFactory, small_model) -> Path:
    model = small_model(
        3, 1, name="deep", clustering=Clustering(bandwidth=0.05, min_size=2)
    )
    return save_model(model, tmp_path_factory.mktemp("deep") / "deep.safetensors")


def report_of(shiftseg, command: str, image: Path, output: Path, *more: Any) -> dict:
    ran = shiftseg(command, image, "-o", output, "--device", "cpu", "--json", *more)
    assert ran.status == 0, ran.stderr
    return json.loads(ran.stdout)


def run_script(text: str) -> str:
    """Run a script where the others are, and return the sum that it prints."""
    ran: dict[str, Any] = {}
    exec(compile(text, "script", "exec"), ran)  # it is what we wrote
    return ran["report"]["labels_sha256"]


CASES: dict[str, tuple[tuple[int, ...], str, tuple[str, ...]]] = {
    "cropped": ((31, 42), "", ()),
    "naive": ((31, 42), "", ("--stitching", "naive", "--window", "6x10")),
    "border": ((60, 70), "", ("--border", "valid")),
    "whole": ((31, 42), "", ("--stitching", "whole")),
    "views": ((31, 42), "", ("--views", "4", "--bandwidth", "0.1")),
    "diameter": ((31, 42), "", ("--diameter", "20")),
    "region": ((31, 42), "", ("--region", "3:25x4:40")),
    "grey": ((31, 42), "", ("--intensity", "0.1:1.7", "--invert")),
    "planes": ((3, 31, 42), "", ("--no-link-planes", "--bandwidth", "0.1")),
    "channel": ((2, 31, 42), "CYX", ("--channel", "2")),
    "volume": ((5, 12, 14), "", ("--window", "4x6x6")),
}


class TestSameLabels:
    @pytest.mark.parametrize("case", CASES)
    def test_settings_and_python(
        self, shiftseg, rng, tmp_path, many_objects, in_volumes, case: str
    ) -> None:
        shape, axes, options = CASES[case]
        image = tmp_path / "a cell.tif"
        pixels = rng.normal(size=shape).astype(np.float32)
        tifffile.imwrite(
            image, pixels, metadata={"axes": axes} if axes else None,
            photometric="minisblack",
        )  # fmt: skip
        model = in_volumes if case == "volume" else many_objects
        out = tmp_path / "out"
        first = report_of(shiftseg, "segment", image, out, "-m", model, *options)
        assert first["objects"] > 1
        settings = out / "a cell_settings.yaml"
        again = shiftseg(
            "segment", "--config", settings, "-o", tmp_path / "again", "--json"
        )
        assert json.loads(again.stdout)["labels_sha256"] == first["labels_sha256"]
        assert "the labels are those of the run" in again.stderr
        chosen = Settings(**first["settings"])
        recipe = Recipe(
            str(model), asdict(chosen), str(image), channel="2" * (case == "channel")
        )
        script = as_python(recipe, str(tmp_path / "python"))
        assert run_script(script) == first["labels_sha256"]
        words = shlex.split(as_command(recipe, str(tmp_path / "command"), "posix"))
        ran = shiftseg(*words[1:], "--json")
        assert json.loads(ran.stdout)["labels_sha256"] == first["labels_sha256"]

    def test_others_give_others(self, shiftseg, rng, tmp_path, many_objects) -> None:
        """So that equal sums say something."""
        np.save(tmp_path / "cells.npy", rng.normal(size=(31, 42)))
        sums = {
            report_of(
                shiftseg, "segment", tmp_path / "cells.npy", tmp_path / str(n), "-m",
                many_objects, *options,
            )["labels_sha256"]
            for n, options in enumerate(
                [(), CASES["naive"][2], CASES["views"][2], CASES["diameter"][2]]
            )
        }  # fmt: skip
        assert len(sums) == 4

    def test_in_a_fresh_process(self, shiftseg, rng, tmp_path, many_objects) -> None:
        np.save(tmp_path / "cells.npy", rng.normal(size=(31, 42)))
        naive = CASES["naive"][2]
        first = report_of(
            shiftseg, "segment", tmp_path / "cells.npy", tmp_path / "out", "-m",
            many_objects, *naive,
        )  # fmt: skip
        recipe = Recipe(
            str(many_objects), asdict(Settings(**first["settings"])),
            str(tmp_path / "cells.npy"), save=("labels", "rois"),
        )  # fmt: skip
        (tmp_path / "s.py").write_text(as_python(recipe, "from python"))
        words = shlex.split(as_command(recipe, "from command", "posix"))
        for arguments in (["s.py"], ["-c", MAIN, *words[1:]]):
            subprocess.run(
                [sys.executable, *arguments], cwd=tmp_path, check=True,
                capture_output=True,
            )  # fmt: skip
        for folder in ("from python", "from command"):
            labels = tifffile.imread(tmp_path / folder / "cells_labels.tif")
            assert labels_sum(labels) == first["labels_sha256"]
            assert (tmp_path / folder / "cells_rois.zip").is_file()

    def test_edits(self, shiftseg, rng, tmp_path, model_file) -> None:
        np.save(tmp_path / "cells.npy", rng.normal(size=(31, 42)))
        write_edits(tmp_path / "edits.json", EditList((SPLIT,)))
        first = report_of(
            shiftseg, "mend", tmp_path / "cells.npy", tmp_path / "out", "-m",
            model_file, "--edits", tmp_path / "edits.json",
        )  # fmt: skip
        assert first["objects"] == 2
        (tmp_path / "edits.json").unlink()  # a copy lies with the results
        settings = tmp_path / "out" / "cells_settings.yaml"
        again = shiftseg(
            "mend", "--config", settings, "-o", tmp_path / "again", "--json"
        )
        assert json.loads(again.stdout)["labels_sha256"] == first["labels_sha256"]
        other = shiftseg("segment", "--config", settings, "-o", tmp_path / "s")
        assert "segment does not use edits" in other.stderr
        recipe = Recipe(
            str(model_file), {}, str(tmp_path / "cells.npy"),
            edit_list=read_edits(tmp_path / "out" / "cells_edits.json"),
        )  # fmt: skip
        script = as_python(recipe, str(tmp_path / "python"))
        assert run_script(script) == first["labels_sha256"]


class TestChanged:
    @pytest.fixture
    def settings(self, shiftseg, rng, tmp_path, many_objects) -> Path:
        np.save(tmp_path / "cells.npy", rng.normal(size=(31, 42)))
        report_of(
            shiftseg, "segment", tmp_path / "cells.npy", tmp_path / "out", "-m",
            many_objects,
        )  # fmt: skip
        return tmp_path / "out" / "cells_settings.yaml"

    def test_an_image_that_changed_is_said(self, shiftseg, tmp_path, settings) -> None:
        np.save(tmp_path / "cells.npy", np.eye(31, 42))
        ran = shiftseg("segment", "--config", settings, "-o", tmp_path / "again")
        assert ran.status == 0
        assert "is not the file that the run was made with" in ran.stderr
        assert "the labels are not those of the run" in ran.stderr

    def test_an_image_that_is_gone_is_named(self, shiftseg, tmp_path, settings) -> None:
        (tmp_path / "cells.npy").unlink()
        ran = shiftseg("segment", "--config", settings, "-o", tmp_path / "again")
        assert ran.status == 2
        assert "cells.npy" in ran.stderr
        assert len(ran.stderr.splitlines()) == 1

    def test_another_image_may_be_given(
        self, shiftseg, rng, tmp_path, settings
    ) -> None:
        np.save(tmp_path / "other.npy", rng.normal(size=(20, 20)))
        ran = shiftseg(
            "segment", tmp_path / "other.npy", "--config", settings, "-o",
            tmp_path / "again",
        )  # fmt: skip
        assert ran.status == 0
        assert (tmp_path / "again" / "other_labels.tif").is_file()

    def test_a_report_names_its_image_too(self, shiftseg, tmp_path, settings) -> None:
        report = settings.with_name("cells_report.json")
        ran = shiftseg("segment", "--config", report, "-o", tmp_path / "2", "--json")
        then = json.loads(report.read_text(encoding="utf-8"))["labels_sha256"]
        assert json.loads(ran.stdout)["labels_sha256"] == then

    def test_without_an_image_anywhere(self, shiftseg, tmp_path) -> None:
        (tmp_path / "c.yaml").write_text("window: 8\n")
        ran = shiftseg("segment", "--config", tmp_path / "c.yaml", "-o", tmp_path / "o")
        assert ran.status == 2
        assert "IMAGE" in ran.stderr


class TestText:
    def test_what_counts_for_nothing_is_left_out(self, model_file) -> None:
        given = {"prominence": 0.2, "bandwidth": 0.3}
        own = Recipe(model_file, given)
        assert own.chosen == {"bandwidth": 0.3}  # of a model of the mean shift
        other = Recipe(model_file, given | {"method": "watershed"})
        assert other.chosen == {"prominence": 0.2, "method": "watershed"}
        assert Recipe("gone", given).chosen == given  # that is not known

    def test_yaml_says_options_as_the_command_line_does(self) -> None:
        recipe = Recipe(
            "nuclei",
            {
                "window": (24, 96), "region": ((0, 5), (7, 9)), "intensity": (1, 2.5),
                "invert": True, "link_planes": False, "diameter": "30 um",
            },
            "/ä/cells, 1: #2.tif", channel="DAPI", series=2, save=("labels", "rois"),
        )  # fmt: skip
        text = as_yaml(recipe, {"labels_sha256": "0"}, "a.yaml")
        assert yaml.safe_load(text) == {
            "command": "segment", "image": "/ä/cells, 1: #2.tif", "model": "nuclei",
            "channel": "DAPI", "series": "2", "window": "24x96",
            "region": "0:5x7:9", "diameter": "30 um", "intensity": "1.0:2.5",
            "invert": True, "link_planes": False, "save": "labels,rois",
            "made": {"labels_sha256": "0"},
        }  # fmt: skip
        assert words_of(recipe, "o")[6:] == [
            "nuclei", "--channel", "DAPI", "--series", "2", "--window", "24x96",
            "--region", "0:5x7:9", "--diameter", "30 um", "--intensity", "1.0:2.5",
            "--invert", "--no-link-planes", "--save", "labels,rois",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("shell", "expected"),
        [
            ("posix", r"""shiftseg 'a b' 'it'"'"'s' '$HOME' 'a&b' plain C:/x"""),
            ("cmd", r"""shiftseg "a b" "it's" "$HOME" "a&b" plain C:/x"""),
            ("powershell", r"""shiftseg 'a b' 'it''s' '$HOME' 'a&b' plain C:/x"""),
        ],
    )
    def test_quotes(self, shell, expected: str) -> None:
        words = ["shiftseg", "a b", "it's", "$HOME", "a&b", "plain", "C:/x"]
        assert joined(words, shell) == expected

    def test_a_folder_ends_with_a_backslash(self) -> None:
        assert joined(["C:\\a b\\"], "cmd") == '"C:\\a b\\\\"'
        assert joined(["C:\\a&b\\"], "cmd") == '"C:\\a&b\\\\"'

    def test_a_script_without_an_image_says_what_to_fill_in(self) -> None:
        script = as_python(Recipe("nuclei"), "out")
        assert "IMAGE = 'IMAGE'  # fill in the path of the image" in script

    def test_names_are_public(self) -> None:
        assert shiftseg_package.save_results.__name__ == "save_results"
