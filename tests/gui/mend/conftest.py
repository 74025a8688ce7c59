"""A result of the Segment widget, and the Mend widget opened on it."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QMessageBox

from napari_shiftseg.gui.mend.saving import AskBeforeClosing

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
def result(viewer, widget, noise, run):
    """The labels of a run on a noisy image."""
    viewer.add_image(noise, name="noise")
    widget.advanced.bandwidth.value = BANDWIDTH
    run(widget)
    return next(la for la in viewer.layers if la.name.startswith("labels · "))


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
def steered(viewer, result, settled):
    """The Mend widget, opened on these labels."""
    _, docked = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Mend")
    settled(docked)
    return docked
