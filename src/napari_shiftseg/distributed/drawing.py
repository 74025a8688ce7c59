"""The labels of any box of the result, drawn from what the passes left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.distributed.tissue import draw_tissue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.distributed.job import Job
    from napari_shiftseg.geometry.tiling import Box


def labels_in(job: Job, box: Box) -> NDArray[np.int32]:
    r"""Draw the objects of a box, (\*box), int32.

    Parameters
    ----------
    job : Job
        All of its passes done.
    box : tuple of slice
        Of the result.
    """
    if job.is_global:
        return job.parts.read(box, lambda n, parts: _numbers(job, n)[parts])
    sizes = [side.stop - side.start for side in box]
    drawn = np.zeros(sizes, np.int32)
    starts, ends = zip(*((side.start, side.stop) for side in box), strict=True)
    with np.load(job.table("objects")) as known:
        meets = (known["low"] < ends) & (known["high"] > starts)
        found = meets.all(1)
        corners = np.stack([known["low"], known["high"]], -1)[found].tolist()
        which = zip(known["block"][found], known["begin"][found], strict=True)
        for (block, begin), corner in zip(which, corners, strict=True):
            _draw(job, int(block), int(begin), corner, box, drawn)
    if job.has_tissue:
        draw_tissue(job, box, _numbers(job, "tissue"), drawn)
    return drawn


def _numbers(job: Job, number: int | str) -> NDArray[np.integer]:
    """Return the label of each part, or piece, of a block; on disk."""
    numbers: NDArray[np.integer] = np.load(job.table("labels", number), mmap_mode="r")
    return numbers


def _draw(
    job: Job,
    number: int,
    begin: int,
    corners: list[list[int]],
    box: Box,
    drawn: NDArray[np.int32],
) -> None:
    """Draw objects of components that a block owns, where they meet a box.

    Their pixels lie in the file of the block from `begin` on, a box with these corners.
    """
    both = [
        (max(side.start, a), min(side.stop, b))
        for side, (a, b) in zip(box, corners, strict=True)
    ]
    there = tuple(
        slice(a - low, b - low) for (a, b), (low, _) in zip(both, corners, strict=True)
    )
    sizes = tuple(high - low for low, high in corners)
    stored = np.memmap(job.drawings(number), np.int32, "r", 4 * begin, sizes)
    pieces = np.array(stored[there])
    here: Any = tuple(
        slice(a - side.start, b - side.start)
        for (a, b), side in zip(both, box, strict=True)
    )
    labels = _numbers(job, number)[pieces]
    np.copyto(drawn[here], labels, where=labels > 0)
