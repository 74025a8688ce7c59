"""Our U-Net as an ONNX network: its layers written one by one, of free sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from napari_shiftseg.networks.unet import BATCH_NORM, CONVOLUTION, UNet

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR = 18, 9  # onnxruntime 1.17 and newer read them
AXES = ("z", "y", "x")


class _Writer:
    """Nodes and weights, as they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, kind: str, *inputs: str, **settings: Any) -> str:
        from onnx import helper

        made = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [made], **settings))
        return made

    def store(self, name: str, values: Any) -> str:
        from onnx import numpy_helper

        array = np.ascontiguousarray(np.asarray(values))
        self.weights.append(numpy_helper.from_array(array, name))
        return name


def onnx_of(model: UNet) -> ModelProto:
    r"""Write a U-Net as an ONNX network of input ``image`` and output ``prediction``.

    Both are (batch, channels, \*size) in float32, of any batch and any legal size.

    Parameters
    ----------
    model : UNet
        In eval mode; on any device.
    """
    from onnx import TensorProto, checker, helper

    config = model.config
    writer, ndim = _Writer(), config.ndim
    x, skips = "image", []
    for level, pool in enumerate(model.pool):
        x = _block(writer, model.down[level], x, f"down.{level}")
        skips.append(x)
        factor = list(pool.kernel_size)  # type: ignore[arg-type]
        x = writer.add("MaxPool", x, kernel_shape=factor, strides=factor)
    x = _block(writer, model.bottom, x, "bottom")
    for level in reversed(range(len(skips))):
        x = _up(writer, model, level, x, skips[level])
    x = _convolution(writer, model.head, x, "head")
    writer.add("Identity", x)
    writer.nodes[-1].output[0] = "prediction"
    names = AXES[3 - ndim :]
    given, made = (
        helper.make_tensor_value_info(
            name,
            TensorProto.FLOAT,
            ["batch", channels, *(f"{n}_{name}" for n in names)],
        )
        for name, channels in (
            ("image", config.in_channels),
            ("prediction", config.out_channels),
        )
    )
    graph = helper.make_graph(writer.nodes, "unet", [given], [made], writer.weights)
    written = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR
    )
    checker.check_model(written)
    return written


def _block(writer: _Writer, block: Any, x: str, name: str) -> str:
    for place, layer in enumerate(block):
        if isinstance(layer, tuple(CONVOLUTION.values())):
            x = _convolution(writer, layer, x, f"{name}.{place}")
        elif isinstance(layer, tuple(BATCH_NORM.values())):
            x = _batch_norm(writer, layer, x, f"{name}.{place}")
        else:
            x = writer.add("Relu", x)
    return x


def _array(weight: Any) -> Any:
    return weight.detach().float().cpu().numpy()


def _convolution(writer: _Writer, layer: Any, x: str, name: str) -> str:
    weights = (
        writer.store(f"{name}.{each}", _array(getattr(layer, each)))
        for each in ("weight", "bias")
    )
    is_same = layer.padding == "same"
    pads = [k // 2 if is_same else 0 for k in layer.kernel_size] * 2
    kernel = list(layer.kernel_size)
    return writer.add("Conv", x, *weights, kernel_shape=kernel, pads=pads)


def _batch_norm(writer: _Writer, layer: Any, x: str, name: str) -> str:
    weights = (
        writer.store(f"{name}.{each}", _array(getattr(layer, each)))
        for each in ("weight", "bias", "running_mean", "running_var")
    )
    return writer.add("BatchNormalization", x, *weights, epsilon=float(layer.eps))


def _up(writer: _Writer, model: UNet, level: int, coarse: str, skip: str) -> str:
    up: Any = model.up[level]
    name = f"up.{level}"
    factor = model.config.pooling_factors[level]
    if isinstance(up.resize, nn.Upsample):
        scales = np.array([1, 1, *factor], np.float32)
        grown = writer.add(
            "Resize", coarse, "", writer.store(f"{name}.scales", scales),
            mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )  # fmt: skip
    else:
        weights = (
            writer.store(f"{name}.{each}", _array(getattr(up.resize, each)))
            for each in ("weight", "bias")
        )
        grown = writer.add(
            "ConvTranspose", coarse, *weights,
            kernel_shape=list(factor), strides=list(factor),
        )  # fmt: skip
    skip = _middle(writer, skip, _surplus(model, level), name)
    joined = writer.add("Concat", skip, grown, axis=1)
    return _block(writer, up.block, joined, f"{name}.block")


def _surplus(model: UNet, level: int) -> list[int]:
    """Return how much larger the skip is than what comes from below, on each axis.

    The same for every legal input: below the skip, sizes are divided without a rest, so
    ``surplus = f · (eaten at the bottom and on both ways below)``.
    """
    surplus = []
    for place, axis in enumerate(model.config.shape.axes):
        lost = axis.eaten
        for below in reversed(model.config.pooling_factors[level + 1 :]):
            lost = 2 * axis.eaten + below[place] * lost
        surplus.append(model.config.pooling_factors[level][place] * lost)
    return surplus


def _middle(writer: _Writer, x: str, surplus: list[int], name: str) -> str:
    if not any(surplus):
        return x
    axes = [axis for axis, lost in enumerate(surplus) if lost]
    begins = [surplus[axis] // 2 for axis in axes]
    # counted from the end: what is cut there
    ends = [surplus[axis] // 2 - surplus[axis] for axis in axes]
    bounds = (
        writer.store(f"{name}.{word}", np.array(values, np.int64))
        for word, values in (
            ("begins", begins),
            ("ends", ends),
            ("axes", [axis + 2 for axis in axes]),
        )
    )
    return writer.add("Slice", x, *bounds)
