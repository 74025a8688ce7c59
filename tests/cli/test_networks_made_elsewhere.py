"""Networks made elsewhere by the commands: opened, or one line that says why not."""

from __future__ import annotations

import json
import sys
import warnings
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
import yaml
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

from napari_shiftseg.networks.loading import known, models

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

FREE = ["n", 1, "h", "w"]


@pytest.fixture(autouse=True)
def nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what was found before nor what was trusted before counts."""
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setattr(models, "TRUSTED", set())


def convolution(name: str = "y", read: int = 1, made: int = 2, ndim: int = 2) -> Any:
    """A node that convolves `x` with the weights `w`, padded, and the weights."""
    node = helper.make_node("Conv", ["x", "w"], [name], pads=[1] * 2 * ndim)
    random = np.random.default_rng(0).standard_normal((made, read, *[3] * ndim))
    return node, {"w": random.astype(np.float32)}


def onnx_file(path: Path, nodes: Any, weights: Any, given: Any, made: Any) -> Path:
    """Write an ONNX network of the inputs `given` and the outputs `made`: sizes."""
    ends = [
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in each]
        for each in (given.items(), made.items())
    ]
    stored = [numpy_helper.from_array(np.asarray(v), k) for k, v in weights.items()]
    graph = helper.make_graph(nodes, "g", *ends, stored)
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def padded(tmp_path: Path) -> Path:
    """A network of one padded convolution."""
    node, weights = convolution()
    path = tmp_path / "padded.onnx"
    return onnx_file(path, [node], weights, {"x": FREE}, {"y": ["n", 2, "h", "w"]})


class Pooled(nn.Module):
    """Pools once; an odd size breaks where both levels meet."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(1, 4, 3, padding=1)
        self.coarse = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = torch.relu(self.fine(x))
        coarse = self.coarse(functional.max_pool2d(fine, 2))
        return torch.cat([fine, functional.interpolate(coarse, scale_factor=2.0)], 1)


class Branching(Pooled):
    """Goes another way by what it sees, which no export can follow."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = torch.relu(self.fine(x))
        if bool(fine.mean() > 0):
            fine = self.coarse(functional.max_pool2d(fine, 2))
        return functional.interpolate(fine, scale_factor=2.0)


class Dropping(Pooled):
    """Drops numbers in eval mode, too."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.dropout(torch.relu(self.fine(x)), 0.5, True)


def scripted(module: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript is deprecated
        torch.manual_seed(0)
        torch.jit.script(module.eval()).save(path)
    return path


def sum_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def inspect(shiftseg: Any) -> Callable[..., dict[str, Any]]:
    def inspected(path: Path, *options: object) -> dict[str, Any]:
        ran = shiftseg("inspect", "-m", path, "--json", *options)
        assert (ran.status, ran.stderr) == (0, "")
        return json.loads(ran.stdout)

    return inspected


def description(**changed: Any) -> dict[str, Any]:
    """What a package of one image in and one out says at least."""
    space = [{"type": "space", "id": i, "size": {"min": 4, "step": 2}} for i in "yx"]
    same = [
        {"type": "space", "id": i, "size": {"tensor_id": "image", "axis_id": i}}
        for i in "yx"
    ]
    channels = [
        {"type": "channel", "channel_names": names} for names in (["a"], ["a", "b"])
    ]
    first = {"type": "batch"}
    return {
        "type": "model",
        "format_version": "0.5.4",
        "name": "small",
        "inputs": [{"id": "image", "axes": [first, channels[0], *space]}],
        "outputs": [{"id": "made", "axes": [first, channels[1], *same]}],
        "weights": {"onnx": {"source": "weights.onnx", "opset_version": 18}},
        **changed,
    }


def package(folder: Path, said: dict[str, Any], **files: bytes) -> Path:
    folder.mkdir()
    (folder / "bioimageio.yaml").write_text(yaml.safe_dump(said, sort_keys=False))
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.onnx", b"words", "a.onnx cannot be read as an ONNX network"),
        ("a.onnx", b"", "a.onnx is empty: get it again"),
        ("a.pt", b"words", "a.pt is no network that is known: BioImage.IO packages"),
        ("a.zip", b"words", "a.zip is no network that is known: BioImage.IO packages"),
        ("a.yaml", b"a: b", "a.yaml"),
        ("a.txt", b"words", "a.txt is no model file, or it is truncated"),
        ("a.pt", b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes it: export it"),
    ],
)
def test_files_that_are_no_model(shiftseg, tmp_path, name, content, words) -> None:
    (tmp_path / name).write_bytes(content)
    shiftseg("inspect", "-m", tmp_path / name).assert_refused(words)


