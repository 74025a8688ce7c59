"""Which edit made a pixel, or a pair of them, what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.measure import label as connected

from napari_shiftseg.explain.thresholds import modes_with
from napari_shiftseg.mending.boxes import corner_of, holds_point
from napari_shiftseg.mending.edits import Grow, Merge, Paint, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.explain.evidence import Evidence, Place
    from napari_shiftseg.mending.acts import Change
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.contradictions import Made

    _Parts = dict[int, Point]  # numbers that an object had, and a pixel of each
    from collections.abc import Iterable

    from napari_shiftseg.mending.boxes import Point


def merged_again(
    evidence: Evidence, places: Sequence[Place], label: int, bandwidth: float
) -> tuple[Merge, ...]:
    """Return the merges that join two pixels of an object parted by a bandwidth.

    Those, too, that do nothing now, as the bandwidth joins all their points.

    Parameters
    ----------
    evidence : Evidence
    places : sequence of Place
        Two, on the object.
    label : int
    bandwidth : float
        With which the two have different modes.

    Returns
    -------
    tuple of Merge
        The fewest that lead from one pixel to the other; () if none do.
    """
    merges = [
        (made.edit, on)
        for made in evidence.made or ()
        if isinstance(made.edit, Merge)
        and len(on := [at for at in made.places if evidence.labels[at] == label]) > 1
    ]
    if not merges:
        return ()
    parts = _parts(evidence, label, bandwidth)
    corner = corner_of(evidence.box(label))

    def part(pixel: Point) -> int:
        return int(parts[tuple(x - c for x, c in zip(pixel, corner, strict=True))])

    start, end = (part(place.index) for place in places)
    joined = [(edit, {part(pixel) for pixel in on}) for edit, on in merges]
    return _ways(start, joined).get(end, ())


def _ways(
    start: int, joined: Iterable[tuple[Merge, set[int]]]
) -> dict[int, tuple[Merge, ...]]:
    """Return by which merges each part is joined with the first, the fewest."""
    ways: dict[int, tuple[Merge, ...]] = {start: ()}
    queue = [start]
    for here in queue:
        for edit, parts in joined:
            for there in sorted(parts - ways.keys()) if here in parts else ():
                ways[there] = (*ways[here], edit)
                queue.append(there)
    return ways


def _parts(evidence: Evidence, label: int, bandwidth: float) -> NDArray[Any]:
    r"""Return what an object would be with a bandwidth, (\\*box), 0 outside."""
    inside = evidence.inside(label)
    modes = np.zeros(inside.shape, dtype=np.int64)
    rows = evidence.embeddings(label)
    modes[inside] = modes_with(rows, bandwidth, evidence.clustering) + 1
    if not evidence.clustering.split_far_parts:
        return modes
    parts: NDArray[Any] = connected(modes, background=0, connectivity=1)
    return parts


@dataclass(frozen=True)
class Blamed:
    """The edit that parts two pixels, or joins them.

    Attributes
    ----------
    made : Made
    before : tuple of int
        Numbers of the two before it, or of their objects; 0 is background.
    """

    made: Made
    before: tuple[int, int]


def is_edited(evidence: Evidence, place: Place) -> bool:
    """Whether an edit gave a pixel its number, or changed the object that it is on."""
    now = evidence.object_at(place)
    for made in reversed(evidence.made or ()):
        if number_before(made.change, place.index, now) != now:
            return True
        if now and now in made.change.numbers:
            return True
    return False


def erased_by(evidence: Evidence, place: Place) -> Made | None:
    """Return the edit that made a pixel background; None if it is not to blame."""
    if evidence.object_at(place):
        return None
    for made in reversed(evidence.made or ()):
        if number_before(made.change, place.index, 0):
            return made
    return None


def joined_by(evidence: Evidence, places: Sequence[Place]) -> Blamed | None:
    """Return the newest edit that joins two pixels of one object.

    Before it they were not of one object; or it painted both. None where they were of
    one object before all edits, and since.
    """
    pixels = [place.index for place in places]
    after = [evidence.object_at(place) for place in places]
    for made in reversed(evidence.made or ()):
        pairs = zip(pixels, after, strict=True)
        first, second = (number_before(made.change, *pair) for pair in pairs)
        painted = isinstance(made.edit, Paint) and first != after[0]
        if not first or first != second or painted:
            return Blamed(made, (first, second))
        after = [first, second]
    return None


def parted_by(evidence: Evidence, places: Sequence[Place]) -> Blamed | None:
    """Return the newest edit that parts the objects of two pixels.

    Before it they were one object; or it holds them apart although they were two, or
    one of them was not there: a split with a seed on either, or what made one anew.
    Both are followed back by the pixels clicked, and by those that edits named: of a
    merged object all parts.

    None where the clustering parted them, and no edit since.
    """
    after: list[_Parts] = [{evidence.object_at(at): at.index} for at in places]
    for index in reversed(range(len(evidence.made or ()))):
        made = (evidence.made or ())[index]
        before = [_parts_before(evidence, index, parts) for parts in after]
        common = before[0].keys() & before[1].keys()
        if common or _holds_apart(made, after):
            first, second = (min(common or parts, default=0) for parts in before)
            return Blamed(made, (first, second))
        after = before
    return None


def number_before(change: Change, pixel: Point, after: int) -> int:
    """Return the number of a pixel of the result before a change."""
    if not holds_point(change.box, pixel):
        return after
    return _in_box(change, change.before, pixel)


def _parts_before(evidence: Evidence, index: int, parts: _Parts) -> _Parts:
    """Return what the parts of an object were before an edit."""
    made = (evidence.made or ())[index]
    if made.change.numbers.isdisjoint(parts):
        return parts
    named = [  # a redrawn outline may leave the pixel out that named its object
        pixel
        for pixel in made.places
        if any(_number_at(evidence, at, pixel) in parts for at in (index, index + 1))
    ]
    pixels = [*parts.values(), *named]
    before = {_number_at(evidence, index, pixel): pixel for pixel in pixels}
    before.pop(0, None)
    return before


def _number_at(evidence: Evidence, index: int, pixel: Point) -> int:
    """Return the number of a pixel of the result before an edit."""
    number = int(evidence.labels[pixel])
    for made in reversed((evidence.made or ())[index:]):
        number = number_before(made.change, pixel, number)
    return number


def _holds_apart(made: Made, objects: Sequence[_Parts]) -> bool:
    """Whether a split has a seed on either object, or an edit made one of them anew."""
    change = made.change
    match made.edit:
        case Split():
            seeded = {
                _in_box(change, change.after, place)
                for place in made.places
                if holds_point(change.box, place)  # else it was on background
            }
            return not any(seeded.isdisjoint(parts) for parts in objects)
        case Grow(new=True) | Paint(to="new"):
            given = set(change.values[1].tolist())
            return any(given.issuperset(parts) for parts in objects)
    return False


def _in_box(change: Change, labels: NDArray[np.integer], pixel: Point) -> int:
    corner = corner_of(change.box)
    return int(labels[tuple(x - c for x, c in zip(pixel, corner, strict=True))])
