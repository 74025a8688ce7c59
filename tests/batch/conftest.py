"""What the tests of batches share: a small model, a folder of images, a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_shiftseg.batch.order import BatchOrder, BatchRow
from napari_shiftseg.batch.run import batch_steps
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.unet import build, save_model
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Returning
from napari_shiftseg.report.batch_page import batch_page

NAMES = "control/a", "control/b", "treated/c"


@pytest.fixture(scope="session")
def small_file(tmp_path_factory):
    """A small model with many small objects, as a file."""
    config = ModelConfig.new(
        name="small", depth=2, features=2,
        clustering=Clustering(bandwidth=0.02, min_size=3),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    return str(save_model(build(config), path))


@pytest.fixture
def images(tmp_path):
    """A folder of two conditions: three images, and a file that is none."""
    random = np.random.default_rng(0)
    for name in NAMES:
        path = tmp_path / "images" / f"{name}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, random.random((40, 50)).astype(np.float32))
    (tmp_path / "images" / "treated" / "d.tif").write_bytes(b"no image")
    return tmp_path / "images"


@pytest.fixture
def ordered(images, small_file):
    """Return an order on these images."""

    def order(**more):
        settings = {"settings": Settings(window=16), "model": small_file}
        inputs = more.pop("inputs", (images,))
        output = more.pop("output", images.parent / "out")
        return BatchOrder(inputs, Path(output), **settings | more)

    return order


@pytest.fixture
def done(ordered):
    """Run a batch to its end; returns the outcome, and the rows as they came."""

    def run(**more):
        rows = []
        steps = Returning(batch_steps(ordered(**more), batch_page))
        for step in steps:
            if isinstance(step, BatchRow):
                rows.append(step)
        return steps.value, rows

    return run
