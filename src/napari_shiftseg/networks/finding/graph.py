"""The graph way: period, context, padding and legal sizes, node by node.

Along each axis every tensor has a *sight*: how many pixels it has for one of the input,
and which input pixels each of its phases sees. Steps change it by integer rules, so
that the period is the least common multiple of what was met, and the context is exact,
over all phases. What the rules do not know is named, and nothing is said then.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

from napari_shiftseg.networks.finding import layout as layouts
from napari_shiftseg.networks.finding import local_rules, mixing_rules
from napari_shiftseg.networks.finding.found import AxisFound, Padding
from napari_shiftseg.networks.finding.legal_sizes import size_rule
from napari_shiftseg.networks.finding.sight import Sight
from napari_shiftseg.networks.finding.steps import Graph, Step, Unreadable
from napari_shiftseg.networks.finding.walk import Trap, Value, Walk

if TYPE_CHECKING:
    from collections.abc import Sequence

# the first that is met names it; an interpolation repeats the edge beside any of them
PADDINGS: tuple[Padding, ...] = ("zeros", "reflect", "circular", "replicate")


# what a rule raises at a step it was not made for
ODD = (ValueError, LookupError, TypeError, ArithmeticError)
_RULES = {
    **{kind: getattr(local_rules, kind) for kind in (
        "pointwise", "window", "spread", "pad", "every", "resize", "shuffle", "reshape",
        "permute", "join",
    )},
    **{kind: getattr(mixing_rules, kind) for kind in (
        "mix", "reduce", "contract", "attention"
    )},
}  # fmt: skip


@dataclass(frozen=True)
class GraphFound:
    """What the graph says.

    Attributes
    ----------
    axes : tuple of AxisFound, or None
        None where a step is not known.
    traps : tuple of Trap
        In the order of computation.
    reason : str
        Why there are no axes; empty if there are.
    """

    axes: tuple[AxisFound, ...] | None
    traps: tuple[Trap, ...]
    reason: str = ""


def read_graph(graph: Graph) -> GraphFound:
    """Return what a graph says of its network.

    Parameters
    ----------
    graph : Graph
        Of `torch_graph` or `onnx_graph`.
    """
    walk = Walk(graph)
    ndim = walk.ndim
    walk.paddings = [set() for _ in range(ndim)]
    walk.sizes = [[] for _ in range(ndim)]
    image = layouts.of_image(walk.shape(graph.reads))
    walk.values[graph.reads] = Value(image, (Sight(),) * ndim, raw=True)
    reason = ""
    for step in graph.steps:
        try:
            walk.values[step.writes] = _value(walk, step)
        except ODD as error:
            reason = f"{step.layer} ({step.op}) {error}"
            break
    traps = [*walk.traps, *_later_traps(graph.steps, walk)] if reason else walk.traps
    if reason:
        return GraphFound(None, tuple(traps), reason)
    try:
        axes = tuple(_axis(walk, axis) for axis in range(ndim))
    except Unreadable as error:
        return GraphFound(None, tuple(traps), str(error))
    return GraphFound(axes, tuple(traps))


def _later_traps(steps: Sequence[Step], walk: Walk) -> list[Trap]:
    """Return traps that are plain to see after the walk has ended."""
    later = [s for s in steps if s.writes not in walk.values]
    plain = ("instance norm", "group norm", "batch norm in training mode", "dropout",
             "adaptive pooling")  # fmt: skip
    return [Trap(s.cause, s.layer) for s in later if s.cause in plain]


def _value(walk: Walk, step: Step) -> Value:
    """Return what a step writes."""
    sources = [walk.values[name] for name in step.reads if name in walk.values]
    if step.kind == "unknown":
        raise Unreadable("is not known")
    if not sources:
        raise Unreadable("reads no tensor")
    if step.cause == "dropout":
        walk.trap("dropout", step.layer)
    value: Value = _RULES[step.kind](walk, step, sources)
    return value


def _axis(walk: Walk, axis: int) -> AxisFound:
    """Return what the walk says along one axis."""
    graph = walk.graph
    value = walk.values[graph.writes]
    sight = value.sights[axis]
    if sight is None or len(value.layout) != walk.ndim + 2:
        raise Unreadable("gives no value a pixel: there is nothing to tile")
    size = walk.shape(graph.reads)[2 + axis]
    steps, period, rate = walk.sizes[axis], sight.period, sight.rate
    rule = size_rule(steps, graph.reads, graph.writes, period, rate, size)
    total = max(int(rule.lost), 0)
    # the middle of an output pixel of 1 / rate input pixels is half of them further
    first = sight.middle - (1 / rate - 1) / 2
    eaten = min(max(floor(first + Fraction(1, 2)), 0), total)
    before, after = _reach(sight, eaten)
    return AxisFound(
        period=period,
        before=None if axis in value.whole else before,
        after=None if axis in value.whole else after,
        eaten=(eaten, total - eaten),
        padding=_padding(walk.paddings[axis], total),
        multiple=rule.multiple,
        remainder=rule.remainder,
        smallest=rule.smallest,
        scale=rate,
    )


def _reach(sight: Sight, eaten: int) -> tuple[int, int]:
    """Return how far output pixels see before and after their place."""
    before, after = 0, 0
    for number in range(len(sight.phases)):
        seen, place = sight.at(number), floor(number / sight.rate) + eaten
        if seen:
            before, after = max(before, place - seen[0]), max(after, seen[1] - place)
    return before, after


def _padding(met: set[str], eaten: int) -> Padding:
    """Return the padding that was met."""
    for padding in PADDINGS:
        if padding in met:
            return padding
    return "valid" if eaten else "none"
