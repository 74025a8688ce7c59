"""Two pixels of one object, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.interaction.asking.bandwidths import paired_distances
from napari_shiftseg.interaction.asking.explanation import Explanation
from napari_shiftseg.interaction.asking.merged_again import merged_again
from napari_shiftseg.interaction.asking.merging import LOWEST, parting_bandwidth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.interaction.asking.evidence import Evidence
    from napari_shiftseg.interaction.asking.places import Place
    from napari_shiftseg.interaction.editing.edits import Merge


def same_object(evidence: Evidence, places: Sequence[Place], label: int) -> Explanation:
    """Explain two pixels of one object by the bandwidth that would part them.

    And, if there are some, by the merges that would join them again then.
    """
    clustering = evidence.clustering
    one, other = (evidence.embedding_at(place) for place in places)
    distance = float(paired_distances(one[None], other[None], clustering)[0])
    rows = evidence.embeddings(label)
    bandwidth = parting_bandwidth(rows, (one, other), clustering) if distance else None
    merges = merged_again(evidence, places, label, bandwidth) if bandwidth else ()
    text = (
        f"Both are object {label}: their embeddings are {distance:.1f} bandwidths "
        f"apart. {_remedy(clustering.bandwidth, bandwidth, merges)}"
    )
    return Explanation(
        "same object",
        text,
        distance,
        bandwidth=bandwidth,
        edit=next(iter(merges), None),
    )


def _remedy(h: float, bandwidth: float | None, merges: Sequence[Merge]) -> str:
    """Say what would part the two."""
    if bandwidth is None:
        return (
            f"No bandwidth down to {LOWEST * h:.3g} (it is {h:.3g}) parts them: if "
            f"they are two, use the Split tool."
        )
    parting = f"A bandwidth of {bandwidth:g} would part them (it is {h:.3g})"
    if not merges:
        return f"{parting}."
    edits = "; ".join(str(edit) for edit in merges)
    if len(merges) == 1:
        return (
            f"{parting}, but an edit ({edits}) would join them again: take it out of "
            f"the list of edits, too."
        )
    return (
        f"{parting}, but edits ({edits}) would join them again: take one out of the "
        f"list of edits, too."
    )
