"""Why two pixels are one object or two, in words a biologist reads."""

from __future__ import annotations

from dataclasses import dataclass
from math import isinf
from typing import TYPE_CHECKING, Literal

from napari_shiftseg.explain.borders import (
    apart_text,
    are_alike,
    may_be_linked,
    middles_apart,
    modes_apart,
    seam_between,
    tile_border_between,
    touch,
    within_a_window,
)
from napari_shiftseg.explain.edited import joined_by, merged_again, parted_by
from napari_shiftseg.explain.pixel import why_background
from napari_shiftseg.explain.thresholds import (
    LOWEST,
    SAME,
    merging_bandwidth,
    paired_distances,
    parting_bandwidth,
    touching_threshold,
)
from napari_shiftseg.mending.edits import Merge, Split
from napari_shiftseg.text import by, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.explain.borders import TileBorder
    from napari_shiftseg.explain.edited import Blamed
    from napari_shiftseg.explain.evidence import Evidence, Place
    from napari_shiftseg.mending.contradictions import Made
    from napari_shiftseg.mending.edits import Edit


Case = Literal[
    "background", "joined by an edit", "same object", "parted by an edit",
    "tile border", "components", "same mode", "different modes",
]  # fmt: skip


@dataclass(frozen=True)
class Explanation:
    """Why two pixels are one object or two.

    Attributes
    ----------
    case : str
        The first of these that is so: a pixel is background; an edit joins the two;
        one object has both; an edit parts the two; a tile border parts the objects;
        they lie in different components of the foreground; they share a mode, or modes
        within a bandwidth; their modes differ.
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
    edit : Edit or None
        That joins or parts them; of one object, that would join the two again.
    """

    case: Case
    text: str
    distance: float | None = None
    apart: tuple[int, ...] | None = None
    bandwidth: float | None = None
    threshold: float | None = None
    border: TileBorder | None = None
    edit: Edit | None = None


def explain(
    evidence: Evidence, one: Sequence[int], other: Sequence[int]
) -> Explanation:
    """Explain two pixels that were clicked, by what can be measured.

    An edit that joins or parts them comes first, since it is made again at every
    bandwidth. Else it takes up to a second: a mean shift of the two objects is tried
    with several bandwidths.

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
        return joined_by_an_edit(evidence, places) or same_object(
            evidence, places, first
        )
    return parted_by_an_edit(evidence, places) or _two_objects(evidence, first, second)


def _two_objects(evidence: Evidence, one: int, other: int) -> Explanation:
    border = tile_border_between(evidence, one, other)
    if border is not None and border.parts_them:
        return _split(evidence, border)
    if are_two_components(evidence, one, other):
        return two_components(evidence, one, other)
    if modes_apart(evidence, one, other) <= SAME:
        return shared_mode(evidence, one, other)
    return different_modes(evidence, one, other)


def _background(evidence: Evidence, places: Sequence[Place]) -> Explanation:
    outside = [place for place in places if not evidence.object_at(place)]
    sentences = dict.fromkeys(why_background(evidence, place) for place in outside)
    return Explanation("background", " ".join(sentences))


def _split(evidence: Evidence, border: TileBorder) -> Explanation:
    steps = "beside it there is no step"
    if border.jump is not None and not isinf(border.jump):
        steps = f"{border.jump:.0f} times its steps beside it"
    text = (
        f"Split by the tile border at {evidence.names[border.axis]} = {border.at}: use "
        f"cropped stitching. {percent(border.share)} of the line between them lies on "
        f"it, where the embedding jumps ({steps})."
    )
    return Explanation("tile border", text, border=border)


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


HOLDS = "it holds whatever the bandwidth"
MADE_AGAIN = (
    "with another bandwidth it is made again, on the objects that are there then"
)


def joined_by_an_edit(
    evidence: Evidence, places: Sequence[Place]
) -> Explanation | None:
    """Explain two pixels of one object by the edit that joins them, if one does."""
    return _explained("joined by an edit", joined_by(evidence, places), places)


def parted_by_an_edit(
    evidence: Evidence, places: Sequence[Place]
) -> Explanation | None:
    """Explain two pixels of two objects by the edit that parts them, if one does."""
    return _explained("parted by an edit", parted_by(evidence, places), places)


def _explained(
    case: Case, blamed: Blamed | None, places: Sequence[Place]
) -> Explanation | None:
    if blamed is None:
        return None
    edit, (first, second) = blamed.made.edit, blamed.before
    if not (first and second):
        were = (
            "one of them was background" if first or second else "both were background"
        )
    else:
        number = "one object" if first == second else "two objects"
        so_already = (first == second) == (case == "joined by an edit")
        were = f"they were {number}{' already' * so_already}"
    text = (
        f"{case.capitalize()} ({edit}): {_how_long(blamed.made, places)}. Before it, "
        f"{were}. To undo it, take it out of the list of edits."
    )
    return Explanation(case, text, edit=edit)


def _how_long(made: Made, places: Sequence[Place]) -> str:
    """Say whether it holds for good: only for pixels that a merge or split named."""
    named = all(place.index in made.places for place in places)
    return HOLDS if named and isinstance(made.edit, Merge | Split) else MADE_AGAIN
