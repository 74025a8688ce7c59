"""Two objects of different modes, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.interaction.asking.borders import may_be_linked, touch
from napari_shiftseg.interaction.asking.explanation import Explanation
from napari_shiftseg.interaction.asking.merging import merging_bandwidth
from napari_shiftseg.interaction.asking.resemblance import middles_apart, modes_apart

if TYPE_CHECKING:
    from napari_shiftseg.interaction.asking.evidence import Evidence


def different_modes(evidence: Evidence, one: int, other: int) -> Explanation:
    """Explain two objects by the bandwidth that would give them one mode."""
    h, bandwidth = (
        evidence.clustering.bandwidth,
        bandwidth_to_merge(evidence, one, other),
    )
    distance = modes_apart(evidence, one, other)
    merging = (
        f"bandwidth of {bandwidth:g}" if bandwidth > h else "slightly larger bandwidth"
    )
    head = (
        f"Different modes, {distance:.1f} bandwidths apart (the bandwidth is {h:.3g})"
    )
    sooner = max(bandwidth, h) < distance * h
    why = ", as modes move towards each other when it grows" * sooner
    if touch(evidence, one, other) or not evidence.clustering.split_far_parts:
        text = f"{head}: a {merging} would merge them{why}."
    else:
        text = (
            f"{head}: a {merging} would give them one mode{why}. "
            f"{_stay_two(evidence, one, other)}"
        )
    apart = middles_apart(evidence, one, other)
    return Explanation("different modes", text, distance, apart, bandwidth)


def bandwidth_to_merge(evidence: Evidence, one: int, other: int) -> float:
    """Return the smallest bandwidth with which two objects have one mode."""
    rows = evidence.embeddings(one), evidence.embeddings(other)
    modes = evidence.mode(one), evidence.mode(other)
    return merging_bandwidth(*rows, modes, evidence.clustering)


def _stay_two(evidence: Evidence, one: int, other: int) -> str:
    """Say what becomes of objects of one mode that do not touch."""
    if may_be_linked(evidence, one, other):
        return (
            "They do not touch: they would stay two objects, unless what lies between "
            "joins them. If they are one, use the Merge tool."
        )
    return (
        "They would stay two objects, because they do not touch: if they are one, use "
        "the Merge tool."
    )
