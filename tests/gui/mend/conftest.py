"""A result of the Segment widget, and the Mend widget opened on it."""

from __future__ import annotations

import pytest

BANDWIDTH = 0.02  # that gives the noise 31 objects


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
