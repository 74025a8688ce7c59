"""The colours of objects: those that stay keep theirs in a new clustering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap

from napari_shiftseg.gui.parts.records import LayerSession
from napari_shiftseg.gui.parts.result_layers import IN_TURN, USUAL, WIDE, usual_colours
from napari_shiftseg.metrics.label_image import same_objects

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.mending.boxes import Point


SPARE = WIDE  # colours of objects that edits make, numbered after the others
MOST = 60_000  # objects; napari takes 2¹⁶ colours
MOST_NARROW = 255  # colours, the background's included, without another texture


def kept_colours(
    former: NDArray[Any], colours: NDArray[np.float32], labels: NDArray[Any]
) -> NDArray[np.float32]:
    r"""Return colours of new objects: those that stay have their former ones.

    The others have the one napari gives to their number, or the next, where the object
    that they come from has that very one.

    Parameters
    ----------
    former : ndarray of int
        (\*spatial), before.
    colours : ndarray
        (colours + 1, 4), of the former objects, cyclic.
    labels : ndarray of int
        (\*spatial), now.

    Returns
    -------
    ndarray
        (objects + 1, 4); a turn of those of napari where these are more than it takes.
    """
    number = int(labels.max(initial=0))
    if number > MOST:
        return USUAL
    same = same_objects(former, labels)
    own = colours[
        np.where(same.former > 0, (same.former - 1) % (len(colours) - 1) + 1, 0)
    ]
    usual = usual_colours(number + 1)
    alike = (usual[:-1] == own).all(axis=1, keepdims=True)
    fresh = np.where(alike, usual[1:], usual[:-1])
    kept: NDArray[np.float32] = np.where(same.stays[:, np.newaxis], own, fresh)
    kept[0] = USUAL[0]
    return kept


def usual_or(colours: NDArray[np.float32] | None, number: int) -> NDArray[np.float32]:
    """Return colours of objects, those that napari gives them where none are known.

    Parameters
    ----------
    colours : ndarray or None
        (colours + 1, 4)
    number : int
        Of objects; those that edits may make come after them.
    """
    return usual_colours(min(number, MOST) + SPARE) if colours is None else colours


class LayerColours:
    """Colours of a layer's objects, while nobody chose another colormap for it.

    Frames are numbered each by itself: the colormap is that of the frame shown.

    Attributes
    ----------
    known : dict of tuple of int to ndarray
        Of a frame's objects and of those that edits may make, (colours + 1, 4).
    """

    def __init__(self) -> None:
        self.known: dict[Point, NDArray[np.float32]] = {}
        self._shown: Point | None = None
        self._ours: CyclicLabelColormap | None = None

    @classmethod
    def of(cls, layer: Labels) -> LayerColours:
        """Return those of a layer."""
        session = LayerSession.of(layer)
        session.colours = session.colours or cls()
        known: LayerColours = session.colours
        known._shown = None
        return known

    def take(self, layer: Labels, frame: SteeredFrame, is_shown: bool) -> None:
        """Take a frame whose labels were written, and refresh the layer.

        Parameters
        ----------
        layer : Labels
        frame : SteeredFrame
        is_shown : bool
            Whether the viewer shows this frame.
        """
        self.known[frame.position] = frame.colours
        if is_shown:
            self._shown = frame.position
            self.refresh(layer, frame.colours)
        else:
            layer.refresh()

    def go_to(self, layer: Labels, position: Point, frame: SteeredFrame | None) -> None:
        """Learn which frame is shown.

        Parameters
        ----------
        layer : Labels
        position : tuple of int
        frame : SteeredFrame or None
            As it was clustered last, if it was.
        """
        if frame is not None and position != self._shown:
            self._shown = position
            number = frame.number_found
            self._show(layer, usual_or(self.known.get(position), number))

    def refresh(self, layer: Labels, colours: NDArray[np.float32]) -> None:
        """Refresh a layer, with these colours if it may have them.

        It may not where it has a colormap that somebody chose.

        Parameters
        ----------
        layer : Labels
        colours : ndarray
            (colours + 1, 4), of the frame shown.
        """
        if not self._show(layer, colours):
            layer.refresh()

    def _show(self, layer: Labels, colours: NDArray[np.float32]) -> bool:
        if not self._may(layer):
            return False
        if len(layer.colormap.colors) <= MOST_NARROW:
            if len(colours) - SPARE > MOST_NARROW:
                colours = USUAL
            colours = colours[:MOST_NARROW]
        self._ours = CyclicLabelColormap(
            colors=colours,
            use_selection=layer.show_selected_label,
            selection=layer.selected_label,
        )
        layer.colormap = self._ours
        return True

    def _may(self, layer: Labels) -> bool:
        """Whether the layer has the colormap that it was made with, or ours."""
        known = layer.colormap
        if known is self._ours or type(known) is not CyclicLabelColormap:
            return known is self._ours
        usual = usual_colours(len(known.colors) - 1)
        return len(usual) % IN_TURN == 1 and np.array_equal(known.colors, usual)
