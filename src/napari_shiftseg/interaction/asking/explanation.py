"""What is answered to the question why two pixels are one object or two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from napari_shiftseg.interaction.asking.borders import TileBorder
    from napari_shiftseg.interaction.editing.edits import Edit

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
