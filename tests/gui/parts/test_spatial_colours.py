"""Spatial embeddings are shown wound up, wherever they are shown."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.compare.layers import joint_colours
from napari_shiftseg.gui.parts.result_layers import result_layers
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.gui.segment.colours import projection_steps
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.progress import exhaust
from napari_shiftseg.relabelling.colours import principal_colours, random_projection
from napari_shiftseg.relabelling.relabel import Kept


@pytest.fixture
def spatial(small_model):
    return small_model(
        2, 2, embedding="spatial", embedding_channels=3, foreground=True,
        clustering=Clustering(kernel="learnt-spread", scope="component"),
    )  # fmt: skip


@pytest.mark.parametrize("views", [1, 4])
def test_in_every_layer(viewer, spatial, rng, views):
    image = rng.random((40, 60))
    result = segment(image, spatial, window=8, views=views, device="cpu")
    source = LayerSource.of(viewer.add_image(image))
    shown, seed = result.embeddings, 2
    wound = random_projection(shown, seed, "learnt-spread", views)
    assert np.abs(wound - random_projection(shown, seed)).max() > 0.1

    kept = Kept(result, spatial.config)
    np.testing.assert_array_equal(exhaust(projection_steps(kept, seed)), wound)

    principal = principal_colours(shown, "learnt-spread", views)
    (layer, *_) = result_layers(result, source, "net", {"embedding"})
    np.testing.assert_array_equal(layer[0], principal)
    for colours in joint_colours([result, result]):
        np.testing.assert_allclose(colours, principal, atol=1e-5)
