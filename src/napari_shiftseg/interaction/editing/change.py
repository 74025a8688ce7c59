"""What an edit does to the labels of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.interaction.editing.boxes import Box
    from napari_shiftseg.interaction.editing.positions import Point


@dataclass(frozen=True)
class Change:
    r"""What an edit does to the labels of a frame.

    Attributes
    ----------
    frame : tuple of int
        Position on the leading axes.
    box : tuple of slice
        Where, in pixels of the label image; one slice a spatial axis.
    before, after : ndarray of int
        Labels of the box.
    """

    frame: Point
    box: Box
    before: NDArray[np.integer]
    after: NDArray[np.integer]

    @property
    def pixels(self) -> int:
        """How many pixels have another label than before."""
        return int(np.count_nonzero(self.before != self.after))

    @property
    def indices(self) -> tuple[NDArray[np.int64], ...]:
        """Where these pixels lie, one array an axis of the label image."""
        changed = np.nonzero(self.before != self.after)
        leading = (np.full(len(changed[0]), at) for at in self.frame)
        spatial = (x + s.start for x, s in zip(changed, self.box, strict=True))
        return (*leading, *spatial)

    @property
    def values(self) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Labels of these pixels before and after."""
        changed = self.before != self.after
        return self.before[changed], self.after[changed]

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Objects that gain or lose pixels by it; 0 where background does."""
        return frozenset(np.unique(self.values).tolist())

    @classmethod
    def none(cls, frame: Point, labels: NDArray[np.integer]) -> Change:
        """Return the change that changes nothing: its box has no pixel."""
        box = (slice(0, 0),) * labels.ndim
        return cls(frame, box, labels[box].copy(), labels[box].copy())

    def reversed(self) -> Change:
        """Return the change that takes this one back."""
        return Change(self.frame, self.box, self.after, self.before)
