"""The graph way: period, context, padding and legal sizes, node by node.

Along each axis every tensor has a *sight*: how many pixels it has for one of the input,
and which input pixels each of its phases sees. Steps change it by integer rules, so
that the period is the least common multiple of what was met, and the context is exact,
over all phases. What the rules do not know is named, and nothing is said then.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import floor, prod
from typing import TYPE_CHECKING

from napari_shiftseg.networks.finding import layout as layouts
from napari_shiftseg.networks.finding.found import AxisFound, Padding
from napari_shiftseg.networks.finding.layout import OTHER, Atom, Layout
from napari_shiftseg.networks.finding.legal_sizes import SizeStep, size_rule
from napari_shiftseg.networks.finding.sight import Sight, joined
from napari_shiftseg.networks.finding.steps import Graph, Step, Unreadable, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

# from the most to the least harmful at a tile's border
PADDINGS: tuple[Padding, ...] = ("zeros", "reflect", "replicate", "circular")


@dataclass(frozen=True)
class Trap:
    """A layer that tiles must know of."""

    kind: str
    layer: str


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


@dataclass(frozen=True)
class Value:
    """A tensor: its dimensions, and what it sees along each axis of the image."""

    layout: Layout
    sights: tuple[Sight | None, ...]  # None: has no place along this axis
    whole: frozenset[int] = frozenset()  # axes along which it sees the whole tile
    raw: bool = False  # the image itself, changed pixel by pixel at most
    pooled: int | None = None  # the trap that took its place away


@dataclass
class _Walk:
    graph: Graph
    values: dict[str, Value] = field(default_factory=dict)
    traps: list[Trap] = field(default_factory=list)
    paddings: list[set[str]] = field(default_factory=list)  # met, of each axis
    sizes: list[list[SizeStep]] = field(default_factory=list)  # of each axis

    @property
    def ndim(self) -> int:
        return len(self.graph.shapes[self.graph.reads]) - 2

    def trap(self, kind: str, layer: str) -> int:
        self.traps.append(Trap(kind, layer))
        return len(self.traps) - 1

    def shape(self, name: str) -> tuple[int, ...]:
        return self.graph.shapes[name]

    def size_step(self, axis: int, step: Step, kind: str, **how: object) -> None:
        reads = tuple(name for name in step.reads if self.has_place(name, axis))
        made = SizeStep(kind, reads, step.writes, **how)  # type: ignore[arg-type]
        self.sizes[axis].append(made)

    def has_place(self, name: str, axis: int) -> bool:
        return name in self.values and self.values[name].sights[axis] is not None


def read_graph(graph: Graph) -> GraphFound:
    """Return what a graph says of its network.

    Parameters
    ----------
    graph : Graph
        Of `torch_graph` or `onnx_graph`.
    """
    walk = _Walk(graph)
    ndim = walk.ndim
    walk.paddings = [set() for _ in range(ndim)]
    walk.sizes = [[] for _ in range(ndim)]
    image = layouts.of_image(walk.shape(graph.reads))
    walk.values[graph.reads] = Value(image, (Sight(),) * ndim, raw=True)
    reason = ""
    for step in graph.steps:
        try:
            walk.values[step.writes] = _value(walk, step)
        except (Unreadable, ValueError) as error:
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


def _later_traps(steps: Sequence[Step], walk: _Walk) -> list[Trap]:
    """Return traps that are plain to see after the walk has ended."""
    later = [s for s in steps if s.writes not in walk.values]
    plain = ("instance norm", "group norm", "batch norm in training mode", "dropout",
             "adaptive pooling")  # fmt: skip
    return [Trap(s.cause, s.layer) for s in later if s.cause in plain]


def _value(walk: _Walk, step: Step) -> Value:
    """Return what a step writes."""
    sources = [walk.values[name] for name in step.reads if name in walk.values]
    if step.kind == "unknown":
        raise Unreadable("is not known")
    if not sources:
        raise Unreadable("reads no tensor")
    if step.cause == "dropout":
        walk.trap("dropout", step.layer)
    return _RULES[step.kind](walk, step, sources)


def _pointwise(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    shapes = [
        walk.values[n].layout if n in walk.values else layouts.of_constant(walk.shape(n))
        for n in step.reads
    ]
    result = layouts.broadcast(shapes)
    for name, shape in zip(step.reads, shapes, strict=True):
        if name not in walk.values and _has_places(shape, result):
            walk.trap("positional encoding", step.layer)
    _name_excitation(walk, step, sources)
    result = _sized(result, walk.graph.shapes.get(step.writes, ()))
    value = _together(walk, step, sources, result)
    return replace(value, raw=all(s.raw for s in sources))


def _sized(layout: Layout, shape: tuple[int, ...]) -> Layout:
    """Return a layout whose channels are those of a shape; pieces have fewer."""
    if len(shape) != len(layout):
        return layout
    pairs = zip(layout, shape, strict=True)
    return tuple(d if layouts.axes_of(d) else (Atom(OTHER, n),) for d, n in pairs)


def _has_places(constant: Layout, result: Layout) -> bool:
    """Whether a constant has values of its own for the places along an axis."""
    pairs = zip(reversed(constant), reversed(result), strict=False)
    return any(prod(a.size for a in c) > 1 and layouts.axes_of(r) for c, r in pairs)


def _name_excitation(walk: _Walk, step: Step, sources: list[Value]) -> None:
    """Rename a pooling whose result is multiplied onto pixels."""
    placed = any(all(s.sights) for s in sources)
    if step.op.lower().startswith("mul") and placed:
        for source in sources:
            if source.pooled is not None and not all(source.sights):
                old = walk.traps[source.pooled]
                if old.kind == "global pooling":
                    new = replace(old, kind="squeeze-and-excitation")
                    walk.traps[source.pooled] = new


def _together(
    walk: _Walk, step: Step, sources: list[Value], layout: Layout
) -> Value:
    sights: list[Sight | None] = []
    for axis in range(walk.ndim):
        there = [s for v in sources if (s := v.sights[axis]) is not None]
        sights.append(joined(there) if there else None)
        if there:
            walk.size_step(axis, step, "same")
    whole = frozenset().union(*(v.whole for v in sources))
    pooled = next((v.pooled for v in sources if v.pooled is not None), None)
    return Value(layout, tuple(sights), whole, pooled=pooled)


def _along(
    walk: _Walk, step: Step, source: Value
) -> list[tuple[int, int, Window, Sight]]:
    """Return (dimension, axis, window, sight) of each axis that windows run along."""
    found = []
    windows = step.windows or (Window(),) * len(step.dims)
    for dim, window in zip(step.dims, windows, strict=True):
        if window == Window() and step.kind in ("window", "spread", "pad", "every"):
            continue
        axis = layouts.single(source.layout[dim])
        sight = None if axis is None else source.sights[axis]
        if axis is not None and sight is not None:
            found.append((dim, axis, window, sight))
    return found


def _resized(walk: _Walk, step: Step, source: Value, sights: dict[int, Sight]) -> Value:
    """Return a value with new sights, and new sizes of its dimensions."""
    dims = []
    for dim, size in zip(source.layout, walk.shape(step.writes), strict=True):
        axes = layouts.axes_of(dim)
        same = prod(a.size for a in dim) == size
        dims.append(dim if same else (Atom(axes[0] if axes else OTHER, size),))
    every = tuple(sights.get(a, s) for a, s in enumerate(source.sights))
    for axis, sight in enumerate(every):
        if axis not in sights and sight is not None:
            walk.size_step(axis, step, "same")
    return Value(tuple(dims), every, source.whole, pooled=source.pooled)


def _window(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    sights = {}
    for _, axis, w, sight in _along(walk, step, sources[0]):
        sights[axis] = sight.window(w.width, w.stride, w.dilation, w.before)
        walk.size_step(axis, step, "window", window=w)
        if w.before > 0 or w.after > 0:
            walk.paddings[axis].add("zeros")
    return _resized(walk, step, sources[0], sights)


def _spread(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    sights = {}
    for _, axis, w, sight in _along(walk, step, sources[0]):
        sights[axis] = sight.spread(w.width, w.stride, w.dilation, w.before)
        walk.size_step(axis, step, "spread", window=w)
        if w.span > w.stride:
            walk.paddings[axis].add("zeros")  # what is beyond is not added
    return _resized(walk, step, sources[0], sights)


def _pad(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    sights = {}
    if all(w == Window() for w in step.windows) and step.cause:
        walk.trap(step.cause, step.layer)
    for _, axis, w, sight in _along(walk, step, sources[0]):
        sights[axis] = sight.shifted(-w.before)
        least = max(w.before, w.after) + 1 if step.mode == "reflect" else 1
        walk.size_step(axis, step, "pad", window=w, least=least)
        if w.before > 0 or w.after > 0:
            walk.paddings[axis].add(step.mode)
    return _resized(walk, step, sources[0], sights)


def _every(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    sights = {}
    for _, axis, w, sight in _along(walk, step, sources[0]):
        sights[axis] = sight.shifted(w.before).window(1, w.stride, 1, 0)
        walk.size_step(axis, step, "every", window=w)
    return _resized(walk, step, sources[0], sights)


def _resize(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    sights = {}
    old, new = walk.shape(step.reads[0]), walk.shape(step.writes)
    for dim, axis, _, sight in _along(walk, step, sources[0]):
        scale = Fraction(new[dim], old[dim])
        if scale == 1 and not step.cause:
            continue
        sights[axis] = sight.resized(scale, step.mode, step.half_pixel)
        walk.size_step(axis, step, "scale", scale=scale)
        if step.mode != "nearest":
            walk.paddings[axis].add("replicate")
    if sights and step.cause:
        walk.trap(step.cause, step.layer)
    return _resized(walk, step, sources[0], sights)


def _shuffle(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    sights = {}
    for _, axis, w, sight in _along(walk, step, sources[0]):
        if w.width > 1:
            sights[axis] = sight.spread(w.width, w.width, 1, 0)
            walk.size_step(axis, step, "scale", scale=Fraction(w.width))
        else:
            sights[axis] = sight.window(w.stride, w.stride, 1, 0)
            walk.size_step(axis, step, "scale", scale=Fraction(1, w.stride))
    return _resized(walk, step, sources[0], sights)


def _mixed(walk: _Walk, step: Step, source: Value, kind: str) -> Value:
    """Return a value that sees the whole tile along the axes of some dimensions."""
    axes = {a for dim in step.dims for a in layouts.axes_of(source.layout[dim])}
    if not axes:
        return source
    number = walk.trap("per-tile intensity" if source.raw else kind, step.layer)
    whole = source.whole | axes
    return replace(source, whole=whole, raw=False, pooled=number)


def _mix(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    value = _mixed(walk, step, sources[0], step.cause)
    for axis, sight in enumerate(value.sights):
        if sight is not None:
            walk.size_step(axis, step, "same")
    return replace(value, pooled=sources[0].pooled, raw=False)


def _reduce(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    value = _mixed(walk, step, sources[0], step.cause)
    gone = {a for dim in step.dims for a in layouts.axes_of(value.layout[dim])}
    sights = tuple(None if a in gone else s for a, s in enumerate(value.sights))
    shape = walk.shape(step.writes)
    if len(shape) == len(value.layout):
        kept = [
            (Atom(OTHER, shape[i]),) if i in step.dims else dim
            for i, dim in enumerate(value.layout)
        ]
    else:
        kept = [dim for i, dim in enumerate(value.layout) if i not in step.dims]
    for axis, sight in enumerate(sights):
        if sight is not None:
            walk.size_step(axis, step, "same")
    return replace(value, layout=tuple(kept), sights=sights)


def _contract(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    """A product: positions that are summed over, or met by others, are mixed."""
    *operands, result = step.labels
    dims: dict[str, layouts.Dim] = {}
    met: dict[str, list[layouts.Dim]] = {}
    for name, labels in zip(step.reads, operands, strict=True):
        value = walk.values.get(name)
        layout = value.layout if value else layouts.of_constant(walk.shape(name))
        for label, dim in zip(labels, layout, strict=True):
            met.setdefault(label, []).append(dim)
            if label not in dims or layouts.axes_of(dim):
                dims[label] = dim
    gone = {a for x in met.keys() - set(result) for d in met[x] for a in layouts.axes_of(d)}
    made: list[layouts.Dim] = []
    seen: set[int] = set()
    for label in result:  # the second time an axis comes, it stands for keys
        axes = set(layouts.axes_of(dims[label]))
        again = axes & seen
        gone |= again
        size = prod(a.size for a in dims[label])
        made.append((Atom(OTHER, size),) if again else dims[label])
        seen |= axes
    if gone:
        walk.trap(step.cause or "attention", step.layer)
    sights = tuple(_first_sight(walk, sources, a) if a in seen else None for a in range(walk.ndim))
    for axis, sight in enumerate(sights):
        if sight is not None:
            walk.size_step(axis, step, "same")
    whole = frozenset(gone).union(*(v.whole for v in sources))
    return Value(tuple(made), sights, whole)


def _first_sight(walk: _Walk, sources: list[Value], axis: int) -> Sight | None:
    there = [s for v in sources if (s := v.sights[axis]) is not None]
    return joined(there) if there else None


def _attention(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    """Scaled dot product attention over dimension −2 of query, key and value."""
    query, key = sources[0], sources[min(1, len(sources) - 1)]
    axes = set(layouts.axes_of(key.layout[-2])) | set(layouts.axes_of(key.layout[-1]))
    if axes:
        walk.trap("attention", step.layer)
    value = _together(walk, step, sources, query.layout)
    return replace(value, whole=value.whole | axes)


def _reshape(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    layout = layouts.reshaped(sources[0].layout, walk.shape(step.writes))
    return _moved(walk, step, sources[0], layout)


def _permute(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    layout = tuple(sources[0].layout[dim] for dim in step.dims)
    return _moved(walk, step, sources[0], layout)


def _moved(walk: _Walk, step: Step, source: Value, layout: Layout) -> Value:
    for axis, sight in enumerate(source.sights):
        if sight is not None:
            walk.size_step(axis, step, "same")
    return replace(source, layout=layout)


def _join(walk: _Walk, step: Step, sources: list[Value]) -> Value:
    dim = step.dims[0]
    if any(layouts.axes_of(v.layout[dim]) for v in sources):
        raise Unreadable("joins tensors along an image axis")
    layout = list(layouts.broadcast([v.layout for v in sources]))
    layout[dim] = (Atom(OTHER, walk.shape(step.writes)[dim]),)
    return _together(walk, step, sources, tuple(layout))


_RULES = {
    "pointwise": _pointwise, "window": _window, "spread": _spread, "pad": _pad,
    "every": _every, "resize": _resize, "shuffle": _shuffle, "mix": _mix,
    "reduce": _reduce, "contract": _contract, "attention": _attention,
    "reshape": _reshape, "permute": _permute, "join": _join,
}  # fmt: skip


def _axis(walk: _Walk, axis: int) -> AxisFound:
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
    """Return the most harmful padding that was met."""
    for padding in PADDINGS:
        if padding in met:
            return padding
    return "valid" if eaten else "none"
