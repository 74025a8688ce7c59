"""Outlines of objects in two layers of labels, coloured by how they go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap
from napari.utils.colormaps.standardize_color import transform_color

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.result_layers import WIDE
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.gui.parts.viewer import OwnLayer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import napari
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Kind:
    """A way in which objects of two layers go together.

    Attributes
    ----------
    name : str
    colour : str
        Of Okabe and Ito, which all eyes tell apart.
    meaning : str
    """

    name: str
    colour: str
    meaning: str


# in the order of the table: what differs comes first
KINDS = {
    "split": Kind("split", "#e69f00", "one object here is several there"),
    "merged": Kind("merged", "#56b4e9", "several objects here are one there"),
    "only_a": Kind("only here", "#d55e00", "there is nothing like it there"),
    "only_b": Kind("only there", "#cc79a7", "there is nothing like it here"),
    "matched": Kind("matched", "#009e73", "the same object in both"),
}
WIDTH = 2  # of outlines, in pixels
MOST = 60_000  # the largest label that is drawn fast; napari takes 2¹⁶ colours


class Outlines(OwnLayer):
    """The outlines of the objects of a layer, coloured by their kinds."""

    def __init__(self, viewer: napari.Viewer, side: str) -> None:
        super().__init__(viewer)
        self._side = side

    def show(
        self, labels: Labels, data: NDArray[Any], kinds: Mapping[int, str]
    ) -> None:
        """Show outlines in place of those shown; objects of no kind have none.

        Parameters
        ----------
        labels : Labels
        data : ndarray of int
            Its pixels as they were compared.
        kinds : mapping of int to str
            The kind of an object, by its label.
        """
        if self._of is not labels:
            self.remove()
        data, colours = _coloured(data, kinds)
        layer = self.layer
        if layer is not None:  # adding and taking away take seconds
            layer.visible = False  # else it is drawn twice
            layer.data, layer.colormap, layer.visible = data, colours, True
            return
        layer = Labels(
            data,
            name=f"{self._side} · {labels.name}",
            colormap=colours,
            opacity=1,
            metadata={METADATA_KEY: "differences"},
            **LayerSource.of(labels).placed((), labels.ndim),
        )
        layer.contour, layer.editable = WIDTH, False
        self._add(layer, labels)


def _coloured(
    data: NDArray[Any], kinds: Mapping[int, str]
) -> tuple[NDArray[Any], CyclicLabelColormap | DirectLabelColormap]:
    """Return labels and their colours, as napari draws them soonest."""
    by_kind = {name: transform_color(kind.colour)[0] for name, kind in KINDS.items()}
    most = max(int(data.max(initial=0)), *kinds, 0)
    if most > MOST or data.min(initial=0) < 0:
        clear = np.zeros(4)
        colours: dict[int | None, Any] = {None: clear, 0: clear}
        colours |= {label: by_kind[kind] for label, kind in kinds.items()}
        return data, DirectLabelColormap(color_dict=colours)
    table = np.zeros((max(most + 1, WIDE), 4), dtype=np.float32)
    if kinds:
        table[list(kinds)] = [by_kind[kind] for kind in kinds.values()]
    return data.astype(np.uint16), CyclicLabelColormap(colors=table)
