"""Colours that are told apart when layers lie upon each other.

The gradient magnitude is warm, label outlines are cool; the difference is blue, and
white where it lies upon a large gradient magnitude.
"""

from __future__ import annotations

from colorsys import hsv_to_rgb
from typing import TYPE_CHECKING

import numpy as np
from napari.utils.colormaps import Colormap, CyclicLabelColormap, label_colormap

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTLINES = 47  # colours; a prime, so that no rhythm of ids shows
COOL = (0.48, 0.80)  # hues, from cyan to violet
GOLDEN = 0.618034  # part of the hues from one id to the next: neighbours differ
USUAL = label_colormap(49, 0.5, 0).colors  # napari's own for labels; 0: background
IN_TURN = len(USUAL) - 1
WIDE = 6 * IN_TURN  # more than 255 colours, which napari shows by another texture


def warm() -> Colormap:
    """Return a colormap from nothing over red to yellow."""
    return Colormap(
        [(0, 0, 0, 1), (0.75, 0.1, 0, 1), (1, 0.5, 0, 1), (1, 0.9, 0.25, 1)],
        name="warm",
    )


def blue() -> Colormap:
    """Return a colormap from nothing to a blue that adds up to white with `warm`."""
    return Colormap([(0, 0, 0, 1), (0.1, 0.55, 1, 1)], name="from black to blue")


def cool_labels() -> CyclicLabelColormap:
    """Return a colour an object, none of them warm; the background has none."""
    first, last = COOL
    colours = [(0.0, 0.0, 0.0, 0.0)] + [
        (*hsv_to_rgb(first + number * GOLDEN % 1 * (last - first), 0.75, 1), 1)
        for number in range(OUTLINES)
    ]
    return CyclicLabelColormap(colors=colours, name="cool")


def usual_colours(number: int) -> NDArray[np.float32]:
    """Return the colours that napari gives to labels, (number + 1, 4); 0 is none."""
    turns = -(-number // IN_TURN)
    return np.concatenate([USUAL[:1], *[USUAL[1:]] * turns])[: number + 1]


def result_labels() -> CyclicLabelColormap:
    """Return the colours that napari gives to labels, with room for one an object.

    napari cannot go from a few colours to more than 255 later: the layer is shown by
    another texture then, and the program falls when it is deleted (napari 0.9).
    """
    return CyclicLabelColormap(colors=usual_colours(WIDE), name="result")
