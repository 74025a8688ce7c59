"""Two label images in one picture: outlines in the colour of what became of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.segmentation import find_boundaries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_shiftseg.metrics.agreement import Agreement

COLOURS = {  # of Okabe and Ito, told apart by the colour-blind too
    "matched": (160, 160, 160),
    "split": (230, 159, 0),
    "merged": (86, 180, 233),
    "only_a": (204, 121, 167),
    "only_b": (0, 158, 115),
}


def differences_picture(
    a: NDArray[Any], b: NDArray[Any], agreement: Agreement
) -> NDArray[np.uint8]:
    """Draw the outlines of two label images on black.

    Those of b lie on those of a: what matches is grey, what is split orange, what is
    merged blue, what is in a alone purple, in b alone green.

    Parameters
    ----------
    a, b : ndarray of int
        (y, x)
    agreement : Agreement
        Of these.

    Returns
    -------
    ndarray of uint8
        (y, x, 3)
    """
    picture = np.zeros((*a.shape, 3), dtype=np.uint8)
    for labels, kinds in ((a, agreement.kinds_of_a), (b, agreement.kinds_of_b)):
        rim = find_boundaries(labels, mode="inner")
        picture[rim] = _colours_of(labels[rim], kinds)
    return picture


def _colours_of(labels: NDArray[Any], kinds: Mapping[int, str]) -> NDArray[np.uint8]:
    """Return the colour of each of these labels, (n, 3)."""
    ids, place = np.unique(labels, return_inverse=True)
    table = np.array([COLOURS[kinds[label]] for label in ids.tolist()], dtype=np.uint8)
    return np.asarray(table.reshape(-1, 3)[place])
