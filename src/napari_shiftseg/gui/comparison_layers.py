"""A comparison as layers: the same kinds on both sides, in the same colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.gui.grid import (
    GRID_COLOUR,
    MOST_LINES,
    grid_lines,
    line_count,
    line_width,
)
from napari_shiftseg.gui.layers import METADATA_KEY, embedding_rgb
from napari_shiftseg.metrics.instances import relabelled_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.gui.layers import LayerTuple
    from napari_shiftseg.gui.source import Source
    from napari_shiftseg.metrics.splits import Seam
    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.pipeline.segmentation import Segmentation

BRIGHTEST = 99.8  # percentile of the gradient magnitude shown as white
DIMMED = 0.5  # opacity of what lies below the gradient magnitude
SEAM_COLOUR = "#ef476f"
BESIDE = 2  # pixels shown beyond the ends of a seam
NEAR, FAR = 0.5, 1.5  # strides shown on both sides of a seam

KINDS = {  # what can be shown → whether it is at first
    "image": True,
    "gradient": True,
    "label outlines": False,
    "embedding": False,
    "tile grid": False,
    "difference": False,
}


@dataclass(frozen=True)
class Shared:
    r"""What all panes have in common, so that their colours can be compared.

    Attributes
    ----------
    source : Source
        Of the image.
    pixels : ndarray
        (\\*spatial) of the image, as far as it was compared.
    limits : (float, float)
        Of the gradient magnitude.
    offset : tuple of int
        Image pixel at which pixels and labels begin.
    labels : ndarray
        (\\*spatial) of what was compared; objects of other stitchings take its ids.
    """

    source: Source
    pixels: NDArray[Any]
    limits: tuple[float, float]
    offset: tuple[int, ...]
    labels: NDArray[np.int32]

    def within(self, result: Segmentation) -> tuple[slice, ...]:
        """Return where a result lies in the labels."""
        return tuple(
            slice(start - begin, stop - begin)
            for (start, stop), begin in zip(
                result.plan.region, self.offset, strict=True
            )
        )


def shared(comparison: Comparison, source: Source, pixels: NDArray[Any]) -> Shared:
    """Find what naive and cropped stitching have in common."""
    naive, cropped = comparison.naive.result, comparison.cropped.result
    brightest = max(
        float(np.percentile(side.gradient, BRIGHTEST)) for side in (naive, cropped)
    )
    plan = cropped.plan
    seen = np.asarray(pixels[tuple(slice(*bounds) for bounds in plan.region)])
    return Shared(source, seen, (0, brightest or 1), plan.offset, cropped.labels)


def pane_layers(
    result: Segmentation,
    common: Shared,
    colours: NDArray[Any],
    difference: NDArray[Any],
) -> list[LayerTuple]:
    r"""Return the layers of one side as (data, keywords, type), bottom first.

    Parameters
    ----------
    result : Segmentation
    common : Shared
    colours : ndarray
        (\\*spatial, 3), its embedding as RGB.
    difference : ndarray
        (\\*spatial), of its embedding from another.
    """
    plan, ndim = result.plan, result.plan.shape.ndim
    place = common.source.placed(plan.offset, ndim)
    whole = common.source.placed((), ndim)
    over = {"blending": "translucent_no_depth"} | place
    kinds: list[tuple[str, Any, dict[str, Any], str]] = [
        ("image", common.pixels,
         {"opacity": DIMMED} | common.source.placed(common.offset, ndim), "image"),
        ("embedding", colours, {"rgb": True} | over, "image"),
        ("label outlines", _numbered(result, common), {"opacity": DIMMED} | place,
         "labels"),
        ("gradient", result.gradient,
         {"colormap": "magma", "blending": "additive", "contrast_limits": common.limits}
         | place, "image"),
        ("difference", difference, {"colormap": "viridis"} | over, "image"),
    ]  # fmt: skip
    if line_count(plan) <= MOST_LINES:
        on_grid = {
            "edge_color": GRID_COLOUR,
            "edge_width": line_width(plan) / 2,
            "vector_style": "line",
        }
        kinds.append(("tile grid", grid_lines(plan), on_grid | whole, "vectors"))
    return [
        (data, {"name": kind, "metadata": {METADATA_KEY: kind}, **how}, of)
        for kind, data, how, of in kinds
    ]


def _numbered(result: Segmentation, common: Shared) -> NDArray[Any]:
    """Return the labels, objects numbered as in the common ones."""
    return relabelled_like(result.labels, common.labels[common.within(result)])


def joint_colours(results: Sequence[Segmentation]) -> list[NDArray[np.float32]]:
    """Return the embeddings as RGB on one scale; see `embedding_rgb`."""
    flat = [result.embeddings.reshape(len(result.embeddings), -1) for result in results]
    rgb = embedding_rgb(np.concatenate(flat, axis=1))
    ends = np.cumsum([points.shape[1] for points in flat])[:-1]
    return [
        colours.reshape(*result.labels.shape, 3)
        for colours, result in zip(np.split(rgb, ends), results, strict=True)
    ]


def seam_frame(
    seam: Seam, result: Segmentation, source: Source, around: float = NEAR
) -> LayerTuple:
    """Return a frame around a seam, to be drawn or looked at.

    Parameters
    ----------
    seam : Seam
    result : Segmentation
        Whose seam it is.
    source : Source
        Of the image.
    around : float
        Strides on both sides of the seam.
    """
    ndim = result.plan.shape.ndim
    bounds = []
    for (start, stop), stride, offset in zip(
        seam.pairs, result.plan.stride, result.plan.offset, strict=True
    ):
        middle = (start + stop) / 2 + offset - 0.5
        half = max(around * stride, (stop - start) / 2 + BESIDE)
        bounds.append((middle - half, middle + half))
    (top, bottom), (left, right) = bounds[-2:]
    corners = [(top, left), (top, right), (bottom, right), (bottom, left)]
    lines = np.zeros((4, 2, ndim))
    lines[:, 0, :-2] = [
        (start + stop) // 2 + offset
        for (start, stop), offset in zip(
            seam.pairs[:-2], result.plan.offset[:-2], strict=True
        )
    ]
    for number, corner in enumerate(corners):
        following = corners[(number + 1) % 4]
        lines[number, 0, -2:] = corner
        lines[number, 1, -2:] = np.subtract(following, corner)
    how = {
        "name": "seam",
        "edge_color": SEAM_COLOUR,
        "edge_width": 0.6,
        "vector_style": "line",
        "metadata": {METADATA_KEY: "seam"},
        **source.placed((), ndim),
    }
    return lines, how, "vectors"
