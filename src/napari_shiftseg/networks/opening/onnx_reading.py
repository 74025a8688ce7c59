"""ONNX files: read with the weights beside them, and checked; nothing is run."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

from napari_shiftseg.networks.opening.bundle import MOST_BYTES, refuse_outside
from napari_shiftseg.networks.opening.trust import (
    UnreadableNetworkError,
    hash_of,
    said_by,
)
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import ModelProto, TensorProto, ValueInfoProto

    from napari_shiftseg.networks.opening.bundle import Bundle

T = TypeVar("T")
INSTALL = 'pip install "napari-shiftseg[onnx]"'
OWN_DOMAINS = ("", "ai.onnx", "com.microsoft")  # onnxruntime brings their operators
MOST_LAYERS, MOST_FUNCTIONS = 20_000, 1000
MOST_VALUES = 2**30  # of one tensor within the network, where its size is known


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


def read_onnx(name: str, content: bytes, bundle: Bundle) -> tuple[ModelProto, str]:
    """Read an ONNX file and the weights beside it; nothing of it is run.

    Parameters
    ----------
    name : str
        Of the file.
    content : bytes
        Of the file.
    bundle : Bundle
        That holds it; weights outside of it are refused.

    Returns
    -------
    ModelProto, str
        And the SHA-256 of what was read: of the file's bytes; where weights lie beside
        it, of its sum and theirs, one a line, in the order of their names.

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
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, UnreadableNetworkError):
            raise
        raise NotOnnxError(str(damaged_onnx(name, error))) from None
    if not model.graph.node:
        raise NotOnnxError(
            f"{name} is no ONNX network: it has no layers. Get the file again"
        )
    _refuse_foreign_operators(model, name)
    _refuse_endless(model, name)
    beside = _bring_weights(model, name, bundle)
    _refuse_huge(model, name)
    return model, _sum_of(content, beside)


def _sum_of(content: bytes, beside: dict[str, bytes]) -> str:
    """Return the SHA-256 of a file, and of those that belong to it."""
    sums = [hash_of(content), *(hash_of(beside[name]) for name in sorted(beside))]
    return hash_of("\n".join(sums).encode()) if beside else sums[0]


def damaged_onnx(name: str, error: Exception) -> UnreadableNetworkError:
    """Return an error of a file that is damaged, or no ONNX network.

    Parameters
    ----------
    name : str
        Of the file.
    error : Exception
        Of onnx or onnxruntime.
    """
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


def _refuse_endless(model: ModelProto, name: str) -> None:
    """Refuse more layers than any network has, once its functions are written out."""
    from onnx import NodeProto

    left = {(each.domain, each.name): each for each in model.functions}
    number: dict[tuple[str, str], int] = {}

    def layers(message: Any) -> int:
        parts = _parts(message, NodeProto)
        return sum(1 + number.get((each.domain, each.op_type), 0) for each in parts)

    while left and len(left) <= MOST_FUNCTIONS:
        known = {
            key: layers(each)
            for key, each in left.items()
            if not any((n.domain, n.op_type) in left for n in _parts(each, NodeProto))
        }
        if not known:  # functions that use each other in a circle
            break
        number |= known
        left = {key: each for key, each in left.items() if key not in known}
    if left or layers(model.graph) > MOST_LAYERS:
        raise UnreadableNetworkError(
            f"{name} has more than {MOST_LAYERS:,} layers once its functions are "
            f"written out, or they never end: no network has so many"
        )


def _bring_weights(model: ModelProto, name: str, bundle: Bundle) -> dict[str, bytes]:
    """Put weights that lie in files beside the network into it; returns the files."""
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
    return files


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
    except (
        onnx.shape_inference.InferenceError,
        onnx.checker.ValidationError,
        RuntimeError,
        ValueError,
    ) as error:
        raise damaged_onnx(name, error) from None
    for value in (*known.input, *known.value_info, *known.output):
        declared[value.name] = tuple(d or 1 for d in dims_of(value))
    for tensor, size in declared.items():
        if min(size, default=1) < 0 or prod(size) > MOST_VALUES:
            raise UnreadableNetworkError(
                f"{name}: the tensor {brief(tensor)} has the size {brief(size)}; at "
                f"most {MOST_VALUES:,} values are made: it is damaged or malicious"
            )


def dims_of(value: ValueInfoProto) -> tuple[int | None, ...]:
    """Return the sizes of a tensor, None where they are free.

    Parameters
    ----------
    value : ValueInfoProto
    """
    shape = value.type.tensor_type.shape
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in shape.dim)
