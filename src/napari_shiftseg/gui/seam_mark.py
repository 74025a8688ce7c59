"""A seam as it is marked: a frame around it, and a line along it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.gui.layers import METADATA_KEY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.layers import LayerTuple
    from napari_shiftseg.gui.source import Source
    from napari_shiftseg.metrics.splits import Seam
    from napari_shiftseg.pipeline.segmentation import Segmentation

FRAME_COLOUR, LINE_COLOUR = "#ffffff", "#39ff14"
WIDTH = 0.3  # pixels: what lies under the line is to be seen
BESIDE = 2  # pixels shown beyond the ends of a seam
AROUND = 0.5  # strides shown on both sides of a seam


def seam_mark(seam: Seam, result: Segmentation, source: Source) -> LayerTuple:
    """Return a seam and a frame around it, to be drawn or looked at.

    Of a volume it lies in the plane of the first object that the seam splits; a seam
    between two planes has no line.

    Parameters
    ----------
    seam : Seam
    result : Segmentation
        Whose seam it is.
    source : Source
        Of the image.
    """
    plan = result.plan
    offset = np.array(plan.offset)
    flat = np.concatenate([_frame(seam, plan.stride), _line(seam)])
    lines = np.zeros((len(flat), 2, len(offset)))
    lines[:, 0, :-2] = (np.array(seam.at) + offset)[:-2]
    lines[:, :, -2:] = flat
    lines[:, 0, -2:] += offset[-2:]
    colours = [FRAME_COLOUR] * 4 + [LINE_COLOUR] * (len(flat) - 4)
    how = {
        "name": "seam",
        "edge_color": colours,
        "edge_width": WIDTH,
        "vector_style": "line",
        "opacity": 1,
        "metadata": {METADATA_KEY: "seam"},
        **source.placed((), len(offset)),
    }
    return lines, how, "vectors"


def outline(bounds: Region) -> NDArray[np.float64]:
    """Return begin and extent of the four sides of a rectangle: (4, 2, 2).

    Parameters
    ----------
    bounds : pair of (float, float)
        Rows and columns of its edges.
    """
    (top, bottom), (left, right) = bounds
    corners = np.array([(top, left), (top, right), (bottom, right), (bottom, left)])
    return np.stack([corners, np.roll(corners, -1, axis=0) - corners], axis=1)


def _frame(seam: Seam, strides: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a frame around a seam, in pixels of the result."""
    bounds = []
    for (start, stop), stride in zip(seam.pairs[-2:], strides[-2:], strict=True):
        middle = (start + stop) / 2 - 0.5
        half = max(AROUND * stride, (stop - start) / 2 + BESIDE)
        bounds.append((middle - half, middle + half))
    return outline(tuple(bounds))


def _line(seam: Seam) -> NDArray[np.float64]:
    """Return the seam itself: (1, 2, 2), or (0, 2, 2) if it lies between planes."""
    across = seam.axis - len(seam.pairs)  # -2: between rows, -1: between columns
    if across < -2:
        return np.zeros((0, 2, 2))
    begin = np.array([start - 0.5 for start, _ in seam.pairs[-2:]])
    extent = np.array([float(stop - start) for start, stop in seam.pairs[-2:]])
    begin[across] += 1  # between the pair's two pixels
    extent[across] = 0
    return np.stack([begin, extent])[None]
