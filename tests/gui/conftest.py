import gc
from importlib import import_module
from weakref import proxy

import numpy as np
import pytest
from napari import settings
from qtpy.QtWidgets import QApplication

import napari_shiftseg as shiftseg
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.segment.form import LastChoice
from napari_shiftseg.networks.config import ModelConfig, Provenance
from napari_shiftseg.networks.unet import build
from napari_shiftseg.samples.catalogue import disks


@pytest.fixture(scope="session", autouse=True)
def quick_collections():
    """Let what is imported once not be looked through at every collection.

    napari collects several times around every viewer.
    """
    for name in ("torch", "sklearn.cluster", "skimage.measure", "matplotlib.pyplot"):
        import_module(name)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def settings_folder(tmp_path_factory):
    """Keep what widgets remember away from the user's own settings."""
    folder, usual = tmp_path_factory.mktemp("settings"), settings._CFG_PATH
    settings._CFG_PATH = str(folder / "settings.yaml")
    settings._clear_plugin_settings_cache()
    yield folder
    settings._CFG_PATH = usual
    settings._clear_plugin_settings_cache()


@pytest.fixture(autouse=True)
def nothing_is_remembered(settings_folder):
    """Let no test begin with what another has chosen."""
    LastChoice().write()


@pytest.fixture(autouse=True)
def single_clicks(qapp):
    """Two presses after each other are two, not a double click."""
    usual = QApplication.doubleClickInterval()
    QApplication.setDoubleClickInterval(0)
    yield
    QApplication.setDoubleClickInterval(usual)


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


@pytest.fixture
def compare(viewer, model_file):
    """The Compare widget, docked, with the small model chosen.

    A proxy: napari checks that no canvas outlives its viewer, and pytest holds what a
    fixture returns.
    """
    _, docked = viewer.window.add_plugin_dock_widget(
        "napari-shiftseg", "Compare stitching"
    )
    docked.form.model.open(model_file)
    yield proxy(docked)
    del docked
    viewer.window.remove_dock_widget("all")
    gc.collect()


@pytest.fixture
def finish(qtbot):
    """Wait until a panel has nothing more to do."""

    def wait(panel):
        qtbot.waitUntil(lambda: not panel.is_running, timeout=60_000)

    return wait


@pytest.fixture
def press(finish):
    """Press Compare and wait for the end."""

    def press_and_wait(widget):
        widget.panel.button.native.click()
        finish(widget.panel)

    return press_and_wait


@pytest.fixture
def compared(viewer, compare, press):
    """A comparison of disks, truth and all; tiles of 6, so naive ones make seams."""
    sample = disks((44, 52), 13, 5)
    viewer.add_image(sample.image, name="disks", scale=(0.5, 0.5), translate=(3, 4))
    viewer.add_labels(sample.labels, name="disks · truth")
    press(compare)
    return compare


@pytest.fixture
def split(viewer, compare, press):
    """A comparison by the trained model: naive tiles of 20 split its disks."""
    sample = disks((66, 79), 13, 5)
    compare.form.model.value = "disks"
    viewer.add_image(sample.image, name="disks", scale=(0.5, 0.5), translate=(3, 4))
    viewer.add_labels(sample.labels, name="disks · truth")
    press(compare)
    return compare
