"""A layer that a tool makes once and then hides: adding and removing takes long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer


class OwnLayer:
    """At most one layer in the viewer, which the user may remove.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Layer | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is such a layer, and the user has not removed it."""
        return self._layer is not None and self._layer in self._viewer.layers

    def hide(self) -> None:
        """Show it no more."""
        if self.is_there:
            self._layer.visible = False

    def remove(self) -> None:
        """Take the layer away, if there is one."""
        if self.is_there:
            self._viewer.layers.remove(self._layer)
        self._layer = None
