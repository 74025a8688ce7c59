"""Object proposals as layers of napari."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import napari
from napari.layers import Layer

from napari_shiftseg.detection.proposals import stacked, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.detection.proposals import Proposal

    LayerTuple = tuple[Any, dict[str, Any], str]


def proposal_layer(proposals: Sequence[Proposal], shape: Sequence[int]) -> LayerTuple:
    """Return proposals as a labels layer: the label is the rank, features say the rest.

    Its first axis parts proposals that overlap.

    Parameters
    ----------
    proposals : sequence of Proposal
        The best first.
    shape : sequence of int
        Of the image.
    """
    table = table_of(proposals, len(shape))
    options = {"name": "proposals", "features": table, "opacity": 0.5}
    return stacked(proposals, shape), options, "labels"


def show_proposals(
    image: NDArray[Any], proposals: Sequence[Proposal], shape: Sequence[int]
) -> None:
    """Open napari with an image and its proposals; wait for it.

    Parameters
    ----------
    image : ndarray
    proposals, shape
        See `proposal_layer`.
    """
    viewer = napari.Viewer(title="napari-shiftseg: proposals")
    viewer.add_image(image)
    viewer.add_layer(Layer.create(*proposal_layer(proposals, shape)))
    viewer.dims.set_current_step(0, 0)
    napari.run()
