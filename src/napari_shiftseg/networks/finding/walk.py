"""The state of a walk along a graph: what every tensor met so far sees."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

from napari_shiftseg.networks.finding import layout as layouts
from napari_shiftseg.networks.finding.layout import OTHER, Atom, Layout
from napari_shiftseg.networks.finding.legal_sizes import SizeStep
from napari_shiftseg.networks.finding.sight import Sight, joined
from napari_shiftseg.networks.finding.steps import Graph, Step, Window


@dataclass(frozen=True)
class Trap:
    """A layer that tiles must know of."""

    kind: str
    layer: str


@dataclass(frozen=True)
class Value:
    """A tensor: its dimensions, and what it sees along each axis of the image."""

    layout: Layout
    sights: tuple[Sight | None, ...]  # None: has no place along this axis
    whole: frozenset[int] = frozenset()  # axes along which it sees the whole tile
    raw: bool = False  # the image itself, changed pixel by pixel at most
    pooled: int | None = None  # the trap that took its place away


@dataclass
class Walk:
    """What is known of a graph after some of its steps.

    Attributes
    ----------
    values : dict of str to Value
        The tensors met so far.
    traps : list of Trap
    paddings : list of set of str
        Met along each axis.
    sizes : list of list of SizeStep
        What happens to the size along each axis.
    """

    graph: Graph
    values: dict[str, Value] = field(default_factory=dict)
    traps: list[Trap] = field(default_factory=list)
    paddings: list[set[str]] = field(default_factory=list)  # met, of each axis
    sizes: list[list[SizeStep]] = field(default_factory=list)  # of each axis

    @property
    def ndim(self) -> int:
        """Number of image axes."""
        return len(self.graph.shapes[self.graph.reads]) - 2

    def trap(self, kind: str, layer: str) -> int:
        """Note a trap, and return its number."""
        self.traps.append(Trap(kind, layer))
        return len(self.traps) - 1

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a value."""
        return self.graph.shapes[name]

    def size_step(self, axis: int, step: Step, kind: str, **how: object) -> None:
        """Note what a step does to the size along an axis."""
        reads = tuple(name for name in step.reads if self.has_place(name, axis))
        made = SizeStep(kind, reads, step.writes, **how)  # type: ignore[arg-type]
        self.sizes[axis].append(made)

    def has_place(self, name: str, axis: int) -> bool:
        """Whether a value has places along an axis."""
        return name in self.values and self.values[name].sights[axis] is not None


def together(walk: Walk, step: Step, sources: list[Value], layout: Layout) -> Value:
    """Return the value of what is made of several, pixel by pixel."""
    sights: list[Sight | None] = []
    for axis in range(walk.ndim):
        there = [s for v in sources if (s := v.sights[axis]) is not None]
        sights.append(joined(there) if there else None)
        if there:
            walk.size_step(axis, step, "same")
    whole = frozenset().union(*(v.whole for v in sources))
    pooled = next((v.pooled for v in sources if v.pooled is not None), None)
    return Value(layout, tuple(sights), whole, pooled=pooled)


def along(
    walk: Walk, step: Step, source: Value
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


def resized(walk: Walk, step: Step, source: Value, sights: dict[int, Sight]) -> Value:
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


def moved(walk: Walk, step: Step, source: Value, layout: Layout) -> Value:
    """Return a value with its dimensions in another order."""
    for axis, sight in enumerate(source.sights):
        if sight is not None:
            walk.size_step(axis, step, "same")
    return replace(source, layout=layout)
