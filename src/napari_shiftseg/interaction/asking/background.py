"""Why a pixel belongs to no object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.interaction.asking.edited import erased_by
from napari_shiftseg.interaction.asking.pixel import (
    foreground_at,
    is_clustered,
    nearest_mode,
)

if TYPE_CHECKING:
    from napari_shiftseg.interaction.asking.evidence import Evidence
    from napari_shiftseg.interaction.asking.places import Place


def why_background(evidence: Evidence, place: Place) -> str:
    """Return a sentence on a pixel without an object.

    An edit made it background; or its foreground probability is not above the
    threshold; or the background's mode is the nearest; or else its object was dropped,
    by its size or, where the edits are not known, by one of them.
    """
    clustering, chance = evidence.clustering, foreground_at(evidence, place)
    at = ", ".join(
        f"{name} = {x}" for name, x in zip(evidence.names, place.pixel, strict=True)
    )
    made = erased_by(evidence, place)
    if made is not None:
        return f"{at} is background: an edit ({made.edit}) made it so."
    if chance is not None and not is_clustered(evidence, place):
        return (
            f"{at} is background: its foreground probability {chance:.2f} is not above "
            f"the threshold {clustering.foreground_threshold:g}."
        )
    if is_nearest_to_background(evidence, place):
        return f"{at} is background: of all modes, the background's is nearest to it."
    dropped = []
    if clustering.min_size > 1:
        dropped.append(f"objects of fewer than {clustering.min_size} px are dropped")
    if evidence.made is None:
        dropped.append("an edit deleted its object")
    why = ", or ".join(dropped) or "the clustering left it out"
    return f"{at} is not background, but belongs to no object: {why}."


def is_nearest_to_background(evidence: Evidence, place: Place) -> bool:
    """Whether the mode nearest to a pixel is the background's, with scope "global".

    The background's mode is the one nearest to the clustering's background embedding.
    """
    background = evidence.clustering.background_embedding
    nearest = nearest_mode(evidence, place)
    if background is None or nearest is None or evidence.components is not None:
        return False
    apart = np.linalg.norm(evidence.modes - np.asarray(background), axis=1)
    return nearest == int(apart.argmin())
