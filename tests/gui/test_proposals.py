"""Proposals as a layer of napari."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels, Layer

from napari_shiftseg.detection.proposals import Proposal
from napari_shiftseg.gui.proposals import proposal_layer


def test_the_label_is_the_rank_and_features_say_the_rest() -> None:
    whole = (slice(0, 3), slice(0, 3))
    proposals = [
        Proposal(whole, np.ones((3, 3), bool), 0.9, 1.0, 1.0),
        Proposal((slice(0, 2), slice(0, 3)), np.ones((2, 3), bool), 0.4, 0.5, 0.5),
    ]
    layer = Layer.create(*proposal_layer(proposals, (4, 4)))
    assert isinstance(layer, Labels)
    assert layer.data.shape == (2, 4, 4)  # they overlap
    assert layer.features["score"].tolist() == [0.9, 0.4]
    assert layer.data[1, 0, 0] == 2
    assert "score: 0.9" in layer.get_status((0, 2, 2))["coordinates"]
