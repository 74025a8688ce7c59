"""How large the objects of label images are: diameters of discs or balls as large."""

from __future__ import annotations

from math import gamma, pi
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray


def diameters(labels: ArrayLike) -> NDArray[np.float64]:
    r"""Return the diameter of each object: that of a ball of as many pixels.

    .. math::

        d = 2 \left( \frac{N\,\Gamma(n/2 + 1)}{\pi^{n/2}} \right)^{1/n}

    for N pixels in n axes: :math:`2\sqrt{N/\pi}` in a plane,
    :math:`\sqrt[3]{6N/\pi}` in a volume.

    Parameters
    ----------
    labels : array_like of int
        0 is background, −1 is not known.

    Returns
    -------
    ndarray
        (objects,), in pixels.
    """
    known: NDArray[Any] = np.asarray(labels)
    axes = known.ndim
    _, pixels = np.unique(known[known > 0], return_counts=True)
    radii: NDArray[np.float64] = (pixels * gamma(axes / 2 + 1) / pi ** (axes / 2)) ** (
        1 / axes
    )
    return 2 * radii


def median_diameter(images: Iterable[ArrayLike]) -> float | None:
    """Return the median diameter of the objects of all images; None: there are none.

    Parameters
    ----------
    images : iterable of array_like of int
        Labels; see `diameters`.
    """
    known = np.concatenate([np.empty(0), *map(diameters, images)])
    return float(np.median(known)) if len(known) else None
