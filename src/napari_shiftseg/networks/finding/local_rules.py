"""What steps that look at a neighbourhood, or at one pixel, make of a sight."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import prod

from napari_shiftseg.networks.finding import layout as layouts
from napari_shiftseg.networks.finding.layout import OTHER, Atom, Layout
from napari_shiftseg.networks.finding.steps import Step, Unreadable, Window
from napari_shiftseg.networks.finding.walk import (
    Value,
    Walk,
    along,
    moved,
    resized,
    together,
)


def pointwise(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Broadcast operands, and join what they see."""
    shapes = [
        walk.values[n].layout
        if n in walk.values
        else layouts.of_constant(walk.shape(n))
        for n in step.reads
    ]
    result = layouts.broadcast(shapes)
    for name, shape in zip(step.reads, shapes, strict=True):
        if name not in walk.values and _has_places(shape, result):
            walk.trap("positional encoding", step.layer)
    _name_excitation(walk, step, sources)
    result = _sized(result, walk.graph.shapes.get(step.writes, ()))
    value = together(walk, step, sources, result)
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


def _name_excitation(walk: Walk, step: Step, sources: list[Value]) -> None:
    """Rename a pooling whose result is multiplied onto pixels."""
    placed = any(all(s.sights) for s in sources)
    if step.op.lower().startswith("mul") and placed:
        for source in sources:
            if source.pooled is not None and not all(source.sights):
                old = walk.traps[source.pooled]
                if old.kind == "global pooling":
                    new = replace(old, kind="squeeze-and-excitation")
                    walk.traps[source.pooled] = new


def window(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Look at a neighbourhood: convolution, pooling."""
    sights = {}
    for _, axis, w, sight in along(walk, step, sources[0]):
        sights[axis] = sight.window(w.width, w.stride, w.dilation, w.before)
        walk.size_step(axis, step, "window", window=w)
        if w.before > 0 or w.after > 0:
            walk.paddings[axis].add("zeros")
    return resized(walk, step, sources[0], sights)


def spread(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Write to a neighbourhood: transposed convolution."""
    sights = {}
    for _, axis, w, sight in along(walk, step, sources[0]):
        sights[axis] = sight.spread(w.width, w.stride, w.dilation, w.before)
        walk.size_step(axis, step, "spread", window=w)
        if w.span > w.stride:
            walk.paddings[axis].add("zeros")  # what is beyond is not added
    return resized(walk, step, sources[0], sights)


def pad(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Pad, or crop."""
    sights = {}
    if all(w == Window() for w in step.windows) and step.cause:
        walk.trap(step.cause, step.layer)
    for _, axis, w, sight in along(walk, step, sources[0]):
        sights[axis] = sight.shifted(-w.before)
        least = max(w.before, w.after) + 1 if step.mode == "reflect" else 1
        walk.size_step(axis, step, "pad", window=w, least=least)
        if w.before > 0 or w.after > 0:
            walk.paddings[axis].add(step.mode)
    return resized(walk, step, sources[0], sights)


def every(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Take every so many pixels."""
    sights = {}
    for _, axis, w, sight in along(walk, step, sources[0]):
        sights[axis] = sight.shifted(w.before).window(1, w.stride, 1, 0)
        walk.size_step(axis, step, "every", window=w)
    return resized(walk, step, sources[0], sights)


def resize(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Interpolate."""
    sights = {}
    old, new = walk.shape(step.reads[0]), walk.shape(step.writes)
    for dim, axis, _, sight in along(walk, step, sources[0]):
        scale = Fraction(new[dim], old[dim])
        if scale == 1 and not step.cause:
            continue
        sights[axis] = sight.resized(scale, step.mode, step.half_pixel)
        walk.size_step(axis, step, "scale", scale=scale)
        if step.mode != "nearest":
            walk.paddings[axis].add("replicate")
    if sights and step.cause:
        walk.trap(step.cause, step.layer)
    return resized(walk, step, sources[0], sights)


def shuffle(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Turn channels into places, or places into channels."""
    sights = {}
    for _, axis, w, sight in along(walk, step, sources[0]):
        if w.width > 1:
            sights[axis] = sight.spread(w.width, w.width, 1, 0)
            walk.size_step(axis, step, "scale", scale=Fraction(w.width))
        else:
            sights[axis] = sight.window(w.stride, w.stride, 1, 0)
            walk.size_step(axis, step, "scale", scale=Fraction(1, w.stride))
    return resized(walk, step, sources[0], sights)


def reshape(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Split and flatten dimensions."""
    shape = walk.shape(step.writes)
    layout, changes = layouts.reshaped(sources[0].layout, shape)
    sights = list(sources[0].sights)
    scales = dict.fromkeys(range(walk.ndim), Fraction(1))
    for change in changes:
        sight, factor = sights[change.axis], change.factor
        if sight is None:
            continue
        if change.kind == "cut":
            sights[change.axis] = sight.window(factor, factor, 1, 0)
            scales[change.axis] /= factor
        else:
            sights[change.axis] = sight.spread(factor, factor, 1, 0)
            scales[change.axis] *= factor
    for axis, scale in scales.items():
        if sights[axis] is not None:
            walk.size_step(axis, step, "scale", scale=scale)
    return replace(sources[0], layout=layout, sights=tuple(sights))


def permute(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Reorder dimensions."""
    layout = tuple(sources[0].layout[dim] for dim in step.dims)
    return moved(walk, step, sources[0], layout)


def join(walk: Walk, step: Step, sources: list[Value]) -> Value:
    """Concatenate channels."""
    dim = step.dims[0]
    if any(layouts.axes_of(v.layout[dim]) for v in sources):
        raise Unreadable("joins tensors along an image axis")
    layout = list(layouts.broadcast([v.layout for v in sources]))
    layout[dim] = (Atom(OTHER, walk.shape(step.writes)[dim]),)
    return together(walk, step, sources, tuple(layout))
