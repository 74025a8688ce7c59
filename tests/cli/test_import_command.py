"""The command ``import``: weights and their architecture become one file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import yaml
from monai.networks.nets import BasicUNet

from napari_shiftseg.networks.loading import known
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.networks.opening.architectures import make

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Ran

pytestmark = pytest.mark.usefixtures("one_thread")

ARGUMENTS = {
    "spatial_dims": 2, "in_channels": 1, "out_channels": 2,
    "features": [4, 4, 4, 4, 4, 4], "norm": "batch",
}  # fmt: skip
CONFIG = {
    "architecture": "monai.BasicUNet",
    "arguments": ARGUMENTS,
    "postprocessing": [{"id": "sigmoid"}],
    "outputs": [{"kind": "probability", "name": "nucleus"}, {"kind": "boundary"}],
}


@pytest.fixture
def network() -> Any:
    torch.manual_seed(0)
    return BasicUNet(**ARGUMENTS).eval()


@pytest.fixture
def bring(
    tmp_path: Path, shiftseg: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")

    def run(weights: Any, *options: object, **said: Any) -> Ran:
        torch.save(weights, tmp_path / "trained.pt")
        (tmp_path / "net.yaml").write_text(yaml.safe_dump({**CONFIG, **said}))
        files = tmp_path / "trained.pt", tmp_path / "net.yaml"
        return shiftseg("import", *files, "-o", tmp_path / "net.safetensors", *options)

    return run


def test_what_it_says_and_what_it_writes(bring, network, tmp_path) -> None:
    weights = {f"module.{k}": w for k, w in network.state_dict().items()}
    ran = bring(weights)
    assert (ran.status, ran.stderr) == (0, "")
    first, second, third, last = ran.stdout.splitlines()
    assert first == (
        f"net.safetensors: all {len(weights)} weights fit, without 'module.' before "
        f"their names"
    )
    assert second == "self-test: opened again, it predicts 16 × 16 pixels alike"
    assert "taken as they are" in third
    path = tmp_path / "net.safetensors"
    assert last == f"next: shiftseg inspect {path} --self-test"


def test_json(bring, network, tmp_path) -> None:
    weights = network.state_dict() | {"loss.margin": torch.ones(1)}
    ran = bring(weights, "--json", ignore=["loss."], name="mine")
    assert json.loads(ran.stdout) == {
        "model": "mine",
        "file": str(tmp_path / "net.safetensors"),
        "weights": len(weights) - 1,
        "removed": "",
        "left_out": ["loss.margin"],
        "self_test": {"passed": True, "size": [16, 16]},
        "outputs": [
            {"kind": "probability", "name": "nucleus"},
            {"kind": "boundary", "name": ""},
        ],
        "notes": json.loads(ran.stdout)["notes"],
    }


def test_the_file_is_a_model_like_others(bring, network, shiftseg, tmp_path) -> None:
    bring(network.state_dict())
    path = tmp_path / "net.safetensors"
    found = json.loads(shiftseg("inspect", path, "--json").stdout)
    assert (found["period"], found["tiling"]) == ([16, 16], "exact")
    image = torch.rand(1, 1, 32, 48)
    with torch.no_grad():
        made = load_model(path)(image)
        expected = torch.sigmoid(network(image))
    assert torch.allclose(made[:, :2], expected, atol=1e-6)
    assert torch.allclose(made[:, 2].sigmoid(), expected[:, 0], atol=1e-5)
    np.save(tmp_path / "image.npy", image[0, 0].numpy())
    out = tmp_path / "out"
    ran = shiftseg("segment", tmp_path / "image.npy", "-m", path, "-o", out)
    assert ran.status == 0


def test_what_does_not_fit_is_listed(bring, network, tmp_path) -> None:
    weights = network.state_dict()
    first, _, third, *_ = weights
    del weights[first]
    weights["loss.margin"] = torch.ones(1)
    weights[third] = torch.ones(3)
    bring(weights).assert_refused(
        f"1 weight missing: {first}",
        "1 weight unexpected: loss.margin",
        f"1 weight of another size: {third} (of 3, needed is 4)",
    )
    assert not (tmp_path / "net.safetensors").exists()


def test_an_older_file_is_replaced_when_asked(bring, network, tmp_path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_text("mine")
    bring(network.state_dict()).assert_refused("there is a file", "--overwrite")
    assert path.read_text() == "mine"
    assert bring(network.state_dict(), "--overwrite").status == 0
    assert path.stat().st_size > 1000


def test_refused(bring, network, shiftseg, tmp_path) -> None:
    weights = network.state_dict()
    bring(weights, extra=1).assert_refused("does not describe an architecture")
    bring(weights, architecture="mine.Net").assert_refused("'mine.Net' is not known")
    bring(weights)
    files = tmp_path / "trained.pt", tmp_path / "net.yaml"
    ran = shiftseg("import", *files, "-o", tmp_path / "net.pt")
    ran.assert_refused("the model file must end with .safetensors")
    out = tmp_path / "other.safetensors"
    for weights, config, name in (
        (files[0], tmp_path / "no.yaml", "no.yaml"),
        (tmp_path / "no.pt", files[1], "no.pt"),
    ):
        ran = shiftseg("import", weights, config, "-o", out)
        ran.assert_refused(f"{name}: No such file or directory")
    assert not out.exists()


PAGE = Path(__file__).parents[2] / "docs" / "networks.md"
EXAMPLES = re.findall(r"^```yaml\n(.+?)^```$", PAGE.read_text("utf-8"), re.M | re.S)


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split()[1])
def test_the_examples_of_the_page(shiftseg, tmp_path, text: str) -> None:
    said = yaml.safe_load(text)
    weights = make(said["architecture"], said["arguments"]).state_dict()
    for ours, theirs in said.get("rename", ()):
        weights = {k.replace(theirs, ours): w for k, w in weights.items()}
    weights |= {f"{name}weight": torch.ones(1) for name in said.get("ignore", ())}
    torch.save(weights, tmp_path / "weights.pt")
    (tmp_path / "net.yaml").write_text(text)
    files = tmp_path / "weights.pt", tmp_path / "net.yaml"
    ran = shiftseg("import", *files, "-o", tmp_path / "net.safetensors", "--json")
    assert (ran.status, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["outputs"] == [
        {"kind": each["kind"], "name": each["name"]} for each in said.get("outputs", ())
    ]
