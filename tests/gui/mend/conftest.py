"""A result of the Segment widget, and the Mend widget opened on it."""

from __future__ import annotations

import pytest
from napari.components import ViewerModel
from napari.layers import Labels, Layer
from qtpy.QtWidgets import QMessageBox

from napari_shiftseg.gui.mend import steering as steering_module
from napari_shiftseg.gui.mend.saving import AskBeforeClosing
from napari_shiftseg.gui.mend.widget import MendWidget
from napari_shiftseg.gui.parts.records import KEPT, LayerSession
from napari_shiftseg.gui.parts.segmentation_run import SegmentationRun, segmentation_run
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust

BANDWIDTH = 0.02  # that gives the noise 31 objects


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Questions before closing, which are all answered by Discard."""
    questions = []

    def ask(_, question):
        questions.append(question)
        return QMessageBox.StandardButton.Discard

    monkeypatch.setattr(AskBeforeClosing, "ask", staticmethod(ask))
    return questions


@pytest.fixture
def window():
    """Let the viewer of a test have a window."""


@pytest.fixture
def viewer(request):
    """A viewer; without a window, which takes seconds, where a test needs none."""
    if "window" in request.fixturenames:
        return request.getfixturevalue("make_napari_viewer_proxy")()
    return ViewerModel()


@pytest.fixture
def segmented(viewer, model_file):
    """Segment an image, and show what comes out as Segment does; return the labels."""

    def segment(image, name, bandwidth=BANDWIDTH, border="mirror", views=1, **place):
        source = LayerSource.of(viewer.add_image(image, name=name, **place))
        settings = Settings(
            bandwidth=bandwidth, border=border, views=views, window=20, device="cpu"
        )
        run = exhaust(segmentation_run(SegmentationRun(model_file, source, settings)))
        for layer in [Layer.create(*layer) for layer in run.layers]:
            if isinstance(layer, Labels):
                LayerSession.of(layer).measuring = run.measuring
                KEPT.keep(layer, run.kept)
                labels = layer
            viewer.add_layer(layer)
        return labels

    return segment


@pytest.fixture
def result(segmented, noise):
    """The labels of a run on a noisy image."""
    return segmented(noise, "noise")


@pytest.fixture
def order(monkeypatch):
    """Frames in the order in which they are begun."""
    begun, steps = [], steering_module.frame_steps

    def noted(request):
        begun.append(request.position)
        return steps(request)

    monkeypatch.setattr(steering_module, "frame_steps", noted)
    return begun


@pytest.fixture
def settled(qtbot):
    """Wait until a Mend widget has nothing left to do."""

    def wait(mend):
        qtbot.waitUntil(
            lambda: mend.steering is not None and not mend.steering.is_busy,
            timeout=120_000,
        )

    return wait


@pytest.fixture
def mend(viewer, qtbot):
    """The Mend widget: docked, or by itself where the viewer has no window."""
    if hasattr(viewer, "window"):
        _, docked = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Mend")
        yield docked
    else:
        alone = MendWidget(viewer)
        qtbot.addWidget(alone.native)
        yield alone
        alone._leave()


@pytest.fixture
def steered(result, mend, settled):
    """The Mend widget, opened on these labels."""
    settled(mend)
    return mend
