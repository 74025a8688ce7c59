"""A comparison as layers: the same kinds and colours on both sides."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import Colormap, CyclicLabelColormap

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.result_layers import (
    grid_lines,
    grid_style,
    in_every_plane,
    too_many_lines,
)
from napari_shiftseg.metrics.label_image import relabelled_like
from napari_shiftseg.relabelling.colours import principal_colours
from napari_shiftseg.report.figures_of_merit import cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.gui.parts.result_layers import LayerTuple
    from napari_shiftseg.gui.parts.source import LayerSource
    from napari_shiftseg.metrics.splits import Seam
    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.pipeline.result import Segmentation


FRAME_COLOUR, LINE_COLOUR = "#ffffff", "#39ff14"
WIDTH = 0.6  # pixels: what lies under a line is to be seen
LEAST_AROUND = 12  # pixels shown around the cuts of a seam, or as many as they are long


def seam_mark(seam: Seam, result: Segmentation, source: LayerSource) -> LayerTuple:
    """Return the cuts of a seam and a frame around it, to be drawn or looked at.

    Of a volume they lie in the plane of the longest cut; a seam between two planes has
    no line.

    Parameters
    ----------
    seam : Seam
    result : Segmentation
        Whose seam it is.
    source : LayerSource
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


def outline(bounds: Iterable[tuple[float, float]]) -> NDArray[np.float64]:
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


BRIGHTEST = 99.8  # percentile of the gradient magnitude shown brightest
DIMMED = 0.5  # opacity of the image, below the gradient magnitude
TRANSLUCENT = 0.6  # opacity of the embedding
BORDER_COLOUR = "#ffffff"  # of a part of the image
KINDS = {  # what can be shown → whether it is at first
    "image": True,
    "gradient": True,
    "label outlines": False,
    "embedding": False,
    "tile grid": False,
    "difference": False,
}


@dataclass(frozen=True)
class CommonScale:
    r"""What all panes have in common, so that their colours can be compared.

    Attributes
    ----------
    source : LayerSource
        Of the image.
    pixels : ndarray
        (\*spatial) of the image, as far as it was compared.
    limits : (float, float)
        Of the gradient magnitude.
    farthest : float
        Of naive and cropped embedding, their largest difference.
    offset : tuple of int
        Image pixel at which pixels and labels begin.
    labels : ndarray
        (\*spatial) of what was compared; objects of other stitchings take its ids.
    """

    source: LayerSource
    pixels: NDArray[Any]
    limits: tuple[float, float]
    farthest: float
    offset: tuple[int, ...]
    labels: NDArray[np.int32]

    @property
    def region(self) -> Region:
        """What was compared: image pixels (start, stop) an axis."""
        return tuple(
            (begin, begin + n)
            for begin, n in zip(self.offset, self.labels.shape, strict=True)
        )

    def meanings(self, whole_on_the_right: bool = False) -> dict[str, str]:
        """Return what the colours of a kind mean, in words."""
        compared = "naive and cropped embedding"
        if whole_on_the_right:
            compared += " on the left, of naive and whole embedding on the right"
        return {
            "gradient": "gradient magnitude, from red to yellow: 0 to "
            f"{cell(self.limits[1])} and above",
            "label outlines": "outlines of the objects, from cyan to violet: one "
            "object has one colour on both sides",
            "embedding": "embedding: its first three principal components (its places, "
            "if it is spatial) as red, green and blue",
            "difference": f"difference: 0 to {cell(self.farthest)}, black to blue: the "
            f"distance of {compared}",
        }

    def within(self, result: Segmentation) -> tuple[slice, ...]:
        """Return where a result lies in the labels."""
        return tuple(
            slice(start - begin, stop - begin)
            for (start, stop), begin in zip(
                result.plan.region, self.offset, strict=True
            )
        )


def shared(
    comparison: Comparison,
    source: LayerSource,
    pixels: NDArray[Any],
    difference: NDArray[Any],
) -> CommonScale:
    r"""Find what naive and cropped stitching have in common.

    Parameters
    ----------
    comparison : Comparison
    source : LayerSource
        Of the image.
    pixels : array
        (\*spatial), the image.
    difference : ndarray
        (\*spatial), the distance of both embeddings.
    """
    sides = comparison.naive.result, comparison.cropped.result
    brightest = max(float(np.percentile(s.gradient, BRIGHTEST)) for s in sides)
    plan, labels = sides[1].plan, sides[1].labels
    seen, farthest = np.asarray(pixels[plan.slices]), float(difference.max())
    return CommonScale(source, seen, (0, brightest or 1), farthest, plan.offset, labels)


def pane_layers(
    result: Segmentation,
    common: CommonScale,
    colours: NDArray[Any],
    difference: NDArray[Any],
) -> list[LayerTuple]:
    r"""Return the layers of one side as (data, keywords, type), bottom first.

    Parameters
    ----------
    result : Segmentation
    common : CommonScale
    colours : ndarray
        (\*spatial, 3), its embedding as RGB.
    difference : ndarray
        (\*spatial), of its embedding from another.
    """
    plan, ndim = result.plan, result.plan.shape.ndim
    place = common.source.placed(plan.offset, ndim)
    whole = common.source.placed((), ndim)
    light = {"blending": "additive"} | place
    numbered = relabelled_like(result.labels, common.labels[common.within(result)])
    kinds: list[tuple[str, Any, dict[str, Any], str]] = [
        ("image", common.pixels,
         {"opacity": DIMMED} | common.source.placed(common.offset, ndim), "image"),
        ("embedding", colours,
         {"rgb": True, "opacity": TRANSLUCENT, "blending": "translucent_no_depth"}
         | place, "image"),
        ("gradient", result.gradient,
         {"colormap": warm(), "contrast_limits": common.limits} | light, "image"),
        ("difference", difference,
         {"colormap": blue(), "contrast_limits": (0, common.farthest or 1)} | light,
         "image"),
        ("label outlines", numbered,
         {"opacity": 1, "colormap": cool_labels()} | place, "labels"),
    ]  # fmt: skip
    if not too_many_lines(plan):
        on_grid = grid_style(plan, thinner=2) | whole
        kinds.append(("tile grid", grid_lines(plan), on_grid, "vectors"))
    if plan.region != common.region:
        border = grid_style(plan, thinner=0.5) | {"edge_color": BORDER_COLOUR} | whole
        kinds.append(("region", _border(plan), border, "vectors"))
    return [
        (data, {"name": kind, "metadata": {METADATA_KEY: kind}, **how}, of)
        for kind, data, how, of in kinds
    ]


def _border(plan: TilePlan) -> NDArray[np.float64]:
    """Return the outline of the region of a plan, in every plane; see `grid_lines`."""
    edges = [(start - 0.5, stop - 0.5) for start, stop in plan.region[-2:]]
    return in_every_plane(outline(edges), plan.region[:-2])


def joint_colours(results: Sequence[Segmentation]) -> list[NDArray[np.float32]]:
    """Return the embeddings as RGB on one scale; see `principal_colours`."""
    flat = [result.embeddings.reshape(len(result.embeddings), -1) for result in results]
    kernel, views = results[0].kernel, results[0].settings.views
    rgb = principal_colours(np.concatenate(flat, axis=1), kernel, views)
    ends = np.cumsum([points.shape[1] for points in flat])[:-1]
    return [
        colours.reshape(*result.labels.shape, 3)
        for colours, result in zip(np.split(rgb, ends), results, strict=True)
    ]


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
