"""From a result to the widget that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.gui.docking import opened

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels

    from napari_shiftseg.gui.mend.widget import MendWidget


def open_mend(viewer: napari.Viewer, labels: Labels) -> MendWidget:
    """Open the Mend widget on labels that a run made, or bring it to the front."""
    mend: MendWidget = opened(viewer, "Mend")
    viewer.layers.selection.active = labels
    mend.result.value = labels
    return mend
