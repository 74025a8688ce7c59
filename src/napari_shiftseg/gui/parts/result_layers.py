"""Results of Segment as napari layers: labels, embedding, gradient, tile grid."""

from __future__ import annotations

from collections import ChainMap
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap, label_colormap

from napari_shiftseg.gui.parts.belonging import METADATA_KEY, run_record
from napari_shiftseg.gui.parts.object_features import features_of
from napari_shiftseg.relabelling.colours import principal_colours
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.rescaling import Rescaling
    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.gui.parts.source import LayerSource
    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.pipeline.result import Segmentation


GRID_COLOUR = "#ffd166"
READ_COLOUR = "#06d6a0"
LINES_ACROSS = 600  # a line is at least this part of the image wide
MOST_LINES = 20_000  # of a layer that can still be drawn


def line_count(plan: TilePlan) -> int:
    """Return how many lines `grid_lines` has."""
    flat = sum(len(axis.tiles) + 1 for axis in plan.axes[-2:])
    return flat * prod(plan.output_shape[:-2])


def line_width(plan: TilePlan) -> float:
    """Return a width, in pixels, that is seen when the whole image is."""
    return max(0.5, max(plan.image_shape) / LINES_ACROSS)


def grid_style(plan: TilePlan, thinner: float = 1) -> dict[str, Any]:
    """Return the looks of `grid_lines`, as keywords of a layer of vectors.

    Parameters
    ----------
    plan : TilePlan
    thinner : float
        How many times thinner than usual.
    """
    return {
        "edge_color": GRID_COLOUR,
        "edge_width": line_width(plan) / thinner,
        "vector_style": "line",
    }


def too_many_lines(*plans: TilePlan) -> str:
    """Say that a grid is left out since it cannot be drawn; empty if it can."""
    most = max(line_count(plan) for plan in plans)
    if most <= MOST_LINES:
        return ""
    return f"The tile grid is left out: {most:,} lines are too many to draw."


def grid_lines(plan: TilePlan) -> NDArray[np.float64]:
    """Return the borders of all tiles, in image pixels.

    Returns
    -------
    ndarray
        (lines, 2, axes): begin and extent of each line, as napari's vectors. In 3-D
        the borders along y and x are drawn in every plane.
    """
    edges = [
        [plan.region[axis][0], *(b + plan.offset[axis] for b in boundaries), stop]
        for axis, (boundaries, (_, stop)) in enumerate(
            zip(plan.boundaries, plan.region, strict=True)
        )
    ]
    flat = [_line(plan.region, axis, edge) for axis in (-2, -1) for edge in edges[axis]]
    return in_every_plane(np.array(flat), plan.region[:-2])


def in_image(
    lines: NDArray[np.float64], rescaling: Rescaling | None
) -> NDArray[np.float64]:
    """Return lines on a rescaled image as lines on the image itself.

    Parameters
    ----------
    lines : ndarray
        (lines, 2, axes); see `grid_lines`.
    rescaling : Rescaling or None
        None: they are that already.
    """
    if rescaling is None:
        return lines
    steps = np.array(rescaling.steps)
    moved: NDArray[np.float64] = lines * steps
    moved[:, 0] += (steps - 1) / 2
    return moved


