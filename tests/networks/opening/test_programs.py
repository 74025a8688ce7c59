"""Files that are programs: TorchScript, torch.export, ONNX beside them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from napari_shiftseg.networks.opening import open as open_module
from napari_shiftseg.networks.opening.open import open_network
from napari_shiftseg.networks.opening.trust import (
    UnreadableNetworkError,
    Untrusted,
    hash_of,
)

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = np.random.default_rng(0).standard_normal((1, 2, 12, 10)).astype(np.float32)


def network() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 3)).eval()


def output(module: Any) -> Any:
    with torch.no_grad():
        return module(torch.from_numpy(IMAGE)).numpy()


@pytest.fixture
def scripted(tmp_path: Path) -> Path:
    path = tmp_path / "net.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(network()).save(path)
    return path


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "net.pt2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sizes = {
            0: torch.export.Dim.STATIC,
            2: torch.export.Dim.AUTO,
            3: torch.export.Dim.AUTO,
        }
        program = torch.export.export(
            network(), (torch.zeros(1, 2, 16, 16),), dynamic_shapes=(sizes,)
        )
        torch.export.save(program, path)
    return path


@pytest.mark.parametrize("kind", ["scripted", "exported"])
def test_a_program_is_opened_only_if_trusted(kind, request):
    path = request.getfixturevalue(kind)
    digest = hash_of(path.read_bytes())
    for trusted in (frozenset(), frozenset({"0" * 64}), lambda file, sha256: False):
        with pytest.raises(Untrusted, match=rf"{path.name} is a .*--trust {digest}"):
            open_network(path, trusted)
    opened = open_network(path, frozenset({digest}))
    assert np.allclose(opened.predict(IMAGE), output(network()), atol=1e-6)
    assert (opened.ndim, opened.in_channels, opened.fixed_size) == (2, 2, None)
    assert opened.sha256 == digest
    twice = np.concatenate([IMAGE, IMAGE[:, :, ::-1]])
    assert opened.predict(twice).shape == (2, 4, 8, 6)


def test_what_can_be_read_of_a_program(scripted, exported):
    def trust(file: Path, sha256: str) -> bool:
        return True

    script, export = open_network(scripted, trust), open_network(exported, trust)
    assert script.graph() is None
    assert isinstance(export.graph(), torch.fx.GraphModule)
    for opened in (script, export):
        fresh = opened.reinitialised(3)
        assert fresh is not None
        made = fresh.predict(IMAGE)
        assert made.dtype == np.float64
        assert not np.allclose(made, opened.predict(IMAGE), atol=0.1)


def test_onnx_without_a_package(tmp_path, doubling, make_onnx):
    node = helper.make_node("Mul", ["x", "two"], ["y"])
    size = ["n", 2, "h", "w"]
    model = make_onnx([node], size, size, {"two": np.float32(2)})
    path = tmp_path / "net.bin"  # its bytes say what it is
    path.write_bytes(model.SerializeToString())
    opened = open_network(path)
    assert np.array_equal(opened.predict(IMAGE), 2 * IMAGE)
    assert "taken as they are" in opened.notes[0]
    path.write_bytes(doubling.SerializeToString())
    with pytest.raises(UnreadableNetworkError, match="a known number of channels"):
        open_network(path)


def test_onnx_functions_are_opened(tmp_path, make_onnx):
    opsets = [helper.make_opsetid("", 18)]
    relu = helper.make_node("Relu", ["a"], ["b"])
    node = helper.make_node("Own", ["x"], ["y"], domain="own")
    model = make_onnx([node], ["n", 2, "h", "w"], ["n", 2, "h", "w"])
    model.functions.append(
        helper.make_function("own", "Own", ["a"], ["b"], [relu], opsets)
    )
    model.opset_import.append(helper.make_opsetid("own", 1))
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    opened = open_network(tmp_path / "net.onnx")
    assert np.array_equal(opened.predict(IMAGE), np.maximum(IMAGE, 0))


def test_onnx_whose_size_only_its_header_fixes(tmp_path, make_onnx):
    node = helper.make_node("Relu", ["x"], ["y"])
    model = make_onnx([node], [1, 2, 8, 9], [1, 2, 8, 9])
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    opened = open_network(tmp_path / "net.onnx")
    assert "fixes the size 8 × 9, but its layers read others" in opened.notes[1]
    assert np.array_equal(opened.predict(IMAGE), np.maximum(IMAGE, 0))


class Normed(nn.Module):
    """Two levels; a norm of training hides what the coarse one adds."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.norm, self.last = nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1)
        self.norm.running_var.fill_(1e14)  # type: ignore[union-attr, operator]
        self.norm.running_mean.fill_(3)  # type: ignore[union-attr, operator]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = self.fine(x)
        coarse = self.norm(self.coarse(nn.functional.max_pool2d(fine, 2)))
        return self.last(fine + nn.functional.interpolate(coarse, scale_factor=2.0))


