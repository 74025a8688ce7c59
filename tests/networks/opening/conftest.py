"""What tests of opened networks share: small packages, and bioimageio.core."""

from __future__ import annotations

import gc
import inspect
import re
import warnings
from importlib.metadata import version
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BROKEN = ((0, 5, 14), (2, 14))  # bioimageio.spec below, with pydantic from here on


def _numbers(package: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version(package))[:3])


def _mend(function: Any) -> None:
    """Let a serializer of bioimageio.spec hand on no info, which pydantic refuses.

    bioimageio.core pins bioimageio.spec 0.5.12, whose serializers pydantic 2.14 no
    longer runs; 0.5.14 mended them in the same way.
    """
    source = dedent(inspect.getsource(function))
    source = source[source.index("def ") :]
    mended = re.sub(r"handler\(\s*(\w+),\s*info,[^)]*?\n\s*\)", r"handler(\1)", source)
    assert mended != source
    names: dict[str, Any] = {}
    exec(mended, function.__globals__, names)
    function.__code__ = names[function.__name__].__code__


@pytest.fixture(scope="session")
def core_test() -> Callable[..., Any]:
    """`bioimageio.core.test_model`, which runs a package and checks its outputs."""
    from bioimageio.spec._internal import io_packaging, validated_string_with_inner_node
    from bioimageio.spec.model import v0_4

    if _numbers("bioimageio.spec") < BROKEN[0] and _numbers("pydantic") >= BROKEN[1]:
        inner = validated_string_with_inner_node.ValidatedStringWithInnerNode
        _mend(io_packaging.package_file_descr_serializer)
        _mend(v0_4.package_weights)
        _mend(vars(inner)["_serialize"].wrapped)
    from bioimageio.core import test_model

    def run(path: Path, **how: Any) -> tuple[str, str]:
        """Return its status, and what it found."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files that it leaves open, TorchScript
            summary = test_model(path, **how)
            errors = [e.msg for part in summary.details for e in part.errors]
            found = summary.status, "; ".join(errors)
            del summary
            gc.collect()
        return found

    return run


def onnx_model(
    nodes: list[Any], sizes: Any, made: Any, weights: dict[str, Any] | None = None
) -> Any:
    """An ONNX network from `x` to `y`."""
    given, output = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, size)
        for name, size in (("x", sizes), ("y", made))
    )
    stored = [
        numpy_helper.from_array(np.asarray(v), k) for k, v in (weights or {}).items()
    ]
    graph = helper.make_graph(nodes, "g", [given], [output], stored)
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9)


@pytest.fixture(scope="session")
def make_onnx() -> Callable[..., Any]:
    return onnx_model


@pytest.fixture(scope="session")
def doubling() -> Any:
    """An ONNX network of four free axes that doubles its input."""
    node = helper.make_node("Mul", ["x", "two"], ["y"])
    two = {"two": np.float32(2)}
    return onnx_model([node], ["a", "b", "c", "d"], ["a", "b", "c", "d"], two)


def description(**changed: Any) -> dict[str, Any]:
    """What a package of format 0.5 says at least; `changed` stands in its place."""
    space = [{"type": "space", "id": i, "size": {"min": 4, "step": 2}} for i in "yx"]
    same = [
        {"type": "space", "id": i, "size": {"tensor_id": "image", "axis_id": i}}
        for i in "yx"
    ]
    channel = {"type": "channel", "channel_names": ["a"]}
    return {
        "type": "model",
        "format_version": "0.5.4",
        "name": "small",
        "inputs": [{"id": "image", "axes": [{"type": "batch"}, channel, *space]}],
        "outputs": [{"id": "made", "axes": [{"type": "batch"}, channel, *same]}],
        "weights": {"onnx": {"source": "weights.onnx", "opset_version": 18}},
        **changed,
    }


@pytest.fixture(scope="session")
def describe() -> Callable[..., dict[str, Any]]:
    return description


@pytest.fixture
def package(tmp_path: Path, doubling: Any) -> Callable[..., Path]:
    """Write a package of a description and files; `doubling` are its weights."""

    def write(said: dict[str, Any], **files: bytes) -> Path:
        folder = tmp_path / "package"
        folder.mkdir(exist_ok=True)
        (folder / "bioimageio.yaml").write_text(yaml.safe_dump(said, sort_keys=False))
        (folder / "weights.onnx").write_bytes(doubling.SerializeToString())
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_bytes(content)
        return folder

    return write


@pytest.fixture
def blocks_of_core(core_test: Any) -> Callable[..., Any]:
    """What bioimageio.core predicts block by block, mirrored at the image's border.

    It is mended for `core_test`.
    """
    from bioimageio import core

    def predict(package: Path, image: Any, block: tuple[int, ...]) -> Any:
        described = core.load_model_description(package)
        with core.create_prediction_pipeline(described) as pipeline:
            pipeline.pad_mode = "reflect"
            given = described.inputs[0]
            names = [axis.id for axis in given.axes]
            pixels = core.Tensor(image[None, None], dims=names)
            sample = core.Sample(members={given.id: pixels}, stat={}, id=None)
            sizes = dict(zip(names, (1, 1, *block), strict=True))
            made = pipeline.predict_sample_with_fixed_blocking(
                sample, input_block_shape={given.id: sizes}
            )
        return next(iter(made.members.values())).data.to_numpy()[0]

    return predict
