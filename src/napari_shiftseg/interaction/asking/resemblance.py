"""How far apart two objects lie, and whether the network sees the same in both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.interaction.asking.bandwidths import paired_distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.interaction.asking.evidence import Evidence

ALIKE = 0.1  # bandwidths; embeddings of corresponding pixels that are nearer are equal


def middles_apart(evidence: Evidence, one: int, other: int) -> tuple[int, ...]:
    """Return how far the middle of one object is from that of the other.

    The difference of their mean positions in whole pixels, one value an axis.
    """
    first, second = (evidence.indices(label).mean(0) for label in (one, other))
    return tuple(int(x) for x in np.rint(second - first))


def modes_apart(evidence: Evidence, one: int, other: int) -> float:
    """Return the distance of the modes of two objects, in bandwidths."""
    first, second = (evidence.mode(label)[None] for label in (one, other))
    return float(paired_distances(first, second, evidence.clustering)[0])


def is_whole_periods(evidence: Evidence, apart: Sequence[int]) -> bool:
    """Whether a distance is n·p along every axis, and not 0 along all."""
    period = evidence.predicted.plan.shape.period
    return any(apart) and not any(n % p for n, p in zip(apart, period, strict=True))


def corresponding_distance(
    evidence: Evidence, one: int, other: int, apart: Sequence[int]
) -> float | None:
    """Return the mean distance of corresponding pixels of two objects, in bandwidths.

    Pixel x of one object corresponds to pixel x + `apart` of the other. Objects that
    look the same, in the same surroundings, n·p apart, have equal embeddings there:
    the network repeats after a period. None where no pixels correspond.
    """
    here = evidence.indices(one)
    there = here + np.asarray(apart)
    shape = np.array(evidence.labels.shape)
    inside = ((there >= 0) & (there < shape)).all(1)
    here, there = here[inside], there[inside]
    both = evidence.labels[tuple(there.T)] == other
    if not both.any():
        return None
    first, second = (_at(evidence, pixels[both]) for pixels in (here, there))
    return float(paired_distances(first, second, evidence.clustering).mean())


def within_a_window(evidence: Evidence, one: int, other: int) -> bool | None:
    """Whether one training window can show pixels of both objects.

    None where the training window is not known.
    """
    if evidence.training_window is None:
        return None
    gaps = [
        max(a.start - b.stop, b.start - a.stop) + 2  # with a pixel of either
        for a, b in zip(evidence.box(one), evidence.box(other), strict=True)
    ]
    return all(
        gap <= window
        for gap, window in zip(gaps, evidence.training_window, strict=True)
    )


def seam_between(evidence: Evidence, one: int, other: int) -> bool:
    """Whether a tile border that makes seams lies between the middles of two boxes."""
    plan = evidence.predicted.plan
    along = zip(
        plan.seamed, plan.boundaries, evidence.box(one), evidence.box(other),
        strict=True,
    )  # fmt: skip
    return any(
        seamed and np.ptp(np.searchsorted(borders, [_middle(a), _middle(b)], "right"))
        for seamed, borders, a, b in along
    )


def are_alike(evidence: Evidence, one: int, other: int, apart: tuple[int, ...]) -> bool:
    """Whether objects lie n·p apart and have equal embeddings at every pixel."""
    if not is_whole_periods(evidence, apart):
        return False
    distance = corresponding_distance(evidence, one, other, apart)
    return distance is not None and distance <= ALIKE


def apart_text(evidence: Evidence, apart: tuple[int, ...]) -> str:
    """Write ``48 = 3·16 px apart in x``; n·p only where it is so on every axis."""
    periods = evidence.predicted.plan.shape.period
    whole = is_whole_periods(evidence, apart)
    parts = [
        f"{abs(n)}{f' = {abs(n) // p}·{p}' if whole else ''} px {{}}in {name}"
        for n, p, name in zip(apart, periods, evidence.names, strict=True)
        if n
    ]
    if not parts:
        return "with one middle"
    return " and ".join(
        part.format("" if i else "apart ") for i, part in enumerate(parts)
    )


def _middle(bounds: slice) -> int:
    return int(bounds.start + bounds.stop) // 2


def _at(evidence: Evidence, pixels: NDArray[np.int64]) -> NDArray[Any]:
    """Return the embeddings of pixels of the result, (pixels, channels)."""
    found = evidence.predicted.embedding[(slice(None), *pixels.T)]
    return np.asarray(found).T
