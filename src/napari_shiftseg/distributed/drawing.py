"""The labels of any box of the result, drawn from what the passes left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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
    for block in np.flatnonzero(meets.all(1)).tolist():
        _draw(job, block, box, drawn)
    return drawn


def _numbers(job: Job, number: int) -> NDArray[np.int32]:
    """Return the label of each part, or piece, of a block."""
    numbers: NDArray[np.int32] = np.load(job.table("labels", number))
    return numbers.astype(np.int32)


def _draw(job: Job, number: int, box: Box, drawn: NDArray[np.int32]) -> None:
    """Draw the objects of the components that a block owns."""
    with np.load(job.pieces(number)) as known:
        corners = list(zip(known["low"].tolist(), known["high"].tolist(), strict=True))
        both = [
            (max(side.start, a), min(side.stop, b))
            for side, (a, b) in zip(box, corners, strict=True)
        ]
        there = tuple(
            slice(a - low, b - low)
            for (a, b), (low, _) in zip(both, corners, strict=True)
        )
        pieces = known["labels"][there]
    here: Any = tuple(
        slice(a - side.start, b - side.start)
        for (a, b), side in zip(both, box, strict=True)
    )
    labels = _numbers(job, number)[pieces]
    np.copyto(drawn[here], labels, where=labels > 0)
