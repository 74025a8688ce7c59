"""The layer that shows how far all pixels are from the one that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.utils.colormaps import Colormap, ensure_colormap

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.mend.own_layer import OwnLayer
from napari_shiftseg.gui.source import Source

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels
    from numpy.typing import NDArray

FAR = 3.0  # bandwidths; what is farther looks the same


def near_is_bright() -> Colormap:
    """Return viridis from yellow, at distance 0, to blue."""
    return Colormap(ensure_colormap("viridis").colors[::-1], name="near is bright")


class DistanceLayer(OwnLayer):
    """An image of distances in bandwidths, seen while pixels are asked.

    It is made once and then hidden: napari takes long to add and remove layers.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__(viewer)
        self._place: tuple[int, ...] = ()

    def show(
        self,
        distances: NDArray[Any],
        labels: Labels,
        corner: tuple[int, ...],
    ) -> None:
        """Show distances, placed on the labels, at this pixel of theirs."""
        missing = labels.ndim - distances.ndim
        data = distances.reshape((1,) * missing + distances.shape)
        if self._of is not labels:  # of other axes, perhaps
            self.remove()
        if not self.is_there:
            self._of = labels
            self._layer = Image(
                data,
                name=f"distance · {labels.name}",
                colormap=near_is_bright(),
                contrast_limits=(0, FAR),
                metadata={METADATA_KEY: "distance"},
                **Source.of(labels).placed(corner, labels.ndim),
            )
            self._viewer.layers.insert(self._viewer.layers.index(labels), self._layer)
            self._viewer.layers.selection.active = labels
        elif corner == self._place:
            self._layer.data = data
        else:
            self._layer.data = data
            for name, value in Source.of(labels).placed(corner, labels.ndim).items():
                setattr(self._layer, name, value)
        self._place = corner
        self._layer.visible = True
