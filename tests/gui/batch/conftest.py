from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_shiftseg.gui.parts.folder_settings import FolderSettings
from napari_shiftseg.gui.parts.layout import opened
from napari_shiftseg.pipeline.settings import Settings

NAMES = "control/a", "control/b", "treated/c"


@pytest.fixture
def folder(tmp_path):
    """Three images of two conditions."""
    random = np.random.default_rng(0)
    for name in NAMES:
        path = tmp_path / "plates" / f"{name}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, random.random((40, 50)).astype(np.float32))
    return tmp_path / "plates"


@pytest.fixture
def choose(qtbot):
    """Choose a folder, and wait until it is known what is in it."""

    def choose_and_wait(widget, folder):
        widget.form.folder.value = Path(folder)
        qtbot.waitUntil(lambda: not widget.form.is_looking, timeout=10_000)

    return choose_and_wait


@pytest.fixture
def batch(viewer, model_file):
    """The Batch widget, docked, with the small model chosen."""
    widget = opened(viewer, "Batch")
    widget.take(FolderSettings(model_file, Settings(window=4, bandwidth=0.02)))
    return widget


@pytest.fixture
def done(batch, folder, choose, run):
    """A batch that is done."""
    choose(batch, folder)
    run(batch)
    return batch


@pytest.fixture
def settle(qtbot):
    """Wait until nothing is read or written."""

    def wait(widget):
        qtbot.waitUntil(lambda: not widget.work.is_busy, timeout=60_000)

    return wait
