"""The graph of an ONNX model, read node by node."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.networks.finding.onnx_steps import Node, Shapes, described
from napari_shiftseg.networks.finding.steps import (
    Graph,
    Step,
    Unreadable,
    needed,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def onnx_graph(model: Any, size: tuple[int, ...], channels: int) -> Graph:
    """Read the graph of an ONNX model at one input size; it is run once.

    Parameters
    ----------
    model : onnx.ModelProto
        Of one image (batch, channels, *size) to one prediction. Not changed.
    size : tuple of int
        Which it can read, in pixels.
    channels : int
        Of the image.

    Raises
    ------
    Unreadable
        If it cannot be run node by node; the message says why in one line.
    """
    weights = {w.name for w in model.graph.initializer}
    images = [i.name for i in model.graph.input if i.name not in weights]
    if len(images) != 1:
        raise Unreadable(f"it reads {len(images)} images, not one")
    dependent = _dependent(model, images[0])
    values = _values(model, images[0], (1, channels, *size))
    known = {name: v for name, v in values.items() if name not in dependent}
    shapes = {name: tuple(v.shape) for name, v in values.items()}
    outputs = [
        o.name for o in model.graph.output if len(shapes[o.name]) == len(size) + 2
    ]
    if not outputs:
        raise Unreadable("it gives no tensor of (batch, channels, *size)")
    nodes = [Node(n, known) for n in model.graph.node]
    steps = [
        _step(n, out, shapes) for n in nodes for out in n.outputs if out in dependent
    ]
    more = len(model.graph.output)
    notes = (f"of {more} outputs the first is read",) if more > 1 else ()
    widest = max(prod(shapes[name]) for name in dependent)
    return Graph(
        tuple(needed(steps, outputs[0])), shapes, images[0], outputs[0], widest, notes
    )


def _dependent(model: Any, image: str) -> set[str]:
    """Return the values that depend on the image's pixels, not only on its size."""
    dependent = {image}
    for node in model.graph.node:
        if node.op_type not in ("Shape", "Size") and dependent.intersection(node.input):
            dependent.update(name for name in node.output if name)
    return dependent


def _values(model: Any, image: str, shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Return every value of the graph for one image of noise; constants too."""
    import onnx
    import onnxruntime as ort
    from onnx import numpy_helper

    seen = onnx.ModelProto()
    seen.CopyFrom(model)
    del seen.graph.value_info[:]
    del seen.graph.output[:]
    every = [name for node in seen.graph.node for name in node.output if name]
    seen.graph.output.extend(onnx.ValueInfoProto(name=name) for name in every)
    for (
        read
    ) in seen.graph.input:  # a size that is written there need not be the only one
        if read.name == image:
            for dim in read.type.tensor_type.shape.dim:
                dim.Clear()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(
            seen.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        kind = next(i.type for i in session.get_inputs() if i.name == image)
        dtype = np.float64 if "double" in kind else np.float32
        x = np.random.default_rng(0).normal(size=shape).astype(dtype)
        results = session.run(None, {image: x})
    except Exception as error:  # noqa: BLE001  whatever onnxruntime raises
        first = str(error).strip().partition("\n")[0]
        raise Unreadable(f"onnxruntime cannot run it node by node: {first}") from None
    names = [o.name for o in session.get_outputs()]
    weights = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    return {image: x, **weights, **dict(zip(names, results, strict=True))}


def _step(node: Node, writes: str, shapes: Shapes) -> Step:
    """Return the step of a node; of kind "unknown" if it is not known."""
    reads = tuple(name for name in node.inputs if name)
    base = Step(node.layer, node.op, "unknown", reads, writes)
    try:
        how = described(node, shapes)
    except (Unreadable, KeyError, IndexError, TypeError, ValueError):
        return base
    if "reads" not in how and how.get("kind") != "pointwise":
        how["reads"] = reads[:1]
    return Step(**{**vars(base), **how})
