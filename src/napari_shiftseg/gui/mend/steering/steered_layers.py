"""The layers that a widget steers, each as it was left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.gui.mend.steering.shown import shown_part
from napari_shiftseg.gui.mend.steering.steering import Steering

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels

    from napari_shiftseg.gui.mend.steering.steering import Listener
    from napari_shiftseg.interaction.steering.kept import Kept


class SteeredLayers:
    """What steers each labels layer of a viewer, once it was chosen.

    Parameters
    ----------
    viewer : napari.Viewer
    listener : Listener
    """

    def __init__(self, viewer: napari.Viewer, listener: Listener) -> None:
        self._viewer, self._listener = viewer, listener
        self._steered: dict[Labels, Steering] = {}

    def __contains__(self, layer: object) -> bool:
        return layer in self._steered

    def steering(self, layer: Labels, kept: Kept) -> Steering:
        """Return what steers a layer, as it was left, or a new one.

        Raises
        ------
        ValueError
            If the layer's metadata holds edits that are none.
        """
        known = self._steered.get(layer)
        if known is None or known.kept is not kept:
            self.stop(layer)
            self._steered[layer] = Steering(
                layer,
                kept,
                lambda: shown_part(self._viewer, layer, kept),
                self._listener,
            )
        return self._steered[layer]

    def stop(self, layer: Labels) -> None:
        """Steer a layer no more."""
        steering = self._steered.pop(layer, None)
        if steering is not None:
            steering.stop()

    def stop_all(self) -> None:
        """Steer no layer."""
        for layer in list(self._steered):
            self.stop(layer)
