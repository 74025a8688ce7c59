"""Files made to harm: nothing is run, nothing outside is read, one line says why."""

from __future__ import annotations

import itertools
import os
import pickle
import struct
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, load_model_from_string, numpy_helper

from napari_shiftseg.networks.opening import onnx_reading
from napari_shiftseg.networks.opening.imported import import_network
from napari_shiftseg.networks.opening.open import open_network
from napari_shiftseg.networks.opening.trust import UnreadableNetworkError, Untrusted

if TYPE_CHECKING:
    from collections.abc import Callable

LINK = 0o120777 << 16  # of a zip's entry
ALIASES = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n"
    for a, b in zip("abcdefg", "bcdefgh", strict=True)
)


class Owned:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path: Path) -> Any:
    """A file that only the code of a malicious one would write."""
    path = tmp_path / "owned"
    yield path
    assert not path.exists()


@pytest.fixture
def refused(marker: Path) -> Callable[..., None]:
    def check(path: Path, words: str, kind: Any = UnreadableNetworkError) -> None:
        with pytest.raises(kind, match=words) as found:
            open_network(path)
        said = str(found.value)
        assert said.isprintable()
        assert len(said) < 700

    return check


def zipped(path: Path, entries: list[tuple[str | ZipInfo, bytes]]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for name, content in entries:
            file.writestr(name, content)
    return path


def test_the_marker_is_written_where_it_is_unpickled(tmp_path):
    pickle.loads(pickle.dumps(Owned(tmp_path / "owned")))
    assert (tmp_path / "owned").exists()


@pytest.mark.parametrize("name", ["../x.py", "/x.py", "a/../../x", "C:/x", "..\\x"])
def test_a_zip_of_names_outside(tmp_path, refused, name):
    path = zipped(tmp_path / "m.zip", [("rdf.yaml", b"name: a"), (name, b"")])
    refused(path, "only files of its own folder are read")


def test_a_zip_with_a_link(tmp_path, refused):
    link = ZipInfo("weights.onnx")
    link.external_attr = LINK
    path = zipped(tmp_path / "m.zip", [("rdf.yaml", b"name: a"), (link, b"/etc/hosts")])
    refused(path, "holds a link, 'weights.onnx': pack the file itself")


def test_a_zip_that_explodes(tmp_path, refused):
    path = zipped(tmp_path / "m.zip", [("rdf.yaml", b"\0" * (2**26 + 1))])
    assert path.stat().st_size < 2**17
    refused(path, r"would unpack from [\d,]+ to 67,108,865 bytes")


def test_a_zip_of_too_many_files(tmp_path, refused):
    path = zipped(tmp_path / "m.zip", [(f"{i}", b"") for i in range(10_001)])
    refused(path, "holds 10,001 files")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_of_two_files_of_one_name(tmp_path, refused):
    entries = [("rdf.yaml", b"name: a"), ("rdf.yaml", b"name: b")]
    refused(zipped(tmp_path / "m.zip", entries), "holds two files of one name")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("!!python/object/apply:os.system ['touch owned']", "cannot be read as YAML"),
        ("name: !!python/name:os.system", "could not determine a constructor"),
        (ALIASES, "more than 100,000 values, or they nest deeper"),
        ("a: " + "[" * 3000 + "]" * 3000, "cannot be read as YAML|nest deeper"),
        ("&a [*a]", "nest deeper|must be a mapping"),
        ("a: '" + "x" * 2**20 + "'", "at most 1,048,576 are read"),
        ("- a\n- b", "must be a mapping of names to values"),
        ("\0", "cannot be read as YAML"),
        ("inputs: 3\ntype: model\nformat_version: 0.5.4", "no description of a model"),
        ("type: \x1b[2J\nformat_version: 0.5.4", "cannot be read as YAML"),
        ('type: "\\e[2J"\nformat_version: 0.5.4', "describes a '.*' in format"),
    ],
)
def test_yaml_that_is_more_than_values(tmp_path, refused, text, words):
    (tmp_path / "rdf.yaml").write_text(text)
    refused(tmp_path / "rdf.yaml", words)


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/hosts", "a/../../secret", "", "a\0b"]
)
def test_a_package_that_names_files_outside(package, describe, refused, tmp_path, name):
    (tmp_path / "secret").write_bytes(b"secret")
    said = describe(weights={"onnx": {"source": name}})
    refused(package(said), "only files of its own folder are read")


def test_a_link_out_of_the_folder(package, describe, refused, tmp_path):
    folder = package(describe())
    (folder / "weights.onnx").replace(tmp_path / "secret.onnx")
    (folder / "weights.onnx").symlink_to(tmp_path / "secret.onnx")
    refused(folder, r"weights\.onnx is a link out of the folder")


def test_a_pipe_is_not_waited_for(tmp_path, refused):
    os.mkfifo(tmp_path / "net.onnx")
    refused(tmp_path / "net.onnx", "is a pipe or a device, not a file")


