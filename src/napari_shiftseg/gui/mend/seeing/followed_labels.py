"""A labels layer that is watched: its pixels, colours and selected object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Labels
    from qtpy.QtWidgets import QWidget

EVENTS = ("data", "set_data", "labels_update", "paint", "colormap")


class FollowedLabels:
    """Calls back with what happens to one labels layer, as long as its owner lives.

    Parameters
    ----------
    viewer : napari.Viewer
    owner : QWidget
    changed : callable
        Called when pixels or colours may be others.
    selected : callable
        Takes the object that the user selected.
    deleted : callable
        Called when the layer was removed from the viewer.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        owner: QWidget,
        changed: Callable[[], None],
        selected: Callable[[int], None],
        deleted: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._tell_changed, self._tell_selected = changed, selected
        self._tell_deleted = deleted
        self._layer: Labels | None = None
        self._selected = 0
        viewer.layers.events.removed.connect(self._removed)

    def follow(self, layer: Labels | None) -> None:
        """Follow this layer instead of the one before; None: no layer."""
        before, self._layer = self._layer, layer
        if before is not None:
            for name in EVENTS:
                getattr(before.events, name).disconnect(self._changed)
            before.events.selected_label.disconnect(self._selection_changed)
        if layer is not None:
            self._selected = layer.selected_label
            for name in EVENTS:
                getattr(layer.events, name).connect(self._changed)
            layer.events.selected_label.connect(self._selection_changed)

    def select(self, label: int) -> None:
        """Select an object in the layer; nobody is told."""
        self._selected = label
        self._layer.selected_label = label

    def _changed(self) -> None:
        if isalive(self._owner):
            self._tell_changed()

    def _selection_changed(self) -> None:
        if not isalive(self._owner):
            return
        label = self._layer.selected_label
        if label != self._selected:  # other colours also say that it was selected
            self._selected = label
            self._tell_selected(label)

    def _removed(self, event: Any) -> None:
        if isalive(self._owner) and event.value == self._layer:
            self._tell_deleted()
