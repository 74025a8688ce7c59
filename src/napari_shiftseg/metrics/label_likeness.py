"""Whether an image is rather a label image, or a mask, that lies among images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.label_blocks import middle_box
from napari_shiftseg.metrics.label_image import parts_per_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

MASK = "looks like a mask, not like an image: its only values are 0 and {}"
LABELS = (
    "looks like labels, not like an image: {} whole numbers, each of one piece; if so, "
    "keep labels in a folder of their own"
)
SIDE = 1024  # pixels of the middle, along an axis, that are looked at
FEW_PARTS = 1.5  # connected parts a number, up to which each is of one piece
LEAST = 3  # numbers; fewer, and not a mask, may be anything
ALIKE = 0.8  # of neighbours that are no ground, at least, have one number
FEW = 0.03  # of neighbours, that differ where objects touch; more are steps of a ramp


def label_likeness(image: Any) -> str:
    r"""Say that an image looks like a mask or labels; empty if it does not.

    A mask has 0 and one other value. Of labels each number is of one piece, neighbours
    are alike, and where two numbers touch they differ by more than 1 as a rule: a ramp
    of grey values has steps of 1.

    Parameters
    ----------
    image : array
        ([leading,] rows, columns); of what comes before, and of large planes, the
        middle is looked at.
    """
    if len(image.shape) < 2 or image.dtype.kind not in "bui":
        return ""
    place = [n // 2 for n in image.shape[:-2]]
    box = middle_box(image.shape[-2:], SIDE)
    plane = np.asarray(image[(*place, *box)]).astype(np.int64)
    values = np.unique(plane)
    if len(values) < 2 or values[0]:
        return ""
    if len(values) == 2:
        return MASK.format(values[1])
    is_whole = len(values) > LEAST and parts_per_id(plane) <= FEW_PARTS
    return LABELS.format(len(values) - 1) if is_whole and _is_flat(plane) else ""


def _is_flat(plane: NDArray[np.int64]) -> bool:
    """Whether numbers are flat, and no steps of a ramp lie between them."""
    for steps in (_steps(plane), _steps(plane.T)):
        changes = steps[steps > 0]
        share = len(changes) / max(1, len(steps))
        if share > 1 - ALIKE or (share > FEW and np.median(changes) <= 1):
            return False
    return True


def _steps(plane: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return by how much neighbours along the first axis differ that are no ground."""
    before, after = plane[:-1], plane[1:]
    steps: NDArray[np.int64] = np.abs(after - before)[(before > 0) & (after > 0)]
    return steps
