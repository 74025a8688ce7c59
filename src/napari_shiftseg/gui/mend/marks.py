"""Crosses where the user clicked, until the tool acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from napari.layers import Labels

    from napari_shiftseg.gui.mend.gestures import Pixel

SIZE = 12  # screen pixels
COLOUR = "#ffffff"


class Marks:
    """A layer of crosses, there only while there are any.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Points | None = None

    def show(self, pixels: Sequence[Pixel], labels: Labels) -> None:
        """Show crosses at pixels of the labels; none: take the layer away."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
        if not pixels:
            return
        scale = float(np.abs(np.asarray(labels.scale)[-1])) or 1.0
        self._layer = Points(
            np.array(pixels, dtype=float),
            name=f"{labels.name} · clicked",
            symbol="cross",
            size=SIZE / self._viewer.scene.camera.zoom / scale,
            face_color=COLOUR,
            border_color="#000000",
            metadata={METADATA_KEY: "clicked"},
            **Source.of(labels).placed((), labels.ndim),
        )
        self._viewer.layers.append(self._layer)
        self._viewer.layers.selection.active = labels
