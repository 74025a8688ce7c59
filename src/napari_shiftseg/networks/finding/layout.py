"""Which dimension of a tensor is which axis of the image."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from napari_shiftseg.networks.finding.steps import Unreadable

OTHER = -1  # batch, channels, heads, and what is no place in the image


@dataclass(frozen=True)
class Atom:
    """A factor of a dimension: an image axis, or something else."""

    axis: int  # number of an image axis, or OTHER
    size: int


Dim = tuple[Atom, ...]  # (height, width) flattened are two atoms of one dimension
Layout = tuple[Dim, ...]


def of_image(shape: tuple[int, ...]) -> Layout:
    r"""Return the layout of (batch, channels, \*size)."""
    axes = (OTHER, OTHER, *range(len(shape) - 2))
    return tuple((Atom(axis, size),) for axis, size in zip(axes, shape, strict=True))


def of_constant(shape: tuple[int, ...]) -> Layout:
    """Return the layout of weights: no dimension is an image axis."""
    return tuple((Atom(OTHER, size),) for size in shape)


def axes_of(dim: Dim) -> tuple[int, ...]:
    """Return the image axes in a dimension, in their order."""
    return tuple(atom.axis for atom in dim if atom.axis != OTHER)


def single(dim: Dim) -> int | None:
    """Return the image axis that a dimension is; None if it is none.

    Raises
    ------
    Unreadable
        If the dimension is several axes, flattened.
    """
    axes = axes_of(dim)
    if len(axes) > 1 or (axes and prod(a.size for a in dim if a.axis == OTHER) > 1):
        raise Unreadable("reads flattened axes with a window")
    return axes[0] if axes else None


@dataclass(frozen=True)
class Regrouping:
    """What a reshape did to an image axis.

    Every `factor` pixels became one with more channels ("cut"), or each pixel's
    channels became so many pixels ("merged").
    """

    axis: int
    kind: str
    factor: int


def reshaped(
    layout: Layout, shape: tuple[int, ...]
) -> tuple[Layout, tuple[Regrouping, ...]]:
    """Return the layout after a reshape, and what became of the axes.

    Raises
    ------
    Unreadable
        If sizes do not divide, or an axis is lost.
    """
    queue = [a for dim in layout for a in dim if a.size > 1 or a.axis != OTHER]
    new: list[Dim] = []
    changes: list[Regrouping] = []
    for size in shape:
        atoms = _taken(queue, size, changes)
        first, rest = atoms[0], prod(a.size for a in atoms[1:])
        if first.axis != OTHER and rest > 1 and len(axes_of(atoms)) == 1:
            changes.append(Regrouping(first.axis, "merged", rest))
            atoms = (Atom(first.axis, size),)
        new.append(atoms)
    if any(a.axis != OTHER for a in queue):
        raise Unreadable("loses an image axis")
    return tuple(new), tuple(changes)


def _taken(queue: list[Atom], size: int, changes: list[Regrouping]) -> Dim:
    """Take the next atoms of a product from the queue; cut the last if need be."""
    left = size
    dim: list[Atom] = []
    while queue and (left > 1 or (queue[0].size == 1 and size == 1 and not dim)):
        atom = queue.pop(0)
        if left % atom.size == 0:
            dim.append(atom)
            left //= atom.size
        elif atom.size % left == 0:
            inner = atom.size // left
            if atom.axis != OTHER:
                changes.append(Regrouping(atom.axis, "cut", inner))
            dim.append(Atom(atom.axis, left))
            queue.insert(0, Atom(OTHER, inner))
            left = 1
        else:
            raise Unreadable("cuts an image axis into unequal pieces")
    return tuple(dim) or (Atom(OTHER, size),)


def broadcast(layouts: list[Layout]) -> Layout:
    """Return the layout of what is computed of several tensors, pixel by pixel.

    Raises
    ------
    Unreadable
        If one dimension is two different axes.
    """
    new: list[Dim] = []
    for back in range(1, max(map(len, layouts)) + 1):
        dims = [layout[-back] for layout in layouts if len(layout) >= back]
        kinds = {axes_of(dim) for dim in dims} - {()}
        if len(kinds) > 1:
            raise Unreadable("joins different image axes")
        wide = [d for d in dims if axes_of(d)] or sorted(
            dims, key=lambda d: -prod(a.size for a in d)
        )
        new.append(wide[0])
    return tuple(new[::-1])
