import gc
from functools import partial
from types import SimpleNamespace
from weakref import proxy

import numpy as np
import pytest
from app_model import Application
from napari import Viewer, settings
from napari._app_model._app import NapariApplication, _napari_names
from napari._qt._qapp_model.qactions import init_qactions
from napari._qt.qt_viewer import QtViewer
from napari._qt.threads.status_checker import StatusChecker
from napari._vispy import canvas
from napari.plugins import _initialize_plugins
from napari.settings import get_settings
from napari.utils._proxies import PublicOnlyProxy
from qtpy.QtWidgets import QApplication

import napari_shiftseg as shiftseg
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.parts.rates import RateWatch
from napari_shiftseg.gui.segment.last_choice import LastChoice
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.unet import build
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples.catalogue import disks


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    """Let what a module imported and keeps not be looked through at every collection.

    napari collects several times around every viewer.
    """
    yield
    if item.module not in _SEEN:
        _SEEN.add(item.module)
        gc.collect()
        gc.freeze()


_SEEN = set()


@pytest.fixture(scope="session", autouse=True)
def layers_leave_quickly():
    """Let napari look for garbage that is new, not for all, when a layer is removed.

    It does so for the sake of drivers of Windows; it takes longer than most tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas, "gc", SimpleNamespace(collect=partial(gc.collect, 0)))
        yield


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
def nothing_is_measured(monkeypatch):
    """Let no widget measure how fast tiles are predicted, but where a test is of it."""
    monkeypatch.setattr(RateWatch, "_begin", lambda watch, steps: None)


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


@pytest.fixture(scope="module")
def shared_viewer(qapp):
    """Open one viewer for the tests of a module: a new one costs more than most tests.

    As napari's own `make_napari_viewer`, which is for a single test.
    """
    app = NapariApplication("shared")
    app.injection_store.namespace = _napari_names
    forget_actions()
    get_settings().reset()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NapariApplication, "get_app_model", lambda *_: app)
        patch.setattr(StatusChecker, "start", lambda *_: None)
        made = Viewer(show=False, show_welcome_screen=False)
        QtViewer._instances.clear()  # napari's fixture wants to find none
        yield made
        patch.setattr(made.window._qt_window, "_save_current_window_settings", int)
        made.close()
        del made
    Application.destroy("shared")
    forget_actions()


def forget_actions():
    """Let the next viewer register the actions of napari and of plugins."""
    _initialize_plugins.cache_clear()
    init_qactions.cache_clear()


@pytest.fixture
def viewer(shared_viewer, monkeypatch):
    """The viewer of the module, empty as a new one."""
    monkeypatch.setenv("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "True")
    gc.collect()  # widgets of the test before, which pytest held, follow it no longer
    yield PublicOnlyProxy(shared_viewer)
    shared_viewer.window.remove_dock_widget("all")
    shared_viewer.layers.clear()
    shared_viewer.dims.ndisplay = 2
    shared_viewer.theme = "dark"
    shared_viewer.title = "napari"
    shared_viewer.help = ""
    QApplication.processEvents()


@pytest.fixture
def widget(viewer, model_file):
    """The Segment widget, docked, with the small model chosen.

    Tiles of 4 were given for it in an earlier session.
    """
    LastChoice(model_file, "4").write()
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
