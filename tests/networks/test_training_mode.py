"""Networks whose norms take the statistics of what they read."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from napari_shiftseg.networks.loading import known
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.networks.loading.training_mode import in_training_mode
from napari_shiftseg.networks.opening.trust import hash_of
from napari_shiftseg.networks.unet import new_model

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is found away from the user's cache."""
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")


def test_a_u_net_predicts_as_in_training() -> None:
    model = new_model(depth=1, features=2, normalization="batch", seed=0)
    x = torch.rand(1, 1, 32, 32)
    trained = in_training_mode(model)
    assert trained is not None
    with torch.no_grad():
        before = model(x)
        expected = deepcopy(model).train()(x)
        found = trained.eval()(x)
        assert torch.equal(model(x), before)  # the statistics of the model stay
    assert torch.allclose(found, expected, atol=1e-6)
    assert (found - before).abs().max() > 0.1 * before.abs().max()


def test_a_network_without_norms_has_no_such_mode() -> None:
    assert in_training_mode(new_model(depth=1, features=2)) is None


def onnx_file(path: Path, norm: nn.BatchNorm2d, conv: nn.Conv2d) -> Path:
    """Write a convolution and its batch norm."""
    weights = {
        "w": conv.weight, "b": conv.bias, "scale": norm.weight, "shift": norm.bias,
        "mean": norm.running_mean, "variance": norm.running_var,
    }  # fmt: skip
    stored = [
        numpy_helper.from_array(value.detach().numpy(), name)
        for name, value in weights.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1, 1, 1]),
        helper.make_node(
            "BatchNormalization", ["y", "scale", "shift", "mean", "variance"], ["z"],
            epsilon=norm.eps, momentum=0.9,
        ),
    ]  # fmt: skip
    given, made = (
        helper.make_tensor_value_info(
            name, TensorProto.FLOAT, ["n", channels, "h", "w"]
        )
        for name, channels in (("x", 1), ("z", 2))
    )
    graph = helper.make_graph(nodes, "g", [given], [made], stored)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


def test_of_an_onnx_file_batch_norms_are_of_the_tile(tmp_path: Path) -> None:
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2)
    norm.running_mean += 3
    nn.init.uniform_(norm.weight, 0.5, 2)
    net = nn.Sequential(conv, norm)
    model = load_model(onnx_file(tmp_path / "net.onnx", norm, conv))
    trained = in_training_mode(model)
    assert trained is not None
    x = torch.rand(1, 1, 24, 24)
    with torch.no_grad():
        assert torch.allclose(model(x)[:, :2], net.eval()(x), atol=1e-5)
        assert torch.allclose(trained(x)[:, :2], net.train()(x), atol=1e-5)
    assert np.ptp((trained(x) - model(x))[:, 0].numpy()) > 0.01


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_program_has_its_mode_fixed(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).eval()
    torch.jit.script(net).save(tmp_path / "net.pt")
    code = hash_of((tmp_path / "net.pt").read_bytes())
    assert in_training_mode(load_model(tmp_path / "net.pt", [code])) is None
