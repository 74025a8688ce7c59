"""200 damaged files: each opens, or ends with one line of ours."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from torch import nn

from napari_shiftseg.networks.opening.engine import SizeRefusedError
from napari_shiftseg.networks.opening.exporting import export_bioimageio
from napari_shiftseg.networks.opening.imported import import_network
from napari_shiftseg.networks.opening.open import open_network
from napari_shiftseg.networks.opening.trust import UnreadableNetworkError
from napari_shiftseg.networks.unet import new_model

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
architecture: pytorch3dunet.UNet2D
arguments: {in_channels: 1, out_channels: 1, f_maps: [2, 4], layer_order: cr}
"""
FILES = {  # by kind, of each
    "net.onnx": 50,
    "net.zip": 40,
    "bioimageio.yaml": 30,
    "net.safetensors": 30,
    "weights.pt": 10,
    "script.pt": 20,
    "program.pt2": 20,
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: Any) -> tuple[Path, dict[str, bytes]]:
    """A file of each kind that opens, in a folder with what belongs to the YAML."""
    folder: Path = tmp_path_factory.mktemp("good")
    packed = export_bioimageio(new_model(depth=1, features=2), folder / "net.zip")
    with ZipFile(packed) as file:
        file.extractall(folder)
    (folder / "weights.onnx").rename(folder / "net.onnx")
    said = (folder / "bioimageio.yaml").read_text().replace("weights.onnx", "net.onnx")
    (folder / "bioimageio.yaml").write_text(said)
    (folder / "config.yaml").write_text(CONFIG)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 1, 3)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(net).save(folder / "script.pt")
        program = torch.export.export(net, (torch.zeros(1, 1, 20, 20),))
        torch.export.save(program, folder / "program.pt2")
    torch.save(of_config(folder), folder / "weights.pt")
    opened(folder, "weights.pt")
    return folder, {name: (folder / name).read_bytes() for name in FILES}


def of_config(folder: Path) -> Any:
    from napari_shiftseg.networks.opening.architectures import make

    arguments = {"in_channels": 1, "out_channels": 1, "f_maps": [2, 4]}
    torch.manual_seed(0)
    return make("pytorch3dunet.UNet2D", {**arguments, "layer_order": "cr"}).state_dict()


def opened(folder: Path, name: str) -> Any:
    """Open a file as it is meant, programs as if they were trusted; predict."""
    if name == "weights.pt":
        made = import_network(
            folder / name, folder / "config.yaml", folder / "net.safetensors"
        )
        return made.network.predict(np.zeros((1, 1, 16, 16), np.float32))
    network = open_network(folder / name, lambda file, sha256: True)
    return network.predict(np.zeros((1, network.in_channels, 20, 20), np.float32))


def error_of(folder: Path, name: str) -> ValueError | None:
    try:
        opened(folder, name)
    except ValueError as error:
        return error
    return None


def damaged(content: bytes, random: np.random.Generator, how: int) -> bytes:
    """Cut off, flip bytes anywhere, flip some of the first, or replace a part."""
    found = bytearray(content)
    if how == 0:
        return bytes(found[: random.integers(len(found))])
    if how == 3:
        start = random.integers(len(found))
        found[start : start + random.integers(200)] = random.bytes(random.integers(200))
        return bytes(found)
    reach = len(found) if how == 1 else min(len(found), 400)
    for _ in range(random.integers(1, 20)):
        found[random.integers(reach)] = random.integers(256)
    return bytes(found)


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_end_with_one_line(
    good: Any, tmp_path: Path, capfd: Any, name: str
) -> None:
    folder, contents = good
    for each, content in contents.items():
        (folder / each).write_bytes(content)
    assert opened(folder, name).ndim == 4  # as it is
    refused = 0
    for number in range(FILES[name]):
        random = np.random.default_rng([number, len(name)])
        content = damaged(contents[name], random, number % 4)
        (folder / name).write_bytes(content)
        error = error_of(folder, name)
        if error is None:
            continue
        assert isinstance(error, (UnreadableNetworkError, SizeRefusedError))
        assert str(error).isprintable()
        assert len(str(error)) < 1000
        refused += 1
    assert refused > FILES[name] / 2
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""
