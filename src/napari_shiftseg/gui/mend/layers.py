"""Crosses where the user clicked, until the tool acts, and at edits visited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Points
from napari.utils.colormaps import Colormap, CyclicLabelColormap, ensure_colormap

from napari_shiftseg.gui.parts.records import LayerSession
from napari_shiftseg.gui.parts.result_layers import METADATA_KEY, OwnLayer, remove_soon
from napari_shiftseg.gui.parts.source import LayerSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.tools import Pixel
    from napari_shiftseg.mending.boxes import Point


class RightMarks:
    r"""Marked objects as an image; they stay as they are when the labels change.

    Parameters
    ----------
    shape : sequence of int
        Of the labels.

    Attributes
    ----------
    image : ndarray of int32
        ([leading,] \*spatial), 0 where nothing is marked, numbered in each frame.
    number : int
        Of marked objects; it costs no look at the pixels.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.image = np.zeros(shape, dtype=np.int32)
        self.number = 0

    def toggle(self, labels: NDArray[Any], at: Point, point: Point) -> bool:
        """Mark the object at a point of a frame, or unmark it; False: there is none."""
        marked, objects = self.image[at], labels[at]
        if marked[point]:
            marked[marked == marked[point]] = 0
            self.number -= 1
        elif objects[point]:
            mine = objects == objects[point]
            hidden = np.unique(marked[mine & (marked > 0)])
            marked[mine] = int(marked.max()) + 1
            gone = [number for number in hidden if not (marked == number).any()]
            self.number += 1 - len(gone)
        else:
            return False
        return True

    def frame(self, at: Point) -> NDArray[np.int32] | None:
        """Return the marked objects of a frame, 0 elsewhere; None if there is none."""
        return self.image[at].copy() if self.image[at].any() else None

    def frames(self, leading: int) -> dict[Point, NDArray[np.int32]]:
        """Return the marked objects of all frames that have some."""
        positions = np.ndindex(self.image.shape[:leading])
        known = {at: self.frame(at) for at in positions}
        return {at: marked for at, marked in known.items() if marked is not None}


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
        LayerSession.of(labels).right = known
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
        known: RightMarks | None = LayerSession.of(labels).right
        if known is None or known.image.shape != labels.data.shape:
            return None
        return known

    def _removed(self, event: Any) -> None:
        """Follow what the user takes away."""
        for labels, layer in list(self._layers.items()):
            if event.value is layer:
                del self._layers[labels]
                LayerSession.of(labels).right = None
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
        **LayerSource.of(labels).placed((), labels.ndim),
    )
    layer.contour = WIDTH
    layer.editable = False
    return layer


FAR = 3.0  # bandwidths; what is farther looks the same


def near_is_bright() -> Colormap:
    """Return viridis from yellow, at distance 0, to blue."""
    return Colormap(ensure_colormap("viridis").colors[::-1], name="near is bright")


class DistanceLayer(OwnLayer):
    """An image of distances in bandwidths, seen while pixels are asked.

    It is made once and then hidden: napari takes long to add and remove layers.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__(viewer)
        self._place: tuple[int, ...] = ()

    def show(
        self,
        distances: NDArray[Any],
        labels: Labels,
        corner: tuple[int, ...],
    ) -> None:
        """Show distances, placed on the labels, at this pixel of theirs."""
        missing = labels.ndim - distances.ndim
        data = distances.reshape((1,) * missing + distances.shape)
        if self._of is not labels:  # of other axes, perhaps
            self.remove()
        layer = self.layer
        if layer is None:
            self._of = labels
            self._layer = layer = Image(
                data,
                name=f"distance · {labels.name}",
                colormap=near_is_bright(),
                contrast_limits=(0, FAR),
                metadata={METADATA_KEY: "distance"},
                **LayerSource.of(labels).placed(corner, labels.ndim),
            )
            self._viewer.layers.insert(self._viewer.layers.index(labels), layer)
            self._viewer.layers.selection.active = labels
        else:
            layer.data = data
            if corner != self._place:
                place = LayerSource.of(labels).placed(corner, labels.ndim)
                for name, value in place.items():
                    setattr(layer, name, value)
        self._place = corner
        layer.visible = True


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
        layer = self.layer
        if layer is None:
            if not pixels:
                return
            layer = self._added(labels)
        layer.data = np.array(pixels, dtype=float).reshape(-1, labels.ndim)
        scale = float(np.abs(np.asarray(labels.scale)[-1])) or 1.0
        layer.size = SIZE / self._viewer.scene.camera.zoom / scale
        layer.visible = bool(pixels)

    def _added(self, labels: Labels) -> Points:
        self._of = labels
        self._layer = layer = Points(
            ndim=labels.ndim,
            name=f"clicked · {labels.name}",
            symbol="cross",
            face_color=COLOUR,
            border_color="#000000",
            metadata={METADATA_KEY: "clicked"},
            **LayerSource.of(labels).placed((), labels.ndim),
        )
        selection = self._viewer.layers.selection
        active = selection.active
        self._viewer.layers.append(layer)  # which makes it the active one
        selection.active = active
        return layer
