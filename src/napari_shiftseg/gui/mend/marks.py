"""Crosses where the user clicked, until the tool acts, and at edits visited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.mend.own_layer import OwnLayer
from napari_shiftseg.gui.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Labels

    from napari_shiftseg.gui.mend.gestures import Pixel

SIZE = 12  # screen pixels
COLOUR = "#ffffff"


class Marks(OwnLayer):
    """A layer of crosses; hidden between clicks of a tool, as adding takes long.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def show(self, pixels: Sequence[Pixel], labels: Labels) -> None:
        """Show crosses at pixels of the labels; none: hide the layer."""
        if self._of is not labels:
            self.remove()
        if not self.is_there:
            if not pixels:
                return
            self._add(labels)
        self._layer.data = np.array(pixels, dtype=float).reshape(-1, labels.ndim)
        scale = float(np.abs(np.asarray(labels.scale)[-1])) or 1.0
        self._layer.size = SIZE / self._viewer.scene.camera.zoom / scale
        self._layer.visible = bool(pixels)

    def _add(self, labels: Labels) -> None:
        self._of = labels
        self._layer = Points(
            ndim=labels.ndim,
            name=f"clicked · {labels.name}",
            symbol="cross",
            face_color=COLOUR,
            border_color="#000000",
            metadata={METADATA_KEY: "clicked"},
            **Source.of(labels).placed((), labels.ndim),
        )
        selection = self._viewer.layers.selection
        active = selection.active
        self._viewer.layers.append(self._layer)  # which makes it the active one
        selection.active = active
