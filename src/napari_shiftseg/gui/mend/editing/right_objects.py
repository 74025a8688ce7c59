"""Outlines of the objects that the user marked as right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.mend.editing.right_marks import MARKED, RightMarks
from napari_shiftseg.gui.mend.own_layer import remove_soon
from napari_shiftseg.gui.source import Source

if TYPE_CHECKING:
    import napari
    import numpy as np
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.gestures import Pixel
    from napari_shiftseg.interaction.editing.positions import Point

GREEN = (0.22, 1.0, 0.08, 1.0)
WIDTH = 2  # of the outline, in pixels


class RightObjects:
    """Layers with the outlines of the objects that are right, one for each result.

    They stay as they were marked when the labels change. A layer goes with its labels,
    and when this is closed; the marks are kept as long as the labels live. A layer that
    the user takes away takes its marks with it.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layers: dict[Labels, Labels] = {}
        viewer.layers.events.removed.connect(self._removed)

    def number(self, labels: Labels) -> int:
        """Return how many objects of these labels are marked."""
        known = self._marks(labels)
        return known.number if known is not None else 0

    def toggle(self, labels: Labels, pixel: Pixel, leading: int) -> bool:
        """Mark the object under a pixel, or unmark it; False: there is none."""
        known = self._marks(labels) or RightMarks(labels.data.shape)
        if not known.toggle(labels.data, pixel[:leading], pixel[leading:]):
            return False
        MARKED[labels] = known
        self.show(labels)
        self._layers[labels].refresh()
        return True

    def frame(self, labels: Labels, position: Point) -> NDArray[np.int32] | None:
        """Return the marked objects of a frame, 0 elsewhere; None if there is none."""
        known = self._marks(labels)
        return None if known is None else known.frame(position)

    def frames(self, labels: Labels, leading: int) -> dict[Point, NDArray[np.int32]]:
        """Return the marked objects of all frames that have some."""
        known = self._marks(labels)
        return {} if known is None else known.frames(leading)

    def show(self, labels: Labels) -> None:
        """Show what was marked before, if anything was."""
        known = self._marks(labels)
        if known is None or labels in self._layers:
            return
        self._layers[labels] = layer = _outlines(labels, known)
        self._viewer.layers.append(layer)
        self._viewer.layers.selection.active = labels

    def close(self) -> None:
        """Take the layers away; the marks stay."""
        layers, self._layers = list(self._layers.values()), {}
        for layer in layers:
            self._viewer.layers.remove(layer)

    def _marks(self, labels: Labels) -> RightMarks | None:
        known = MARKED.get(labels)
        if known is None or known.image.shape != labels.data.shape:
            return None
        return known

    def _removed(self, event: Any) -> None:
        """Follow what the user takes away."""
        for labels, layer in list(self._layers.items()):
            if event.value is layer:
                del self._layers[labels]
                MARKED.pop(labels, None)
            elif event.value is labels:
                del self._layers[labels]
                remove_soon(self._viewer, layer)


def _outlines(labels: Labels, marks: RightMarks) -> Labels:
    layer = Labels(
        marks.image,
        name=f"marked right · {labels.name}",
        colormap=CyclicLabelColormap(colors=[(0, 0, 0, 0), GREEN]),
        opacity=1,
        metadata={METADATA_KEY: "right"},
        **Source.of(labels).placed((), labels.ndim),
    )
    layer.contour = WIDTH
    layer.editable = False
    return layer
