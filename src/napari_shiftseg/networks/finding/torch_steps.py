"""What the operators of torch do to the places of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_shiftseg.networks.finding.steps import Unreadable, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import fx

_POINTWISE = """
relu relu6 leaky_relu prelu rrelu gelu elu selu celu silu mish sigmoid log_sigmoid
tanh softplus softsign softshrink hardshrink hardtanh hardswish hardsigmoid threshold
clamp clamp_min clamp_max clip add sub rsub mul div true_divide floor_divide remainder
fmod neg exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square pow abs sign sgn sin
cos tan atan erf floor ceil round trunc frac reciprocal maximum minimum fmax fmin
where to _to_copy type_as clone contiguous detach alias lift_fresh_copy masked_fill eq
ne gt ge lt le logical_and logical_or logical_not logical_xor isnan isfinite
nan_to_num addcmul addcdiv lerp zeros_like ones_like full_like expand expand_as
getitem
"""
_RESHAPES = """
view reshape flatten unflatten _unsafe_view view_as reshape_as squeeze unsqueeze
"""
_REDUCTIONS = """
mean sum amax amin max min prod std var logsumexp norm linalg_vector_norm argmax argmin
any all median
"""
POINTWISE = frozenset(_POINTWISE.split())
RESHAPES = frozenset(_RESHAPES.split())
REDUCTIONS = frozenset(_REDUCTIONS.split())
DROPOUTS = {"dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"}
PAD_MODES = {"constant": "zeros", "reflect": "reflect", "replicate": "replicate",
             "circular": "circular"}  # fmt: skip
NORMS = ("instance_norm", "group_norm", "layer_norm", "batch_norm")
PADS = ("pad1d", "pad2d", "pad3d", "pad_nd")


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in node.meta["val"].shape)


def described(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a step that differ from those of an unknown one.

    Parameters
    ----------
    node : torch.fx.Node
    name : str
        Of its operator, without overload and without the mark of one in place.
    given : dict
        Its arguments by name.

    Raises
    ------
    Unreadable
        If it is not known.
    """
    if name in DROPOUTS:
        trained = given.get("train") and given.get("p", 0)
        return {"kind": "pointwise", "cause": "dropout" if trained else ""}
    if name in POINTWISE:
        return {"kind": "pointwise"}
    if name in RESHAPES:
        return {"kind": "reshape"}
    for matches, describe in _DESCRIBED:
        if matches(name):
            return describe(node, name, given)
    raise Unreadable("is not known")


def _listed(value: Any, number: int, default: int = 0) -> list[int]:
    values = [value] if isinstance(value, int) else list(value or [])
    return (values or [default]) * (number if len(values) < 2 else 1)


