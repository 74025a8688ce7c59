"""A list of edits made again, on the same labels or on newer ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.interaction.mending import Mending

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_shiftseg.interaction.edits import Edit


@dataclass(frozen=True)
class Replayed:
    r"""What became of a list of edits; they are numbered from 1.

    Attributes
    ----------
    labels : ndarray of int
        ([leading,] \\*spatial), mended.
    applied : tuple of int
        Edits that acted.
    left_out : dict of int to str
        Edits that could not act, and why.
    overruled : dict of int to int
        Edits that acted and hold no more, and the newer edit that wins.
    notes : tuple of str
        The last two in words.
    """

    labels: NDArray[np.integer]
    applied: tuple[int, ...]
    left_out: dict[int, str]
    overruled: dict[int, int]
    notes: tuple[str, ...]


def replay(
    edits: Sequence[Edit],
    labels: NDArray[np.integer],
    embedding: Any,
    foreground: NDArray[np.bool_] | None = None,
    bandwidth: float = 1.0,
    offset: Sequence[int] | None = None,
    leading: int = 0,
) -> Replayed:
    """Make edits one after the other, on a copy of the labels.

    Edits that cannot act, since the labels under them are not what they were, are left
    out. Where two contradict each other, the newer one wins. Both are noted.

    Parameters
    ----------
    edits : sequence of Edit
        The oldest first.
    labels, embedding, foreground, bandwidth, offset, leading
        See `Mending`.

    Raises
    ------
    ValueError
        If the arrays do not cover the same pixels.
    """
    mending = Mending(labels.copy(), embedding, foreground, bandwidth, offset, leading)
    applied: list[int] = []
    left_out: dict[int, str] = {}
    for number, edit in enumerate(edits, start=1):
        try:
            mending.make(edit)
        except ValueError as error:
            left_out[number] = str(error)
        else:
            applied.append(number)
    overruled = {applied[old]: applied[new] for old, new in mending.overruled()}
    notes = [
        f"edit {number} ({edits[number - 1]}) is left out: {reason}"
        for number, reason in left_out.items()
    ] + [
        f"edit {old} ({edits[old - 1]}) no longer holds: edit {new} "
        f"({edits[new - 1]}) is newer and wins"
        for old, new in overruled.items()
    ]
    return Replayed(mending.labels, tuple(applied), left_out, overruled, tuple(notes))
