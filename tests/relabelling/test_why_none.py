"""What made all objects go, on frames whose objects are known in advance."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.progress import exhaust
from napari_shiftseg.relabelling.bandwidth import why_none_steps
from napari_shiftseg.relabelling.relabel import Relabelling

pytestmark = pytest.mark.usefixtures("one_thread")

FLAT = Clustering(kernel="flat", scope="component")


def relabelling(logit=True) -> Relabelling:
    """Two components, a row each: one of two halves 3 apart, one that is alike."""
    e, foreground = np.zeros((1, 7, 6), np.float32), np.full((7, 6), -9, np.float32)
    e[0, 1, 3:] = 3
    foreground[[1, 3]] = 2  # a probability of 0.88
    plan = plan_tiles((7, 6), ModelConfig.new(depth=2).shape)
    return Relabelling(
        Prediction(e, foreground if logit else None, plan, ()), device="cpu"
    )


def why(clustering: Clustering, logit=True) -> str:
    frame = relabelling(logit)
    assert exhaust(frame.steps(clustering)).labels.max() == 0
    return exhaust(why_none_steps(frame, clustering))


def test_no_pixel_is_foreground() -> None:
    high = FLAT.model_copy(update={"foreground_threshold": 0.95})
    assert why(high) == "no pixel is foreground above 0.95 (the highest is 0.88)"


@pytest.mark.parametrize(
    ("bandwidth", "found"), [(1, "all 3 found are"), (4, "all 2 found are")]
)
def test_all_are_small(bandwidth, found) -> None:
    largest = 6
    small = FLAT.model_copy(update={"bandwidth": bandwidth, "min_size": 30})
    expected = f"{found} smaller than 30 px (Minimum size); the largest has {largest}"
    assert why(small) == expected
    enough = small.model_copy(update={"min_size": largest})
    assert exhaust(relabelling().steps(enough)).labels.max() > 0  # as was said


def test_all_is_background() -> None:
    one_mode = Clustering(kernel="flat", bandwidth=9, background_embedding=(0.0,))
    assert why(one_mode, False) == "all pixels have the mode of the background"
