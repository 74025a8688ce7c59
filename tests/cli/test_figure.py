"""The command ``figure``: the picture, the numbers, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_shiftseg.cli import compare as figure_command
from napari_shiftseg.experiments import EXPERIMENTS, find_experiments
from napari_shiftseg.experiments import inputs as network_module

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


def test_json_is_one_object_that_begins_with_the_figure(shiftseg, tmp_path) -> None:
    ran = shiftseg("figure", "3", "-o", tmp_path, "--json")
    assert ran.status == 0
    assert ran.stdout.startswith('{"figure": "3", ')
    assert ran.stdout.count("\n") == 1
    assert json.loads(ran.stdout) == json.loads((tmp_path / "3.json").read_text())
    assert {path.name for path in tmp_path.iterdir()} == {
        "3.csv", "3.json", "3.png", "3.svg",
    }  # fmt: skip


def test_numbers_come_from_the_bundled_weights(shiftseg, tmp_path) -> None:
    report = json.loads(shiftseg("figure", "5", "-o", tmp_path, "--json").stdout)
    assert report["unique_ids"] == 256
    assert report["period"] == 16
    assert report["nearest_unique_ids"] == 1
    assert report["networks"]["5"]["command"] == "shiftseg figure 5 --retrain"


def test_what_a_person_reads(shiftseg, tmp_path) -> None:
    ran = shiftseg("figure", "5", "-o", tmp_path)
    assert ran.status == 0
    assert ran.stdout.startswith(f"5: {EXPERIMENTS['5'].title}\n")
    assert "  unique ids: 256\n" in ran.stdout
    assert "5.png" in ran.stdout
    assert str(tmp_path) in ran.stdout


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (975.35009, "975.4"), (64, "64"), (None, "None"), ([16, 20], "16, 20"),
        ([[16, 20], [32, 20]], "16, 20; 32, 20"), ([], ""),
        ({"false_splits": [20, 36], "merges": []}, "false splits 20, 36; merges none"),
    ],
)  # fmt: skip
def test_a_figure_in_words(value, text: str) -> None:
    assert figure_command._shown(value) == text


def test_all_figures_are_one_json_object(
    shiftseg, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [EXPERIMENTS["3"], EXPERIMENTS["5"]]
    monkeypatch.setattr(figure_command, "find_experiments", lambda name: few)
    ran = shiftseg("figure", "all", "-o", tmp_path, "--json")
    report = json.loads(ran.stdout)
    assert ran.stdout.startswith('{"figure": "all", ')
    assert [each["figure"] for each in report["figures"]] == ["3", "5"]
    assert {"3.png", "5.png"} <= {path.name for path in tmp_path.iterdir()}


def test_a_figure_without_a_network_of_its_own_is_not_retrained(
    shiftseg, tmp_path
) -> None:
    ran = shiftseg("figure", "4b", "-o", tmp_path / "new", "--retrain")
    ran.assert_refused("figure 4b has no network of its own", "leave out --retrain")
    assert not (tmp_path / "new").exists()


def test_an_unknown_figure_names_the_known_ones(shiftseg, tmp_path) -> None:
    ran = shiftseg("figure", "4z", "-o", tmp_path / "new", "--json")
    ran.assert_refused("no figure '4z'", "1, 2a, 2b, 2c, 3, 4a", "all")
    assert not (tmp_path / "new").exists()


def test_missing_weights_say_how_to_make_them(
    shiftseg, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_module, "FOLDER", tmp_path / "none")
    shiftseg("figure", "2b", "-o", tmp_path).assert_refused(
        "2b.safetensors", "not bundled", "shiftseg figure 2b --retrain"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named_and_left_alone(shiftseg, tmp_path: Path) -> None:
    (tmp_path / "3.png").write_text("mine")
    shiftseg("figure", "3", "-o", tmp_path).assert_refused("3.png", "another folder")
    assert (tmp_path / "3.png").read_text() == "mine"


def test_an_output_that_is_a_file(shiftseg, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    ran = shiftseg("figure", "3", "-o", tmp_path / "taken")
    ran.assert_refused("cannot write", "choose another folder")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of two images of 40 × 40 pixels, one nucleus each."""
    labels = np.zeros((40, 40), np.uint16)
    labels[10:30, 12:28] = 1
    for number in "12":
        for part, pixels in (("images", 100 * labels), ("labels", labels)):
            path = tmp_path / "mine" / part / f"{number}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, pixels)
    return tmp_path / "mine"


