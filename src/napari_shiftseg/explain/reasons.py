"""Why two pixels are one object or two: a reason is a value, with its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_shiftseg.explain.basins import OnePart, TwoBasins, one_part, two_basins
from napari_shiftseg.explain.distance import (
    SAME,
    distances,
    parting_bandwidth,
    sizes_of_modes,
)
from napari_shiftseg.explain.two_objects import TileBorder, TwoObjects
from napari_shiftseg.mending.edits import Grow, Merge, Paint, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.explain.evidence import Evidence, Numbers, Place
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.changes import Made
    from napari_shiftseg.mending.edits import Edit


@dataclass(frozen=True)
class Background:
    """One of the pixels is on no object.

    An edit made it background, or its foreground probability is not above the
    threshold, or the mode nearest to it is the background's; or else it was dropped.
    """

    pixel: Point
    edit: Edit | None = None
    foreground: float | None = None
    has_its_mode: bool = False


@dataclass(frozen=True)
class AnEdit:
    """An edit joins the pixels, or parts them.

    It holds at every bandwidth if it is a merge or a split that names both.
    """

    edit: Edit
    joins: bool
    holds: bool


@dataclass(frozen=True)
class OneObject:
    """The pixels went to one mode, and lie `distance` bandwidths apart.

    The largest bandwidth that parts them is given if one was found, and the edits on
    the object, which are made again then.
    """

    label: int
    distance: float
    bandwidth: float | None
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class MinimumSize:
    """One pixel is in a part with a mode of its own, below the minimum size.

    So the part went to the object beside it. The pixels lie `distance` bandwidths
    apart.
    """

    label: int
    distance: float


@dataclass(frozen=True)
class OneMode:
    """Two objects have one mode; their middles lie so many pixels apart per axis.

    See `TwoObjects` for the rest.
    """

    apart: tuple[int, ...]
    touch: bool
    are_alike: bool
    share_a_window: bool | None


@dataclass(frozen=True)
class TwoModes:
    """Two objects have different modes, `distance` bandwidths apart.

    The smallest bandwidth that gives them one mode is given, and the edits on them,
    which are made again then.
    """

    distance: float
    bandwidth: float
    touch: bool
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class TwoComponents:
    """Two objects lie in different components of the foreground.

    The components touch at a foreground threshold, if there is one low enough. The
    modes lie `distance` bandwidths apart, if there are modes.
    """

    distance: float | None
    threshold: float | None


Reason = (
    Background | AnEdit | OneObject | MinimumSize
    | TileBorder | TwoComponents | OneMode | TwoModes | OnePart | TwoBasins
)  # fmt: skip


def reason_of(evidence: Evidence, one: Sequence[int], other: Sequence[int]) -> Reason:
    """Return why two pixels are one object or two, as far as it can be measured.

    The first of these that is so: one is background; an edit joins or parts them; they
    are of one object; a tile border parts the objects; the objects lie in different
    components of the foreground, share a mode, or have different modes. It takes up to
    a second: the mean shift of the two objects is tried with several bandwidths; where
    objects are parts of the foreground, these are cut at several prominences.

    Parameters
    ----------
    evidence : Evidence
    one, other : sequence of int
        Pixels of the image; see `place_of`, which may refuse them.
    """
    places = [evidence.place(pixel) for pixel in (one, other)]
    labels = [evidence.object_at(place) for place in places]
    if 0 in labels:
        return why_background(evidence, places[labels.index(0)])
    edit = edit_between(evidence, places)
    if edit is not None:
        return edit
    if labels[0] == labels[1]:
        find = _one_object if evidence.has_modes else one_part
        return find(evidence, places, labels[0])
    return _two_objects(TwoObjects(evidence, (labels[0], labels[1])), places)


def why_background(evidence: Evidence, place: Place) -> Background:
    """Return why a pixel is on no object.

    Parameters
    ----------
    evidence : Evidence
    place : Place
        Of the pixel.
    """
    for made, before, _ in evidence.history([place]):
        if before[0]:
            return Background(place.pixel, made.edit)
    if not evidence.is_clustered(place):
        return Background(place.pixel, foreground=evidence.foreground_at(place))
    modes = evidence.mode_of
    is_its_mode = modes is not None and evidence.nearest_mode(place) == modes[0]
    return Background(place.pixel, has_its_mode=bool(is_its_mode))


def edit_between(evidence: Evidence, places: Sequence[Place]) -> AnEdit | None:
    """Return the newest edit that joins two pixels of one object, or parts two.

    Before it that was not so; or it painted both; or it made one of them a new object,
    or has seeds on both objects, and so holds them apart.

    Parameters
    ----------
    evidence : Evidence
    places : sequence of Place
        Of the two pixels.
    """
    joins = evidence.object_at(places[0]) == evidence.object_at(places[1])
    for made, before, after in evidence.history(places):
        was_one = before[0] == before[1] != 0
        if joins:
            acts = not was_one or (isinstance(made.edit, Paint) and before != after)
        else:
            acts = was_one or _holds_apart(made, before, after)
        if acts:
            names_both = all(place.index in made.places for place in places)
            holds = names_both and isinstance(made.edit, Merge | Split)
            return AnEdit(made.edit, joins, holds)
        if 0 in before:  # what such a pixel was earlier has no say
            return None
    return None


def _holds_apart(made: Made, before: Numbers, after: Numbers) -> bool:
    match made.edit:
        case Split():
            change = made.change
            seeded = {change.number_at(at, change.after, 0) for at in made.places}
            return seeded.issuperset(after)
        case Grow(new=True) | Paint(to="new"):
            return before != after
    return False


def _edits_on(evidence: Evidence, *labels: int) -> tuple[Edit, ...]:
    """Return the edits that changed one of some objects, or name a pixel of it."""
    return tuple(
        made.edit
        for made in evidence.made or ()
        if not made.change.numbers.isdisjoint(labels)
        or any(evidence.labels[at] in labels for at in made.places)
    )


def _one_object(
    evidence: Evidence, places: Sequence[Place], label: int
) -> OneObject | MinimumSize:
    one, other = (evidence.embedding_at(place) for place in places)
    clustering, bandwidth = evidence.clustering, None
    distance = float(distances(one, other, clustering))
    if distance > 0:
        rows = evidence.embeddings(label)
        sizes = sizes_of_modes(rows, (one, other), clustering)
        if sizes is None:
            bandwidth = parting_bandwidth(rows, (one, other), clustering)
        elif evidence.components is not None and min(sizes) < clustering.min_size:
            return MinimumSize(label, distance)
    return OneObject(label, distance, bandwidth, _edits_on(evidence, label))


def _two_objects(two: TwoObjects, places: Sequence[Place]) -> Reason:
    border = two.tile_border
    if border is not None:
        return border
    has_modes = two.evidence.has_modes
    if two.are_in_two_components:
        distance = two.distance if has_modes else None
        return TwoComponents(distance, two.touching_threshold)
    if not has_modes:
        return two_basins(two.evidence, places)
    if two.distance <= SAME:
        return OneMode(two.apart, two.touch, two.are_alike, two.share_a_window)
    edits = _edits_on(two.evidence, *two.labels)
    return TwoModes(two.distance, two.bandwidth, two.touch, edits)
