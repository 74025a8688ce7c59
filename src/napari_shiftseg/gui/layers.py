"""Results as napari layers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.words import by
from napari_shiftseg.gui.grid import grid_lines, grid_style, too_many_lines
from napari_shiftseg.gui.palette import result_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.gui.source import Source
    from napari_shiftseg.pipeline.segmentation import Segmentation

COLOUR_RANGE = (0.5, 99.5)  # percentiles of a component shown as 0 and 1
MOST_SAMPLED = 100_000  # pixels the principal components are computed from
METADATA_KEY = "shiftseg"

LayerTuple = tuple[Any, dict[str, Any], str]


def run_name(plan: TilePlan) -> str:
    """Return how a run is named: ``cropped 16``, ``naive 20 × 24``, ``whole``."""
    if plan.stitching == "whole":
        return "whole"
    stride = plan.stride if len(set(plan.stride)) > 1 else plan.stride[:1]
    return f"{plan.stitching} {by(stride)}"


def result_layers(result: Segmentation, source: Source, model: str) -> list[LayerTuple]:
    """Return the layers of a run as (data, keywords, type), bottom first.

    Embedding (RGB), gradient magnitude and tile grid are hidden; the labels on top
    are not. All are placed where the image is and carry the run in their metadata.
    A grid of more lines than can be drawn is left out.

    Parameters
    ----------
    result : Segmentation
    source : Source
        Of the image.
    model : str
        Name or path of the model.
    """
    plan, ndim = result.plan, result.labels.ndim
    place = source.placed(plan.offset, ndim)
    on_grid = grid_style(plan) | source.placed((), plan.shape.ndim)
    hidden = {"visible": False}
    magma = {"colormap": "magma", "blending": "additive"}
    kinds: list[tuple[str, Any, dict[str, Any], str]] = [
        ("embedding", embedding_rgb(result.embeddings),
         {"rgb": True} | hidden | place, "image"),
        ("gradient", result.gradient, magma | hidden | place, "image"),
        ("labels", result.labels, {"colormap": result_labels()} | place, "labels"),
    ]  # fmt: skip
    if not too_many_lines(plan):
        kinds.insert(2, ("tile grid", grid_lines(plan), on_grid | hidden, "vectors"))
    metadata = {METADATA_KEY: run_record(result, source, model)}
    prefix, run = source.name, run_name(plan)
    return [
        (data, {"name": f"{prefix} · {kind} · {run}", "metadata": metadata, **how}, of)
        for kind, data, how, of in kinds
    ]


def run_record(result: Segmentation, source: Source, model: str) -> dict[str, Any]:
    """Return what is needed to understand and repeat a run."""
    plan = result.plan
    return {
        "image": source.name,
        "frame": source.first,
        "model": model,
        "settings": asdict(result.settings),
        "period": plan.shape.period,
        "window": plan.window,
        "stride": plan.stride,
        "tiles": len(plan),
        "offset": plan.offset,
        "exact": plan.is_exact,
        "objects": result.objects,
        "seconds": result.seconds,
        "notes": result.notes,
    }


def embedding_rgb(embedding: NDArray[Any]) -> NDArray[np.float32]:
    r"""Return an embedding as colours: its three channels, or principal components.

    Parameters
    ----------
    embedding : ndarray
        (channels, \\*spatial)

    Returns
    -------
    ndarray of float32
        (\\*spatial, 3), 0 to 1.
    """
    points = embedding.reshape(len(embedding), -1).T  # (pixels, channels)
    if points.shape[1] > 3:
        from sklearn.decomposition import PCA

        step = max(1, len(points) // MOST_SAMPLED)
        points = PCA(3, svd_solver="full").fit(points[::step]).transform(points)
    low, high = np.percentile(points, COLOUR_RANGE, axis=0)
    colours = ((points - low) / np.maximum(high - low, 1e-12)).clip(0, 1)
    rgb = np.zeros((len(points), 3), dtype=np.float32)
    rgb[:, : colours.shape[1]] = colours
    return rgb.reshape(*embedding.shape[1:], 3)
