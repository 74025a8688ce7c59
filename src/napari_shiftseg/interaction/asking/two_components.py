"""Two objects in different components of the foreground, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.interaction.asking.different_modes import bandwidth_to_merge
from napari_shiftseg.interaction.asking.explanation import Explanation
from napari_shiftseg.interaction.asking.resemblance import (
    apart_text,
    are_alike,
    middles_apart,
    modes_apart,
)
from napari_shiftseg.interaction.asking.touching import touching_threshold

if TYPE_CHECKING:
    from napari_shiftseg.interaction.asking.evidence import Evidence


def are_two_components(evidence: Evidence, one: int, other: int) -> bool:
    """Whether two objects lie in components of the foreground, and share none."""
    components = evidence.components_of(one), evidence.components_of(other)
    return all(components) and components[0].isdisjoint(components[1])


def two_components(evidence: Evidence, one: int, other: int) -> Explanation:
    """Explain two objects by the foreground threshold at which they touch.

    And, if there is one, by the bandwidth that would merge them then.
    """
    apart = middles_apart(evidence, one, other)
    distance = modes_apart(evidence, one, other)
    threshold = _threshold(evidence, one, other)
    bandwidth = None
    if are_alike(evidence, one, other, apart):
        far = apart_text(evidence, apart)
        modes = f"Same mode, {far}: this network cannot tell them apart."
    else:
        if threshold is not None:
            bandwidth = bandwidth_to_merge(evidence, one, other)
        then = _then(evidence, bandwidth)
        modes = f"Their modes are {distance:.1f} bandwidths apart{then}."
    text = (
        f"They lie in different components of the foreground: no bandwidth merges "
        f"them (if they are one, use the Merge tool). {_touching(evidence, threshold)} "
        f"{modes}"
    )
    return Explanation("components", text, distance, apart, bandwidth, threshold)


def _threshold(evidence: Evidence, one: int, other: int) -> float | None:
    """Return the foreground threshold at which two objects touch, if one does it."""
    logit = evidence.predicted.logit
    if logit is None:
        return None
    pixels = evidence.foreground_pixels(one), evidence.foreground_pixels(other)
    return touching_threshold(logit, *pixels, evidence.clustering.foreground_threshold)


def _touching(evidence: Evidence, threshold: float | None) -> str:
    if threshold is None:
        return "No foreground threshold down to 0.01 makes these touch."
    present = evidence.clustering.foreground_threshold
    return (
        f"At a foreground threshold of {threshold:g} (it is {present:g}) these touch."
    )


def _then(evidence: Evidence, bandwidth: float | None) -> str:
    """Say what a bandwidth would do if the components touched."""
    if bandwidth is None:
        return ""
    if bandwidth <= evidence.clustering.bandwidth:
        return ": then they can be one object"
    return f": then a bandwidth of {bandwidth:g} would merge them"
