"""What the operators of ONNX do to the places of an image."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from napari_shiftseg.networks.finding.steps import Unreadable, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_POINTWISE = """
Relu LeakyRelu PRelu Elu Selu Celu Gelu Sigmoid HardSigmoid HardSwish Mish Tanh Softplus
Softsign ThresholdedRelu Clip Add Sub Mul Div Mod Neg Exp Log Sqrt Pow Abs Sign Sin Cos
Tan Atan Erf Floor Ceil Round Reciprocal Max Min Mean Sum Where Cast CastLike Identity
Equal Greater GreaterOrEqual Less LessOrEqual And Or Not Xor IsNaN Swish
"""
POINTWISE = frozenset(_POINTWISE.split())
RESHAPES = {"Reshape", "Flatten", "Squeeze", "Unsqueeze"}
PAD_MODES = {"constant": "zeros", "reflect": "reflect", "edge": "replicate",
             "wrap": "circular"}  # fmt: skip
# half_pixel_symmetric differs from half_pixel only where sizes do not divide
HALF_PIXEL = {"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"}
Shapes = dict[str, tuple[int, ...]]


class Node:
    """A node with its attributes, and what is constant of its inputs."""

    def __init__(self, node: Any, known: dict[str, NDArray[Any]]) -> None:
        from onnx.helper import get_attribute_value

        self.op, self.name = node.op_type, node.name or node.output[0]
        self.inputs, self.outputs = list(node.input), list(node.output)
        self.attributes = {a.name: get_attribute_value(a) for a in node.attribute}
        self.known = known
        self.meta = {p.key: p.value for p in node.metadata_props}

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, text as str."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def input(self, number: int) -> list[int] | None:
        """Return the numbers of a constant input; None if there is none."""
        if number >= len(self.inputs) or not self.inputs[number]:
            return None
        if self.inputs[number] not in self.known:
            raise Unreadable("takes its settings from the image")
        return [int(n) for n in self.known[self.inputs[number]].ravel()]

    @property
    def layer(self) -> str:
        """The name of the torch module it was exported from, else its own."""
        scopes = self.meta.get("pkg.torch.onnx.name_scopes", "")
        names = [n for n in ast.literal_eval(scopes)[:-1] if n] if scopes else []
        return str(names[-1] if names else self.name)

    @property
    def module(self) -> str:
        """The class of the torch module it was exported from; empty if unknown."""
        classes = self.meta.get("pkg.torch.onnx.class_hierarchy", "")
        return str(classes.rpartition("', '")[0].rpartition(".")[2])


def described(node: Node, shapes: Shapes) -> dict[str, Any]:
    """Return the fields of a step that differ from those of an unknown one."""
    if node.op == "Expand":
        return {"kind": "pointwise", "reads": tuple(node.inputs[:1])}
    if node.op in POINTWISE:
        return {"kind": "pointwise"}
    if node.op in RESHAPES:
        return {"kind": "reshape"}
    if node.op.startswith("Reduce") or node.op.startswith("Arg"):
        return _reduction(node, shapes)
    return _DESCRIBED[node.op](node, shapes)


def _total(node: Node, shapes: Shapes) -> int:
    return len(shapes[node.inputs[0]])


def _window(node: Node, shapes: Shapes) -> dict[str, Any]:
    """Convolution and pooling, transposed ones too."""
    total = _total(node, shapes)
    number = total - 2
    is_pool = "Pool" in node.op
    widths = node.get("kernel_shape") or shapes[node.inputs[1]][2:]
    ones = [1] * number
    stride, dilation = node.get("strides", ones), node.get("dilations", ones)
    size = shapes[node.inputs[0]][2:]
    transposed = node.op == "ConvTranspose"
    if transposed and node.get("output_shape"):
        raise Unreadable("is told its output's size")
    pads = _pads(node, size, widths, stride, dilation)
    extra = node.get("output_padding", [0] * number)
    ceil = is_pool and bool(node.get("ceil_mode", 0))
    windows = tuple(
        Window(w, s, d, p, x - q if transposed else q, ceil)
        for w, s, d, (p, q), x in zip(
            widths, stride, dilation, pads, extra, strict=True
        )
    )
    return {
        "kind": "spread" if transposed else "window",
        "dims": tuple(range(2, total)),
        "windows": windows,
    }


def _pads(
    node: Node, size: Any, widths: Any, stride: Any, dilation: Any
) -> list[tuple[int, int]]:
    number, auto = len(size), node.get("auto_pad", "NOTSET")
    if auto == "NOTSET":
        pads = node.get("pads", [0] * (2 * number))
        return list(zip(pads[:number], pads[number:], strict=True))
    if auto == "VALID" or node.op == "ConvTranspose":
        if auto != "VALID":
            raise Unreadable("is padded by its output's size")
        return [(0, 0)] * number
    pairs = []
    for n, w, s, d in zip(size, widths, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (w - 1) * d + 1 - n, 0)
        small, large = total // 2, total - total // 2
        pairs.append((small, large) if auto == "SAME_UPPER" else (large, small))
    return pairs


def _global_pool(node: Node, shapes: Shapes) -> dict[str, Any]:
    dims = tuple(range(2, _total(node, shapes)))
    return {"kind": "reduce", "dims": dims, "cause": "global pooling"}


def _reduction(node: Node, shapes: Shapes) -> dict[str, Any]:
    total = _total(node, shapes)
    axes = node.get("axes") or (node.get("axis") is not None and [node.get("axis")])
    axes = axes or node.input(1) or range(total)
    return {
        "kind": "reduce",
        "dims": tuple(int(a) % total for a in axes),
        "cause": "global pooling",
    }


def _resize(node: Node, shapes: Shapes) -> dict[str, Any]:
    if node.get("antialias", 0):
        raise Unreadable("antialiases")
    where = node.get("coordinate_transformation_mode", "half_pixel")
    if node.op == "Upsample":
        where = "asymmetric"
    if where not in {*HALF_PIXEL, "asymmetric", "align_corners"}:
        raise Unreadable(f"interpolates by {where}")
    mode = node.get("mode", "nearest")
    rounding = node.get("nearest_mode", "round_prefer_floor")
    half = where in HALF_PIXEL
    if mode == "nearest" and rounding != "floor":
        half = _is_half(half, rounding, node, shapes)
    return {
        "kind": "resize",
        "dims": tuple(range(2, _total(node, shapes))),
        "mode": mode,
        "half_pixel": half,
        "cause": "align_corners" if where == "align_corners" else "",
    }


def _is_half(half: bool, rounding: str, node: Node, shapes: Shapes) -> bool:
    """Whether a rounded nearest neighbour is floor((o + ½) / scale).

    So it is for whole factors: round((o + ½) / scale − ½) has no ties there but where
    the scale is odd, and then they are whole numbers.
    """
    old, new = shapes[node.inputs[0]], shapes[node.outputs[0]]
    whole = all(n % o == 0 for o, n in zip(old, new, strict=True))
    if half and whole and rounding.startswith("round"):
        return True
    raise Unreadable(f"takes the nearest pixel by {rounding}")


def _pad(node: Node, shapes: Shapes) -> dict[str, Any]:
    total = _total(node, shapes)
    pads = node.get("pads") or node.input(1) or []
    axes = [a % total for a in node.input(3) or range(total)]
    before, after = pads[: len(axes)], pads[len(axes) :]
    windows = tuple(
        Window(before=a, after=b) for a, b in zip(before, after, strict=True)
    )
    mode = PAD_MODES[node.get("mode", "constant")]
    cause = "shape arithmetic"
    return {"kind": "pad", "dims": tuple(axes), "windows": windows, "mode": mode,
            "cause": cause}  # fmt: skip


def _slice(node: Node, shapes: Shapes) -> dict[str, Any]:
    shape = shapes[node.inputs[0]]
    starts, ends = node.input(1) or [], node.input(2) or []
    axes = [a % len(shape) for a in node.input(3) or range(len(starts))]
    strides = node.input(4) or [1] * len(starts)
    if any(s < 1 for s in strides) or (len(axes) > 1 and max(strides) > 1):
        raise Unreadable("is a mirror, or leaves pixels out along several axes")
    windows = []
    for start, end, dim, stride in zip(starts, ends, axes, strides, strict=True):
        size = shape[dim]
        first = max(start + size, 0) if start < 0 else min(start, size)
        last = end + size if end < 0 else min(end, size)
        if stride > 1:
            window = Window(stride=stride, before=first)
            return {"kind": "every", "dims": (dim,), "windows": (window,)}
        windows.append(Window(before=-first, after=last - size))
    return {
        "kind": "pad",
        "dims": tuple(axes),
        "windows": tuple(windows),
        "mode": "zeros",
    }


def _split(node: Node, shapes: Shapes) -> dict[str, Any]:
    if node.get("axis", 0) % _total(node, shapes) != 1:
        raise Unreadable("splits another dimension than the channels")
    return {"kind": "pointwise", "reads": tuple(node.inputs[:1])}


def _concat(node: Node, shapes: Shapes) -> dict[str, Any]:
    dim = node.get("axis", 0) % _total(node, shapes)
    return {"kind": "join", "dims": (dim,), "reads": tuple(node.inputs)}


def _transpose(node: Node, shapes: Shapes) -> dict[str, Any]:
    total = _total(node, shapes)
    return {"kind": "permute", "dims": tuple(node.get("perm") or range(total)[::-1])}


def _shuffle(node: Node, shapes: Shapes) -> dict[str, Any]:
    factor = node.get("blocksize")
    up = node.op == "DepthToSpace"
    window = Window(width=factor) if up else Window(stride=factor)
    return {"kind": "shuffle", "dims": (2, 3), "windows": (window,) * 2}


def _matmul(node: Node, shapes: Shapes) -> dict[str, Any]:
    left, right = node.inputs[:2]
    a, b = len(shapes[left]), len(shapes[right])
    shared = "abcdefgh"[: max(a, b) - 2]
    labels = (
        shared[len(shared) - a + 2 :] + "xk",
        shared[len(shared) - b + 2 :] + "ky",
    )
    is_weight = right in node.known or left in node.known
    return {
        "kind": "contract",
        "reads": (left, right),
        "labels": (*labels, shared + "xy"),
        "cause": "dense layer over positions" if is_weight else "attention",
    }


def _gemm(node: Node, shapes: Shapes) -> dict[str, Any]:
    left = "kx" if node.get("transA", 0) else "xk"
    right = "yk" if node.get("transB", 0) else "ky"
    cause = "dense layer over positions"
    return {"kind": "contract", "reads": tuple(node.inputs[:2]),
            "labels": (left, right, "xy"), "cause": cause}  # fmt: skip


def _einsum(node: Node, shapes: Shapes) -> dict[str, Any]:
    left, _, result = node.get("equation").replace(" ", "").partition("->")
    if "." in left or not result:
        raise Unreadable("has an ellipsis")
    return {"kind": "contract", "reads": tuple(node.inputs),
            "labels": (*left.split(","), result)}  # fmt: skip


def _softmax(node: Node, shapes: Shapes) -> dict[str, Any]:
    dim = node.get("axis", -1) % _total(node, shapes)
    return {"kind": "mix", "dims": (dim,), "cause": "softmax over positions"}


def _instance_norm(node: Node, shapes: Shapes) -> dict[str, Any]:
    """Group norm is exported as instance norm of reshaped channels."""
    kind = "group norm" if node.module == "GroupNorm" else "instance norm"
    return {"kind": "mix", "dims": tuple(range(2, _total(node, shapes))), "cause": kind}


def _group_norm(node: Node, shapes: Shapes) -> dict[str, Any]:
    return {"kind": "mix", "dims": tuple(range(1, _total(node, shapes))),
            "cause": "group norm"}  # fmt: skip


def _layer_norm(node: Node, shapes: Shapes) -> dict[str, Any]:
    total = _total(node, shapes)
    first = node.get("axis", -1) % total
    return {"kind": "mix", "dims": tuple(range(first, total)), "cause": "layer norm"}


def _batch_norm(node: Node, shapes: Shapes) -> dict[str, Any]:
    reads = tuple(node.inputs[:1])
    if not node.get("training_mode", 0):
        return {"kind": "pointwise", "reads": reads}
    dims = (0, *range(2, _total(node, shapes)))
    return {"kind": "mix", "dims": dims, "cause": "batch norm in training mode"}


def _dropout(node: Node, shapes: Shapes) -> dict[str, Any]:
    trained = len(node.inputs) > 2 and bool(node.input(2))
    cause = "dropout" if trained and (node.input(2) or [0])[0] else ""
    return {"kind": "pointwise", "reads": tuple(node.inputs[:1]), "cause": cause}


_DESCRIBED: dict[str, Callable[[Node, Shapes], dict[str, Any]]] = {
    "Conv": _window, "ConvTranspose": _window, "MaxPool": _window,
    "AveragePool": _window, "LpPool": _window, "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool, "Resize": _resize, "Upsample": _resize, "Pad": _pad,
    "Slice": _slice, "Split": _split, "Concat": _concat, "Transpose": _transpose,
    "DepthToSpace": _shuffle, "SpaceToDepth": _shuffle, "MatMul": _matmul,
    "Gemm": _gemm, "Einsum": _einsum, "Softmax": _softmax, "LogSoftmax": _softmax,
    "InstanceNormalization": _instance_norm, "GroupNormalization": _group_norm,
    "LayerNormalization": _layer_norm, "RMSNormalization": _layer_norm,
    "BatchNormalization": _batch_norm, "Dropout": _dropout,
}  # fmt: skip