def onnx_with(make_onnx: Any, tensor: Any, **node: Any) -> bytes:
    used = helper.make_node("Conv", ["x", "w"], ["y"], **node)
    model = make_onnx([used], ["n", 1, "h", "w"], ["n", 1, "h", "w"])
    model.graph.initializer.append(tensor)
    return model.SerializeToString()


def outside(**where: str) -> Any:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 1, 1, 1])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in where.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"location": "../secret"}, "only files of its own folder are read"),
        ({"location": "/etc/hosts"}, "only files of its own folder are read"),
        ({"location": "link"}, "link is a link out of the folder"),
        ({"location": "none"}, "'none' is missing from"),
        ({"location": "w.bin", "offset": "9"}, "lie outside of their file 'w.bin'"),
        ({"location": "w.bin", "offset": "-4"}, "lie outside of their file"),
        ({"location": "w.bin", "offset": "x"}, "lie outside of their file"),
        ({"location": "w.bin", "length": "99999999"}, "lie outside of their file"),
    ],
)
def test_onnx_weights_outside(tmp_path, make_onnx, refused, where, words):
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "w.bin").write_bytes(bytes(4))
    path = folder / "net.onnx"
    path.write_bytes(onnx_with(make_onnx, outside(**where)))
    refused(path, words)


def test_onnx_weights_outside_in_a_place_nobody_looks(tmp_path, make_onnx, refused):
    one = numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "w")
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_with(make_onnx, one))
    model = load_model_from_string(path.read_bytes())
    hidden = model.graph.sparse_initializer.add()
    hidden.values.CopyFrom(outside(location="../secret"))
    path.write_bytes(model.SerializeToString())
    refused(path, "only files of its own folder are read")


def test_onnx_weights_that_are_read_many_times(tmp_path, make_onnx, monkeypatch):
    monkeypatch.setattr(onnx_reading, "MOST_BYTES", 1000)
    (tmp_path / "w.bin").write_bytes(bytes(300))
    path = tmp_path / "net.onnx"
    one = numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "w")
    model = load_model_from_string(onnx_with(make_onnx, one))
    model.graph.initializer.extend([outside(location="w.bin")] * 4)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UnreadableNetworkError, match="more than 1,000 bytes beside it"):
        open_network(path)


def test_onnx_of_foreign_operators(tmp_path, make_onnx, refused):
    one = numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "w")
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_with(make_onnx, one, domain="evil.ops"))
    refused(path, "wants the operator 'Conv' of 'evil.ops', which only a program")


