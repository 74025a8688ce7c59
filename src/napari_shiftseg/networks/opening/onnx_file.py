"""ONNX files: checked before they are run, and run by onnxruntime."""

from __future__ import annotations

import warnings
from math import prod, sqrt
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_shiftseg.networks.opening.bundle import MOST_BYTES, refuse_outside
from napari_shiftseg.networks.opening.engine import SizeRefusedError
from napari_shiftseg.networks.opening.trust import (
    UnreadableNetworkError,
    said_by,
)
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

    from napari_shiftseg.networks.opening.bundle import Bundle

T = TypeVar("T")
INSTALL = 'pip install "napari-shiftseg[onnx]"'
OWN_DOMAINS = ("", "ai.onnx", "com.microsoft")  # onnxruntime brings their operators
MOST_VALUES = 2**30  # of one tensor within the network, where its size is known
# operators whose output size follows from that of their input: a graph of these alone
# reads other sizes than the one its file was written with
SIZE_FREE = {
    "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant",
    "Conv", "ConvTranspose", "Div", "Dropout", "Elu", "Gelu", "GlobalAveragePool",
    "HardSigmoid", "HardSwish", "Identity", "InstanceNormalization", "LeakyRelu", "Max",
    "MaxPool", "Min", "Mul", "Neg", "PRelu", "Pad", "Relu", "Resize", "Selu", "Sigmoid",
    "Softplus", "Sqrt", "Sub", "Sum", "Tanh", "Upsample",
}  # fmt: skip
WEIGHTED = ("Conv", "ConvTranspose")


class NotOnnxError(UnreadableNetworkError):
    """The file is no ONNX network at all, or a part of one."""


def need_onnx() -> None:
    """Refuse to go on without the libraries that read and run ONNX."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError:
        raise UnreadableNetworkError(
            f"ONNX networks need onnx and onnxruntime, which are not installed: "
            f"{INSTALL}"
        ) from None


def read_onnx(name: str, bundle: Bundle) -> ModelProto:
    """Read an ONNX file and the weights beside it; nothing of it is run.

    Parameters
    ----------
    name : str
        Of the file.
    bundle : Bundle
        That holds it; weights outside of it are refused.

    Raises
    ------
    UnreadableNetworkError
        If it is no ONNX model, is damaged, wants operators that only its own code
        could bring, files from elsewhere, or tensors too large for any network.
    """
    need_onnx()
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(bundle.read(name))
    except (DecodeError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, UnreadableNetworkError):
            raise
        raise NotOnnxError(str(_damaged(name, error))) from None
    if not model.graph.node:
        raise NotOnnxError(
            f"{name} is no ONNX network: it has no layers. Get the file again"
        )
    _refuse_foreign_operators(model, name)
    _bring_weights(model, name, bundle)
    _refuse_huge(model, name)
    return model


def _damaged(name: str, error: Exception) -> UnreadableNetworkError:
    return UnreadableNetworkError(
        f"{name} cannot be read as an ONNX network ({said_by(error)}): get it again, "
        f"or export it again"
    )


def _parts(message: Any, kind: type[T]) -> Iterator[T]:
    """Go through all parts of a kind, wherever a file may hide them."""
    if isinstance(message, kind):
        yield message
    for known, value in message.ListFields():
        if known.type == known.TYPE_MESSAGE:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _parts(part, kind)


def _refuse_foreign_operators(model: ModelProto, name: str) -> None:
    from onnx import NodeProto

    own = {(each.domain, each.name) for each in model.functions}
    for node in _parts(model, NodeProto):
        if node.domain not in OWN_DOMAINS and (node.domain, node.op_type) not in own:
            raise UnreadableNetworkError(
                f"{name} wants the operator {brief(node.op_type)} of "
                f"{brief(node.domain)}, which only a program of its maker could bring: "
                f"export it with standard operators"
            )


def _bring_weights(model: ModelProto, name: str, bundle: Bundle) -> None:
    """Put weights that lie in files beside the network into it."""
    from onnx import TensorProto

    folder = "".join(name.rpartition("/")[:2])
    files: dict[str, bytes] = {}
    brought = 0
    for tensor in _parts(model, TensorProto):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        where = {each.key: each.value for each in tensor.external_data}
        file = where.get("location", "")
        refuse_outside(file, bundle.where)
        if file not in files:
            files[file] = bundle.read(f"{folder}{file}")
        part = _part(files[file], where, tensor, name)
        brought += len(part)
        if max(brought, sum(map(len, files.values()))) > MOST_BYTES:
            raise UnreadableNetworkError(
                f"{name} has weights of more than {MOST_BYTES:,} bytes beside it: take "
                f"a smaller network"
            )
        tensor.raw_data = part
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def _part(
    content: bytes, where: dict[str, str], tensor: TensorProto, name: str
) -> bytes:
    try:
        start = int(where.get("offset", "0"))
        length = int(where.get("length", len(content) - start))
    except ValueError:
        start, length = -1, 0
    if min(start, length) < 0 or start + length > len(content):
        raise UnreadableNetworkError(
            f"{name}: the weights {brief(tensor.name)} lie outside of their file "
            f"{brief(where.get('location', ''))}: get both again"
        )
    return content[start : start + length]


def _refuse_huge(model: ModelProto, name: str) -> None:
    """Refuse tensors that no network has, before anything takes memory for them."""
    import onnx

    tensors = _parts(model, onnx.TensorProto)
    declared = {tensor.name: tuple(tensor.dims) for tensor in tensors}
    try:
        known = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
        raise _damaged(name, error) from None
    for value in (*known.input, *known.value_info, *known.output):
        declared[value.name] = tuple(d or 1 for d in _dims(value))
    for tensor, size in declared.items():
        if min(size, default=1) < 0 or prod(size) > MOST_VALUES:
            raise UnreadableNetworkError(
                f"{name}: the tensor {brief(tensor)} has the size {brief(size)}; at "
                f"most {MOST_VALUES:,} values are made: it is damaged or malicious"
            )


def _dims(value: ValueInfoProto) -> tuple[int | None, ...]:
    shape = value.type.tensor_type.shape
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in shape.dim)


class OnnxEngine:
    """Runs an ONNX network in onnxruntime, on the CPU; see `Engine`.

    Parameters
    ----------
    model : ModelProto
        Of `read_onnx`.
    name : str
        For errors.

    Raises
    ------
    UnreadableNetworkError
        If it has not one input and one output, or onnxruntime refuses it.
    """

    def __init__(self, model: ModelProto, name: str) -> None:
        self.model, self.name = model, name
        weights = {each.name for each in model.graph.initializer}
        inputs = [each for each in model.graph.input if each.name not in weights]
        refuse_several(name, len(inputs), len(model.graph.output))
        given, (made,) = inputs[0], model.graph.output
        self.freed = _free_sizes(model, given)
        self.input_size, self.output_size = _dims(given), _dims(made)
        self._input, self._dtype = given.name, _dtype(given, name)
        self._session = _session(model, name)

    def run(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the output for an input; see `Engine`."""
        try:
            (made,) = self._session.run(None, {self._input: x.astype(self._dtype)})
        except _errors() as error:
            raise SizeRefusedError(
                f"{self.name} cannot read an input of {x.shape} "
                f"({said_by(error)}): take another size"
            ) from None
        return np.asarray(made, np.float32)

    def graph(self) -> ModelProto:
        """Return the network, whose nodes can be read."""
        return self.model

    def reinitialised(self, seed: int) -> OnnxEngine | None:
        """Return it with Kaiming weights in its convolutions; see `Engine`."""
        from onnx import ModelProto

        model = ModelProto()
        model.CopyFrom(self.model)
        if not _draw_weights(model, np.random.default_rng(seed)):
            return None
        return OnnxEngine(model, self.name)


