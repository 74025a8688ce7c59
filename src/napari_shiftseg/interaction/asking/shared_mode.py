"""Two objects that share a mode, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.geometry.words import by
from napari_shiftseg.interaction.asking.borders import touch
from napari_shiftseg.interaction.asking.explanation import Explanation
from napari_shiftseg.interaction.asking.resemblance import (
    apart_text,
    are_alike,
    middles_apart,
    modes_apart,
    seam_between,
    within_a_window,
)

if TYPE_CHECKING:
    from napari_shiftseg.interaction.asking.evidence import Evidence

BY_PLACE = (
    "They are two objects only because they do not touch: if they are one, use the "
    "Merge tool."
)
BY_NEIGHBOURHOODS = (
    "Clustering in neighbourhoods parts them: if they are one, use the Merge tool."
)
BY_HAND = "An edit, or clustering in neighbourhoods, parts them."  # edits not known


def shared_mode(evidence: Evidence, one: int, other: int) -> Explanation:
    """Explain two objects by why they share a mode, and are two nevertheless."""
    apart = middles_apart(evidence, one, other)
    distance = modes_apart(evidence, one, other)
    parted = BY_HAND if evidence.made is None else BY_NEIGHBOURHOODS
    if touch(evidence, one, other):
        why = "and they touch: by the mean shift alone they would be one object"
    else:
        far, reason = apart_text(evidence, apart), _reason(evidence, one, other, apart)
        why = f"{far}: {reason}"
        parted = BY_PLACE if evidence.clustering.split_far_parts else parted
    return Explanation("same mode", f"Same mode, {why}. {parted}", distance, apart)


def _reason(evidence: Evidence, one: int, other: int, apart: tuple[int, ...]) -> str:
    """Say why the network gives two objects one mode."""
    if are_alike(evidence, one, other, apart):
        return "this network cannot tell them apart"
    shown = within_a_window(evidence, one, other)
    if shown is not False and seam_between(evidence, one, other):
        return (
            "a seam lies between them, across which the network's answers do not "
            "compare (use cropped stitching)"
        )
    if shown is None or evidence.training_window is None:
        return "training pushes apart only what one of its windows shows"
    window = by(evidence.training_window)
    if shown:
        return (
            f"training windows of {window} px can show both, yet the network does not "
            f"part them"
        )
    return f"training never pushed them apart, as no window of {window} px shows both"
