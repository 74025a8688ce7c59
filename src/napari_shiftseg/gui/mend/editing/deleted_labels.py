"""Labels that were deleted with unsaved edits, until the user had the choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import ref

from magicgui.widgets import Container, PushButton

from napari_shiftseg.geometry.words import number_of
from napari_shiftseg.gui.mend.editing.edit_files import number_unsaved
from napari_shiftseg.gui.note import dress, wrapped_label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from weakref import ReferenceType

    import napari
    from napari.layers import Labels, Layer


@dataclass(frozen=True)
class Deleted:
    """Deleted labels, and the layers that lay above them."""

    layer: Labels
    above: Sequence[ReferenceType[Layer]]


class DeletedLabels(Container):
    """Says which labels were deleted with unsaved edits, and offers them back.

    They are held until the user takes them back or lets them go.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    back, let_go : PushButton
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._deleted: list[Deleted] = []
        self.text = wrapped_label()
        dress(self.text, "warning")
        self.back = PushButton(
            text="Bring back", tooltip="Put the labels and their edits back."
        )
        self.let_go = PushButton(text="Let go", tooltip="The edits are lost.")
        self.let_go.changed.connect(self.withdraw)
        buttons = Container(
            widgets=[self.back, self.let_go], layout="horizontal", labels=False
        )
        buttons.margins = (0, 0, 0, 0)
        super().__init__(widgets=[self.text, buttons], labels=False)
        self.margins = (0, 0, 0, 0)
        self.visible = False

    def offer(self, layer: Labels, index: int) -> None:
        """Offer a layer that has just been removed from this place in the list.

        Nothing is offered if no edit is lost.
        """
        if not number_unsaved(layer):
            return
        above = [ref(other) for other in list(self._viewer.layers)[index:]]
        self._deleted.append(Deleted(layer, above))
        lost = (
            f"“{one.layer.name}” was deleted with "
            f"{number_of(number_unsaved(one.layer), 'unsaved edit')}."
            for one in self._deleted
        )
        self.text.value = " ".join(lost)
        self.visible = True

    def take_back(self) -> list[Labels]:
        """Put the layers back where they were, below the same others; return them."""
        layers, deleted = self._viewer.layers, self._deleted
        self.withdraw()
        for one in reversed(deleted):  # the last one deleted first
            above = [other() for other in one.above]
            places = [layers.index(other) for other in above if other in layers]
            layers.insert(min(places, default=len(layers)), one.layer)
        return [one.layer for one in deleted]

    def withdraw(self) -> None:
        """Offer nothing, and hold no layer."""
        self._deleted = []
        self.visible = False
