"""The layer that shows how far all pixels are from the one that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.utils.colormaps import Colormap, ensure_colormap

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.source import Source

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels
    from numpy.typing import NDArray

FAR = 3.0  # bandwidths; what is farther looks the same


def near_is_bright() -> Colormap:
    """Return viridis from yellow, at distance 0, to blue."""
    return Colormap(ensure_colormap("viridis").colors[::-1], name="near is bright")


class DistanceLayer:
    """An image of distances in bandwidths, there while pixels are asked.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Image | None = None

    def show(
        self,
        distances: NDArray[Any],
        labels: Labels,
        corner: tuple[int, ...],
    ) -> None:
        """Show distances, placed on the labels, at this pixel of theirs."""
        data = distances.reshape(
            (1,) * (labels.ndim - distances.ndim) + distances.shape
        )
        place = Source.of(labels).placed(corner, labels.ndim)
        if self._layer is None or self._layer not in self._viewer.layers:
            self._layer = Image(
                data,
                name=f"{labels.name} · distance",
                colormap=near_is_bright(),
                contrast_limits=(0, FAR),
                metadata={METADATA_KEY: "distance"},
                **place,
            )
            self._viewer.layers.insert(self._viewer.layers.index(labels), self._layer)
            self._viewer.layers.selection.active = labels
        else:
            self._layer.data = data
            self._layer.translate = place["translate"]

    def hide(self) -> None:
        """Take the layer away."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
