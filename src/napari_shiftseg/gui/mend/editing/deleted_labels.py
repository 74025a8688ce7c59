"""Labels that were deleted with unsaved edits, until the user had the choice."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from magicgui.widgets import Container, PushButton

from napari_shiftseg.geometry.words import number_of
from napari_shiftseg.gui.mend.editing.edit_files import number_unsaved
from napari_shiftseg.gui.note import STYLES, wrapped_label

if TYPE_CHECKING:
    from weakref import ReferenceType

    import napari
    from napari.layers import Labels, Layer


class DeletedLabels(Container):
    """Says which labels were deleted with unsaved edits, and offers them back.

    At most one layer is held, as long as it is offered.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    back : PushButton
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None
        self._above: list[ReferenceType[Layer]] = []
        self.text = wrapped_label()
        self.text.native.setStyleSheet(STYLES["warning"])
        self.back = PushButton(
            text="Bring it back", tooltip="Put the labels and their edits back."
        )
        super().__init__(widgets=[self.text, self.back], labels=False)
        self.margins = (0, 0, 0, 0)
        self.visible = False

    def offer(self, layer: Labels, index: int) -> None:
        """Offer a layer that has just been removed from this place in the list.

        What was offered before is offered no more; nothing is if no edit is lost.
        """
        self.withdraw()
        number = number_unsaved(layer)
        if not number:
            return
        self._layer = layer
        self._above = [ref(other) for other in list(self._viewer.layers)[index:]]
        self.text.value = (
            f"“{layer.name}” was deleted with {number_of(number, 'unsaved edit')}."
        )
        self.visible = True

    def take_back(self) -> Labels | None:
        """Put the layer back where it was, below the same layers, and return it."""
        layer, layers = self._layer, self._viewer.layers
        above = [other() for other in self._above]
        self.withdraw()
        if layer is None:
            return None
        places = [layers.index(other) for other in above if other in layers]
        layers.insert(min(places, default=len(layers)), layer)
        return layer

    def withdraw(self) -> None:
        """Offer nothing, and hold no layer."""
        self._layer, self._above = None, []
        self.visible = False
