"""Which merges join the parts that another bandwidth makes of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.measure import label as connected

from napari_shiftseg.interaction.asking.merging import modes_with
from napari_shiftseg.interaction.editing.boxes import corner_of
from napari_shiftseg.interaction.editing.edits import Merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.interaction.asking.evidence import Evidence
    from napari_shiftseg.interaction.asking.places import Place
    from napari_shiftseg.interaction.editing.positions import Point


def merged_again(
    evidence: Evidence, places: Sequence[Place], label: int, bandwidth: float
) -> tuple[Merge, ...]:
    """Return the merges that join two pixels of an object parted by a bandwidth.

    Those, too, that do nothing now, as the bandwidth joins all their points.

    Parameters
    ----------
    evidence : Evidence
    places : sequence of Place
        Two, on the object.
    label : int
    bandwidth : float
        With which the two have different modes.

    Returns
    -------
    tuple of Merge
        The fewest that lead from one pixel to the other; () if none do.
    """
    merges = [
        (made.edit, on)
        for made in evidence.made or ()
        if isinstance(made.edit, Merge)
        and len(on := [at for at in made.places if evidence.labels[at] == label]) > 1
    ]
    if not merges:
        return ()
    parts = _parts(evidence, label, bandwidth)
    corner = corner_of(evidence.box(label))

    def part(pixel: Point) -> int:
        return int(parts[tuple(x - c for x, c in zip(pixel, corner, strict=True))])

    start, end = (part(place.index) for place in places)
    joined = [(edit, {part(pixel) for pixel in on}) for edit, on in merges]
    return _ways(start, joined).get(end, ())


def _ways(
    start: int, joined: Iterable[tuple[Merge, set[int]]]
) -> dict[int, tuple[Merge, ...]]:
    """Return by which merges each part is joined with the first, the fewest."""
    ways: dict[int, tuple[Merge, ...]] = {start: ()}
    queue = [start]
    for here in queue:
        for edit, parts in joined:
            for there in sorted(parts - ways.keys()) if here in parts else ():
                ways[there] = (*ways[here], edit)
                queue.append(there)
    return ways


def _parts(evidence: Evidence, label: int, bandwidth: float) -> NDArray[Any]:
    r"""Return what an object would be with a bandwidth, (\\*box), 0 outside."""
    inside = evidence.inside(label)
    modes = np.zeros(inside.shape, dtype=np.int64)
    rows = evidence.embeddings(label)
    modes[inside] = modes_with(rows, bandwidth, evidence.clustering) + 1
    if not evidence.clustering.split_far_parts:
        return modes
    parts: NDArray[Any] = connected(modes, background=0, connectivity=1)
    return parts
