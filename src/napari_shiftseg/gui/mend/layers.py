"""How labels are shown: colours, outlines of what is right, crosses at clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Points
from napari.utils.colormaps import CyclicLabelColormap

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.records import LayerSession
from napari_shiftseg.gui.parts.result_layers import IN_TURN, USUAL, WIDE, usual_colours
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.gui.parts.viewer import OwnLayer, remove_soon
from napari_shiftseg.metrics.label_image import same_objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.gui.mend.tools import Pixel
    from napari_shiftseg.mending.boxes import Point


SPARE = WIDE  # colours of objects that edits make, numbered after the others
MOST = 60_000  # objects; napari takes 2¹⁶ colours
MOST_NARROW = 255  # colours, the background's included, without another texture


def usual_of(numbers: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return the colours that napari gives to numbers, (numbers, 4)."""
    return USUAL[np.where(numbers > 0, (numbers - 1) % IN_TURN + 1, 0)]


def kept_colours(
    former: NDArray[Any],
    colours: NDArray[np.float32],
    labels: NDArray[Any],
    numbers: NDArray[np.int32],
) -> NDArray[np.float32]:
    r"""Return colours of new objects: those that stay have their former ones.

    The others have the one napari gives to their number, or the next, where the object
    that they come from has that very one.

    Parameters
    ----------
    former : ndarray of int
        (\*spatial), before, from 1 without gaps.
    colours : ndarray
        (colours + 1, 4), of the former objects, cyclic.
    labels : ndarray of int
        (\*spatial), now, from 1 without gaps.
    numbers : ndarray of int
        (objects + 1,), what these are called.

    Returns
    -------
    ndarray
        (objects + 1, 4)
    """
    same = same_objects(former, labels)
    own = colours[
        np.where(same.former > 0, (same.former - 1) % (len(colours) - 1) + 1, 0)
    ]
    usual = usual_of(numbers)
    alike = (usual == own).all(axis=1, keepdims=True)
    fresh = np.where(alike, usual_of(numbers + 1), usual)
    kept: NDArray[np.float32] = np.where(same.stays[:, np.newaxis], own, fresh)
    kept[0] = USUAL[0]
    return kept


