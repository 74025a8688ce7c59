"""In how many parts the objects of a label image are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.measure import label

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MOST_AXES = 3  # that scikit-image labels


def parts_per_id(labels: ArrayLike) -> float:
    r"""Return in how many connected parts the objects are, on average.

    1: each is in one piece. The grey values of a photograph are in many parts, and so
    is a mask, whose objects share one id.

    Parameters
    ----------
    labels : array_like of int
        (\\*spatial), 0 is background. Parts are connected by faces; of more than three
        axes the first ones do not connect.

    Returns
    -------
    float
        0 where there is no object.
    """
    image = np.atleast_1d(labels)
    parts = ids = 0
    for at in np.ndindex(image.shape[:-MOST_AXES]):
        parts += label(image[at], background=0, return_num=True, connectivity=1)[1]
        ids += int(np.count_nonzero(np.unique(image[at])))
    return parts / ids if ids else 0.0