def layered(kind: str) -> tuple[list[Any], list[Any]]:
    """Nodes and functions that never end, or end after very many layers."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]

    def function(name: str, used: list[str]) -> Any:
        places = ["a", *(f"t{i}" for i in range(len(used) - 1)), "b"]
        nodes = [
            helper.make_node(f, [places[i]], [places[i + 1]], domain="own")
            for i, f in enumerate(used)
        ]
        return helper.make_function("own", name, ["a"], ["b"], nodes, opsets)

    if kind == "long":
        names = ["x", *(f"t{i}" for i in range(20_000)), "y"]
        return [
            helper.make_node("Relu", [a], [b]) for a, b in itertools.pairwise(names)
        ], []
    if kind == "circle":
        functions = [function("F0", ["F1"]), function("F1", ["F0"])]
    else:
        functions = [function(f"F{i}", [f"F{i + 1}"] * 10) for i in range(12)]
        relu = helper.make_node("Relu", ["a"], ["b"])
        functions.append(
            helper.make_function("own", "F12", ["a"], ["b"], [relu], opsets)
        )
    return [helper.make_node("F0", ["x"], ["y"], domain="own")], functions


@pytest.mark.parametrize("kind", ["long", "circle", "exploding"])
def test_onnx_of_endless_layers(tmp_path, make_onnx, refused, kind):
    nodes, functions = layered(kind)
    model = make_onnx(nodes, ["n", 1, "h", "w"], ["n", 1, "h", "w"])
    model.functions.extend(functions)
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    refused(path, "has more than 20,000 layers once its functions are written out")


def test_onnx_of_huge_tensors(tmp_path, make_onnx, refused):
    path = tmp_path / "net.onnx"
    size = numpy_helper.from_array(np.array([2**20, 2**20]), "s")
    huge = helper.make_node("ConstantOfShape", ["s"], ["z"])
    whole = helper.make_node("ReduceSum", ["z"], ["t"])
    add = helper.make_node("Add", ["x", "t"], ["y"])
    model = make_onnx([huge, whole, add], ["n", 1, "h", "w"], ["n", 1, "h", "w"])
    model.graph.initializer.append(size)
    path.write_bytes(model.SerializeToString())
    refused(path, "has the size .*1048576.* at most 1,073,741,824 values are made")
    claimed = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2**40, 1, 1, 1])
    path.write_bytes(onnx_with(make_onnx, claimed))
    refused(path, "at most 1,073,741,824 values are made|cannot be read as an ONNX")


def test_onnx_without_the_weights_it_claims(tmp_path, make_onnx, refused):
    claimed = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 1, 99, 99])
    claimed.raw_data = b"1234"
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_with(make_onnx, claimed))
    refused(path, "cannot be read as an ONNX network")


@pytest.mark.parametrize("zipped_by_torch", [True, False])
def test_a_pickle_that_runs_code(tmp_path, marker, refused, zipped_by_torch):
    path = tmp_path / "w.pt"
    payload = {"weight": torch.ones(1), "more": Owned(marker)}
    torch.save(payload, path, _use_new_zipfile_serialization=zipped_by_torch)
    refused(path, "can run code")
    config = tmp_path / "c.yaml"
    config.write_text(
        "architecture: pytorch3dunet.UNet2D\n"
        "arguments: {in_channels: 1, out_channels: 1, f_maps: [2, 4]}"
    )
    with pytest.raises(
        UnreadableNetworkError, match="can run code, and it was not"
    ) as e:
        import_network(path, config, tmp_path / "m.safetensors")
    assert "weights_only=False" not in str(e.value)


def test_weights_that_explode(tmp_path, refused):
    path = zipped(tmp_path / "w.pt", [("a/data.pkl", b"\0" * (2**26 + 1))])
    config = tmp_path / "c.yaml"
    config.write_text(
        "architecture: pytorch3dunet.UNet2D\n"
        "arguments: {in_channels: 1, out_channels: 1, f_maps: [2, 4]}"
    )
    with pytest.raises(UnreadableNetworkError, match="would unpack from"):
        import_network(path, config, tmp_path / "m.safetensors")
    refused(path, "would unpack from")


def test_a_pickle_under_another_name(tmp_path, marker, refused):
    for name in ("net.onnx", "net.safetensors", "net.zip"):
        (tmp_path / name).write_bytes(pickle.dumps(Owned(marker)))
        refused(tmp_path / name, "it was not opened. Export the network as ONNX, or")


def test_test_arrays_that_are_pickles_or_lie(package, describe, marker, refused):
    said = describe()
    said["inputs"][0]["test_tensor"] = {"source": "i.npy"}
    said["outputs"][0]["test_tensor"] = {"source": "i.npy"}
    file = BytesIO()
    np.save(file, np.array([Owned(marker)], object), allow_pickle=True)
    refused(package(said, i__npy=file.getvalue()), "is no array of numbers")
    file = BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**40, 1, 1, 1)}
    np.lib.format.write_array_header_1_0(file, header)
    refused(package(said, i__npy=file.getvalue()), "is no array of numbers")


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**62) + b"{",
        struct.pack("<Q", 2) + b"{}" + bytes(100),
        struct.pack("<Q", 60)
        + b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,999999]}}'.ljust(60),
        struct.pack("<Q", 20) + b'{"__metadata__": 3}'.ljust(20),
        struct.pack("<Q", 3000) + b'{"a":' * 600,
    ],
)
def test_safetensors_that_lie(tmp_path, refused, content):
    (tmp_path / "m.safetensors").write_bytes(content)
    refused(
        tmp_path / "m.safetensors", "no network that is known|damaged|weights alone"
    )


@pytest.mark.parametrize(
    "architecture",
    [
        {
            "import_from": "os",
            "callable": "system",
            "kwargs": {"command": "touch owned"},
        },
        {"import_from": "builtins", "callable": "exec", "kwargs": {}},
        "os.system",
    ],
)
def test_a_callable_of_any_library(package, describe, refused, architecture):
    entry = {"source": "w.pt", "architecture": architecture}
    said = describe(weights={"pytorch_state_dict": entry})
    refused(package(said, w__pt=b""), "is not known; known are monai")


def test_python_beside_a_package_is_not_run(package, describe, marker, refused):
    code = f"open({str(marker)!r}, 'w')\n".encode()
    entry = {"source": "w.pt", "architecture": {"source": "n.py", "callable": "Net"}}
    said = describe(weights={"pytorch_state_dict": entry})
    folder = package(said, w__pt=b"", n__py=code)
    refused(folder, r"n\.py is a Python file, which can run code", Untrusted)
    said["weights"]["pytorch_state_dict"]["architecture"]["source"] = "../n.py"
    refused(package(said), "only files of its own folder are read")


def test_custom_post_processing_is_not_run(package, describe, marker):
    code = f"open({str(marker)!r}, 'w')\n".encode()
    said = describe()
    said["outputs"][0]["postprocessing"] = [{"id": "custom", "source": "p.py"}]
    network = open_network(package(said, p__py=code))
    assert "from custom on is left out" in network.notes[0]
    network.predict(np.zeros((1, 1, 4, 4), np.float32))


def test_names_do_not_steer_a_terminal(package, describe):
    said = describe(name="a\x1b[2Jb\u202ec", description="d\x07")
    network = open_network(package(said))
    assert network.name.isprintable()
    assert network.description.isprintable()