def test_images_of_other_axes_and_channels(shiftseg, tmp_path, padded) -> None:
    np.save(tmp_path / "plane.npy", np.zeros((16, 16), np.float32))
    out = tmp_path / "out"
    deep, colours = tmp_path / "deep.onnx", tmp_path / "colours.onnx"
    node, weights = convolution(ndim=3)
    sizes = {"x": [*FREE, "d"]}, {"y": ["n", 2, "h", "w", "d"]}
    onnx_file(deep, [node], weights, *sizes)
    node, weights = convolution(read=3)
    sizes = {"x": ["n", 3, "h", "w"]}, {"y": ["n", 2, "h", "w"]}
    onnx_file(colours, [node], weights, *sizes)
    for model in (deep, colours):
        ran = shiftseg("segment", tmp_path / "plane.npy", "-m", model, "-o", out)
        ran.assert_refused("3", "2")
        assert not out.exists()
    ran = shiftseg("segment", tmp_path / "plane.npy", "-m", padded, "-o", out)
    assert ran.status == 0


def test_no_value_a_pixel(shiftseg, tmp_path) -> None:
    node, weights = convolution("a")
    mean = helper.make_node("GlobalAveragePool", ["a"], ["y"])
    path, given = tmp_path / "class.onnx", {"x": FREE}
    onnx_file(path, [node, mean], weights, given, {"y": ["n", 2, 1, 1]})
    said = "gives no value a pixel: there is nothing to tile"
    shiftseg("inspect", "-m", path).assert_refused(said)
    flat = helper.make_node("Flatten", ["y"], ["z"])
    onnx_file(path, [node, mean, flat], weights, given, {"z": ["n", 2]})
    shiftseg("inspect", "-m", path).assert_refused("gives 2 axes for 4 that it reads")


def fixed_to(path: Path, size: int) -> Path:
    """A network that reads one size, since a layer in it names that."""
    node, weights = convolution("a")
    shape = {"s": np.array([1, 2, size, size])}
    named = helper.make_node("Reshape", ["a", "s"], ["y"])
    sizes = {"x": [1, 1, size, size]}, {"y": [1, 2, size, size]}
    return onnx_file(path, [node, named], weights | shape, *sizes)


def test_one_fixed_size_is_used_as_it_is(shiftseg, inspect, tmp_path) -> None:
    path = fixed_to(tmp_path / "fixed.onnx", 32)
    assert inspect(path)["legal_inputs"] == [[32], [32]]
    np.save(tmp_path / "i.npy", np.random.default_rng(0).random((70, 50)))
    ran = shiftseg(
        "segment", tmp_path / "i.npy", "-m", path, "-o", tmp_path / "o", "--json"
    )
    assert ran.status == 0
    assert json.loads(ran.stdout)["stride"][1] <= 30  # a pixel of halo at each end
    found = json.loads(
        shiftseg("inspect", tmp_path / "i.npy", "-m", path, "--json").stdout
    )
    strides = [each["keeps"][0] for each in found["windows"]]
    assert strides
    assert max(strides) <= 30
    ran = shiftseg(
        "segment", tmp_path / "i.npy", "-m", path, "-o", tmp_path / "p",
        "--window", 64,
    )  # fmt: skip
    ran.assert_refused("this network reads 32 pixels at most", "take at most 30")


def test_a_tile_of_nothing_but_halo(shiftseg, tmp_path) -> None:
    path = fixed_to(tmp_path / "tiny.onnx", 2)
    said = "the network reads 2 pixels at most, and of these nothing is left"
    shiftseg("inspect", "-m", path).assert_refused(said)


def test_sizes_beyond_any_network(shiftseg, tmp_path) -> None:
    path = fixed_to(tmp_path / "huge.onnx", 40_000)
    said = "has the size (1, 1, 40000, 40000); at most 1,073,741,824 values are made"
    shiftseg("inspect", "-m", path).assert_refused(said)