def colour_table(
    colours: NDArray[np.float32], numbers: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Return colours by number, (numbers + 1, 4), with some for objects edits make.

    A turn of those of napari where these are more than it takes.

    Parameters
    ----------
    colours : ndarray
        (objects + 1, 4)
    numbers : ndarray of int
        (objects + 1,), what the objects are called.
    """
    highest = int(numbers.max(initial=0))
    if highest > MOST:
        return USUAL
    table = usual_colours(highest + SPARE)
    table[numbers] = colours
    return table


def forget_classes(layer: Labels) -> None:
    """Show the classes of objects no more: what has their numbers is another object."""
    if "class" in layer.features:
        layer.features = {}


class LayerColours:
    """Colours of a layer's objects, while nobody chose another colormap for it.

    Frames are clustered each by itself: the colormap is that of the frame shown.

    Attributes
    ----------
    known : dict of tuple of int to ndarray
        Of a frame's objects, (objects + 1, 4); it goes with the layer.
    """

    def __init__(self, layer: Labels) -> None:
        self._layer, self._session = layer, LayerSession.of(layer)
        self.known = self._session.colours
        self._shown: Point | None = None

    def take(self, frame: SteeredFrame, is_shown: bool) -> None:
        """Take a frame whose labels were written, and refresh the layer.

        Parameters
        ----------
        frame : SteeredFrame
        is_shown : bool
            Whether the viewer shows this frame.
        """
        self.known[frame.position] = frame.colours
        if is_shown:
            self._shown = frame.position
            self.refresh(colour_table(frame.colours, frame.numbers.own))
        else:
            self._layer.refresh()

    def go_to(self, position: Point, frame: SteeredFrame | None) -> None:
        """Learn which frame is shown.

        Parameters
        ----------
        position : tuple of int
        frame : SteeredFrame or None
            As it was clustered last, if it was.
        """
        if frame is not None and position != self._shown:
            self._shown = position
            numbers = frame.numbers.own
            known = self.known.get(position, usual_of(numbers))
            self._show(colour_table(known, numbers))

    def refresh(self, colours: NDArray[np.float32]) -> None:
        """Refresh the layer, with these colours, (colours + 1, 4), if it may have them.

        It may not where it has a colormap that somebody chose.
        """
        if not self._show(colours):
            self._layer.refresh()

    def _show(self, colours: NDArray[np.float32]) -> bool:
        layer = self._layer
        if not self._may(layer.colormap):
            return False
        if len(layer.colormap.colors) <= MOST_NARROW:
            if len(colours) - SPARE > MOST_NARROW:
                colours = USUAL
            colours = colours[:MOST_NARROW]
        layer.colormap = self._session.colormap = CyclicLabelColormap(
            colors=colours,
            use_selection=layer.show_selected_label,
            selection=layer.selected_label,
        )
        return True

    def _may(self, known: Any) -> bool:
        """Whether a colormap is the one that the layer was made with, or ours."""
        ours = self._session.colormap
        if known is ours or type(known) is not CyclicLabelColormap:
            return known is ours
        usual = usual_colours(len(known.colors) - 1)
        return len(usual) % IN_TURN == 1 and np.array_equal(known.colors, usual)


class RightMarks:
    r"""Marked objects as an image; they stay as they are when the labels change.

    Attributes
    ----------
    image : ndarray of int32
        ([leading,] \*spatial), 0 where nothing is marked, numbered in each frame.
    number : int
        Of marked objects; it costs no look at the pixels.
    revision : int
        Rises when an object is marked or unmarked.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.image = np.zeros(shape, dtype=np.int32)
        self.number = self.revision = 0

    @classmethod
    def of(cls, labels: Labels) -> RightMarks:
        """Return those of a layer; empty ones where there are none of its shape."""
        known: RightMarks | None = LayerSession.known(labels).right
        if known is None or known.image.shape != labels.data.shape:
            return cls(labels.data.shape)
        return known

    def toggle(self, labels: NDArray[Any], at: Point, point: Point) -> bool:
        """Mark the object at a point of a frame, or unmark it; False: there is none.

        Parameters
        ----------
        labels : ndarray of int
            Of all frames.
        at : tuple of int
            Position on the leading axes.
        point : tuple of int
            Pixel of the frame.
        """
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
        self.revision += 1
        return True

    def frame(self, at: Point) -> NDArray[np.int32] | None:
        """Return the marked objects of a frame, 0 elsewhere; None if there is none."""
        marked = self.image[at]
        return marked.copy() if self.number and marked.any() else None

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
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layers: dict[Labels, Labels] = {}
        viewer.layers.events.removed.connect(self._removed)

    def toggle(self, labels: Labels, pixel: Pixel, leading: int) -> bool:
        """Mark the object under a pixel, or unmark it; False: there is none.

        Parameters
        ----------
        labels : Labels
        pixel : tuple of int
            On all axes of the labels.
        leading : int
            How many of these are before the spatial ones.
        """
        known = RightMarks.of(labels)
        if not known.toggle(labels.data, pixel[:leading], pixel[leading:]):
            return False
        LayerSession.of(labels).right = known
        self.show(labels)
        self._layers[labels].refresh()
        return True

    def show(self, labels: Labels) -> None:
        """Show what was marked before, if anything was."""
        known = RightMarks.of(labels)
        if not known.number or labels in self._layers:
            return
        self._layers[labels] = layer = _outlines(labels, known)
        self._viewer.layers.append(layer)
        self._viewer.layers.selection.active = labels

    def close(self) -> None:
        """Take the layers away; the marks stay."""
        layers, self._layers = list(self._layers.values()), {}
        for layer in layers:
            self._viewer.layers.remove(layer)

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


SIZE = 12  # screen pixels
COLOUR = "#ffffff"


class Marks(OwnLayer):
    """A layer of crosses; hidden between clicks of a tool, as adding takes long."""

    def show(self, pixels: Sequence[Pixel], labels: Labels) -> None:
        """Show crosses at pixels of the labels; none: hide the layer.

        Parameters
        ----------
        pixels : sequence of tuple of int
            On all axes of the labels.
        labels : Labels
        """
        if self._of is not labels:
            self.remove()
        layer = self.layer
        if layer is None:
            if not pixels:
                return
            layer = _crosses(labels)
            self._add(layer, labels)
        layer.data = np.array(pixels, dtype=float).reshape(-1, labels.ndim)
        scale = float(np.abs(np.asarray(labels.scale)[-1])) or 1.0
        layer.size = SIZE / self._viewer.scene.camera.zoom / scale
        layer.visible = bool(pixels)


def _crosses(labels: Labels) -> Points:
    return Points(
        ndim=labels.ndim,
        name=f"clicked · {labels.name}",
        symbol="cross",
        face_color=COLOUR,
        border_color="#000000",
        metadata={METADATA_KEY: "clicked"},
        **LayerSource.of(labels).placed((), labels.ndim),
    )
