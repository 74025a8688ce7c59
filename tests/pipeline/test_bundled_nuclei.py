"""The bundled nuclei model on synthetic nuclei it has never seen."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.metrics.objects import object_scores
from napari_shiftseg.networks.unet import build, load_unet
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.samples.nuclei import nuclei

pytestmark = pytest.mark.usefixtures("one_thread")


def test_nuclei_are_found_and_tiles_change_nothing() -> None:
    sample = nuclei((200, 230), seed=3)
    model = load_unet("nuclei")
    whole = segment(sample.image, model, stitching="whole", device="cpu")
    tiled = segment(sample.image, model, window=112, device="cpu")

    assert object_scores(sample.labels, whole.labels).ap50 > 0.85
    np.testing.assert_allclose(tiled.embeddings, whole.embeddings, atol=1e-4)
    untrained = segment(
        sample.image, build(model.config), stitching="whole", device="cpu"
    )
    assert object_scores(sample.labels, untrained.labels).ap50 < 0.3
