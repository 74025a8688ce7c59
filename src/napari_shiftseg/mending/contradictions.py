"""Edits that a newer one undid: what they asked for no longer holds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from napari_shiftseg.mending.boxes import corner_of, holds_point
from napari_shiftseg.mending.edits import Delete, Grow, Merge, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.changes import Change
    from napari_shiftseg.mending.edits import Edit


@dataclass(frozen=True)
class Made:
    """An edit that acted.

    Attributes
    ----------
    edit : Edit
    change : Change
        What it did.
    places : tuple of tuple of int
        Its points, in pixels of the label image.
    """

    edit: Edit
    change: Change
    places: tuple[Point, ...]


def holds(edit: Edit, carried: Sequence[int]) -> bool:
    """Whether labels are as an edit wants them.

    A merge holds while all its points that are on an object are on the same, a split
    while no two of its seeds are on the same, a deletion while its points are on none,
    growth while its point is on one. A redrawn outline and painted pixels ask for
    nothing that lasts.

    Parameters
    ----------
    edit : Edit
    carried : sequence of int
        Number that each of its points carries, 0 for background.
    """
    objects = {number for number in carried if number}
    match edit:
        case Merge():
            return len(objects) < 2
        case Delete():
            return not objects
        case Grow():
            return bool(objects)
        case Split():
            rest = iter(carried)
            seeds = [{next(rest) for _ in seed} - {0} for seed in edit.seeds]
            return all(a.isdisjoint(b) for a, b in combinations(seeds, 2))
    return True


def holds_already(edit: Edit, carried: Sequence[int]) -> bool:
    """Whether an edit that cannot act has nothing left to do.

    What it asks for is so: the points of a merge are on one object, those of a deletion
    on none, that of growth on one. Points that were lost to background are no reason:
    a merge of which one point is left on an object joins nothing.

    Parameters
    ----------
    edit : Edit
    carried : sequence of int
        Number that each of its points carries, 0 for background.
    """
    match edit:
        case Merge():
            on = [number for number in carried if number]
            return len(on) > 1 and holds(edit, carried)
        case Delete() | Grow():
            return holds(edit, carried)
    return False


def contradicted(
    change: Change, made: Sequence[Made], labels: NDArray[np.integer]
) -> list[int]:
    r"""Return which earlier edits held before a change and do not after it.

    Parameters
    ----------
    change : Change
        Carried out or not.
    made : sequence of Made
        Before it.
    labels : ndarray of int
        (\*spatial)

    Returns
    -------
    list of int
        Indices into `made`.
    """
    broken = []
    for index, earlier in enumerate(made):
        if _touches(change, earlier):
            now = [int(labels[place]) for place in earlier.places]
            before, after = (
                _carried(earlier, now, change, part)
                for part in (change.before, change.after)
            )
            if holds(earlier.edit, before) and not holds(earlier.edit, after):
                broken.append(index)
    return broken


def overruled(
    made: Sequence[Made], labels: NDArray[np.integer]
) -> list[tuple[int, int]]:
    r"""Return which edits do not hold any more, each with the one that is to blame.

    Parameters
    ----------
    made : sequence of Made
        In the order in which they acted.
    labels : ndarray of int
        (\*spatial), after all of them.

    Returns
    -------
    list of (int, int)
        Indices into `made`: of the older edit, and of the newer one that wins.
    """
    found = []
    for index, older in enumerate(made):
        carried = [int(labels[place]) for place in older.places]
        if not holds(older.edit, carried):
            newer = _blamed(index, carried, made)
            found += [(index, newer)] if newer is not None else []
    return found


def _blamed(index: int, carried: list[int], made: Sequence[Made]) -> int | None:
    """Go back from the newest edit to that after which this one held no more."""
    older = made[index]
    for number in range(len(made) - 1, index, -1):
        change = made[number].change
        if not _touches(change, older):
            continue
        carried = _carried(older, carried, change, change.before)
        if holds(older.edit, carried):
            return number
    return None


def _touches(change: Change, made: Made) -> bool:
    return any(holds_point(change.box, place) for place in made.places)


def _carried(
    made: Made, now: list[int], change: Change, labels: NDArray[np.integer]
) -> list[int]:
    """Return the numbers at an edit's points where a change's box has these labels."""
    corner = corner_of(change.box)
    return [
        int(labels[tuple(x - c for x, c in zip(place, corner, strict=True))])
        if holds_point(change.box, place)
        else number
        for place, number in zip(made.places, now, strict=True)
    ]
