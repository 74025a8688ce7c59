"""Our models as BioImage.IO packages: bioimageio.core runs them to the same output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
import yaml

from napari_shiftseg.networks.opening.exporting import export_bioimageio
from napari_shiftseg.networks.opening.open import open_network
from napari_shiftseg.networks.unet import new_model

if TYPE_CHECKING:
    from pathlib import Path

MODELS: dict[str, dict[str, Any]] = {
    "valid": {"depth": 2, "features": 4, "name": "two-ε: valid"},
    "padded": {
        "depth": 2,
        "features": 4,
        "padding": "same",
        "upsampling": "nearest",
        "normalization": "batch",
        "intensity": "percentile",
        "in_channels": 2,
        "foreground": True,
        "classes": ("p", "q"),
    },
    "volume": {"ndim": 3, "depth": (1, 2, 2), "features": 2, "intensity": "range"},
    "threes": {"depth": 1, "pooling_factor": 3, "features": 3, "kernel_size": (3, 5)},
}


def output(model: Any, image: Any) -> Any:
    with torch.no_grad():
        return model(torch.from_numpy(image)).numpy()


@pytest.mark.parametrize("name", MODELS)
def test_core_passes_and_what_is_loaded_back_is_the_same(
    tmp_path: Path, core_test: Any, name: str
) -> None:
    model = new_model(**MODELS[name])
    path = export_bioimageio(model, tmp_path / "m.zip")
    status, details = core_test(path, weight_format="onnx")
    assert status == "passed", details

    network = open_network(path)
    shape = model.config.shape
    assert network.self_test() < 1e-4
    for more in (1, 17):  # of any legal size, and a batch
        size = tuple(axis.input_for(2 * axis.halo + more) for axis in shape.axes)
        random = np.random.default_rng(1)
        image = random.standard_normal((2, model.config.in_channels, *size))
        expected = output(model, image.astype(np.float32))
        made = network.predict(image.astype(np.float32))
        assert np.abs(made - expected).max() < 1e-5 * np.abs(expected).max()
    for axis, said in zip(shape.axes, network.declared, strict=True):
        assert (said.step, said.offset, said.halo) == (
            axis.period,
            -axis.context,
            axis.halo,
        )
        assert axis.is_legal(said.smallest)


def test_core_sees_a_wrong_output(tmp_path, core_test):
    path = export_bioimageio(new_model(depth=1, features=2), tmp_path / "m.zip")
    other = export_bioimageio(
        new_model(depth=1, features=2, seed=1), tmp_path / "o.zip"
    )
    with ZipFile(path) as ours, ZipFile(other) as theirs:
        files = {name: ours.read(name) for name in ours.namelist()}
        files["weights.onnx"] = theirs.read("weights.onnx")
    said = yaml.safe_load(files["bioimageio.yaml"])
    del said["weights"]["onnx"]["sha256"]
    files["bioimageio.yaml"] = yaml.safe_dump(said).encode()
    with ZipFile(tmp_path / "mixed.zip", "w") as mixed:
        for name, content in files.items():
            mixed.writestr(name, content)
    status, details = core_test(tmp_path / "mixed.zip")
    assert status != "passed"
    assert "disagree with expected values" in details
    assert open_network(tmp_path / "mixed.zip").self_test() > 0.01


def test_torchscript_beside_onnx(tmp_path, core_test):
    model = new_model(depth=2, features=4)
    path = export_bioimageio(model, tmp_path / "m.zip", torchscript=True)
    status, details = core_test(path, weight_format="torchscript")
    assert status == "passed", details


def test_what_the_package_says(tmp_path):
    model = new_model(**MODELS["padded"])
    network = open_network(export_bioimageio(model, tmp_path / "m.zip"))
    kinds = [o.kind for o in network.outputs]
    assert kinds == ["embedding"] * 3 + ["logit"] * 3
    assert network.settings == model.config.model_dump(mode="json")
    image = np.random.default_rng(0).random((2, 60, 60), dtype=np.float32)
    low, high = np.percentile(image, (1, 99.8))
    read = network.intensity.of(image)(image)
    assert np.allclose(read, (image - low) / (high - low), atol=1e-4)
