"""What the labels of a frame were made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_shiftseg.interaction.editing.edits import Edit
    from napari_shiftseg.interaction.editing.positions import Point
    from napari_shiftseg.model.config import Clustering


@dataclass(frozen=True)
class MadeWith:
    """A clustering, and the edits made on its objects.

    Attributes
    ----------
    clustering : Clustering
    edits : tuple of Edit
        The oldest first; those of other frames say nothing.
    """

    clustering: Clustering
    edits: tuple[Edit, ...]

    def of(self, position: Point) -> tuple[Edit, ...]:
        """Return the edits of a frame."""
        return tuple(edit for edit in self.edits if edit.frame == position)

    def is_like(self, other: MadeWith, position: Point) -> bool:
        """Whether both give a frame the same labels."""
        return self.clustering == other.clustering and (
            self.edits is other.edits or self.of(position) == other.of(position)
        )