def refuse_several(name: str, inputs: int, outputs: int) -> None:
    """Refuse a network that reads or gives more than one image.

    Parameters
    ----------
    name : str
        Of the file, for the error.
    inputs, outputs : int
    """
    if (inputs, outputs) != (1, 1):
        raise UnreadableNetworkError(
            f"{name} has {inputs} inputs and {outputs} outputs; networks of one image "
            f"in and one out are opened: export a network with one of each"
        )


def _dtype(given: ValueInfoProto, name: str) -> np.dtype[Any]:
    from onnx import helper

    try:
        dtype = helper.tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type)
    except (KeyError, ValueError, TypeError):
        dtype = np.dtype(object)
    if dtype.kind not in "fiub":
        raise UnreadableNetworkError(
            f"{name} reads no image: its input {brief(given.name)} is of {dtype}"
        )
    return dtype


def _free_sizes(model: ModelProto, given: ValueInfoProto) -> bool:
    """Let a graph read every size if nothing but its header fixes one; say if so."""
    dims = given.type.tensor_type.shape.dim
    fixed = [i for i, d in enumerate(dims) if i != 1 and d.HasField("dim_value")]
    if not fixed or len(dims) < 3 or model.functions:
        return False
    if not all(_is_size_free(node) for node in model.graph.node):
        return False
    for i in fixed:
        dims[i].dim_param = f"axis_{i}"
    for i, dim in enumerate(model.graph.output[0].type.tensor_type.shape.dim):
        if i != 1:
            dim.dim_param = f"made_{i}"
    del model.graph.value_info[:]
    return True


def _is_size_free(node: NodeProto) -> bool:
    has_sizes = node.op_type == "Resize" and len(node.input) > 3 and node.input[3]
    return node.domain == "" and node.op_type in SIZE_FREE and not has_sizes


def _errors() -> tuple[type[Exception], ...]:
    """Return all errors of onnxruntime, which have no common one of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found = [
        each
        for each in vars(state).values()
        if isinstance(each, type) and issubclass(each, Exception)
    ]
    return (*found, ValueError, RuntimeError, TypeError)


def _session(model: ModelProto, name: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is raised, not printed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return onnxruntime.InferenceSession(
                model.SerializeToString(),
                options,
                providers=["CPUExecutionProvider"],
                enable_fallback=0,  # which prints
            )
    except _errors() as error:
        raise _damaged(name, error) from None


def _draw_weights(model: ModelProto, random: np.random.Generator) -> bool:
    """Draw the weights of convolutions anew: variance 2 / fan-in, biases 0."""
    from onnx import numpy_helper

    stored = {each.name: each for each in model.graph.initializer}
    drawn = False
    for node in model.graph.node:
        if node.op_type not in WEIGHTED or node.input[1] not in stored:
            continue
        old = numpy_helper.to_array(weights := stored[node.input[1]])
        fan_in = prod(old.shape[1:])
        if node.op_type == "ConvTranspose":
            strides = [a.ints for a in node.attribute if a.name == "strides"]
            overlap = prod(old.shape[2:]) / prod(strides[0] if strides else [1])
            fan_in = old.shape[0] * max(overlap, 1)
        new = random.normal(0, sqrt(2 / fan_in), old.shape).astype(old.dtype)
        weights.CopyFrom(numpy_helper.from_array(new, weights.name))
        drawn = True
        if len(node.input) > 2 and node.input[2] in stored:
            bias = stored[node.input[2]]
            zeros = np.zeros_like(numpy_helper.to_array(bias))
            bias.CopyFrom(numpy_helper.from_array(zeros, bias.name))
    return drawn
