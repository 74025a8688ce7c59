"""``shiftseg inspect`` of networks that were made elsewhere."""

from __future__ import annotations

import json
from time import sleep
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from napari_shiftseg.cli import stages
from napari_shiftseg.networks.loading import known
from napari_shiftseg.pipeline.seam_causes import LOUD

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution, then an instance norm, as an ONNX file."""
    rng = np.random.default_rng(0)
    stored = {
        "w": rng.normal(size=(2, 1, 3, 3)), "one": np.ones(2), "zero": np.zeros(2),
    }  # fmt: skip
    weights = [
        numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in stored.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], name="first"),
        helper.make_node(
            "InstanceNormalization", ["y", "one", "zero"], ["z"], name="middle.norm"
        ),
    ]
    given, made = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", many, "h", "w"])
        for name, many in (("x", 1), ("z", 2))
    )
    graph = helper.make_graph(nodes, "g", [given], [made], weights)
    opset = [helper.make_opsetid("", 18)]
    path = tmp_path_factory.mktemp("foreign") / "normed.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")


@pytest.mark.parametrize("lasts", [True, False])
def test_what_lasts_is_said_beside_the_result(
    shiftseg, file: Path, monkeypatch: pytest.MonkeyPatch, lasts: bool
) -> None:
    monkeypatch.setattr(stages, "PATIENCE", 0 if lasts else 600)
    slowly = known.find

    def find(network: Any) -> Any:
        sleep(0.2)  # for the timer
        return slowly(network)

    monkeypatch.setattr(known, "find", find)
    said = shiftseg("inspect", file).stderr.splitlines()
    if not lasts:
        assert said == []
        return
    assert said[0].startswith("normed.onnx is new here: its graph is read, then")
    assert said[1:] == ["probing axis 1 of 2", "probing axis 2 of 2"]
    assert shiftseg("inspect", file).stderr == ""  # it is known by now


def test_in_words_and_in_order(shiftseg, file: Path) -> None:
    ran = shiftseg("inspect", file)
    assert (ran.status, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert lines[0] == "normed"
    titles = [
        lines[at + 1] for at, line in enumerate(lines[:-1]) if not line
    ]  # after an empty line
    assert titles == [
        "tiles", "cause", "set now", "change in the next training", "found",
        "clustering", "notes",
    ]  # fmt: skip
    assert lines[3].startswith("  Not exact: no tile size and no halo make tiles")
    assert "Instance norm (middle.norm): It divides by mean" in ran.stdout
    figures = [" ".join(line.split()) for line in lines]
    assert "period 1 × 1 pixels" in figures
    assert "padding zeros" in figures


def test_in_json(shiftseg, file: Path) -> None:
    figures = json.loads(shiftseg("inspect", file, "--json").stdout)
    assert figures["period"] == [1, 1]
    assert figures["padding"] == ["zeros", "zeros"]
    assert figures["context"] == [[None, None], [None, None]]
    assert figures["tiling"] == "impossible"
    first = figures["causes"][0]
    assert (first["kind"], first["layer"]) == ("instance norm", "middle.norm")
    assert set(figures["agreement"]) == {"period", "context", "padding", "sizes"}
    assert figures["parameters"] is None
    assert figures["suitability"]["badge"] == "not at all"
    assert len(figures["suitability"]["next_training"]) == 1


def test_the_self_test_tells_statistics_from_phase(
    shiftseg, file: Path, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).random((80, 90)) * np.linspace(0, 9, 90)
    np.save(tmp_path / "image.npy", noise.astype(np.float32))
    arguments = ("inspect", tmp_path / "image.npy", "-m", file, "--self-test")
    ran = shiftseg(*arguments, "--json")
    assert ran.status == 1  # tiles are not exact
    figures = json.loads(ran.stdout)
    assert "as they must" in figures["self_test"]["verdict"]
    causes = figures["seam_causes"]
    assert causes["by_statistics"]
    assert causes["tile_mismatch"] > 10 * LOUD
    assert (causes["phase_mismatch"], causes["train_eval_disparity"]) == (None, None)
    said = shiftseg(*arguments).stdout
    assert "measured on this image\n  Statistics of the tile (tile mismatch " in said
    assert "the self-test says so, too." in said
