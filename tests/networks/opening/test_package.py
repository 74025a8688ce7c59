"""BioImage.IO packages: axes, sizes, steps, weights; what is refused, and why."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from onnx import helper
from torch import nn

from napari_shiftseg.networks.opening.open import open_network
from napari_shiftseg.networks.opening.opened import Output
from napari_shiftseg.networks.opening.trust import UnreadableNetworkError, Untrusted

if TYPE_CHECKING:
    from pathlib import Path

CHANNELS = {"type": "channel", "channel_names": ["a", "b", "c"]}
PYTHON = b"""
from torch import nn
RUN.append(1) if "RUN" in globals() else None

class Net(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 1)

    def forward(self, x):
        return self.conv(x)
"""


def npy(array: Any) -> bytes:
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


def saved(weights: dict[str, Any]) -> bytes:
    file = BytesIO()
    torch.save(weights, file)
    return file.getvalue()


def space(name: str, size: Any, **more: Any) -> dict[str, Any]:
    return {"type": "space", "id": name, "size": size, **more}


def follows(name: str, **more: Any) -> dict[str, Any]:
    return {"tensor_id": "image", "axis_id": name, **more}


def with_axes(
    said: dict[str, Any], given: list[Any], made: list[Any]
) -> dict[str, Any]:
    said["inputs"][0]["axes"], said["outputs"][0]["axes"] = given, made
    return said


def ramp(*shape: int) -> Any:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_folder_yaml_and_zip_are_one_package(package, describe, tmp_path):
    folder = package(describe())
    packed = tmp_path / "any.name"
    with ZipFile(packed, "w") as file:
        for path in folder.iterdir():
            file.write(path, f"inner/{path.name}")
    image = ramp(2, 1, 4, 6)
    for source in (folder, folder / "bioimageio.yaml", packed):
        network = open_network(source)
        assert np.array_equal(network.predict(image), 2 * image)
        assert (network.name, network.ndim, network.in_channels) == ("small", 2, 1)


@pytest.mark.parametrize(
    ("order", "batched"),
    [(["y", "x", "c"], False), (["c", "x", "y"], False), (["x", "b", "c", "y"], True)],
)
def test_axes_stand_in_any_order(package, describe, make_onnx, order, batched):
    # the network doubles, and adds each pixel's place along its first own axis
    rank = len(order)
    axis = order.index("x")
    nodes = [
        helper.make_node("CumSum", ["ones", "axis"], ["place"]),
        helper.make_node("Shape", ["x"], ["size"]),
        helper.make_node("Expand", ["one", "size"], ["ones"]),
        helper.make_node("Add", ["x", "place"], ["y"]),
    ]
    nodes = [nodes[1], nodes[2], nodes[0], nodes[3]]
    names = list("pqrs"[:rank])
    model = make_onnx(
        nodes, names, names, {"one": np.float32(1), "axis": np.int64(axis)}
    )
    kinds = {"b": {"type": "batch"}, "c": CHANNELS}
    given = [kinds.get(n) or space(n, {"min": 2, "step": 1}) for n in order]
    made = [kinds.get(n) or space(n, follows(n)) for n in order]
    folder = package(
        with_axes(describe(), given, made), weights__onnx=model.SerializeToString()
    )
    network = open_network(folder)
    image = ramp(2, 3, 4, 5)
    place = np.arange(1, 6, dtype=np.float32)  # along x, the last of ours
    assert network.layout.is_batched == batched
    assert [axis.name for axis in network.declared] == ["y", "x"]
    assert np.array_equal(network.predict(image), image + place)


def test_axis_of_channels_may_be_absent(package, describe, make_onnx):
    node = helper.make_node("Mul", ["x", "two"], ["y"])
    model = make_onnx([node], ["p", "q"], ["p", "q"], {"two": np.float32(2)})
    given = [space(n, {"min": 2, "step": 1}) for n in "yx"]
    said = with_axes(describe(), given, [space(n, follows(n)) for n in "yx"])
    network = open_network(package(said, weights__onnx=model.SerializeToString()))
    image = ramp(3, 1, 4, 5)
    assert np.array_equal(network.predict(image), 2 * image)
    assert (network.in_channels, network.out_channels) == (1, 1)


def test_declared_sizes(package, describe):
    said = describe()
    said["inputs"][0]["axes"][2:] = [
        space("y", {"min": 32, "step": 16}),
        space("x", follows("y"), scale=1.0),
    ]
    said["outputs"][0]["axes"][2:] = [
        space("y", follows("y", offset=-8), halo=3),
        space("x", follows("x"), scale=0.5),
    ]
    y, x = open_network(package(said)).declared
    assert (y.smallest, y.step, y.halo, y.offset, y.scale) == (32, 16, 3, -8, 1)
    assert (x.smallest, x.step, x.halo, x.offset, x.scale) == (32, 16, 0, 0, 2)
    assert isinstance(x.scale, Fraction)


def test_format_04(package, describe):
    said = describe(
        format_version="0.4.10", test_inputs=["i.npy"], test_outputs=["o.npy"]
    )
    said["inputs"] = [
        {
            "name": "raw",
            "axes": "bcyx",
            "shape": {"min": [1, 1, 4, 4], "step": [0, 0, 2, 2]},
            "preprocessing": [
                {
                    "name": "zero_mean_unit_variance",
                    "kwargs": {"mode": "per_sample", "axes": "yx"},
                }
            ],
        }
    ]
    said["outputs"] = [
        {
            "name": "probability",
            "axes": "bcyx",
            "halo": [0, 0, 1, 2],
            "shape": {
                "reference_tensor": "raw",
                "scale": [1, 0, 1, 2],
                "offset": [0, 0.5, -3, 0],
            },
            "postprocessing": [{"name": "sigmoid"}],
        }
    ]
    image = ramp(1, 1, 4, 4)
    output = 1 / (1 + np.exp(-2 * (image - image.mean()) / image.std()))
    network = open_network(package(said, i__npy=npy(image), o__npy=npy(output)))
    assert network.self_test() < 1e-5
    y, x = network.declared
    assert (y.smallest, y.step, y.halo, y.offset, y.scale) == (4, 2, 1, -6, 1)
    assert (x.halo, x.offset, x.scale) == (2, 0, 2)
    assert network.outputs == (Output("probability", "probability"),)


def test_wrong_test_output_is_seen(package, describe):
    said = describe()
    said["inputs"][0]["test_tensor"] = {"source": "i.npy"}
    said["outputs"][0]["test_tensor"] = {"source": "o.npy"}
    image = ramp(1, 1, 4, 4)
    network = open_network(package(said, i__npy=npy(image), o__npy=npy(2 * image + 3)))
    assert network.self_test() == 3


def test_size_that_only_the_header_fixes_is_freed(package, describe, make_onnx):
    node = helper.make_node("Relu", ["x"], ["y"])
    model = make_onnx([node], [1, 1, 8, 8], [1, 1, 8, 8])
    said = describe()
    said["inputs"][0]["axes"][2:] = [space("y", 8), space("x", 8)]
    network = open_network(package(said, weights__onnx=model.SerializeToString()))
    image = ramp(2, 1, 4, 6)
    assert network.fixed_size is None
    assert np.array_equal(network.predict(image), image)
    assert "reading 8 × 8 alone, but" in network.notes[0]


def test_size_that_a_layer_fixes_stays(package, describe, make_onnx):
    nodes = [
        helper.make_node("Reshape", ["x", "flat"], ["z"]),
        helper.make_node("Reshape", ["z", "size"], ["y"]),
    ]
    weights = {"flat": np.array([-1]), "size": np.array([1, 1, 8, 8])}
    model = make_onnx(nodes, [1, 1, 8, 8], [1, 1, 8, 8], weights)
    network = open_network(package(describe(), weights__onnx=model.SerializeToString()))
    assert network.fixed_size == (8, 8)
    image = ramp(2, 1, 8, 8)  # one by one: it reads no batch
    assert np.array_equal(network.predict(image), image)
    with pytest.raises(ValueError, match=r"reads 8 × 8 alone, got 4 × 8"):
        network.predict(ramp(1, 1, 4, 8))


def test_a_size_the_network_cannot_read_is_a_value_error(package, describe, make_onnx):
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        helper.make_node("MaxPool", ["x"], ["z"], **pool),
        helper.make_node("Resize", ["z", "", "s"], ["u"], mode="nearest"),
        helper.make_node("Add", ["u", "x"], ["y"]),
    ]
    model = make_onnx(
        nodes, [1, 1, "h", "w"], [1, 1, "h", "w"], {"s": np.float32([1, 1, 2, 2])}
    )
    network = open_network(package(describe(), weights__onnx=model.SerializeToString()))
    assert network.predict(ramp(1, 1, 6, 6)).shape == (1, 1, 6, 6)
    with pytest.raises(ValueError, match=r"cannot read an input of \(1, 1, 7, 6\)"):
        network.predict(ramp(1, 1, 7, 6))


def test_what_is_not_of_a_pixel_is_left_out_and_named(package, describe):
    said = describe()
    said["outputs"][0]["postprocessing"] = [
        {"id": "clip", "kwargs": {"max": 10.0}},
        {"id": "zero_mean_unit_variance"},
        {"id": "sigmoid"},
    ]
    network = open_network(package(said))
    image = ramp(1, 1, 4, 4)
    assert np.array_equal(network.predict(image), np.minimum(2 * image, 10))
    assert "from zero_mean_unit_variance on is left out" in network.notes[0]
    said["outputs"][0]["postprocessing"] = [{"id": "stardist_postprocessing"}]
    assert "stardist_postprocessing" in open_network(package(said)).notes[0]


def test_outputs_by_their_names(package, describe):
    said = describe()
    names = ["foreground", "boundaries", "x_distance", "embedding_1", "other"]
    said["outputs"][0]["axes"][1] = {"type": "channel", "channel_names": names}
    said["outputs"][0]["postprocessing"] = [{"id": "sigmoid"}]
    kinds = [o.kind for o in open_network(package(said)).outputs]
    assert kinds == ["probability", "boundary", "distance", "embedding", "probability"]


def refused(path: Path, words: str, **how: Any) -> None:
    with pytest.raises(UnreadableNetworkError, match=words) as found:
        open_network(path, **how)
    assert "\n" not in str(found.value)


def test_several_images_are_refused(package, describe):
    said = describe()
    said["inputs"] *= 2
    refused(package(said), "has 2 inputs and 1 outputs; models of one image in and one")


def test_weights_on_the_internet_are_not_fetched(package, describe):
    said = describe(weights={"onnx": {"source": "https://example.com/w.onnx"}})
    refused(package(said), r"needs the internet: its weights lie at 'https://exam")


def test_weights_here_are_taken_before_safer_ones_elsewhere(package, describe):
    away = {"source": "https://example.com/w.onnx"}
    said = describe(weights={"onnx": away, "torchscript": {"source": "w.pt"}})
    with pytest.raises(Untrusted, match=r"w\.pt is a TorchScript program"):
        open_network(package(said, w__pt=b"anything"))


def test_other_weights_alone_are_refused(package, describe):
    said = describe(weights={"keras_hdf5": {"source": "w.h5"}})
    refused(package(said), r"weights as \['keras_hdf5'\] alone; onnx, torchscript")


def test_weights_of_another_hash_are_refused(package, describe):
    said = describe(weights={"onnx": {"source": "weights.onnx", "sha256": "0" * 64}})
    refused(package(said), "is not the file that its description names")


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ({"type": "time", "size": 1}, "an axis of 'time'; batch, channels and axes"),
        (space("y", {"min": 1, "max": 9}), "depends on what the image shows"),
        (space("y", -4), "sizes are 0 to 1,048,576, got -4"),
        (space("x", 4), r"has the axes \['b', 'c', 'x', 'x'\]; 1 to 3 axes"),
    ],
)
def test_other_axes_are_refused(package, describe, axis, words):
    said = describe()
    said["inputs"][0]["axes"][2] = axis
    refused(package(said), words)


def test_weights_of_other_channels_are_refused(package, describe, make_onnx):
    node = helper.make_node("Relu", ["x"], ["y"])
    model = make_onnx([node], ["b", 3, "h", "w"], ["b", 3, "h", "w"])
    folder = package(describe(), weights__onnx=model.SerializeToString())
    refused(folder, "its description says 4 axes and 1 channels: they do not belong")


@pytest.fixture
def of_python(package: Any, describe: Any) -> Path:
    entry = {
        "source": "w.pt",
        "architecture": {
            "source": "net.py",
            "callable": "Net",
            "kwargs": {"channels": 2},
        },
    }
    torch.manual_seed(0)
    weights = saved(nn.Sequential(nn.Conv2d(1, 2, 1)).state_dict())
    renamed = {
        f"module.conv.{k.removeprefix('0.')}": w
        for k, w in torch.load(BytesIO(weights)).items()
    }
    said = describe(weights={"pytorch_state_dict": entry})
    said["outputs"][0]["axes"][1] = {"type": "channel", "channel_names": ["a", "b"]}
    return package(said, net__py=PYTHON, w__pt=saved(renamed))  # type: ignore[no-any-return]


def test_a_python_file_is_run_only_if_its_very_bytes_are_trusted(of_python):
    digest = hashlib.sha256(PYTHON).hexdigest()
    with pytest.raises(Untrusted) as found:
        open_network(of_python)
    assert (found.value.file.name, found.value.sha256) == ("net.py", digest)
    assert "net.py is a Python file" in str(found.value)
    assert f"--trust {digest}" in str(found.value)
    network = open_network(of_python, frozenset({digest}))
    torch.manual_seed(0)
    expected = nn.Conv2d(1, 2, 1)
    image = ramp(2, 1, 4, 4)
    with torch.no_grad():
        made = expected(torch.from_numpy(image)).numpy()
    assert np.array_equal(network.predict(image), made)
    (of_python / "net.py").write_bytes(PYTHON + b"# changed")
    with pytest.raises(Untrusted):
        open_network(of_python, frozenset({digest}))


def test_who_is_trusted_may_be_asked(of_python):
    asked = []

    def ask(file: Path, digest: str) -> bool:
        asked.append((file.name, digest))
        return True

    assert open_network(of_python, ask).ndim == 2
    assert asked == [("net.py", hashlib.sha256(PYTHON).hexdigest())]


def test_a_trusted_file_that_fails_says_so(of_python):
    (of_python / "net.py").write_bytes(b"1 / 0")
    refused(
        of_python,
        r"net\.py was run, since it is trusted, and failed \(ZeroDiv",
        trusted=lambda file, digest: True,
    )
