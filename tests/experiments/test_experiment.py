"""A figure is measured, drawn and written; what was in the folder is not lost."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from skimage.io import imread

from napari_shiftseg.experiments import inputs as network_module
from napari_shiftseg.experiments.every_pixel import pixel_ids
from napari_shiftseg.experiments.experiment import (
    Experiment,
    Measuring,
    Outcome,
    run_steps,
)
from napari_shiftseg.experiments.inputs import Data, FigureNetwork
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.progress import Progress, exhaust
from napari_shiftseg.samples import Sample
from napari_shiftseg.training.recipes import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")

ROWS = [{"window": [2, 3], "seams": 4}, {"window": [4, 4], "seams": None}]
CONFIG = ModelConfig.new(name="tiny", ndim=1, depth=1, features=2)


def tiny_network() -> FigureNetwork:
    def sample():
        return pixel_ids(CONFIG.shape, 2)

    return FigureNetwork("x", sample, CONFIG, Recipe(window=2, steps=3))


def measure(networks: Mapping[str, UNet]) -> Outcome:
    weights = {n: float(m.head.weight.detach().sum()) for n, m in networks.items()}
    return Outcome({"seams": 4, "weights": weights, "table": ROWS}, {"a": np.eye(2)})


def draw(figure: Figure, outcome: Outcome) -> None:
    figure.subplots().imshow(outcome.arrays["a"])


PLAIN = Experiment("x", "A title", "How to read it.", measure, draw, (), (3.0, 2.0))
TRAINED = replace(PLAIN, networks=(tiny_network(),))


def test_picture_numbers_and_table_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    report = exhaust(run_steps(PLAIN, folder))

    assert {path.name for path in folder.iterdir()} == set(report["files"])
    assert report["files"] == ["x.csv", "x.json", "x.png", "x.svg"]
    assert json.loads((folder / "x.json").read_text()) == report
    assert next(iter(report)) == "figure"
    assert (report["figure"], report["seams"], report["table"]) == ("x", 4, ROWS)
    assert imread(folder / "x.png").shape[:2] == (200, 300)
    assert "<svg" in (folder / "x.svg").read_text()
    with (folder / "x.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["window", "seams"],
            ["2x3", "4"],
            ["4x4", ""],
        ]


def test_without_a_table_there_is_no_csv(tmp_path: Path) -> None:
    bare = replace(PLAIN, measure=lambda _: Outcome({"n": 1}, {"a": np.eye(2)}))
    assert "x.csv" not in exhaust(run_steps(bare, tmp_path))["files"]
    assert not (tmp_path / "x.csv").exists()


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        exhaust(run_steps(PLAIN, tmp_path / name))
    for file in ("x.svg", "x.png", "x.json"):
        one, other = ((tmp_path / name / file).read_bytes() for name in ("a", "b"))
        assert one == other


def test_a_figure_replaces_its_older_self_and_nothing_else(tmp_path: Path) -> None:
    exhaust(run_steps(PLAIN, tmp_path))
    (tmp_path / "mine.txt").write_text("mine")
    other = replace(PLAIN, measure=lambda _: Outcome({"seams": 5}, {"a": np.eye(3)}))
    exhaust(run_steps(other, tmp_path))

    assert json.loads((tmp_path / "x.json").read_text())["seams"] == 5
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["x.json", "x.png", "x.svg", "x.csv"])
def test_a_file_that_is_not_of_a_figure_is_not_overwritten(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match=f"{name} that no older figure wrote"):
        exhaust(run_steps(PLAIN, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_run_that_is_given_up_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    exhaust(run_steps(PLAIN, tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    steps = run_steps(TRAINED, tmp_path, retrain=True)
    stages = [next(steps).stage for _ in range(4)]
    steps.close()

    assert stages == ["training tiny"] * 3 + ["measuring"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_missing_weights_are_an_error_that_says_how_to_make_them(
    tmp_path: Path,
) -> None:
    with pytest.raises(
        FileNotFoundError,
        match=r"tiny\.safetensors of figure x .* shiftseg figure x --retrain",
    ):
        exhaust(run_steps(TRAINED, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_retrained_weights_are_what_is_measured_and_can_be_bundled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = exhaust(run_steps(TRAINED, tmp_path, retrain=True, device="cpu"))

    assert "tiny.safetensors" in report["files"]
    written = load_unet(tmp_path / "tiny.safetensors")
    about = report["networks"]["tiny"]
    assert about["command"] == "shiftseg figure x --retrain"
    assert (about["steps"], about["window"]) == (3, [2])
    assert report["weights"] == {"tiny": float(written.head.weight.detach().sum())}

    monkeypatch.setattr(network_module, "FOLDER", tmp_path)
    again = exhaust(run_steps(TRAINED, tmp_path / "bundled"))
    assert again["weights"] == report["weights"]
    assert "tiny.safetensors" not in again["files"]


def test_retrained_weights_outlive_a_run_without_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhaust(run_steps(TRAINED, tmp_path, retrain=True))
    monkeypatch.setattr(network_module, "FOLDER", tmp_path)
    report = exhaust(run_steps(TRAINED, tmp_path))

    assert "tiny.safetensors" in report["files"]
    assert (tmp_path / "tiny.safetensors").is_file()
    exhaust(run_steps(TRAINED, tmp_path, retrain=True))  # they are still ours


class TestGiven:
    """What a measurement is given: bundled models by name, and data."""

    own = Data("own", (Sample(np.zeros((2, 2), np.float32), np.eye(2, dtype=int)),))

    @staticmethod
    def look(networks: Mapping[str, UNet], data: Data) -> Measuring:
        yield Progress(1, 3, stage="looking")
        names = {name: model.config.name for name, model in networks.items()}
        return Outcome({"names": names, **data.figures()}, {"a": np.eye(2)})

    def experiment(self) -> Experiment:
        return replace(
            PLAIN, measure=self.look, models=("disks",), data=lambda: self.own
        )

    def test_models_by_name_and_its_own_data(self, tmp_path: Path) -> None:
        report = exhaust(run_steps(self.experiment(), tmp_path))
        assert report["names"] == {"disks": "disks"}
        assert (report["data"], report["images"]) == ("own", 1)
        assert report["networks"]["disks"]["window"] == [20, 20]

    def test_other_data_take_their_place(self, tmp_path: Path) -> None:
        other = Data("other", self.own.samples * 2)
        report = exhaust(run_steps(self.experiment(), tmp_path, data=other))
        assert (report["data"], report["images"]) == ("other", 2)

    def test_data_for_a_figure_that_takes_none(self, tmp_path: Path) -> None:
        with pytest.raises(
            ValueError, match=r"figure x makes its own .* leave them out"
        ):
            exhaust(run_steps(PLAIN, tmp_path / "new", data=self.own))
        assert not (tmp_path / "new").exists()

    def test_steps_of_a_measurement_are_passed_on(self, tmp_path: Path) -> None:
        stages = [step.stage for step in run_steps(self.experiment(), tmp_path)]
        assert stages == ["measuring", "looking", "drawing"]

    def test_bundled_models_are_not_trained_again(self, tmp_path: Path) -> None:
        report = exhaust(run_steps(self.experiment(), tmp_path, retrain=True))
        assert report["files"] == ["x.json", "x.png", "x.svg"]
