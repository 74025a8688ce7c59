"""ONNX networks, run by onnxruntime."""

from __future__ import annotations

import warnings
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.networks.opening.engine import SizeRefusedError, refuse_several
from napari_shiftseg.networks.opening.onnx_reading import damaged_onnx, dims_of
from napari_shiftseg.networks.opening.trust import (
    UnreadableNetworkError,
    said_by,
)
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

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
NEW_NORM = (1.0, 0.0, 0.0, 1.0)  # scale, bias, mean and variance


class OnnxEngine:
    """Runs an ONNX network in onnxruntime, on the CPU; see `Engine`.

    Parameters
    ----------
    model : ModelProto
        Of `read_onnx`.
    name : str
        For errors.

    Attributes
    ----------
    freed : tuple of int
        Sizes of the image that only the header of its file fixed.

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
        self.input_size, self.output_size = dims_of(given), dims_of(made)
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


def _free_sizes(model: ModelProto, given: ValueInfoProto) -> tuple[int, ...]:
    """Let a graph read every size if nothing but its header fixes one.

    Returns the sizes of the image that were fixed; ``()`` where they stay as they are.
    """
    dims = given.type.tensor_type.shape.dim
    fixed = [i for i, d in enumerate(dims) if i != 1 and d.HasField("dim_value")]
    if not fixed or len(dims) < 3 or model.functions:
        return ()
    if not all(_is_size_free(node) for node in model.graph.node):
        return ()
    sizes = tuple(dims[i].dim_value for i in fixed if i > 1)
    for i in fixed:
        dims[i].dim_param = f"axis_{i}"
    for i, dim in enumerate(model.graph.output[0].type.tensor_type.shape.dim):
        if i != 1:
            dim.dim_param = f"made_{i}"
    del model.graph.value_info[:]
    return sizes


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
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
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
        raise damaged_onnx(name, error) from None


def _draw_weights(model: ModelProto, random: np.random.Generator) -> bool:
    """Draw the weights of convolutions anew: variance 2 / fan-in, biases 0.

    Batch norms become those of an untrained network: kept, they would scale what the
    new weights give by the statistics of the old ones, and hide the coarse levels.
    """
    from onnx import numpy_helper

    stored = {each.name: each for each in model.graph.initializer}
    drawn = False
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            for name, value in zip(node.input[1:], NEW_NORM, strict=True):
                _fill(stored.get(name), value)
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
            _fill(stored[node.input[2]], 0.0)
    return drawn


def _fill(weights: TensorProto | None, value: float) -> None:
    """Set all of some weights to a value; None: they are no weights of the file."""
    from onnx import numpy_helper

    if weights is not None:
        filled = np.full_like(numpy_helper.to_array(weights), value)
        weights.CopyFrom(numpy_helper.from_array(filled, weights.name))