def test_several_images_in_or_out(shiftseg, tmp_path, padded) -> None:
    node, weights = convolution()
    path, made = tmp_path / "two.onnx", ["n", 2, "h", "w"]
    onnx_file(path, [node], weights, {"x": FREE, "more": FREE}, {"y": made})
    said = "networks of one image in and one out are opened"
    shiftseg("inspect", "-m", path).assert_refused("2 inputs and 1 outputs", said)
    relu = helper.make_node("Relu", ["y"], ["z"])
    onnx_file(path, [node, relu], weights, {"x": FREE}, {"y": made, "z": made})
    shiftseg("inspect", "-m", path).assert_refused("1 inputs and 2 outputs", said)
    several = description(inputs=description()["inputs"] * 2)
    folder = package(tmp_path / "p", several, weights__onnx=padded.read_bytes())
    shiftseg("inspect", "-m", folder).assert_refused("it has 2 inputs and 1 outputs")


def test_a_program_is_opened_once_it_is_trusted(shiftseg, inspect, tmp_path) -> None:
    path = scripted(Pooled(), tmp_path / "net.pt")
    shiftseg("inspect", "-m", path).assert_refused(
        "net.pt is a TorchScript program, which can run code on your computer",
        f"--trust {sum_of(path)}",
    )
    other = shiftseg("inspect", "-m", path, "--trust", "0" * 64)
    other.assert_refused(
        "it was not opened",
        "What is trusted so far is of other bytes than this file's: " + "0" * 64,
    )
    wrong = shiftseg("inspect", "-m", path, "--trust", "yes")
    wrong.assert_refused("a SHA-256 sum of 64 hexadecimal digits, got 'yes'")
    found = inspect(path, "--trust", sum_of(path))
    assert found["period"] == [2, 2]


def test_sizes_that_a_network_breaks_on_are_left_out(inspect, tmp_path) -> None:
    path = scripted(Pooled(), tmp_path / "net.pt")
    with pytest.raises(RuntimeError, match="must match"):
        Pooled()(torch.zeros(1, 1, 15, 15))
    found = inspect(path, "--trust", sum_of(path))
    assert found["legal_inputs"][0][:3] == [2, 4, 6]
    assert found["agreement"]["sizes"] == "probe alone"


def test_control_flow_is_probed_alone(inspect, tmp_path) -> None:
    path = scripted(Branching(), tmp_path / "net.pt")
    found = inspect(path, "--trust", sum_of(path))
    assert (found["period"], found["tiling"]) == ([2, 2], "exact")
    assert set(found["agreement"].values()) == {"probe alone"}
    assert "it has no graph to read: probing alone" in found["notes"]


BRANCHING = """
import torch

class Net(torch.nn.Conv2d):
    def forward(self, x):
        y = super().forward(x)
        return torch.relu(y) if bool(y.mean() > 9) else y
"""


def test_an_export_that_fails_is_silent(inspect, tmp_path, capfd) -> None:
    how = {"in_channels": 1, "out_channels": 2, "kernel_size": 3, "padding": 1}
    code = {"source": "net.py", "callable": "Net", "kwargs": how}
    entry = {"source": "w.pt", "architecture": code}
    torch.save(nn.Conv2d(**how).state_dict(), tmp_path / "w.pt")
    files = {"w__pt": (tmp_path / "w.pt").read_bytes(), "net__py": BRANCHING.encode()}
    said = description(weights={"pytorch_state_dict": entry})
    folder = package(tmp_path / "p", said, **files)
    found = inspect(folder, "--trust", sum_of(folder / "net.py"))
    assert set(found["agreement"].values()) == {"probe alone"}
    assert any("torch cannot export it" in note for note in found["notes"])
    assert capfd.readouterr() == ("", "")


def test_dropout_that_was_left_on_is_named(shiftseg, inspect, tmp_path) -> None:
    path = scripted(Dropping(), tmp_path / "net.pt")
    ran = shiftseg("inspect", "-m", path, "--trust", sum_of(path))
    ran.assert_refused("it answers differently each time: a dropout was left on")
    node, weights = convolution("a")
    how = {"r": np.float32(0.5), "on": np.array(True)}
    drop = helper.make_node("Dropout", ["a", "r", "on"], ["y"], name="drop_1")
    path = tmp_path / "net.onnx"
    made = {"y": ["n", 2, "h", "w"]}
    onnx_file(path, [node, drop], weights | how, {"x": FREE}, made)
    found = inspect(path)
    cause = next(each for each in found["causes"] if each["kind"] == "dropout")
    assert (found["tiling"], cause["effect"]) == ("impossible", "impossible")
    assert "eval mode" in cause["remedy"]


