"""Colours that objects keep while a clustering numbers them anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap

from napari_shiftseg.gui.palette import IN_TURN, USUAL, WIDE, usual_colours
from napari_shiftseg.interaction.steering.same_objects import same_objects

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.interaction.editing.positions import Point

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
    kept = np.where(same.stays[:, np.newaxis], own, fresh)
    kept[0] = USUAL[0]
    return kept


class KeptColours:
    """Colours of a layer's objects, while nobody chose another colormap for it.

    Frames are numbered each by itself: the colormap is that of the frame shown.
    """

    def __init__(self) -> None:
        self._known: dict[Point, NDArray[np.float32]] = {}
        self._ours: CyclicLabelColormap | None = None

    def of(self, position: Point, number: int) -> NDArray[np.float32]:
        """Return the colours of a frame's objects and of those that edits may make.

        (number + 1 and more, 4); those that napari gives them, where no other is known.
        """
        usual = usual_colours(min(number, MOST) + SPARE)
        return self._known.get(position, usual)

    def keep(self, position: Point, colours: NDArray[np.float32]) -> None:
        """Take the colours of a frame's objects and of those that edits may make."""
        self._known[position] = colours

    def show(self, layer: Labels, colours: NDArray[np.float32]) -> bool:
        """Let the layer have these colours, and refresh it.

        Nothing is done, and False returned, where it has a colormap that somebody
        chose, or one of so few colours that napari would need another texture.
        """
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


COLOURS: WeakKeyDictionary[Labels, KeptColours] = WeakKeyDictionary()