def tile_outline(plan: TilePlan) -> NDArray[np.float64]:
    """Return the outline of what the middle tile reads; see `grid_lines`."""
    tiles = [axis.tiles[len(axis.tiles) // 2] for axis in plan.axes]
    reads = tuple(
        (tile.origin - axis.lead, tile.origin - axis.lead + axis.reads)
        for tile, axis in zip(tiles, plan.axes, strict=True)
    )
    outline = [_line(reads, axis, edge) for axis in (-2, -1) for edge in reads[axis]]
    return in_every_plane(np.array(outline), plan.region[:-2])


def _line(region: Region, axis: int, edge: int) -> NDArray[np.float64]:
    """Return a border across the region's last two axes, before pixel `edge` of one."""
    begin = np.array([start for start, _ in region[-2:]]) - 0.5
    extent = np.array([float(stop - start) for start, stop in region[-2:]])
    begin[axis], extent[axis] = edge - 0.5, 0
    return np.stack([begin, extent])


def in_every_plane(
    lines: NDArray[np.float64], planes: Sequence[tuple[int, int]]
) -> NDArray[np.float64]:
    """Repeat lines at every position of the leading axes.

    Parameters
    ----------
    lines : ndarray
        (n, 2, 2)
    planes : sequence of (int, int)
        First position, and the one after the last, on each leading axis.
    """
    repeated = []
    for position in product(*(range(*bounds) for bounds in planes)):
        lead = np.zeros((*lines.shape[:2], len(position)))
        lead[:, 0] = position
        repeated.append(np.concatenate([lead, lines], axis=2))
    return np.concatenate(repeated)


USUAL: NDArray[np.float32] = label_colormap(
    49, 0.5, 0
).colors  # napari's; 0: background
IN_TURN = len(USUAL) - 1
WIDE = 6 * IN_TURN  # more than 255 colours, which napari shows by another texture


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


EXTRA = ("embedding", "gradient", "tile grid")  # beside the labels, bottom first
TO_MODE = "distance to mode"
FARTHEST = 2.0  # bandwidths, brightest
HIDDEN = {"visible": False}
MAGMA = {"colormap": "magma", "blending": "additive"}
LayerTuple = tuple[Any, dict[str, Any], str]


def run_name(plan: TilePlan) -> str:
    """Return how a run is named: ``cropped 16``, ``naive 20 × 24``, ``whole``."""
    if plan.stitching == "whole":
        return "whole"
    stride = plan.stride if len(set(plan.stride)) > 1 else plan.stride[:1]
    return f"{plan.stitching} {by(stride)}"


def _layer_name(kind: str, model: str, image: str, result: Segmentation) -> str:
    """Return the name of a layer: ``labels · nuclei · img · 16``, ``… · naive 20``.

    Several views, and a diameter that rescaled the image, are told as well: ``… · 16, 8
    views, diameter 30``. napari leaves out the middle of what is too long for its list:
    kind and model stand first, the end of the image and what was chosen last.
    """
    chosen = [run_name(result.plan).removeprefix("cropped ")]
    if result.settings.views > 1:
        chosen.append(f"{result.settings.views} views")
    if result.rescaling is not None:
        chosen.append(f"diameter {result.diameter:.3g}")
    return f"{kind} · {Path(model).stem} · {image} · {', '.join(chosen)}"


def result_layers(
    result: Segmentation,
    source: LayerSource,
    model: str,
    shown: Collection[str] = EXTRA,
    to_mode: NDArray[np.float32] | None = None,
    table: Table | None = None,
) -> list[LayerTuple]:
    r"""Return the layers of a run as (data, keywords, type), bottom first.

    The labels on top are visible, the others hidden. All are placed where the image is
    and carry the run in their metadata. A grid of more lines than can be drawn is left
    out.

    Parameters
    ----------
    result : Segmentation
    source : LayerSource
        Of the image.
    model : str
        Name or path of the model.
    shown : collection of {"embedding", "gradient", "tile grid"}
        Layers to make beside the labels.
    to_mode : ndarray of float32, optional
        ([leading,] \*spatial), see `mode_distance`: a layer of it is made, too.
    table : dict of str to ndarray, optional
        Of the objects, see `object_table_steps`: the features of the labels. Without
        it they are the classes.
    """
    plan, ndim = result.plan, result.labels.ndim
    place = source.placed(result.offset, ndim)
    kinds: list[tuple[str, Any, dict[str, Any], str]] = []
    if "embedding" in shown:
        rgb = principal_colours(result.embeddings, result.kernel, result.settings.views)
        kind = "outputs" if result.gives == "prediction" else "embedding"
        kinds.append((kind, rgb, {"rgb": True} | HIDDEN | place, "image"))
    if "gradient" in shown:
        kinds.append(("gradient", result.gradient, MAGMA | HIDDEN | place, "image"))
    if to_mode is not None:
        far = MAGMA | {"contrast_limits": (0, FARTHEST)} | HIDDEN
        kinds.append((TO_MODE, to_mode, far | place, "image"))
    if "tile grid" in shown and not too_many_lines(plan):
        on_grid = grid_style(plan) | source.placed((), plan.shape.ndim)
        lines = in_image(grid_lines(plan), result.rescaling)
        kinds.append(("tile grid", lines, HIDDEN | on_grid, "vectors"))
    looks: dict[str, Any] = {"colormap": result_labels()}
    if table is not None:
        looks["features"] = features_of(table)
    elif result.classes:
        classes = dict(ChainMap(*(found.by_id for found in result.classes)))
        sure = dict(ChainMap(*(found.confidence_by_id for found in result.classes)))
        looks["features"] = class_features(classes, sure)
    kinds.append(("labels", result.labels, looks | place, "labels"))
    metadata = {METADATA_KEY: run_record(result, source, model)}
    return [
        (
            data,
            {
                "name": _layer_name(kind, model, source.title, result),
                "metadata": metadata,
                **how,
            },
            of,
        )
        for kind, data, how, of in kinds
    ]


def class_features(
    classes: Mapping[int, str], confidence: Mapping[int, float] | None = None
) -> dict[str, list[Any]]:
    """Return the features of a layer of labels: the class of each object.

    napari shows those of the object under the pointer; ``index`` holds the labels.

    Parameters
    ----------
    classes : mapping of int to str
    confidence : mapping of int to float, optional
        How sure each is; not of the truth.
    """
    table: dict[str, list[Any]] = {"index": [*classes], "class": [*classes.values()]}
    if confidence is not None:
        table["class_confidence"] = [round(confidence[label], 3) for label in classes]
    return table
