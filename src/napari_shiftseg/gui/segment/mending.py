"""The button that opens Mend on what a run made."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from magicgui.widgets import PushButton

from napari_shiftseg.gui.parts.layout import opened

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels


class MendButton(PushButton):
    """Opens Mend on the labels of the latest run, as long as they are there.

    Parameters
    ----------
    viewer : napari.Viewer
    tooltip : str
    """

    def __init__(self, viewer: napari.Viewer, tooltip: str) -> None:
        super().__init__(text="Mend…", tooltip=tooltip)
        self._viewer = viewer
        self._made: ref[Labels] | None = None  # what is kept goes with the layer
        self.changed.connect(self._open)

    def take(self, labels: Labels | None) -> None:
        """Learn what a run made; None: it made nothing."""
        self._made = None if labels is None else ref(labels)

    @property
    def labels(self) -> Labels | None:
        """What the latest run made, unless the user removed it."""
        labels = self._made and self._made()
        return labels if labels in self._viewer.layers else None

    @property
    def is_of_use(self) -> bool:
        """Whether there is something to mend."""
        return self.labels is not None

    def _open(self) -> None:
        labels = self.labels
        if labels is not None:
            mend = opened(self._viewer, "Mend")
            self._viewer.layers.selection.active = labels
            mend.result.value = labels
