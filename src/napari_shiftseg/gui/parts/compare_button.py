"""A button that leads to the comparison of two layers of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import PushButton

from napari_shiftseg.gui.parts.layout import opened

if TYPE_CHECKING:
    import napari

    from napari_shiftseg.gui.parts.choices import LayerChoice

WIDGET = "Compare labels"  # as in the menu
TIP = (
    "Compare these labels with another layer, object by object: another run, or labels "
    "made by hand. What is split, merged, or in one of them alone is outlined."
)


class CompareButton(PushButton):
    """Opens *Compare labels*, with the labels that are chosen here.

    Parameters
    ----------
    viewer : napari.Viewer
    chosen : LayerChoice, optional
        Of labels; where none are chosen, it begins with those that are selected.
    text : str
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        chosen: LayerChoice | None = None,
        text: str = "Compare with…",
    ) -> None:
        super().__init__(text=text, tooltip=TIP)
        self._viewer, self._chosen = viewer, chosen
        self.changed.connect(self._open)

    def _open(self) -> None:
        widget = opened(self._viewer, WIDGET)
        if self._chosen is not None and self._chosen.value is not None:
            widget.choose(self._chosen.value)
