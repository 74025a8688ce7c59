"""Two pixels that an edit joins or parts, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.interaction.asking.edited import joined_by, parted_by
from napari_shiftseg.interaction.asking.explanation import Explanation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.interaction.asking.edited import Blamed
    from napari_shiftseg.interaction.asking.evidence import Evidence
    from napari_shiftseg.interaction.asking.explanation import Case
    from napari_shiftseg.interaction.asking.places import Place


def joined_by_an_edit(
    evidence: Evidence, places: Sequence[Place]
) -> Explanation | None:
    """Explain two pixels of one object by the edit that joins them, if one does."""
    return _explained("joined by an edit", joined_by(evidence, places))


def parted_by_an_edit(
    evidence: Evidence, places: Sequence[Place]
) -> Explanation | None:
    """Explain two pixels of two objects by the edit that parts them, if one does."""
    return _explained("parted by an edit", parted_by(evidence, places))


def _explained(case: Case, blamed: Blamed | None) -> Explanation | None:
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
        f"{case.capitalize()} ({edit}): it holds whatever the bandwidth. Before it, "
        f"{were}. To undo it, take it out of the list of edits."
    )
    return Explanation(case, text, edit=edit)
