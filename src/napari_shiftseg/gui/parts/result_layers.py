"""Results as napari layers."""

from __future__ import annotations

from collections import deque
from colorsys import hsv_to_rgb
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from napari.utils.colormaps import Colormap, CyclicLabelColormap, label_colormap
from qtpy.QtCore import QTimer

from napari_shiftseg.gui.parts.grid import grid_lines, grid_style, too_many_lines
from napari_shiftseg.gui.parts.identity import identified
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import napari
    from napari.layers import Labels, Layer
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.gui.parts.source import LayerSource
    from napari_shiftseg.pipeline.result import Segmentation


PAUSE = 60  # milliseconds, in which a canvas is drawn
_WAITING: deque[tuple[napari.Viewer, Layer]] = deque()


class OwnLayer:
    """At most one layer in the viewer, which the user may remove.

    It goes with the labels that it was made for.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Layer | None = None
        self._of: Labels | None = None
        viewer.layers.events.removed.connect(self._follow_labels)

    @property
    def layer(self) -> Layer | None:
        """The layer; None where there is none, or the user has removed it."""
        return self._layer if self._layer in self._viewer.layers else None

    def hide(self) -> None:
        """Show it no more."""
        layer = self.layer
        if layer is not None:
            layer.visible = False

    def lay_down(self) -> None:
        """Take the layer away soon, if there is one: its tool was laid down."""
        layer = self.layer
        if layer is not None:
            layer.visible = False
            remove_soon(self._viewer, layer)
        self._layer = self._of = None

    def remove(self) -> None:
        """Take the layer away, if there is one."""
        layer = self.layer
        if layer is not None:
            self._viewer.layers.remove(layer)
        self._layer = self._of = None

    def _follow_labels(self, event: Any) -> None:
        if event.value is self._of and self._layer is not None:
            remove_soon(self._viewer, self._layer)
            self._layer = self._of = None


def remove_soon(viewer: napari.Viewer, layer: Layer) -> None:
    """Take a layer away when the viewer has done what it is at.

    It may be removing several layers, and this one among them. And the canvas must be
    drawn between two removals, or napari 0.9 may fall with some drivers.
    """
    _WAITING.append((viewer, layer))
    if len(_WAITING) == 1:
        QTimer.singleShot(PAUSE, _remove_next)


def _remove_next() -> None:
    viewer, layer = _WAITING.popleft()
    if _WAITING:
        QTimer.singleShot(PAUSE, _remove_next)
    if layer in viewer.layers:
        viewer.layers.remove(layer)


OUTLINES = 47  # colours; a prime, so that no rhythm of ids shows
COOL = (0.48, 0.80)  # hues, from cyan to violet
GOLDEN = 0.618034  # part of the hues from one id to the next: neighbours differ
USUAL: NDArray[np.float32] = label_colormap(
    49, 0.5, 0
).colors  # napari's; 0: background
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
    result: Segmentation,
    source: LayerSource,
    model: str,
    shown: Collection[str] = EXTRA,
) -> list[LayerTuple]:
    """Return the layers of a run as (data, keywords, type), bottom first.

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


def run_record(result: Segmentation, source: LayerSource, model: str) -> dict[str, Any]:
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
        (channels, \*spatial)

    Returns
    -------
    ndarray of float32
        (\*spatial, 3), 0 to 1.
    """
    points = embedding.reshape(len(embedding), -1).T  # (pixels, channels)
    if points.shape[1] > 3:
        from napari_shiftseg.relabelling.projection import principal_components

        step = max(1, len(points) // MOST_SAMPLED)
        centre, directions = principal_components(points[::step], 3)
        points = (points - centre) @ directions.T
    low, high = np.percentile(points, COLOUR_RANGE, axis=0)
    colours = ((points - low) / np.maximum(high - low, 1e-12)).clip(0, 1)
    rgb = np.zeros((len(points), 3), dtype=np.float32)
    rgb[:, : colours.shape[1]] = colours
    return rgb.reshape(*embedding.shape[1:], 3)
