"""Parts of frames that are labelled anew already, while the rest is not yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.interaction.editing.boxes import Box
    from napari_shiftseg.interaction.editing.positions import Point


class WrittenBoxes:
    """Where frames were labelled by other clusterings than around it.

    A number means another object inside such a box than outside of it.
    """

    def __init__(self) -> None:
        self._boxes: dict[Point, list[Box]] = {}

    def note(self, position: Point, box: Box) -> None:
        """Learn that a box of a frame has new labels."""
        known = self._boxes.setdefault(position, [])
        known[:] = [other for other in known if not _is_within(other, box)]
        known.append(box)

    def forget(self, position: Point) -> None:
        """Learn that the labels of a frame are all of one clustering."""
        self._boxes.pop(position, None)

    def alike(
        self,
        position: Point,
        labels: NDArray[np.integer],
        indices: Sequence[NDArray[np.integer]],
    ) -> NDArray[np.integer]:
        r"""Return the labels of a frame that mean the same objects as a stroke's.

        Where a stroke reaches into several boxes, those of the newest are meant.

        Parameters
        ----------
        position : tuple of int
        labels : ndarray of int
            (\*spatial), of the frame, painted on already.
        indices : sequence of ndarray of int
            Pixels painted, one array an axis.

        Returns
        -------
        ndarray of int
            (\*spatial), 0 where labels are of another clustering than at the stroke.
        """
        boxes = self._boxes.get(position, [])
        if not boxes:
            return labels
        written = np.zeros(labels.shape, dtype=np.uint16)
        for number, box in enumerate(boxes, start=1):
            written[box] = number
        painted = tuple(indices)
        found = np.where(written == written[painted].max(), labels, 0)
        found[painted] = labels[painted]
        return found


def _is_within(box: Box, other: Box) -> bool:
    return all(
        b.start <= a.start and a.stop <= b.stop for a, b in zip(box, other, strict=True)
    )
