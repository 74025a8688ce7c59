"""Pixels of a lasso as a layer on the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.mend.own_layer import OwnLayer
from napari_shiftseg.gui.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Labels
    from numpy.typing import NDArray

LASSOED = "lassoed"  # in the metadata
COLOUR = "white"  # no object has it
OPACITY = 0.8


class LassoedLayer(OwnLayer):
    """A Labels layer that is made at the first lasso and then updated in place.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def show(
        self, mask: NDArray[Any], labels: Labels, frame: Sequence[int] = ()
    ) -> None:
        r"""Show pixels where the labels are placed; to be called in the GUI thread.

        Parameters
        ----------
        mask : ndarray of uint8
            (\\*spatial), 0 or 1.
        labels : Labels
        frame : sequence of int
            Position on the leading axes of the labels; none: the mask has all axes.
        """
        data = mask.reshape(*(1,) * len(frame), *mask.shape)
        place = Source.of(labels, frame).placed((), labels.ndim)
        if self.is_there and self._layer.data.shape == data.shape:
            self._layer.data[...] = data  # new data would take napari twice as long
            self._layer.refresh(extent=False)
            for name, value in place.items():
                if not np.array_equal(getattr(self._layer, name), value):
                    setattr(self._layer, name, value)
        else:
            self.remove()
            self._layer = self._added(data, _name(labels), place)
            self._of = labels
        self._layer.visible = True

    def _added(self, data: NDArray[Any], name: str, place: dict[str, Any]) -> Labels:
        selected = self._viewer.layers.selection.active
        layer = self._viewer.add_labels(
            data,
            name=name,
            colormap=CyclicLabelColormap(colors=["transparent", COLOUR]),
            opacity=OPACITY,
            metadata={METADATA_KEY: LASSOED},
            **place,
        )
        layer.editable = False
        if selected is not None:
            self._viewer.layers.selection.active = selected
        return layer


def _name(labels: Labels) -> str:
    """Return how the layer is named, after the image where a run made the labels."""
    record = labels.metadata.get(METADATA_KEY)
    image = record["image"] if isinstance(record, dict) else labels.name
    return f"{LASSOED} · {image}"
