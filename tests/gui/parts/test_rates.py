"""How long a run takes, told before it: roughly at first, then as measured."""

import re

import numpy as np
import pytest

from napari_shiftseg.geometry.rates import Rate
from napari_shiftseg.gui.parts import rates as module
from napari_shiftseg.gui.parts.devices import Devices
from napari_shiftseg.gui.parts.rates import RateWatch
from napari_shiftseg.inference import timing
from napari_shiftseg.progress import Progress

BEGIN = RateWatch._begin
SLOW = Rate(((1, 1.0),))  # a second a multiply-add


class Asked(list):
    rate = SLOW


@pytest.fixture
def measured(monkeypatch):
    """Let a rate be found as it is for users; returns what was asked for."""
    asked = Asked()

    def measure():
        yield Progress(0, 0)
        return asked.rate

    def rate_of(*what):  # told at once: what is chosen next may leave it unbegun
        asked.append(what)
        return measure()

    monkeypatch.setattr(module, "rate_of", rate_of)
    monkeypatch.setattr(RateWatch, "_begin", BEGIN)
    return asked


def test_the_time_is_rough_until_it_is_measured(
    viewer, widget, noise, measured, qtbot, model_file
):
    viewer.add_image(noise)
    widget.device.take(Devices({"cpu": 2**31}))
    assert re.search(r"; roughly 0\.\d+ s to predict$", widget.summary.value)
    qtbot.waitUntil(lambda: "; about " in widget.summary.value, timeout=60_000)
    assert "h to predict" in widget.summary.value
    assert "130 tiles take about" in widget.note.text.value
    assert {what[:4] for what in measured} == {(model_file, "cpu", "float32", "auto")}
    assert measured[-1][4] == widget._plan


def test_it_is_found_anew_for_what_computes_otherwise(
    viewer, widget, noise, measured, qtbot
):
    viewer.add_image(noise)
    widget.device.take(Devices({"cpu": 2**31}))
    qtbot.waitUntil(lambda: "; about " in widget.summary.value, timeout=60_000)
    before = len(measured)
    widget.window.value = "8"  # long tiles at this rate: they are not timed
    assert "; about " in widget.summary.value
    assert len(measured) == before
    widget.advanced.controls["precision"].value = "bfloat16"
    assert "; roughly " in widget.summary.value
    widget.advanced.controls["engine"].value = "torch"
    qtbot.waitUntil(lambda: "; about " in widget.summary.value, timeout=60_000)
    assert [what[2:4] for what in measured[before:]] == [
        ("bfloat16", "auto"), ("bfloat16", "torch"),
    ]  # fmt: skip


def test_nothing_is_measured_during_a_run(viewer, widget, noise, measured, run):
    viewer.add_image(noise)
    widget.device.take(Devices({"cpu": 2**31}))
    widget.panel.button.native.click()
    before = len(measured)
    widget.window.value = "8"
    widget.advanced.controls["engine"].value = "torch"
    assert len(measured) == before
    widget.panel.cancel()


def test_tiles_of_another_size_are_timed(viewer, widget, noise, measured, qtbot):
    measured.rate = Rate(((1, 1e-9),))
    viewer.add_image(noise)
    widget.device.take(Devices({"cpu": 2**31}))
    qtbot.waitUntil(lambda: "; about " in widget.summary.value, timeout=60_000)
    before = len(measured)
    widget.window.value = "8"
    assert "; about " in widget.summary.value
    qtbot.waitUntil(lambda: len(measured) == before + 1, timeout=60_000)
    assert measured[-1][4] == widget._plan
    widget.advanced.controls["min_size"].value = 9  # the same tiles
    widget.stitching.value = "naive"
    assert len(measured) == before + 1


def test_it_is_looked_up_again_after_a_run(viewer, widget, noise, measured, run, qtbot):
    viewer.add_image(noise)
    widget.device.take(Devices({"cpu": 2**31}))
    qtbot.waitUntil(lambda: "; about " in widget.summary.value, timeout=60_000)
    before = len(measured)
    run(widget)
    qtbot.waitUntil(lambda: len(measured) == before + 1, timeout=60_000)
    assert "; about " in widget.summary.value  # while it is


def test_what_cannot_be_measured_stays_rough(viewer, widget, noise, monkeypatch, qtbot):
    ended = []

    def rate_of(*what):
        ended.append(what)
        yield Progress(0, 0)
        raise MemoryError("the model does not fit")

    monkeypatch.setattr(module, "rate_of", rate_of)
    monkeypatch.setattr(RateWatch, "_begin", BEGIN)
    viewer.add_image(noise)
    widget.device.take(Devices({"cpu": 2**31}))
    qtbot.waitUntil(lambda: bool(ended), timeout=60_000)
    qtbot.wait(200)
    assert "; roughly " in widget.summary.value
    assert widget.panel.button.enabled


def test_the_real_one_is_measured_off_the_gui_thread(
    viewer, widget, noise, monkeypatch, qtbot, rates_file
):
    monkeypatch.setattr(RateWatch, "_begin", BEGIN)
    monkeypatch.setattr(timing, "OWN", 0.0)  # whatever else computes
    viewer.add_image(noise)
    widget.device.take(Devices({"cpu": 2**31}))
    widget.advanced.controls["engine"].value = "torch"
    qtbot.waitUntil(lambda: "; about " in widget.summary.value, timeout=60_000)
    assert rates_file.exists()


def test_compare_tells_it_too(viewer, compare, measured, qtbot):
    viewer.add_image(np.zeros((60, 60), np.float32))
    compare._take_devices(Devices({"cpu": 2**31}))
    qtbot.waitUntil(lambda: "tiles take about" in compare.note.text.value, timeout=9000)
