"""What a pixel is: its object, mode, phase and tile, in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from napari_shiftseg.explain.edited import erased_by, is_edited
from napari_shiftseg.explain.thresholds import (
    SAME,
    distances,
    paired_distances,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.explain.evidence import Evidence, Place


@dataclass(frozen=True)
class Answer:
    """What a pixel is.

    Attributes
    ----------
    place : Place
        Its position, phase and tile.
    label : int
        Its object; 0 is background.
    mode : int or None
        Index of its mode in the modes; None: it has none, or that of an edited object,
        whose mean embedding stands for it.
    to_mode : float or None
        Bandwidths from its mode; None for a pixel that was not clustered.
    to_next : float or None
        Bandwidths to the nearest other mode that it could have gone to. One within a
        bandwidth of its own was found in another part of the image, and is the same.
        None where there is no other.
    foreground : float or None
        Probability that it is foreground; None for a model without that logit.
    edited : bool
        Whether an edit changed its object, or made it background.
    """

    place: Place
    label: int
    mode: int | None
    to_mode: float | None
    to_next: float | None
    foreground: float | None
    edited: bool = False

    @property
    def text(self) -> str:
        """One line for a status bar."""
        parts = [f"object {self.label}" if self.label else "background"]
        if self.edited:
            parts[0] += " (edited)"
        if self.to_mode is not None:
            parts.append(f"{self.to_mode:.1f} bandwidths from its mode")
            if self.to_next is not None:
                parts[-1] += f", {self.to_next:.1f} to the next"
        parts.append(f"phase ({_listed(self.place.phase)})")
        parts.append(f"tile {_listed(self.place.tile)}")
        if self.foreground is not None:
            parts.append(f"foreground {self.foreground:.2f}")
        return " · ".join(parts)


def ask_pixel(evidence: Evidence, pixel: Sequence[int]) -> Answer:
    """Say what a pixel is.

    Parameters
    ----------
    evidence : Evidence
    pixel : sequence of int
        Of the image, in array order.

    Raises
    ------
    ValueError
        If the pixel is not one of the image, or was not predicted.
    """
    place = evidence.place(pixel)
    label = evidence.object_at(place)
    own, index = _own_mode(evidence, place, label)
    return Answer(
        place=place,
        label=label,
        mode=index,
        to_mode=None if own is None else _to_mode(evidence, place, own),
        to_next=None if own is None else _to_next(evidence, place, own),
        foreground=foreground_at(evidence, place),
        edited=is_edited(evidence, place),
    )


def foreground_at(evidence: Evidence, place: Place) -> float | None:
    """Return the probability that a pixel is foreground, None if it is not known."""
    logit = evidence.predicted.logit
    return None if logit is None else float(expit(logit[place.index]))


def is_clustered(evidence: Evidence, place: Place) -> bool:
    """Whether the mean shift saw a pixel: all of them, or the foreground."""
    foreground = foreground_at(evidence, place)
    threshold = evidence.clustering.foreground_threshold
    return foreground is None or foreground > threshold


def nearest_mode(evidence: Evidence, place: Place) -> int | None:
    """Return the index of the mode nearest to a pixel; None if there is no mode."""
    if len(evidence.modes) == 0:
        return None
    point = evidence.embedding_at(place)[None]
    return int(distances(point, evidence.modes, evidence.clustering).argmin())


def _own_mode(
    evidence: Evidence, place: Place, label: int
) -> tuple[NDArray[Any] | None, int | None]:
    """Return the mode of a pixel (channels,), and its index if it has one."""
    if label:
        return evidence.mode(label), evidence.mode_index(label)
    if evidence.clustering.scope == "component" or not is_clustered(evidence, place):
        return None, None  # modes of other components say nothing about it
    index = nearest_mode(evidence, place)
    return (None, None) if index is None else (evidence.modes[index], index)


def _to_mode(evidence: Evidence, place: Place, own: NDArray[Any]) -> float:
    point = evidence.embedding_at(place)[None]
    return float(paired_distances(point, own[None], evidence.clustering)[0])


def _to_next(evidence: Evidence, place: Place, own: NDArray[Any]) -> float | None:
    rivals = evidence.rivals(place)
    if len(rivals) == 0:
        return None
    others = rivals[distances(own[None], rivals, evidence.clustering)[0] > SAME]
    if len(others) == 0:
        return None
    point = evidence.embedding_at(place)[None]
    return float(np.min(distances(point, others, evidence.clustering)))


def _listed(values: tuple[int, ...]) -> str:
    return ", ".join(str(value) for value in values)


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
