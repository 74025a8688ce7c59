"""Results as napari layers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from napari_shiftseg.geometry.words import by
from napari_shiftseg.gui.grid import grid_lines, grid_style, too_many_lines
from napari_shiftseg.gui.identity import identified
from napari_shiftseg.gui.palette import result_labels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.gui.source import Source
    from napari_shiftseg.pipeline.segmentation import Segmentation

COLOUR_RANGE = (0.5, 99.5)  # percentiles of a component shown as 0 and 1
MOST_SAMPLED = 100_000  # pixels the principal components are computed from
METADATA_KEY = "shiftseg"
EXTRA = ("embedding", "gradient", "tile grid")  # beside the labels, bottom first
HIDDEN = {"visible": False}
MAGMA = {"colormap": "magma", "blending": "additive"}

LayerTuple = tuple[Any, dict[str, Any], str]


def run_name(plan: TilePlan) -> str:
    """Return how a run is named: ``cropped 16``, ``naive 20 × 24``, ``whole``."""
    if plan.stitching == "whole":
        return "whole"
    stride = plan.stride if len(set(plan.stride)) > 1 else plan.stride[:1]
    return f"{plan.stitching} {by(stride)}"


def layer_name(kind: str, model: str, image: str, plan: TilePlan) -> str:
    """Return the name of a layer: ``labels · nuclei · img · 16``, ``… · naive 20``.

    napari leaves out the middle of what is too long for its list: the kind and the
    beginning of the model stand first, the end of the image and the tile size last.
    """
    run = run_name(plan).removeprefix("cropped ")
    return f"{kind} · {Path(model).stem} · {image} · {run}"


def result_layers(
    result: Segmentation, source: Source, model: str, shown: Collection[str] = EXTRA
) -> list[LayerTuple]:
    """Return the layers of a run as (data, keywords, type), bottom first.

    The labels on top are visible, the others hidden. All are placed where the image is
    and carry the run in their metadata. A grid of more lines than can be drawn is left
    out.

    Parameters
    ----------
    result : Segmentation
    source : Source
        Of the image.
    model : str
        Name or path of the model.
    shown : collection of {"embedding", "gradient", "tile grid"}
        Layers to make beside the labels.
    """
    plan, ndim = result.plan, result.labels.ndim
    place = source.placed(plan.offset, ndim)
    kinds: list[tuple[str, Any, dict[str, Any], str]] = []
    if "embedding" in shown:
        rgb = embedding_rgb(result.embeddings)
        kinds.append(("embedding", rgb, {"rgb": True} | HIDDEN | place, "image"))
    if "gradient" in shown:
        kinds.append(("gradient", result.gradient, MAGMA | HIDDEN | place, "image"))
    if "tile grid" in shown and not too_many_lines(plan):
        on_grid = grid_style(plan) | source.placed((), plan.shape.ndim)
        kinds.append(("tile grid", grid_lines(plan), HIDDEN | on_grid, "vectors"))
    colours = {"colormap": result_labels()}
    kinds.append(("labels", result.labels, colours | place, "labels"))
    metadata = {METADATA_KEY: run_record(result, source, model)}
    return [
        (
            data,
            {
                "name": layer_name(kind, model, source.title, plan),
                "metadata": metadata,
                **how,
            },
            of,
        )
        for kind, data, how, of in kinds
    ]


def run_record(result: Segmentation, source: Source, model: str) -> dict[str, Any]:
    """Return what is needed to understand and repeat a run."""
    plan = result.plan
    return {
        **identified(source),
        "run": uuid4().hex,
        "frame": source.first,
        "channel": None if source.channel is None else source.channel.index,
        "colour": source.colour,
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
        "reads": result.intensity.figures(),
    }


def hide_earlier_runs(layers: Iterable[Layer], latest: dict[str, Any]) -> None:
    """Hide what earlier runs made of the image of the latest one; nothing is lost.

    Parameters
    ----------
    layers : iterable of Layer
    latest : dict
        Record of the run, see `run_record`.
    """
    for layer in layers:
        record = layer.metadata.get(METADATA_KEY)
        if not isinstance(record, dict) or record.get("run") == latest["run"]:
            continue
        if record.get("image_id") == latest["image_id"]:
            layer.visible = False


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
