"""Programs of the folder tools that make the data and the file of a bundled model."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_shiftseg.networks.header import read_unet_config
from napari_shiftseg.networks.unet import load_unet

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).parents[1] / "tools"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_real_volumes_are_cut_in_two_along_x(tmp_path: Path, monkeypatch) -> None:
    tool = script("nuclei_volumes")
    image = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
    tifffile.imwrite(tmp_path / "a_image.tif", image)
    tifffile.imwrite(tmp_path / "a_labels.tif", image // 7)
    monkeypatch.setattr(tool, "PARTS", {"val": (1, 10_000)})
    out = tmp_path / "out"
    asked = ["", "-o", str(out), "--real", str(tmp_path), "--times", "a=7"]
    monkeypatch.setattr(sys, "argv", asked)
    tool.main()

    names = sorted(path.name for path in (out / "train" / "images").iterdir())
    assert names == [f"a_{number}.tif" for number in range(7)]
    halves = [out / "train" / "images" / "a_3.tif", out / "other" / "images" / "a.tif"]
    whole = np.concatenate([tifffile.imread(half) for half in halves], axis=2)
    assert (whole == image).all()
    assert tifffile.imread(halves[0]).shape == (2, 3, 2)
    assert tifffile.imread(out / "other" / "labels" / "a.tif").dtype == np.uint16
    made = tifffile.imread(out / "val" / "images" / "000.tif")
    assert made.shape[1:] == (96, 96)
    assert (made == tool.generated(10_000).image).all()


def test_volumes_without_labels_are_refused(tmp_path: Path) -> None:
    tool = script("nuclei_volumes")
    with pytest.raises(FileNotFoundError, match="no volume in"):
        tool.read_volumes(tmp_path)
    tifffile.imwrite(tmp_path / "a_image.tif", np.zeros((2, 3, 5), np.uint8))
    tifffile.imwrite(tmp_path / "a_labels.tif", np.zeros((3, 5), np.uint8))
    with pytest.raises(ValueError, match=r"one shape \(z, y, x\), got \(2, 3, 5\)"):
        tool.read_volumes(tmp_path)


def test_a_model_is_described_and_keeps_its_weights(
    tmp_path: Path, monkeypatch
) -> None:
    path = tmp_path / "mine.safetensors"
    said = {"--description": "For me.", "--command": "make mine", "--data": "2 images"}
    words = [word for pair in said.items() for word in pair]
    monkeypatch.setattr(sys, "argv", ["", "disks", "-o", str(path), *words])
    script("describe_model").main()

    known, own = read_unet_config("disks"), read_unet_config(path)
    assert (own.name, own.description) == ("mine", "For me.")
    assert (own.provenance.command, own.provenance.data) == ("make mine", "2 images")
    assert own.clustering == known.clustering
    weights = load_unet(path).state_dict()
    for name, weight in load_unet("disks").state_dict().items():
        assert (weights[name] == weight).all()


def test_the_bundled_model_of_volumes_says_what_it_is() -> None:
    config = read_unet_config("nuclei-3d")
    assert (config.name, config.ndim, config.embedding) == ("nuclei-3d", 3, "spatial")
    assert config.provenance.command.startswith("make nuclei-3d DATA=")
    assert config.provenance.window == (24, 44, 44)
    assert config.provenance.scores["ap50"] > 0.5
    assert config.diameter == pytest.approx(10.28)
