"""Colours of the plots, and of objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import hsv_to_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN = (5**0.5 - 1) / 2  # of the circle: hues of neighbouring ids lie far apart


@dataclass(frozen=True)
class Colours:
    """Of a plot, as matplotlib reads them.

    Attributes
    ----------
    background, text, grid : str
        Of the page.
    naive, cropped, untiled : str
        Of the curves.
    """

    background: str
    text: str
    grid: str
    naive: str
    cropped: str
    untiled: str


LIGHT = Colours(  # the curves can be told apart by the colour-blind
    background="#ffffff",
    text="#222222",
    grid="#dddddd",
    naive="#d55e00",
    cropped="#0072b2",
    untiled="#777777",
)


def object_colours(labels: NDArray[Any]) -> NDArray[np.uint8]:
    r"""Paint a label image: an id has one colour in every image, 0 is black.

    Parameters
    ----------
    labels : ndarray of int
        (\\*spatial)

    Returns
    -------
    ndarray of uint8
        (\\*spatial, 3), RGB.
    """
    ids, number = np.unique(labels, return_inverse=True)
    hue = ids * GOLDEN % 1
    saturation = 0.5 + 0.4 * (ids * GOLDEN**2 * 7 % 1)
    painted = hsv_to_rgb(np.stack([hue, saturation, np.ones(len(ids))], axis=-1))
    painted[ids == 0] = 0
    colours: NDArray[np.uint8] = (painted * 255).round().astype(np.uint8)
    return colours[number].reshape(*labels.shape, 3)
