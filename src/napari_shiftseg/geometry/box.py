"""Parts of an image as slices, and how a range is cut into parts that fit in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Box = tuple[slice, ...]  # one slice an axis


def slices(region: Iterable[Iterable[int]]) -> Box:
    """Return a region, (start, stop) an axis, as a box: what an array is indexed by."""
    return tuple(slice(*bounds) for bounds in region)


def chunks(n: int, size: int) -> Iterator[slice]:
    """Cut ``range(n)`` into slices of at most this size."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))
