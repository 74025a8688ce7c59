"""Two pixels of objects that are parts of a foreground: what would part or join them.

Such objects have no modes: a foreground threshold and a prominence say how they lie.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from napari_shiftseg.clustering.basins import parted
from napari_shiftseg.clustering.components import connected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.explain.evidence import Evidence, Place

STEP = 0.01  # of the foreground thresholds that are tried
STEPS = 4  # prominences that are tried between one and its double,
DOUBLINGS = 10  # so often


@dataclass(frozen=True)
class OnePart:
    """The pixels are in one part of the foreground, not cut between them.

    They are two objects below a prominence, and above a foreground threshold, if values
    were found that part them.
    """

    label: int
    prominence: float | None
    threshold: float | None


@dataclass(frozen=True)
class TwoBasins:
    """The pixels are in one part of the foreground, which is cut between them.

    They are one object at a prominence, if one was found that is large enough.
    """

    prominence: float | None


def one_part(evidence: Evidence, places: Sequence[Place], label: int) -> OnePart:
    """Return why two pixels are one object, which is part of a foreground.

    Parameters
    ----------
    evidence : Evidence
    places : sequence of Place
        Of the two pixels.
    label : int
        Of their object.
    """
    prominence = None
    if evidence.clustering.method == "watershed" and _share_a_part(evidence, places):
        smaller = _prominences(evidence, -1)
        at = bisect_left(smaller, True, key=lambda h: not _is_one(evidence, places, h))
        prominence = smaller[at] if at < len(smaller) else None
    return OnePart(label, prominence, _parting_threshold(evidence, places))


def two_basins(evidence: Evidence, places: Sequence[Place]) -> TwoBasins:
    """Return why two pixels of one part of the foreground are two objects.

    Parameters
    ----------
    evidence, places
        See `one_part`.
    """
    larger = _prominences(evidence, 1)
    at = bisect_left(larger, True, key=lambda h: _is_one(evidence, places, h))
    return TwoBasins(larger[at] if at < len(larger) else None)


def _prominences(evidence: Evidence, sign: int) -> list[float]:
    """Return prominences beyond the present one, the nearest first."""
    present = evidence.clustering.prominence
    tried = (present * 2 ** (sign * n / STEPS) for n in range(1, STEPS * DOUBLINGS + 1))
    return [float(f"{h:.2g}") for h in tried]


def _share_a_part(evidence: Evidence, places: Sequence[Place]) -> bool:
    parts = evidence.components
    numbers = {0 if parts is None else int(parts[place.index]) for place in places}
    return len(numbers) == 1 and 0 not in numbers


def _is_one(evidence: Evidence, places: Sequence[Place], prominence: float) -> bool:
    """Whether their part of the foreground is not cut between them."""
    parts = evidence.components
    if parts is None:
        return False
    number = int(parts[places[0].index])
    box = evidence.component_box(number)
    settings = evidence.clustering.model_copy(update={"prominence": prominence})
    ends = [
        (side.start > 0, side.stop < n)
        for side, n in zip(box, parts.shape, strict=True)
    ]
    outputs = evidence.predicted.embedding[(slice(None), *box)]
    labels = parted(outputs, parts[box] == number, settings, ends)
    one, other = (
        labels[tuple(x - side.start for x, side in zip(place.index, box, strict=True))]
        for place in places
    )
    return bool(one == other)


def _parting_threshold(evidence: Evidence, places: Sequence[Place]) -> float | None:
    """Return the smallest foreground threshold at which both lie in parts of their own.

    In steps of 0.01 above the present one, as long as both are foreground.
    """
    known = [evidence.foreground_at(place) for place in places]
    least = min(p for p in (*known, 1.0) if p is not None)

    def are_apart(threshold: float) -> bool:
        foreground = evidence.predicted.foreground(threshold)
        if foreground is None:
            return False
        parts = connected(foreground)
        return bool(parts[places[0].index] != parts[places[1].index])

    present = evidence.clustering.foreground_threshold
    first = int(present / STEP + 1e-9) + 1
    tried = [round(n * STEP, 2) for n in range(first, ceil(least / STEP - 1e-9))]
    at = bisect_left(tried, True, key=are_apart)
    return tried[at] if at < len(tried) else None