class Owned:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return type(self.marker).touch, (self.marker,)


def test_nothing_malicious_is_run(shiftseg, tmp_path) -> None:
    marker, config = tmp_path / "owned", tmp_path / "config.yaml"
    path, out = tmp_path / "net.pt", tmp_path / "net.safetensors"
    config.write_text(yaml.safe_dump(UNET2D))
    torch.save({"weight": torch.ones(1), "more": Owned(marker)}, path)
    shiftseg("inspect", "-m", path).assert_refused(
        "net.pt is a pickle that holds more than weights"
    )
    ran = shiftseg("import", path, config, "-o", out)
    ran.assert_refused("can run code, and it was not opened")
    assert not marker.exists()
    assert not out.exists()
    with ZipFile(tmp_path / "m.zip", "w") as file:
        file.writestr("rdf.yaml", "name: a")
        file.writestr("../owned", "")
    ran = shiftseg("inspect", "-m", tmp_path / "m.zip")
    ran.assert_refused("only files of its own folder are read")
    assert not marker.exists()


def test_packages_that_need_the_internet(shiftseg, tmp_path) -> None:
    there = "https://zenodo.org/weights.onnx"
    said = description(weights={"onnx": {"source": there}})
    ran = shiftseg("inspect", "-m", package(tmp_path / "p", said))
    ran.assert_refused(f"p needs the internet: its weights lie at '{there}'")


UNET2D = {
    "architecture": "pytorch3dunet.UNet2D",
    "arguments": {
        "in_channels": 1, "out_channels": 1, "f_maps": [4, 8], "layer_order": "cr",
    },
}  # fmt: skip


def test_missing_libraries_are_named(shiftseg, tmp_path, padded, monkeypatch) -> None:
    install = 'pip install "napari-shiftseg[onnx]"'
    with monkeypatch.context() as hidden:
        hidden.setitem(sys.modules, "onnxruntime", None)
        shiftseg("inspect", "-m", padded).assert_refused(install)
        ran = shiftseg("export", "disks", "--bioimageio", "-o", tmp_path / "o")
        ran.assert_refused(install)
        hidden.setitem(sys.modules, "monai.networks", None)
        (tmp_path / "c.yaml").write_text("architecture: monai.UNet")
        torch.save({"a": torch.ones(1)}, tmp_path / "w.pt")
        ran = shiftseg(
            "import", tmp_path / "w.pt", tmp_path / "c.yaml",
            "-o", tmp_path / "m.safetensors",
        )  # fmt: skip
        ran.assert_refused("MONAI, which is not installed: pip install monai")
    assert shiftseg("inspect", "-m", padded).status == 0


def test_where_nothing_is_found_options_are_named(shiftseg, tmp_path) -> None:
    np.save(tmp_path / "dark.npy", np.zeros((40, 40)))
    run = ("segment", tmp_path / "dark.npy", "-m", "nuclei", "-o", tmp_path / "out")
    ran = shiftseg(*run)
    assert ran.status == 0
    assert "--intensity LOW:HIGH" in ran.stderr
    assert "--invert" in ran.stderr


def test_without_true_labels_rows_are_one_line(shiftseg, padded, tmp_path) -> None:
    image = np.random.default_rng(0).random((60, 60)) > 0.5
    np.save(tmp_path / "image.npy", image.astype(np.float32))
    np.save(tmp_path / "truth.npy", image.astype(np.int32))
    run = ("compare", tmp_path / "image.npy", "-m", padded, "--window", 21)
    without = shiftseg(*run).stdout
    assert without.count("no true labels") == 1
    _, _, line = without.partition("no true labels (--truth): ")
    line, _, _ = line.partition("\n\n")
    assert {"AP50", "false splits"} <= set(" ".join(line.split()).split(", "))
    known = shiftseg(*run, "--truth", tmp_path / "truth.npy").stdout
    assert "no true labels" not in known
