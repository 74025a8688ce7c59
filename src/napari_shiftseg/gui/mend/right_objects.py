"""Objects that the user marked as right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.source import Source

if TYPE_CHECKING:
    import napari
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.gestures import Pixel
    from napari_shiftseg.interaction.editing.edits import Point

GREEN = (0.22, 1.0, 0.08, 1.0)
WIDTH = 2  # of the outline, in pixels


class RightObjects:
    """A layer with the outlines of the objects that are right; there while any are.

    They stay as they were marked when the labels change.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None
        self._of: Labels | None = None

    def __len__(self) -> int:
        return len(np.unique(self._layer.data)) - 1 if self._is_there else 0

    def toggle(self, labels: Labels, pixel: Pixel, leading: int) -> bool:
        """Mark the object under a pixel, or unmark it; False: there is none."""
        if self._is_there and self._layer.data[pixel]:
            frame = self._layer.data[pixel[:leading]]
            frame[frame == frame[pixel[leading:]]] = 0
        elif labels.data[pixel]:
            layer = self._shown(labels)
            frame = labels.data[pixel[:leading]]
            mine = frame == frame[pixel[leading:]]
            layer.data[pixel[:leading]][mine] = int(layer.data.max()) + 1
        else:
            return False
        self._layer.refresh()
        return True

    def frame(self, position: Point) -> NDArray[np.int32] | None:
        """Return the marked objects of a frame, 0 elsewhere; None if there is none."""
        if not self._is_there or not self._layer.data[position].any():
            return None
        marked: NDArray[np.int32] = self._layer.data[position].copy()
        return marked

    def frames(self, leading: int) -> dict[Point, NDArray[np.int32]]:
        """Return the marked objects of all frames that have some."""
        if not self._is_there:
            return {}
        positions = np.ndindex(self._layer.data.shape[:leading])
        known = {at: self.frame(at) for at in positions}
        return {at: marked for at, marked in known.items() if marked is not None}

    def hide(self) -> None:
        """Unmark all."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    @property
    def _is_there(self) -> bool:
        return self._layer is not None and self._layer in self._viewer.layers

    def _shown(self, labels: Labels) -> Labels:
        if not self._is_there or self._of is not labels:
            self.hide()
            self._of = labels
            self._layer = Labels(
                np.zeros(labels.data.shape, dtype=np.int32),
                name=f"{labels.name} · marked right",
                colormap=CyclicLabelColormap(colors=[(0, 0, 0, 0), GREEN]),
                opacity=1,
                metadata={METADATA_KEY: "right"},
                **Source.of(labels).placed((), labels.ndim),
            )
            self._layer.contour = WIDTH
            self._viewer.layers.append(self._layer)
            self._viewer.layers.selection.active = labels
        return self._layer
