"""Which labels layers have a run behind them whose embeddings are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from psygnal import Signal

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_shiftseg.interaction.steering.kept import Kept


class KeptRuns:
    """What runs keep for the labels they made; it goes with the layer.

    Attributes
    ----------
    changed : Signal
        Emitted when a run is kept.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Labels, Kept] = WeakKeyDictionary()

    def keep(self, layer: Labels, kept: Kept) -> None:
        """Keep what a layer was made from."""
        self._kept[layer] = kept
        self.changed.emit()

    def of(self, layer: Labels | None) -> Kept | None:
        """Return what a layer was made from, if it is kept."""
        return self._kept.get(layer) if layer is not None else None


KEPT = KeptRuns()
