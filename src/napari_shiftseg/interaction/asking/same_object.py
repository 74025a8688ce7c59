"""Two pixels of one object, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.interaction.asking.bandwidths import paired_distances
from napari_shiftseg.interaction.asking.explanation import Explanation
from napari_shiftseg.interaction.asking.merging import LOWEST, parting_bandwidth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.interaction.asking.evidence import Evidence
    from napari_shiftseg.interaction.asking.places import Place


def same_object(evidence: Evidence, places: Sequence[Place], label: int) -> Explanation:
    """Explain two pixels of one object by the bandwidth that would part them."""
    clustering = evidence.clustering
    one, other = (evidence.embedding_at(place) for place in places)
    distance = float(paired_distances(one[None], other[None], clustering)[0])
    rows = evidence.embeddings(label)
    bandwidth = parting_bandwidth(rows, (one, other), clustering) if distance else None
    h = clustering.bandwidth
    remedy = (
        f"No bandwidth down to {LOWEST * h:.3g} (it is {h:.3g}) parts them: if they "
        f"are two, use the Split tool."
        if bandwidth is None
        else f"A bandwidth of {bandwidth:g} would part them (it is {h:.3g})."
    )
    text = (
        f"Both are object {label}: their embeddings are {distance:.1f} bandwidths "
        f"apart. {remedy}"
    )
    return Explanation("same object", text, distance, bandwidth=bandwidth)
