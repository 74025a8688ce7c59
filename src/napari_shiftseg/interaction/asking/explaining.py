"""Why two pixels are one object or two, in words a biologist reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isinf
from typing import TYPE_CHECKING, Literal

from napari_shiftseg.geometry.advice import by
from napari_shiftseg.interaction.asking.background import why_background
from napari_shiftseg.interaction.asking.bandwidths import SAME, paired_distances
from napari_shiftseg.interaction.asking.borders import (
    TileBorder,
    tile_border_between,
    touch,
)
from napari_shiftseg.interaction.asking.merging import (
    merging_bandwidth,
    parting_bandwidth,
)
from napari_shiftseg.interaction.asking.resemblance import (
    ALIKE,
    corresponding_distance,
    is_whole_periods,
    middles_apart,
    seam_between,
    within_a_window,
)
from napari_shiftseg.interaction.asking.touching import touching_threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.interaction.asking.evidence import Evidence
    from napari_shiftseg.interaction.asking.places import Place

Case = Literal[
    "background", "same object", "tile border", "components", "same mode",
    "different modes",
]  # fmt: skip
APART_BY_HAND = "An edit, or clustering in neighbourhoods, parts them."
APART_BY_PLACE = "They are two objects only because they do not touch."


@dataclass(frozen=True)
class Explanation:
    """Why two pixels are one object or two.

    Attributes
    ----------
    case : str
        The first of these that is so: a pixel is background; one object has both; a
        tile border parts the objects; they lie in different components of the
        foreground; they share a mode, or modes within a bandwidth; their modes differ.
    text : str
        One to three sentences.
    distance : float or None
        Bandwidths between their modes; of one object, between the two pixels.
    apart : tuple of int or None
        Pixels from the middle of the first object to that of the second, per axis.
    bandwidth : float or None
        That would give them one mode; of one object, that would part the two pixels.
    threshold : float or None
        Of the foreground, at which their components touch.
    border : TileBorder or None
        That parts them.
    """

    case: Case
    text: str
    distance: float | None = None
    apart: tuple[int, ...] | None = None
    bandwidth: float | None = None
    threshold: float | None = None
    border: TileBorder | None = None


def explain(
    evidence: Evidence, one: Sequence[int], other: Sequence[int]
) -> Explanation:
    """Explain two pixels that were clicked, by what can be measured.

    It takes up to a second: a mean shift of the two objects is tried with several
    bandwidths.

    Parameters
    ----------
    evidence : Evidence
    one, other : sequence of int
        Pixels of the image, in array order.

    Raises
    ------
    ValueError
        If a pixel is not one of the image, or was not predicted.
    """
    places = [evidence.place(pixel) for pixel in (one, other)]
    first, second = (evidence.object_at(place) for place in places)
    if not first or not second:
        return _background(evidence, places)
    if first == second:
        return _same_object(evidence, places, first)
    border = tile_border_between(evidence, first, second)
    if border is not None and border.parts_them:
        return _split(evidence, border)
    return _two_objects(evidence, first, second)


def _background(evidence: Evidence, places: Sequence[Place]) -> Explanation:
    outside = [place for place in places if not evidence.object_at(place)]
    sentences = dict.fromkeys(why_background(evidence, place) for place in outside)
    return Explanation("background", " ".join(sentences))


def _same_object(
    evidence: Evidence, places: Sequence[Place], label: int
) -> Explanation:
    clustering = evidence.clustering
    one, other = (evidence.embedding_at(place) for place in places)
    distance = float(paired_distances(one[None], other[None], clustering)[0])
    rows = evidence.embeddings(label)
    bandwidth = parting_bandwidth(rows, (one, other), clustering) if distance else None
    remedy = (
        "no bandwidth down to a quarter of that parts them"
        if bandwidth is None
        else f"a bandwidth of {bandwidth:g} would part them"
    )
    text = (
        f"Both are object {label}, {distance:.1f} bandwidths apart. The bandwidth is "
        f"{clustering.bandwidth:.3g}: {remedy}."
    )
    return Explanation("same object", text, distance, bandwidth=bandwidth)


def _split(evidence: Evidence, border: TileBorder) -> Explanation:
    steps = "beside it there is no step"
    if border.jump is not None and not isinf(border.jump):
        steps = f"{border.jump:.0f} times its steps beside it"
    text = (
        f"Split by the tile border at {evidence.names[border.axis]} = {border.at}: use "
        f"cropped stitching. {border.share:.0%} of the line between them lies on it, "
        f"where the embedding jumps ({steps})."
    )
    return Explanation("tile border", text, border=border)


def _two_objects(evidence: Evidence, one: int, other: int) -> Explanation:
    modes = evidence.mode(one), evidence.mode(other)
    apart = middles_apart(evidence, one, other)
    distance = paired_distances(modes[0][None], modes[1][None], evidence.clustering)[0]
    found = Explanation("same mode", "", float(distance), apart)
    components = evidence.components_of(one), evidence.components_of(other)
    logit = evidence.predicted.logit
    if (
        logit is not None
        and all(components)
        and components[0].isdisjoint(components[1])
    ):
        threshold = touching_threshold(
            logit,
            evidence.foreground_pixel(one),
            evidence.foreground_pixel(other),
            evidence.clustering.foreground_threshold,
        )
        return _components(evidence, one, other, replace(found, threshold=threshold))
    if distance <= SAME:
        return replace(found, text=_same_mode(evidence, one, other, apart))
    return _different_modes(evidence, one, other, found)


def _components(
    evidence: Evidence, one: int, other: int, found: Explanation
) -> Explanation:
    present, threshold = evidence.clustering.foreground_threshold, found.threshold
    joined = (
        "No foreground threshold down to 0.01 makes these touch."
        if threshold is None
        else f"At a foreground threshold of {threshold:g} (it is {present:g}) these "
        f"touch."
    )
    modes, bandwidth = _modes_of_components(evidence, one, other, found)
    text = (
        f"They lie in different components of the foreground: no bandwidth merges "
        f"them. {joined} {modes}"
    )
    return replace(found, case="components", text=text, bandwidth=bandwidth)


def _modes_of_components(
    evidence: Evidence,
    one: int,
    other: int,
    found: Explanation,
) -> tuple[str, float | None]:
    """Return what the modes would mean if the components touched."""
    if found.apart and _are_alike(evidence, one, other, found.apart):
        apart = _apart_text(evidence, found.apart)
        return f"Same mode, {apart}: this network cannot tell them apart.", None
    modes = f"Their modes are {found.distance:.1f} bandwidths apart"
    if found.threshold is None:
        return f"{modes}.", None
    bandwidth = _merging(evidence, one, other)
    if bandwidth <= evidence.clustering.bandwidth:
        return f"{modes}: then they can be one object.", bandwidth
    return f"{modes}: then a bandwidth of {bandwidth:g} would merge them.", bandwidth


def _same_mode(evidence: Evidence, one: int, other: int, apart: tuple[int, ...]) -> str:
    if touch(evidence, one, other):
        return (
            f"Same mode, and they touch: by the mean shift alone they would be one "
            f"object. {APART_BY_HAND}"
        )
    by_place = evidence.clustering.split_far_parts
    return (
        f"Same mode, {_apart_text(evidence, apart)}: "
        f"{_why_one_mode(evidence, one, other, apart)}. "
        f"{APART_BY_PLACE if by_place else APART_BY_HAND}"
    )


def _why_one_mode(
    evidence: Evidence, one: int, other: int, apart: tuple[int, ...]
) -> str:
    if _are_alike(evidence, one, other, apart):
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


def _different_modes(
    evidence: Evidence, one: int, other: int, found: Explanation
) -> Explanation:
    h, bandwidth = evidence.clustering.bandwidth, _merging(evidence, one, other)
    merging = (
        f"bandwidth of {bandwidth:g}" if bandwidth > h else "slightly larger bandwidth"
    )
    head = f"Different modes, {found.distance:.1f} bandwidths apart"
    if touch(evidence, one, other) or not evidence.clustering.split_far_parts:
        text = f"{head}: a {merging} would merge them (it is {h:.3g})."
    else:
        text = (
            f"{head}: a {merging} would give them one mode (it is {h:.3g}). They would "
            f"stay two objects, because they do not touch."
        )
    return replace(found, case="different modes", text=text, bandwidth=bandwidth)


def _merging(evidence: Evidence, one: int, other: int) -> float:
    rows = evidence.embeddings(one), evidence.embeddings(other)
    modes = evidence.mode(one), evidence.mode(other)
    return merging_bandwidth(*rows, modes, evidence.clustering)


def _are_alike(
    evidence: Evidence, one: int, other: int, apart: tuple[int, ...]
) -> bool:
    """Whether objects lie n·p apart and have equal embeddings at every pixel."""
    if not is_whole_periods(evidence, apart):
        return False
    distance = corresponding_distance(evidence, one, other, apart)
    return distance is not None and distance <= ALIKE


def _apart_text(evidence: Evidence, apart: tuple[int, ...]) -> str:
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
