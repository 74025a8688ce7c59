"""Colours that are told apart when layers lie upon each other.

The gradient magnitude is warm, label outlines are cool; the difference is blue, and
white where it lies upon a large gradient magnitude.
"""

from __future__ import annotations

from colorsys import hsv_to_rgb

from napari.utils.colormaps import Colormap, CyclicLabelColormap

OUTLINES = 47  # colours; a prime, so that no rhythm of ids shows
COOL = (0.48, 0.80)  # hues, from cyan to violet
GOLDEN = 0.618034  # part of the hues from one id to the next: neighbours differ


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
