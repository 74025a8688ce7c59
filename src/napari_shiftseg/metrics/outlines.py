"""Outlines of objects along the edges of their pixels, exact to the last one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import label as connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


Vertex = tuple[int, int]  # (y, x), a corner of pixels: pixel (y, x) begins there
Ring = list[Vertex]  # closed; the first vertex does not come again


@dataclass(frozen=True)
class Part:
    """A piece of an object that is connected by faces: its outer ring, and holes."""

    outer: Ring
    holes: tuple[Ring, ...] = ()


@dataclass(frozen=True)
class Outline:
    """The outline of one object of a plane."""

    label: int
    parts: tuple[Part, ...]


def outlines(labels: NDArray[np.integer]) -> Iterator[Outline]:
    r"""Yield the outline of each object of a plane, by rising label.

    A ring runs along the edges of pixels, so that filling it gives the very pixels of
    the object. At a corner where two pixels of an object touch, they are apart. In each
    row of corners those of a label, sorted by x, are in turn the beginning and the end
    of a horizontal edge; so are those of a column for vertical ones. A ring goes from
    corner to corner by one and the other in turn. One that meets itself at a corner is
    cut there: rings are simple, as the OGC's polygons have to be.

    ::

        0 1 1     the corners of 1: (0, 1), (0, 3), (1, 1), (1, 2),
        0 0 1                       (2, 2), (2, 3)

    Parameters
    ----------
    labels : ndarray of int
        (y, x); 0 is background.

    Raises
    ------
    ValueError
        If it has not two axes.
    """
    if labels.ndim != 2:
        raise ValueError(
            f"outlines are those of a plane (y, x), got the shape {labels.shape}: give "
            f"one plane at a time"
        )
    corners = _corners(labels)
    ends = np.flatnonzero(np.diff(corners[0], prepend=0, append=0)).tolist()
    walk = _Walk(corners)
    for first, last in pairwise(ends):
        label = int(corners[0, first])
        yield Outline(label, _parts(labels, label, walk.rings(first, last)))


def _corners(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return label, y, x, and right and below of the pixel that makes each corner.

    (5, corners), by label, y and x. Pixel p makes a corner with its neighbour beside,
    the one above or below, and the one across, where p is of an object, and neither of
    the first two is of it, or both are but the last is not.
    """
    padded = np.pad(labels, 1)
    found = []
    for right, below in ((0, 0), (1, 0), (0, 1), (1, 1)):
        p, beside, over, across = (
            _shifted(padded, r, b)
            for r, b in (
                (right, below), (1 - right, below), (right, 1 - below),
                (1 - right, 1 - below),
            )
        )  # fmt: skip
        same, above = beside == p, over == p
        is_corner = (p > 0) & (same == above) & ~(same & (across == p))
        y, x = np.nonzero(is_corner)
        sides = np.full(len(y), right), np.full(len(y), below)
        found.append(np.stack([p[y, x].astype(np.int64), y, x, *sides]))
    corners = np.concatenate(found, axis=1)
    label, y, x, right, _ = corners
    return corners[:, np.lexsort((right, x, y, label))]


def _shifted(
    padded: NDArray[np.integer], right: int, below: int
) -> NDArray[np.integer]:
    """Return the pixel right or left, below or above each corner of pixels."""
    rows, columns = padded.shape
    return padded[below : rows - 1 + below, right : columns - 1 + right]


class _Walk:
    """Goes from corner to corner, along a row and a column in turn."""

    def __init__(self, corners: NDArray[np.int64]) -> None:
        label, y, x, _, below = corners
        by_column = np.lexsort((below, y, x, label))
        partner = np.empty_like(by_column)
        partner[by_column[0::2]] = by_column[1::2]
        partner[by_column[1::2]] = by_column[0::2]
        self._over = partner.tolist()
        self._vertices: list[Vertex] = list(zip(y.tolist(), x.tolist(), strict=True))
        self._seen = bytearray(len(self._over))

    def rings(self, first: int, last: int) -> Iterator[Ring]:
        """Yield the rings of the corners in a range, those of one label.

        Each goes to the right from its topmost corner, of several the leftmost.
        """
        vertices, over, seen = self._vertices, self._over, self._seen
        for begin in range(first, last):
            if seen[begin]:
                continue
            at = begin
            ring: Ring = []
            while not seen[at]:
                beside = at ^ 1  # the other end of an edge along the row
                seen[at] = seen[beside] = 1
                ring += vertices[at], vertices[beside]
                at = over[beside]
            yield ring


def _parts(
    labels: NDArray[np.integer], label: int, rings: Iterator[Ring]
) -> tuple[Part, ...]:
    """Return the pieces of an object from its rings, each with the holes in it."""
    outer: list[Ring] = []
    holes: list[Ring] = []
    for ring in rings:
        for simple in _simple(ring):
            is_hole = labels[min(simple)] != label  # the pixel inside of its corner
            (holes if is_hole else outer).append(_turned(simple, is_hole))
    if not holes:
        return tuple(map(Part, outer))
    if len(outer) == 1:
        return (Part(outer[0], tuple(holes)),)
    pieces = _Pieces.of(labels, label, outer)
    inside: dict[int, list[Ring]] = {}
    for hole in holes:
        y, x = min(hole)  # its first pixel; the one above is of the object
        inside.setdefault(pieces.at(y - 1, x), []).append(hole)
    return tuple(
        Part(ring, tuple(inside.get(pieces.at(*min(ring)), ()))) for ring in outer
    )


@dataclass(frozen=True)
class _Pieces:
    """The pieces of an object that are connected by faces: each has one outer ring."""

    number: NDArray[np.int32]  # (y, x), of the piece that a pixel is of
    top: int  # first row
    left: int  # first column

    @classmethod
    def of(cls, labels: NDArray[np.integer], label: int, outer: list[Ring]) -> _Pieces:
        """Find the pieces of an object in the box around its outer rings."""
        corners = np.array([vertex for ring in outer for vertex in ring])
        (top, left), (low, right) = corners.min(axis=0), corners.max(axis=0)
        number, _ = connected(labels[top:low, left:right] == label)
        return cls(number, int(top), int(left))

    def at(self, y: int, x: int) -> int:
        """Return the piece of a pixel."""
        return int(self.number[y - self.top, x - self.left])


def _simple(ring: Ring) -> Iterator[Ring]:
    """Cut a ring wherever it meets itself."""
    if len(set(ring)) == len(ring):
        yield ring
        return
    path: Ring = []
    places: dict[Vertex, int] = {}  # of the vertices, in the path
    for vertex in ring:
        if vertex in places:
            loop = path[places[vertex] :]
            yield loop
            del path[places[vertex] :]
            for gone in loop:
                del places[gone]
        places[vertex] = len(path)
        path.append(vertex)
    yield path


def _area(ring: Ring) -> int:
    """Return the area in pixels; above 0 for one that goes round clockwise on screen.

    Its horizontal edges, from x₀ to x₁ at y, bound −Σ y (x₁ − x₀) pixels (Gauss).
    """
    ends = zip(ring, [*ring[1:], ring[0]], strict=True)
    return -sum(y * (right - x) for (y, x), (_, right) in ends)


def _turned(ring: Ring, is_hole: bool) -> Ring:
    """Let an outer ring go round clockwise on screen, and a hole the other way."""
    return ring[::-1] if (_area(ring) < 0) != is_hole else ring