def _convolution(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    read = given["input"] if "input" in given else given["self"]
    widths = _shape(given["weight"])[2:]
    number = len(widths)
    stride, dilation = (_listed(given[k], number, 1) for k in ("stride", "dilation"))
    transposed = "transpose" in name or bool(given.get("transposed"))
    extra = _listed(given.get("output_padding"), number)
    pads = _pads(given["padding"], widths, dilation)
    windows = tuple(
        Window(w, s, d, p, x - q if transposed else q)
        for w, s, d, (p, q), x in zip(
            widths, stride, dilation, pads, extra, strict=True
        )
    )
    first = len(_shape(read)) - number
    return {
        "kind": "spread" if transposed else "window",
        "dims": tuple(range(first, first + number)),
        "windows": windows,
        "reads": (read.name,),
    }


def _pads(
    padding: Any, widths: tuple[int, ...], dilation: list[int]
) -> list[tuple[int, int]]:
    if padding == "same":
        spans = [d * (w - 1) for d, w in zip(dilation, widths, strict=True)]
        return [(span // 2, span - span // 2) for span in spans]
    if padding == "valid":
        return [(0, 0)] * len(widths)
    return [(p, p) for p in _listed(padding, len(widths))]


def _pooling(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    read = given["self"]
    number = int(name.partition("pool")[2][0])
    widths = _listed(given["kernel_size"], number)
    stride = _listed(given["stride"] or widths, number)
    dilation = _listed(given.get("dilation", 1), number, 1)
    pads = _listed(given.get("padding"), number)
    ceil = bool(given.get("ceil_mode"))
    first = len(_shape(read)) - number
    return {
        "kind": "window",
        "dims": tuple(range(first, first + number)),
        "windows": tuple(
            Window(w, s, d, p, p, ceil)
            for w, s, d, p in zip(widths, stride, dilation, pads, strict=True)
        ),
    }


def _adaptive(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    read, sizes = given["self"], given["output_size"]
    total = len(_shape(read))
    dims = tuple(range(total - len(sizes), total))
    if any(n != 1 for n in sizes):
        return {"kind": "unknown", "cause": "adaptive pooling"}
    return {"kind": "reduce", "dims": dims, "cause": "global pooling"}


def _upsample(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    if "aa" in name:
        raise Unreadable("antialiases")
    read = given["input"] if "input" in given else given["self"]
    total = len(_shape(read))
    mode = "nearest" if "nearest" in name else "cubic" if "cubic" in name else "linear"
    aligned = bool(given.get("align_corners"))
    return {
        "kind": "resize",
        "dims": tuple(range(2, total)),
        "mode": mode,
        "half_pixel": "nearest" not in name or "exact" in name,
        "cause": "align_corners" if aligned else "",
    }


def _padding(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    amounts = list(given.get("pad", given.get("padding", ())))
    total = len(_shape(given["self"]))
    number = len(amounts) // 2
    mode = given.get("mode") or (
        "reflect" if "reflection" in name else "replicate" if "replic" in name else
        "constant"
    )  # fmt: skip
    pairs = [(amounts[2 * i], amounts[2 * i + 1]) for i in range(number)][::-1]
    return {
        "kind": "pad",
        "dims": tuple(range(total - number, total)),
        "windows": tuple(Window(before=a, after=b) for a, b in pairs),
        "mode": PAD_MODES[mode],
        "cause": "shape arithmetic",
    }


def _crop(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Slice and narrow, as what is left away before, after and between."""
    shape = _shape(given["self"])
    dim = given["dim"] % len(shape)
    size = shape[dim]
    start = given.get("start") or 0
    end = start + given["length"] if name == "narrow" else given.get("end")
    stride = given.get("step") or 1
    start = max(start + size, 0) if start < 0 else start
    end = size if end is None or end > size else end + size if end < 0 else end
    if stride > 1:
        window = Window(stride=stride, before=start)
        return {"kind": "every", "dims": (dim,), "windows": (window,)}
    window = Window(before=-start, after=end - size)
    return {"kind": "pad", "dims": (dim,), "windows": (window,), "mode": "zeros"}


def _norm(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    read = given["input"] if "input" in given else given["self"]
    total = len(_shape(read))
    where = {"reads": (read.name,)}
    if "batch_norm" in name:
        trained = given.get("training", given.get("train", False))
        trained = trained and "no_training" not in name
        if not trained:
            return {"kind": "pointwise", **where}
        dims = (0, *range(2, total))
        return {
            "kind": "mix",
            "dims": dims,
            "cause": "batch norm in training mode",
            **where,
        }
    if "instance" in name:
        if not given["use_input_stats"]:
            return {"kind": "pointwise", **where}
        return {
            "kind": "mix",
            "dims": tuple(range(2, total)),
            "cause": "instance norm",
            **where,
        }
    if "group" in name:
        return {
            "kind": "mix",
            "dims": tuple(range(1, total)),
            "cause": "group norm",
            **where,
        }
    first = total - len(given["normalized_shape"])
    return {
        "kind": "mix",
        "dims": tuple(range(first, total)),
        "cause": "layer norm",
        **where,
    }


def _softmax(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    dim = given["dim"] % len(_shape(given["self"]))
    return {"kind": "mix", "dims": (dim,), "cause": "softmax over positions"}


def _reduction(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    total = len(_shape(given["self"]))
    if given.get("other") is not None:
        return {"kind": "pointwise"}  # max and min of two tensors
    dims = given.get("dim")
    dims = (
        range(total)
        if dims in (None, [])
        else [dims]
        if isinstance(dims, int)
        else dims
    )
    return {
        "kind": "reduce",
        "dims": tuple(d % total for d in dims),
        "cause": "global pooling",
    }


def _product(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    left, right = given["self"], given["other" if "other" in given else "mat2"]
    a, b = len(_shape(left)), len(_shape(right))
    if a < 2 or b < 2:
        raise Unreadable("is a product with a vector")
    shared = "abcdefgh"[: max(a, b) - 2]
    labels = (
        shared[len(shared) - a + 2 :] + "xk",
        shared[len(shared) - b + 2 :] + "ky",
    )
    return {
        "kind": "contract",
        "reads": (left.name, right.name),
        "labels": (*labels, shared + "xy"),
    }


def _linear(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    read = given["input"]
    kept = "abcdefgh"[: len(_shape(read)) - 1]
    return {
        "kind": "contract",
        "reads": (read.name, given["weight"].name),
        "labels": (kept + "k", "yk", kept + "y"),
        "cause": "dense layer over positions",
    }


def _einsum(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    left, _, result = given["equation"].replace(" ", "").partition("->")
    if "." in left or not result:
        raise Unreadable("has an ellipsis")
    reads = tuple(n.name for n in given["tensors"])
    return {"kind": "contract", "reads": reads, "labels": (*left.split(","), result)}


def _sdpa(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    reads = tuple(given[k].name for k in ("query", "key", "value"))
    return {"kind": "attention", "reads": reads}


def _joined(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    reads = tuple(n.name for n in given["tensors"])
    return {"kind": "join", "dims": (given["dim"] % len(_shape(node)),), "reads": reads}


def _permuted(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    total = len(_shape(node))
    if name == "permute":
        return {"kind": "permute", "dims": tuple(d % total for d in given["dims"])}
    order = list(range(total))
    one, two = (given["dim0"], given["dim1"]) if name != "t" else (0, 1)
    order[one], order[two] = order[two], order[one]
    return {"kind": "permute", "dims": tuple(order)}


def _shuffled(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    up = "unshuffle" not in name
    factor = given["upscale_factor" if up else "downscale_factor"]
    window = Window(width=factor) if up else Window(stride=factor)
    total = len(_shape(node))
    return {"kind": "shuffle", "dims": (total - 2, total - 1), "windows": (window,) * 2}


def _pieces(node: fx.Node, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Pieces of the channels; those of an image axis are not known."""
    total = len(_shape(given["self"]))
    if given["dim"] % total != 1:
        raise Unreadable("splits another dimension than the channels")
    return {"kind": "pointwise"}


_DESCRIBED: list[tuple[Callable[[str], bool], Callable[..., dict[str, Any]]]] = [
    (lambda n: n.startswith("conv"), _convolution),
    (lambda n: n.startswith("adaptive"), _adaptive),
    (lambda n: n.startswith(("max_pool", "avg_pool")), _pooling),
    (lambda n: "upsample" in n, _upsample),
    (lambda n: n == "pad" or n.endswith(PADS), _padding),
    (lambda n: n in ("slice", "narrow"), _crop),
    (lambda n: n.endswith(NORMS) or "batch_norm" in n, _norm),
    (lambda n: n.endswith("softmax"), _softmax),
    (lambda n: n in REDUCTIONS, _reduction),
    (lambda n: n in ("matmul", "bmm", "mm"), _product),
    (lambda n: n == "linear", _linear),
    (lambda n: n == "einsum", _einsum),
    (lambda n: n == "scaled_dot_product_attention", _sdpa),
    (lambda n: n in ("cat", "concat", "concatenate"), _joined),
    (lambda n: n in ("permute", "transpose", "t", "swapaxes"), _permuted),
    (lambda n: n in ("pixel_shuffle", "pixel_unshuffle"), _shuffled),
    (lambda n: n in ("split", "chunk", "split_with_sizes"), _pieces),
]  # fmt: skip