class TestData:
    def test_it_takes_the_place_of_the_synthetic_images(
        self, shiftseg, data: Path, tmp_path: Path
    ) -> None:
        ran = shiftseg("figure", "4e", "--data", data, "-o", tmp_path / "o", "--json")
        report = json.loads(ran.stdout)
        assert (report["data"], report["images"]) == ("mine", 2)
        assert report["true_objects"] == 2
        assert report["networks"]["figure-4d"]["window"] == [244, 244]

    def test_all_figures_give_it_to_those_that_take_it(
        self, shiftseg, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        few = [EXPERIMENTS["3"], EXPERIMENTS["4e"]]
        monkeypatch.setattr(figure_command, "find_experiments", lambda name: few)
        ran = shiftseg("figure", "all", "--data", data, "-o", tmp_path / "o", "--json")
        figures = json.loads(ran.stdout)["figures"]
        assert [each.get("data") for each in figures] == [None, "mine"]

    @pytest.mark.parametrize("name", ["3", "4a"])
    def test_a_figure_that_takes_none(self, shiftseg, data, tmp_path, name) -> None:
        ran = shiftseg("figure", name, "--data", data, "-o", tmp_path / "o")
        ran.assert_refused(f"figure {name}", "takes no other data", "leave them out")
        assert not (tmp_path / "o").exists()

    def test_masks_stand_for_labels(self, shiftseg, data: Path, tmp_path) -> None:
        (data / "labels").rename(data / "masks")
        for path in (data / "masks").iterdir():
            tifffile.imwrite(path, 255 * (tifffile.imread(path) > 0).astype(np.uint8))
        ran = shiftseg("figure", "4e", "--data", data, "-o", tmp_path / "o", "--json")
        assert json.loads(ran.stdout)["data"] == "mine"
        assert "looks like a mask, not like labels" in ran.stderr

    @pytest.mark.parametrize("part", ["images", "labels"])
    def test_a_missing_folder(self, shiftseg, data: Path, tmp_path, part: str) -> None:
        (data / part).rename(data / "elsewhere")
        ran = shiftseg("figure", "6", "--data", data, "-o", tmp_path / "o")
        ran.assert_refused("no folder", part, "holds images/ and labels/")

    def test_a_file_without_partner(self, shiftseg, data: Path, tmp_path) -> None:
        (data / "labels" / "2.tif").unlink()
        ran = shiftseg("figure", "7", "--data", data, "-o", tmp_path / "o")
        ran.assert_refused("2.tif has no partner", "of the same name")

    def test_no_folder_at_all(self, shiftseg, tmp_path: Path) -> None:
        ran = shiftseg("figure", "6", "--data", tmp_path / "none", "-o", tmp_path)
        ran.assert_refused("no folder", "none/images")


def test_the_help_of_one_figure_is_about_it(shiftseg) -> None:
    own, usual = shiftseg("figure", "nuclei3d", "--help"), shiftseg("figure", "--help")
    (figure,) = find_experiments("nuclei3d")
    words = " ".join(own.stdout.split())
    assert f"Figure nuclei3d: {figure.title}" in words
    assert " ".join(figure.caption.split()) in words
    assert "--retrain" in words
    assert figure.title not in " ".join(usual.stdout.split())
    shiftseg("figure", "99", "--help").assert_refused("99")
