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


def reshaped(layout: Layout, shape: tuple[int, ...]) -> Layout:
    """Return the layout after a reshape; atoms keep their order.

    Raises
    ------
    Unreadable
        If an image axis is cut into pieces.
    """
    queue = [a for dim in layout for a in dim if a.size > 1 or a.axis != OTHER]
    new: list[Dim] = []
    for size in shape:
        left = size
        dim: list[Atom] = []
        while queue and (left > 1 or (queue[0].size == 1 and size == 1 and not dim)):
            atom = queue.pop(0)
            if left % atom.size == 0:
                dim.append(atom)
                left //= atom.size
            elif atom.axis == OTHER and atom.size % left == 0:
                dim.append(Atom(OTHER, left))
                queue.insert(0, Atom(OTHER, atom.size // left))
                left = 1
            else:
                raise Unreadable("cuts an image axis into pieces")
        new.append(tuple(dim) or (Atom(OTHER, size),))
    if any(a.axis != OTHER for a in queue):
        raise Unreadable("loses an image axis")
    return tuple(new)


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