@pytest.mark.parametrize("suffix", [".pt2", ".pt"])
def test_norms_of_training_hide_no_level_of_a_copy_that_is_probed(tmp_path, suffix):
    torch.manual_seed(0)
    module, image, path = Normed().eval(), torch.zeros(1, 1, 16, 16), tmp_path / "net"
    path = path.with_suffix(suffix)
    sizes = {0: 1, 1: 1, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if suffix == ".pt":
            torch.jit.script(module).save(path)
        else:
            export = torch.export.export(module, (image,), dynamic_shapes=(sizes,))
            torch.export.save(export, path)
    opened = open_network(path, lambda file, sha256: True)
    fresh = opened.reinitialised(0)
    assert fresh is not None
    by_weights, by_norm = (_seen_at_the_coarse_level(each) for each in (fresh, opened))
    assert by_norm < 1e-5 < 0.1 < by_weights


def _seen_at_the_coarse_level(network: Any) -> float:
    """Return how much a pixel adds to its neighbour, that shares its coarse pixel."""
    image = np.zeros((1, 1, 16, 16), np.float32)
    changed = image.copy()
    changed[0, 0, 8, 8] = 10
    difference = np.abs(network.predict(changed) - network.predict(image))
    return float(difference[0, 0, 6, 6])  # beyond what the fine level sees


def test_norms_of_training_are_made_new_in_onnx(tmp_path, make_onnx):
    weights = {name: np.full(2, 1e6, np.float32) for name in ("s", "b", "m", "v")}
    weights["w"] = np.ones((2, 2, 1, 1), np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("BatchNormalization", ["c", "s", "b", "m", "v"], ["y"]),
    ]
    model = make_onnx(nodes, ["n", 2, "h", "w"], ["n", 2, "h", "w"], weights)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    fresh = open_network(tmp_path / "net.onnx").reinitialised(0)
    assert fresh is not None
    values = {
        each.name: numpy_helper.to_array(each)
        for each in fresh.graph().graph.initializer
    }
    assert [values[name].tolist() for name in "sbmv"] == [
        [1, 1], [0, 0], [0, 0], [1, 1]
    ]  # fmt: skip
    assert not np.array_equal(values["w"], weights["w"])


def test_onnx_with_kaiming_weights(tmp_path, make_onnx):
    random = np.random.default_rng(0)
    weights = {
        "w": random.standard_normal((3, 2, 3, 3)).astype(np.float32) / 100,
        "b": np.full(3, 5, np.float32),
    }
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1] * 4)
    model = make_onnx([node], ["n", 2, "h", "w"], ["n", 3, "h", "w"], weights)
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    opened = open_network(path)
    made = opened.reinitialised(0).predict(IMAGE)
    assert made[:, :, 2:-2, 2:-2].std() == pytest.approx(np.sqrt(2), rel=0.4)
    assert abs(made.mean()) < 0.5 < opened.predict(IMAGE).mean()
    assert opened.graph().graph.node[0].op_type == "Conv"


def test_weights_of_a_package_lie_beside_its_onnx_file(tmp_path, package, describe):
    import onnx

    folder = package(describe(weights={"onnx": {"source": "inner/net.onnx"}}))
    (folder / "inner").mkdir()
    model = onnx.load(folder / "weights.onnx")
    inner = folder / "inner" / "net.onnx"
    onnx.save_model(
        model, inner, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    assert (folder / "inner" / "w.bin").stat().st_size == 4
    assert np.array_equal(open_network(folder).predict(IMAGE[:, :1]), 2 * IMAGE[:, :1])


def test_weights_beside_an_onnx_file(tmp_path, make_onnx):
    import onnx

    weights = {"w": np.arange(2, dtype=np.float32).reshape(1, 2, 1, 1)}
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    model = make_onnx([node], ["n", 2, "h", "w"], ["n", 1, "h", "w"], weights)
    path = tmp_path / "net.onnx"
    onnx.save_model(
        model, path, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    assert (tmp_path / "w.bin").stat().st_size == 8
    opened = open_network(path)
    assert np.array_equal(opened.predict(IMAGE)[:, 0], IMAGE[:, 1])
    (tmp_path / "w.bin").write_bytes(np.float32([1, 0]).tobytes())
    other = open_network(path)
    assert np.array_equal(other.predict(IMAGE)[:, 0], IMAGE[:, 0])
    assert len({opened.sha256, other.sha256, hash_of(path.read_bytes())}) == 3


def test_what_is_hashed_is_what_is_loaded(tmp_path, make_onnx, monkeypatch):
    """The file is another one each time that it is read."""
    contents = []
    for factor in (2, 3):
        node = helper.make_node("Mul", ["x", "by"], ["y"])
        size, by = ["n", 2, "h", "w"], {"by": np.float32(factor)}
        contents.append(make_onnx([node], size, size, by).SerializeToString())
    path, reads = tmp_path / "net.onnx", iter(contents)
    path.write_bytes(contents[0])
    monkeypatch.setattr(open_module, "read_file", lambda *_: next(reads))
    path.write_bytes(contents[1])
    opened = open_network(path)
    assert opened.sha256 == hash_of(contents[0])
    assert np.array_equal(opened.predict(IMAGE), 2 * IMAGE)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.h5", b"\x89HDF\r\n\x1a\n....", "an HDF5 file, as Keras writes it: export"),
        ("a.npy", b"\x93NUMPY..", "an array of NumPy, no network"),
        ("a.txt", b"words", "is no network that is known: BioImage.IO packages, ONNX"),
        ("a.onnx", b"words", "cannot be read as an ONNX network"),
        ("a.onnx", b"", "is empty: get it again"),
        ("a.yaml", b"architecture: monai.UNet", "an architecture without weights"),
    ],
)
def test_other_files_are_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableNetworkError, match=words):
        open_network(tmp_path / name)


def test_nothing_there_and_a_folder_without_a_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="neither a network nor a folder"):
        open_network(tmp_path / "none")
    with pytest.raises(UnreadableNetworkError, match="holds no description of a model"):
        open_network(tmp_path)


def test_missing_onnx_is_named_with_the_command(tmp_path, doubling, monkeypatch):
    path = tmp_path / "net.onnx"
    path.write_bytes(doubling.SerializeToString())
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(
        UnreadableNetworkError, match=r'pip install "napari-shiftseg\[onn'
    ):
        open_network(path)
