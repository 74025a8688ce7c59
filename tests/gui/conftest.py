import numpy as np
import pytest

import napari_shiftseg as shiftseg
from napari_shiftseg.model.config import Clustering, ModelConfig, Provenance
from napari_shiftseg.model.unet import build


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    """A file of an untrained l = 2 network (p = 4, context 40): fast, not right."""
    config = ModelConfig.new(
        name="small",
        depth=2,
        features=2,
        clustering=Clustering(bandwidth=0.7, min_size=3),
        provenance=Provenance(
            command="none", window=(6, 6), seed=0, steps=0, loss={}, optimizer={},
            data="none", date="2026-01-01", versions={},
        ),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    return str(shiftseg.save_model(build(config), path))


@pytest.fixture
def noise():
    return np.random.default_rng(0).random((40, 50)).astype(np.float32)


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy()


@pytest.fixture
def widget(viewer, model_file):
    """The Segment widget, docked, with the small model chosen."""
    _, docked = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    docked.model.open(model_file)
    return docked


@pytest.fixture
def run(qtbot):
    """Press Run and wait for the end."""

    def press_and_wait(widget):
        widget.panel.button.native.click()
        qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=60_000)

    return press_and_wait
