"""A seam as it is marked: a frame around it, and a line along each cut."""

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
WIDTH = 0.6  # pixels: what lies under a line is to be seen
LEAST_AROUND = 12  # pixels shown around the cuts of a seam, or as many as they are long


def seam_mark(seam: Seam, result: Segmentation, source: Source) -> LayerTuple:
    """Return the cuts of a seam and a frame around it, to be drawn or looked at.

    Of a volume they lie in the plane of the longest cut; a seam between two planes has
    no line.

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
    flat = np.concatenate([_frame(seam), *_lines(seam)])
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


def _frame(seam: Seam) -> NDArray[np.float64]:
    """Return a frame around the cuts of a seam, in pixels of the result."""
    parts = [cut.pairs for cut in seam.cuts] or [seam.pairs]
    longest = max(stop - start for part in parts for start, stop in part[-2:])
    around = max(LEAST_AROUND, longest) + 0.5
    bounds = []
    for along in zip(*(part[-2:] for part in parts), strict=True):
        starts, stops = zip(*along, strict=True)
        bounds.append((min(starts) - around, max(stops) - 1 + around))
    return outline(tuple(bounds))


def _lines(seam: Seam) -> list[NDArray[np.float64]]:
    """Return the cuts: each (1, 2, 2); none if they lie between planes."""
    across = seam.axis - len(seam.pairs)  # -2: between rows, -1: between columns
    if across < -2:
        return []
    return [_line(cut.pairs, across) for cut in seam.cuts if _is_seen(cut.pairs, seam)]


def _is_seen(pairs: Region, seam: Seam) -> bool:
    """Whether a cut reaches into the plane that is shown."""
    planes = zip(pairs[:-2], seam.at[:-2], strict=True)
    return all(start <= at < stop for (start, stop), at in planes)


def _line(pairs: Region, across: int) -> NDArray[np.float64]:
    """Return the line between the pixels of a cut, (1, 2, 2)."""
    begin = np.array([start - 0.5 for start, _ in pairs[-2:]])
    extent = np.array([float(stop - start) for start, stop in pairs[-2:]])
    begin[across] += 1  # between the pair's two pixels
    extent[across] = 0
    return np.stack([begin, extent])[None]
