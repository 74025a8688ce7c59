"""What was found of a network is kept, and its code still needs trust."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from torch import nn

from napari_shiftseg import embed, export_bioimageio, new_model
from napari_shiftseg.networks.header import holds_package
from napari_shiftseg.networks.loading import known
from napari_shiftseg.networks.loading.known import read_as
from napari_shiftseg.networks.loading.models import load_model, read_config
from napari_shiftseg.networks.loading.training_mode import in_training_mode
from napari_shiftseg.networks.opening.steps import Intensity, Linear, Statistic
from napari_shiftseg.networks.opening.trust import Untrusted, hash_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TorchScript program; what is found of it is kept beside it."""
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    path = tmp_path / "net.pt"
    torch.jit.script(nn.Conv2d(1, 1, 3, padding=1)).save(path)
    return path


def test_a_program_asks_for_trust_each_time(program: Path, monkeypatch) -> None:
    code = hash_of(program.read_bytes())
    with pytest.raises(Untrusted):
        read_config(program)
    config = read_config(program, [code])
    assert (config.code, config.kind) == ((code,), "program of torch")
    found = []
    monkeypatch.setattr(known, "find", found.append)
    assert read_config(program, [code]) == config
    assert not found  # it was kept
    with pytest.raises(Untrusted, match="TorchScript program"):
        read_config(program)
    with pytest.raises(Untrusted, match="TorchScript program"):
        load_model(program)
    assert load_model(program, [code]).config == config


def test_a_program_of_torch_export_predicts(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    path, net = tmp_path / "net.pt2", nn.Conv2d(1, 1, 3, padding=1).eval()
    torch.export.save(torch.export.export(net, (torch.zeros(1, 1, 16, 16),)), path)
    model = load_model(path, [hash_of(path.read_bytes())])
    image = np.random.default_rng(0).random((40, 37)).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(image)[None, None])[0, 0, 5:35, 5:32]
    found = embed(image, model, batch=3)  # which its file reads one by one
    assert np.abs(found[0, 5:35, 5:32] - expected.numpy()).max() < 1e-6


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a description of another name; its weights lie beside it."""
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    export_bioimageio(new_model(depth=1, features=1), tmp_path / "model.zip")
    folder = tmp_path / "package"
    ZipFile(tmp_path / "model.zip").extractall(folder)
    (folder / "bioimageio.yaml").rename(folder / "one.bioimageio.yaml")
    return folder / "one.bioimageio.yaml"


def test_what_is_kept_is_of_the_weights_beside_a_description(package: Path) -> None:
    first = read_config(package)
    assert first.source == str(package)  # of others in its folder, too
    assert known.is_known(package)
    (package.parent / "gone").symlink_to("nowhere")
    assert known.is_known(package)
    os.utime(package.parent / "weights.onnx", ns=(0, 0))
    assert not known.is_known(package)


def test_what_is_kept_of_other_bytes_is_found_anew(package: Path, monkeypatch) -> None:
    first = read_config(package)
    other = first.model_copy(update={"sha256": "0" * 64, "name": "another"})
    monkeypatch.setitem(known.FOUND, known._place(package), other)
    assert load_model(package).config == first


def test_training_mode_is_of_the_weights_that_were_opened(package: Path) -> None:
    model = load_model(package)
    model.config = model.config.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ValueError, match="was changed since it was opened"):
        in_training_mode(model)


def test_a_folder_with_a_link_to_nowhere_is_looked_at(package: Path) -> None:
    (package.parent / "gone").symlink_to("nowhere")
    assert not known.is_known(package.parent)


def test_percentiles_of_the_image_before_other_steps_are_refused() -> None:
    steps = (Linear((1.0,), (2.0,)), Statistic("scale_range", False, of_raw=True))
    with pytest.raises(ValueError, match="looked at more than once"):
        read_as(Intensity(steps), 1)
    rule, _ = read_as(Intensity(steps[1:]), 1)
    assert rule.kind == "quantiles"


def test_memory_is_what_the_graph_says(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    export_bioimageio(new_model(depth=1, features=40), tmp_path / "wide.zip")
    assert read_config(tmp_path / "wide.zip").sizes.values_a_pixel > 64


def test_folders_are_models_by_the_descriptions_that_are_opened(package: Path) -> None:
    folder = package.parent
    assert holds_package(folder)
    package.rename(folder / "rdf.yml")
    assert not holds_package(folder)
    (folder / "rdf.yml").rename(folder / "model.yaml")
    assert holds_package(folder)
    assert load_model(folder).config.name == read_config(folder).name
