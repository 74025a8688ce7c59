"""Objects that the user marked as right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.source import Source

if TYPE_CHECKING:
    import napari
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.gestures import Pixel
    from napari_shiftseg.interaction.editing.positions import Point

GREEN = (0.22, 1.0, 0.08, 1.0)
WIDTH = 2  # of the outline, in pixels


class RightObjects:
    """Layers with the outlines of the objects that are right, one for each result.

    They stay as they were marked when the labels change, and go with the labels.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layers: dict[Labels, Labels] = {}
        self._marked: dict[Labels, int] = {}  # a count costs no look at the pixels
        viewer.layers.events.removed.connect(self._removed)

    def number(self, labels: Labels) -> int:
        """Return how many objects of these labels are marked."""
        return self._marked.get(labels, 0)

    def toggle(self, labels: Labels, pixel: Pixel, leading: int) -> bool:
        """Mark the object under a pixel, or unmark it; False: there is none."""
        at, point = pixel[:leading], pixel[leading:]
        known = self._layers.get(labels)
        if known is not None and known.data[pixel]:
            self._unmark(labels, known.data[at], point)
        elif labels.data[pixel]:
            self._mark(labels, labels.data[at], at, point)
        else:
            return False
        self._layers[labels].refresh()
        return True

    def frame(self, labels: Labels, position: Point) -> NDArray[np.int32] | None:
        """Return the marked objects of a frame, 0 elsewhere; None if there is none."""
        known = self._layers.get(labels)
        if known is None or not known.data[position].any():
            return None
        marked: NDArray[np.int32] = known.data[position].copy()
        return marked

    def frames(self, labels: Labels, leading: int) -> dict[Point, NDArray[np.int32]]:
        """Return the marked objects of all frames that have some."""
        positions = np.ndindex(labels.data.shape[:leading])
        known = {at: self.frame(labels, at) for at in positions}
        return {at: marked for at, marked in known.items() if marked is not None}

    def remove(self) -> None:
        """Unmark all, and take the layers away."""
        for layer in list(self._layers.values()):
            self._viewer.layers.remove(layer)

    def _mark(
        self, labels: Labels, objects: NDArray[Any], at: Point, point: Pixel
    ) -> None:
        marked = self._layer_on(labels).data[at]
        mine = objects == objects[point]
        hidden = np.unique(marked[mine & (marked > 0)])
        marked[mine] = int(marked.max()) + 1
        gone = [number for number in hidden if not (marked == number).any()]
        self._marked[labels] = self.number(labels) + 1 - len(gone)

    def _unmark(self, labels: Labels, marked: NDArray[Any], point: Pixel) -> None:
        marked[marked == marked[point]] = 0
        self._marked[labels] -= 1

    def _removed(self, event: Any) -> None:
        """Forget what the user takes away; marks go with their labels."""
        for labels, layer in list(self._layers.items()):
            if event.value in (labels, layer):
                del self._layers[labels], self._marked[labels]
            if event.value is labels and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _layer_on(self, labels: Labels) -> Labels:
        if labels not in self._layers:
            layer = Labels(
                np.zeros(labels.data.shape, dtype=np.int32),
                name=f"{labels.name} · marked right",
                colormap=CyclicLabelColormap(colors=[(0, 0, 0, 0), GREEN]),
                opacity=1,
                metadata={METADATA_KEY: "right"},
                **Source.of(labels).placed((), labels.ndim),
            )
            layer.contour = WIDTH
            layer.editable = False
            self._viewer.layers.append(layer)
            self._viewer.layers.selection.active = labels
            self._layers[labels] = layer
            self._marked[labels] = 0
        return self._layers[labels]
