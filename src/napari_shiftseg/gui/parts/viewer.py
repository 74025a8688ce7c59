"""What the viewer shows of a layer, and layers that a tool adds: the tile grid."""

from __future__ import annotations

from collections import deque
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import ComboBox
from napari.layers import Vectors
from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer
from superqt.utils import qdebounced

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.layout import is_open
from napari_shiftseg.gui.parts.result_layers import (
    GRID_COLOUR,
    MOST_LINES,
    READ_COLOUR,
    grid_lines,
    in_image,
    line_count,
    line_width,
    tile_outline,
)
from napari_shiftseg.gui.parts.source import (
    GREY,
    LayerSource,
    channel_in_view,
    frame_in_view,
    full_shape,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.components import Dims
    from napari.layers import Image, Labels, Layer
    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.geometry.rescaling import Rescaling
    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.relabelling.relabel import Kept


PAUSE = 60  # milliseconds, in which a canvas is drawn
_WAITING: deque[tuple[napari.Viewer, Layer]] = deque()


class OwnLayer:
    """At most one layer in the viewer, which the user may remove.

    It goes with the labels that it was made for.
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
        """Show it no more; it goes where its labels have gone."""
        layer = self.layer
        if layer is not None and not self._goes():
            layer.visible = False

    def lay_down(self) -> None:
        """Take the layer away soon, if there is one: its tool was laid down."""
        layer = self.layer
        if layer is not None and not self._goes():
            layer.visible = False
            remove_soon(self._viewer, layer)
        self._layer = self._of = None

    def _goes(self) -> bool:
        """Take the layer away soon if its labels have gone, and say whether.

        It stays visible until then: hidden while another is being removed, it makes
        napari 0.9 fall with some drivers.
        """
        layer, of = self._layer, self._of
        if layer is None or of is None or of in self._viewer.layers:
            return False
        self._layer = self._of = None
        remove_soon(self._viewer, layer)
        return True

    def remove(self) -> None:
        """Take the layer away, if there is one."""
        layer, self._layer, self._of = self.layer, None, None
        if layer is not None:
            self._viewer.layers.remove(layer)

    def _add(
        self, layer: Layer, of: Labels | None = None, place: int | None = None
    ) -> None:
        """Show a layer as ours; what is selected stays so."""
        layers = self._viewer.layers
        before = set(layers.selection)
        layers.insert(len(layers) if place is None else place, layer)
        layers.selection = before
        self._layer, self._of = layer, of

    @staticmethod
    def _place(layer: Layer, place: dict[str, Any]) -> None:
        """Put a layer where the keywords say; see `LayerSource.placed`."""
        for name, value in place.items():
            if not np.array_equal(getattr(layer, name), value):
                setattr(layer, name, value)

    def _follow_labels(self, event: Any) -> None:
        if event.value is self._of:
            self._goes()


class GridPreview(OwnLayer):
    """The tile grid (yellow), and what the middle tile reads (green)."""

    _shown: tuple[Image, TilePlan, Rescaling | None] | None = None

    @property
    def was_removed(self) -> bool:
        """Whether the user removed the layer that is shown."""
        return self._layer is not None and self.layer is None

    def show(
        self, image: Image, plan: TilePlan, rescaling: Rescaling | None = None
    ) -> None:
        """Show this plan; nothing is done where it is shown already.

        Parameters
        ----------
        image : Image
            On which it is shown.
        plan : TilePlan
        rescaling : Rescaling, optional
            Of the image that it is a plan of.
        """
        if self._shown == (image, plan, rescaling):
            return
        # first: a change of layers leads here again
        self._shown = (image, plan, rescaling)
        super().remove()
        if line_count(plan) > MOST_LINES:
            show_info(f"The tile grid is not shown: {line_count(plan):,} lines.")
            return
        lines, reads = (
            in_image(of(plan), rescaling) for of in (grid_lines, tile_outline)
        )
        layer = Vectors(
            np.concatenate([lines, reads]),
            name=f"tile grid (preview) · {image.name}",
            edge_color=[GRID_COLOUR] * len(lines) + [READ_COLOUR] * len(reads),
            edge_width=line_width(plan),
            vector_style="line",
            metadata={METADATA_KEY: "preview"},
            **LayerSource.of(image).placed((), lines.shape[-1]),
        )
        self._add(layer)

    def to_top(self) -> None:
        """Move the layer above those that came later."""
        layers, layer = self._viewer.layers, self.layer
        if layer is not None:
            layers.move(layers.index(layer), len(layers))

    def remove(self) -> None:
        """Take the layer away, if there is one; it may be shown again."""
        self._shown = None
        super().remove()


def remove_soon(viewer: napari.Viewer, layer: Layer) -> None:
    """Take a layer away when the viewer has done what it is at.

    It may be removing several layers, and this one among them. And the canvas must be
    drawn between two removals, or napari 0.9 may fall with some drivers.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : Layer
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


def shown_part(
    viewer: napari.Viewer, layer: Labels, kept: Kept
) -> tuple[Point, Region | None]:
    """Return the frame that is shown, and its pixels that are in view.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : Labels
        That a run made.
    kept : Kept
        What it was made from.

    Returns
    -------
    tuple of int
        Position on the leading axes.
    tuple of (int, int) or None
        Pixels of the image, one plane of a volume that is shown plane by plane; None
        if nothing of it is in view.
    """
    frame = frame_in_view(layer, viewer.dims, layer.ndim - kept.ndim)
    try:
        region = region_in_view(layer, viewer, kept.ndim)
    except ValueError:  # it has been moved out of the view
        return frame, None
    at = frame_in_view(layer, viewer.dims, layer.ndim)[-kept.ndim :]
    displayed = {axis - viewer.dims.ndim + kept.ndim for axis in viewer.dims.displayed}
    return frame, tuple(
        (start + o, stop + o) if axis in displayed else (x + o, x + o + 1)
        for axis, ((start, stop), x, o) in enumerate(
            zip(region, at, kept.offset, strict=True)
        )
    )


SETTLED = 150  # milliseconds without a movement


class ViewWatch:
    """Calls back when camera and sliders have stopped moving.

    Only when the canvas has been drawn does a layer know which part of it is shown.

    Parameters
    ----------
    viewer : napari.Viewer
    owner : QWidget
        That the watch ends with.
    moved : callable

    Attributes
    ----------
    settled : callable
        Waits until nothing moves, and calls `moved`.
    """

    def __init__(
        self, viewer: napari.Viewer, owner: QWidget, moved: Callable[[], None]
    ) -> None:
        self._owner = owner
        self.settled = qdebounced(moved, timeout=SETTLED, parent=owner)
        for events in (viewer.scene.camera.events, viewer.dims.events):
            events.connect(self._move)

    def _move(self) -> None:
        if is_open(self._owner):
            self.settled()


def taken_note(layer: Image, dims: Dims, colour: str = GREY) -> str:
    """Say what is lost on the way into a model, colours or channels; else empty.

    Parameters
    ----------
    layer : Image
    dims : Dims
        Of the viewer.
    colour : str
        See `COLOURS`.
    """
    channel = channel_in_view(layer, dims)
    if channel is not None:
        return f"Only {channel.words} is read, the one at the slider."
    if not layer.rgb:
        return ""
    if colour == GREY:
        return "Colours are read as grey (their luminance)."
    return f"Of the colours only {colour} is read."


WHOLE_IMAGE, IN_VIEW = "whole image", "what the view shows"


class RegionChoice(ComboBox):
    """All of an image, or the part of it that napari shows.

    Parameters
    ----------
    done : str
        What is done with it, for the tooltip: "predicted", "compared".
    """

    def __init__(self, done: str) -> None:
        super().__init__(
            choices=(WHOLE_IMAGE, IN_VIEW), label="Region",
            tooltip=f"What is {done}: all of the image, or the part that napari shows.",
        )  # fmt: skip

    @property
    def is_in_view(self) -> bool:
        """Whether only what the view shows is asked for."""
        return bool(self.value == IN_VIEW)


def region_in_view(layer: Image, viewer: napari.Viewer, ndim: int) -> Region:
    """Return the pixels of the last `ndim` axes that the canvas shows.

    Parameters
    ----------
    layer : Image
    viewer : napari.Viewer
        Axes that it does not display are taken whole.
    ndim : int
        Axes of the region, the last ones of the layer.

    Raises
    ------
    ValueError
        If the image is not in view.
    """
    dims = viewer.dims
    missing = dims.ndim - layer.ndim
    displayed = [axis - missing for axis in dims.displayed if axis >= missing]
    shape = full_shape(layer)
    factor = layer.downsample_factors[layer.data_level] if layer.multiscale else 1
    low, high = layer.corner_pixels * factor
    if layer.multiscale and dims.ndisplay == 2 and not viewer.canvas.grid.enabled:
        # there napari's corners are those of chunks, and stay while these suffice
        low, high, factor = *_on_canvas(layer, viewer), 0
    region: list[Any] = [(0, n) for n in shape]
    for axis in displayed:
        if high[axis] <= low[axis]:
            raise ValueError(
                "the image is not in view: move it into view, or take the whole image"
            )
        stop = min(int(high[axis] + np.atleast_1d(factor)[-1]), shape[axis])
        region[axis] = (min(int(low[axis]), stop - 1), stop)
    return tuple(region[-ndim:])


def _on_canvas(layer: Layer, viewer: napari.Viewer) -> tuple[Any, Any]:
    """Return the first pixels of a layer that the canvas shows, and those past them."""
    dims, camera = viewer.dims, viewer.scene.camera
    half = np.array(viewer.canvas.size) / camera.zoom / 2
    at, corners = np.array(dims.point, dtype=float), []
    for side in product((-1, 1), repeat=2):
        at[list(dims.displayed)] = np.array(camera.center[-2:]) + half * side
        corners.append(layer.world_to_data(at))
    shape = full_shape(layer)
    low, high = np.floor(np.min(corners, 0)), np.ceil(np.max(corners, 0))
    return np.clip(low, 0, shape), np.clip(high, 0, shape)
