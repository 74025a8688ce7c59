"""What an edit would do, and the labels that this was computed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame
    from napari_shiftseg.interaction.editing.change import Change
    from napari_shiftseg.interaction.editing.contradictions import Made
    from napari_shiftseg.interaction.editing.edits import Edit


@dataclass(frozen=True)
class Computed:
    """What an edit would do, computed in a thread while others may change the labels.

    New numbers, and how far objects reach, depend on the whole frame: after any other
    edit of it they are to be computed again.

    Attributes
    ----------
    frame : SteeredFrame
        It was computed on.
    made : tuple of Made
        Edits that stood in its labels before.
    change : Change or None
    contradicted : tuple of int
        Edits made that it would undo; indices into `made`.
    error : Exception or None
        Why there is no change.
    """

    frame: SteeredFrame
    made: tuple[Made, ...]
    change: Change | None = None
    contradicted: tuple[int, ...] = ()
    error: Exception | None = None

    def holds(self, frame: SteeredFrame | None, labels: NDArray[np.integer]) -> bool:
        r"""Whether frame, edits and labels, ([leading,] \*spatial), are still those."""
        if frame is not self.frame or not _same(self.made, frame.mending.made):
            return False
        change = self.change
        return change is None or np.array_equal(
            labels[(*change.frame, *change.box)], change.before
        )


def computed(edit: Edit, frame: SteeredFrame) -> Computed:
    """Compute what an edit would do to a frame.

    An error is part of the outcome: labels that change meanwhile may be its only cause.
    """
    mending = frame.mending
    made = tuple(mending.made)
    try:
        change = mending.change_of(edit)
        contradicted = tuple(mending.contradicted(change))
    except (ValueError, LookupError, RuntimeError) as error:
        return Computed(frame, made, error=error)
    return Computed(frame, made, change, contradicted)


def _same(known: tuple[Made, ...], now: list[Made]) -> bool:
    return len(known) == len(now) and all(
        a is b for a, b in zip(known, now, strict=True)
    )
