"""The graph of a torch module, read through `torch.export`."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from math import prod
from typing import TYPE_CHECKING, Any

import torch

from napari_shiftseg.networks.finding.steps import (
    Graph,
    Step,
    Unreadable,
    needed,
)
from napari_shiftseg.networks.finding.torch_steps import described

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx, nn


def torch_graph(module: nn.Module, size: tuple[int, ...], channels: int) -> Graph:
    """Read the graph of a module at one input size.

    Parameters
    ----------
    module : torch.nn.Module
        Of one image (batch, channels, *size) to one prediction. Not changed.
    size : tuple of int
        Which it can read, in pixels.
    channels : int
        Of the image.

    Raises
    ------
    Unreadable
        If torch cannot export it; the message says why in one line.
    """
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    example = torch.zeros(1, channels, *size, dtype=dtype)
    with warnings.catch_warnings(), _quiet(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(module, (example,))
        except Exception as error:  # noqa: BLE001  whatever a foreign module raises
            first = str(error).strip().partition("\n")[0] or type(error).__name__
            raise Unreadable(f"torch cannot export it: {first}") from None
    return _read(program, len(size))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from printing the whole graph where it cannot be exported."""
    logger = logging.getLogger("torch.fx.experimental.symbolic_shapes")
    before, logger.disabled = logger.disabled, True
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        logger.disabled = before


def _read(program: Any, ndim: int) -> Graph:
    signature = program.graph_signature
    reads = signature.user_inputs[0]
    steps, shapes = [], {}
    for node in program.graph.nodes:
        value = node.meta.get("val")
        first = value[0] if isinstance(value, (list, tuple)) and value else value
        shape = getattr(first, "shape", None)
        if shape is not None:
            shapes[node.name] = tuple(int(n) for n in shape)
        if node.op == "call_function":
            steps.append(_step(node))
    outputs = [n for n in signature.user_outputs if len(shapes.get(n, ())) == ndim + 2]
    if not outputs:
        raise Unreadable("it gives no tensor of (batch, channels, *size)")
    known = _dependent(steps, reads)
    more = len(signature.user_outputs) - 1
    notes = (f"of {more + 1} outputs the first is read",) if more else ()
    widest = max(
        (prod(shapes[s.writes]) for s in known if s.writes in shapes), default=1
    )
    return Graph(
        tuple(needed(known, outputs[0])), shapes, reads, outputs[0], widest, notes
    )


def _dependent(steps: list[Step], reads: str) -> list[Step]:
    """Return the steps that depend on the image; the others are constants."""
    known, kept = {reads}, []
    for step in steps:
        if known.intersection(step.reads):
            known.add(step.writes)
            kept.append(step)
    return kept


def _step(node: fx.Node) -> Step:
    """Return the step of a node; of kind "unknown" if it is not known."""
    name, given = _arguments(node)
    reads = tuple(n.name for n in node.all_input_nodes)
    base = Step(_layer(node), name, "unknown", reads, node.name)
    try:
        how = described(node, name.rstrip("_"), given)
    except (Unreadable, KeyError, IndexError, TypeError, AttributeError):
        return base
    if "reads" not in how and how.get("kind") != "pointwise":
        how["reads"] = reads[:1]
    return Step(**{**vars(base), **how})


def _arguments(node: fx.Node) -> tuple[str, dict[str, Any]]:
    """Return the name of an operator and its arguments, defaults too."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return getattr(node.target, "__name__", str(node.target)), dict(node.kwargs)
    name = schema.name.partition("::")[2]
    names = [a.name for a in schema.arguments]
    given = {a.name: a.default_value for a in schema.arguments if a.has_default_value()}
    given.update(zip(names, node.args, strict=False))
    return name, {**given, **node.kwargs}


def _layer(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    names = [name for name, _ in stack.values() if name]
    return str(names[-1]) if names else str(node.name)
