"""The preview of the tile grid: a layer that follows the plan, before any run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils.notifications import show_info

from napari_shiftseg.gui.parts.grid import (
    GRID_COLOUR,
    MOST_LINES,
    READ_COLOUR,
    grid_lines,
    line_count,
    line_width,
    tile_outline,
)
from napari_shiftseg.gui.parts.result_layers import METADATA_KEY
from napari_shiftseg.gui.parts.source import LayerSource

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Vectors

    from napari_shiftseg.geometry.tiling import TilePlan


class GridPreview:
    """The tile grid (yellow), and what the middle tile reads (green).

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Vectors | None = None
        self._shown: tuple[Image, TilePlan] | None = None

    @property
    def was_removed(self) -> bool:
        """Whether the user removed the layer that is shown."""
        return self._layer is not None and self._layer not in self._viewer.layers

    def show(self, image: Image, plan: TilePlan) -> None:
        """Show this plan; nothing is done where it is shown already."""
        if self._shown == (image, plan):
            return
        self._shown = (image, plan)  # first: a change of layers leads here again
        self._remove()
        if line_count(plan) > MOST_LINES:
            show_info(f"{line_count(plan):,} lines are too many to preview")
            return
        lines, reads = grid_lines(plan), tile_outline(plan)
        selected = self._viewer.layers.selection.active
        self._layer = self._viewer.add_vectors(
            np.concatenate([lines, reads]),
            name=f"tile grid (preview) · {image.name}",
            edge_color=[GRID_COLOUR] * len(lines) + [READ_COLOUR] * len(reads),
            edge_width=line_width(plan),
            vector_style="line",
            metadata={METADATA_KEY: "preview"},
            **LayerSource.of(image).placed((), lines.shape[-1]),
        )
        self._viewer.layers.selection.active = selected

    def to_top(self) -> None:
        """Move the layer above those that came later."""
        layers = self._viewer.layers
        if self._layer is not None and self._layer in layers:
            layers.move(layers.index(self._layer), len(layers))

    def hide(self) -> None:
        """Remove the layer, if there is one."""
        self._shown = None
        self._remove()

    def _remove(self) -> None:
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
