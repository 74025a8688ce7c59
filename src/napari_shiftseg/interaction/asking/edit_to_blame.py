"""Two pixels that an edit joins or parts, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.interaction.asking.edited import joined_by, parted_by
from napari_shiftseg.interaction.asking.explanation import Explanation
from napari_shiftseg.interaction.editing.edits import Merge, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.interaction.asking.edited import Blamed
    from napari_shiftseg.interaction.asking.evidence import Evidence
    from napari_shiftseg.interaction.asking.explanation import Case
    from napari_shiftseg.interaction.asking.places import Place
    from napari_shiftseg.interaction.editing.contradictions import Made

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
