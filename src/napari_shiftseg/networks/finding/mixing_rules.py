"""What steps that mix all positions make of a sight: norms, pooling, attention."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from napari_shiftseg.networks.finding import layout as layouts
from napari_shiftseg.networks.finding.layout import OTHER, Atom
from napari_shiftseg.networks.finding.sight import Sight, joined
from napari_shiftseg.networks.finding.walk import Value, Walk, together

if TYPE_CHECKING:
    from napari_shiftseg.networks.finding.steps import Step


def _mixed(walk: Walk, step: Step, source: Value, kind: str) -> Value:
    """Return a value that sees the whole tile along the axes of some dimensions."""
    axes = {a for dim in step.dims for a in layouts.axes_of(source.layout[dim])}
    if not axes:
        return source
    number = walk.trap("per-tile intensity" if source.raw else kind, step.layer)
    whole = source.whole | axes
    return replace(source, whole=whole, raw=False, pooled=number)


def mix(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Mix all positions and keep the shape: norms, softmax."""
    value = _mixed(walk, step, sources[0], step.cause)
    for axis, sight in enumerate(value.sights):
        if sight is not None:
            walk.size_step(axis, step, "same")
    return replace(value, pooled=sources[0].pooled, raw=False)


def reduce(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Reduce dimensions: means and maxima, pooling over all."""
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


def contract(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Multiply; positions that are summed over, or met by others, are mixed."""
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
    gone = {
        a for x in met.keys() - set(result) for d in met[x] for a in layouts.axes_of(d)
    }
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
    sights = tuple(
        _first_sight(walk, sources, a) if a in seen else None for a in range(walk.ndim)
    )
    for axis, sight in enumerate(sights):
        if sight is not None:
            walk.size_step(axis, step, "same")
    whole = frozenset(gone).union(*(v.whole for v in sources))
    return Value(tuple(made), sights, whole)


def _first_sight(walk: Walk, sources: list[Value], axis: int) -> Sight | None:
    there = [s for v in sources if (s := v.sights[axis]) is not None]
    return joined(there) if there else None


def attention(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Scaled dot product attention over dimension −2 of query, key and value."""
    query, key = sources[0], sources[min(1, len(sources) - 1)]
    axes = set(layouts.axes_of(key.layout[-2])) | set(layouts.axes_of(key.layout[-1]))
    if axes:
        walk.trap("attention", step.layer)
    value = together(walk, step, sources, query.layout)
    return replace(value, whole=value.whole | axes)
