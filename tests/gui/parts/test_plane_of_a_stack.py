"""One plane of a stack is read as when the whole stack is segmented."""

import numpy as np
import pytest
from napari.layers import Image

from napari_shiftseg.gui.compare.run import CompareTask, comparison_run, sweep_run
from napari_shiftseg.gui.inspect.widget import tiled_against_untiled
from napari_shiftseg.gui.parts.segmentation_run import SegmentationRun, segmentation_run
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.inference import predict
from napari_shiftseg.intensity.scale import USUAL_READING
from napari_shiftseg.intensity.stack import frame_scales
from napari_shiftseg.networks.unet import save_model
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust

SETTINGS = Settings(window=6, device="cpu")


@pytest.fixture
def model(small_model, tmp_path):
    return small_model(2, 2, intensity="percentile")


@pytest.fixture
def path(model, tmp_path):
    return str(save_model(model, tmp_path / "percentile.safetensors"))


@pytest.fixture
def scales(monkeypatch):
    """The scales by which images are opened, as a list that grows."""
    found, open_image = [], predict.open_image

    def recorded(*arguments):
        opened = open_image(*arguments)
        found.append((opened.scale.low, opened.scale.high))
        return opened

    monkeypatch.setattr(predict, "open_image", recorded)
    return found


@pytest.mark.parametrize(
    "steps",
    [
        lambda path, source: segmentation_run(SegmentationRun(path, source, SETTINGS)),
        lambda path, source: comparison_run(CompareTask(path, source, SETTINGS)),
        lambda path, source: sweep_run(CompareTask(path, source, SETTINGS), [6]),
        lambda path, source: tiled_against_untiled(path, source, USUAL_READING),
    ],
)
def test_the_scale_is_that_of_the_stack(steps, path, model, scales, rng):
    stack = rng.random((3, 24, 26)) * np.array([1, 9, 4])[:, None, None]
    exhaust(steps(path, LayerSource.of(Image(stack), frame=(0,))))
    common = frame_scales(stack, model.config, USUAL_READING).common
    assert set(scales) == {(common.low, common.high)}
    assert common.high > 4 * stack[0].max()
