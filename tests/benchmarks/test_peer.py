"""The network made elsewhere: a package read, checked and run, on a made-up one.

In place of onnxruntime stands a session that gives a blur of what it is given, a little
off near the border of the tile, as zero padding makes it.
"""

from __future__ import annotations

import importlib.util
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.ndimage import uniform_filter

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "peer.py"
SHAPE = [1, 1, 160, 192]  # kept of a tile: 32 by 64
REACH = 20  # pixels that the network sees to each side


@pytest.fixture(scope="module")
def peer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("peer", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["peer"] = module
    spec.loader.exec_module(module)
    return module


def blurred(pixels: np.ndarray) -> np.ndarray:
    return 3 * uniform_filter(pixels, 2 * REACH + 1, mode="constant")


class Session:
    """What onnxruntime's session does, for one network."""

    shape: list[Any] = SHAPE

    def __init__(self, path: str, options: Any, providers: list[str]) -> None:
        assert Path(path).read_bytes() == b"weights"
        assert options.intra_op_num_threads >= 1
        assert providers == ["CPUExecutionProvider"]

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="raw", shape=self.shape)]

    def run(self, names: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
        (tile,) = given.values()
        assert list(given) == ["raw"]
        assert list(tile.shape) == SHAPE
        assert tile.dtype == np.float32
        return [blurred(tile[0, 0])[None, None]]


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> type[Session]:
    module: Any = ModuleType("onnxruntime")
    module.SessionOptions = SimpleNamespace
    module.InferenceSession = type("Own", (Session,), {})
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    return module.InferenceSession


def scaled(pixels: np.ndarray) -> np.ndarray:
    return (pixels - pixels.mean()) / (pixels.std() + 1e-6)


def logistic(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def tensor(source: str, **steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {"test_tensor": {"source": source}, **steps}


@pytest.fixture
def about() -> dict[str, Any]:
    kind = {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}
    return {
        "format_version": "0.5.4",
        "inputs": [
            tensor("in.npy", preprocessing=[kind, {"id": "zero_mean_unit_variance"}])
        ],
        "outputs": [tensor("out.npy", postprocessing=[{"id": "sigmoid"}, kind])],
        "weights": {"onnx": {"source": "weights.onnx"}},
    }


@pytest.fixture
def folder(tmp_path: Path, about, rng) -> Path:
    home = tmp_path / "theirs"
    home.mkdir()
    (home / "weights.onnx").write_bytes(b"weights")
    given = rng.normal(300, 50, SHAPE).astype(np.float32)
    np.save(home / "in.npy", given)
    np.save(home / "out.npy", logistic(blurred(scaled(given[0, 0])))[None, None])
    written(home, about)
    return home


def written(folder: Path, about: dict[str, Any]) -> None:
    (folder / "bioimageio.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")


class TestForeground:
    @pytest.mark.parametrize(
        "shape", [(32, 64), (31, 65), (97, 130), (200, 40), (1, 3), (5, 400)]
    )
    def test_tiles_are_one_pass(self, peer, runtime, folder, rng, shape) -> None:
        image = rng.integers(0, 255, shape).astype(np.uint8)
        image[: shape[0] // 2] //= 4
        found = peer.read_peer(folder).foreground(image)
        padded = np.pad(scaled(image.astype(float)), 2 * REACH, mode="reflect")
        inner = tuple(slice(2 * REACH, 2 * REACH + n) for n in shape)
        np.testing.assert_allclose(found, logistic(blurred(padded))[inner], atol=1e-5)

    def test_a_smaller_margin_would_be_another(
        self, peer, runtime, folder, rng, monkeypatch
    ) -> None:
        own = peer.read_peer(folder)
        image = rng.normal(size=(97, 130))
        whole = own.foreground(image)
        monkeypatch.setattr(peer, "MARGIN", 8)
        monkeypatch.setattr(peer, "KEPT", (slice(8, -8),) * 2)
        assert np.abs(own.foreground(image) - whole).max() > 1e-3

    def test_an_image_of_one_value(self, peer, runtime, folder) -> None:
        found = peer.read_peer(folder).foreground(np.full((40, 40), 7))
        np.testing.assert_array_equal(found, 0.5)

    def test_a_stack_is_refused(self, peer, runtime, folder) -> None:
        with pytest.raises(ValueError, match=r"theirs reads one plane .*\(3, 9, 9\)"):
            peer.read_peer(folder).foreground(np.zeros((3, 9, 9)))


class TestPackage:
    def test_what_is_read(self, peer, runtime, folder) -> None:
        own = peer.read_peer(folder)
        assert (own.name, own.size) == ("theirs", (160, 192))

    def test_a_network_of_any_size(self, peer, runtime, folder) -> None:
        runtime.shape = [1, 1, "y", "x"]
        assert peer.read_peer(folder).size == (512, 512)

    def test_tiles_too_small(self, peer, runtime, folder) -> None:
        runtime.shape = [1, 1, 128, 512]
        with pytest.raises(ValueError, match=r"128, 512\]: .* more than 128 pixels"):
            peer.read_peer(folder)

    def test_the_sum_of_a_file(self, peer, runtime, folder, about) -> None:
        weights = about["weights"]["onnx"]
        weights["sha256"] = sha256(b"weights").hexdigest()
        written(folder, about)
        assert peer.read_peer(folder)
        weights["sha256"] = sha256(b"others").hexdigest()
        written(folder, about)
        with pytest.raises(ValueError, match=r"weights\.onnx is not the file"):
            peer.read_peer(folder)

    def test_it_is_held_against_its_test_tensors(self, peer, runtime, folder) -> None:
        np.save(folder / "out.npy", np.load(folder / "out.npy") + 0.01)
        with pytest.raises(ValueError, match=r"theirs is 0\.01 off its own test"):
            peer.read_peer(folder)
        np.save(folder / "out.npy", np.zeros((1, 2, 4, 4)))
        with pytest.raises(ValueError, match=r"test output .*\(1, 2, 4, 4\)"):
            peer.read_peer(folder)

    def test_without_onnxruntime(self, peer, folder, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(ModuleNotFoundError, match="pip install onnxruntime"):
            peer.read_peer(folder)

    @pytest.mark.parametrize("name", ["bioimageio.yaml", "weights.onnx", "in.npy"])
    def test_a_file_that_is_absent(self, peer, runtime, folder, name: str) -> None:
        (folder / name).unlink()
        with pytest.raises(FileNotFoundError, match=f"there is no .*{name}"):
            peer.read_peer(folder)

    @pytest.mark.parametrize("text", ["", "- 1", "{", "format_version: 0.5.4", "a: 1"])
    def test_no_description(self, peer, runtime, folder, text: str) -> None:
        (folder / "bioimageio.yaml").write_text(text)
        with pytest.raises(ValueError, match=r"bioimageio\.yaml is no description"):
            peer.read_peer(folder)

    def test_another_kind_of_network(self, peer, runtime, folder, about) -> None:
        for change, words in (
            ({"format_version": "0.4.10"}, r"has the format 0\.4\.10: 0\.5 is read"),
            ({"weights": {"keras": {"source": "k"}}}, "no ONNX weights: it has keras"),
            ({"outputs": [tensor("out.npy")]}, "goes through a sigmoid"),
            ({"inputs": 2 * about["inputs"]}, "must have one input"),
        ):
            written(folder, about | change)
            with pytest.raises(ValueError, match=words):
                peer.read_peer(folder)
