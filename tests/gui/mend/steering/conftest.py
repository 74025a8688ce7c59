"""A labels layer and a series, steered without a viewer."""

from __future__ import annotations

from threading import Event
from time import sleep
from types import SimpleNamespace

import numpy as np
import pytest
from steered import layer_and_kept

from napari_shiftseg.gui.mend.steering import Listener, Steering
from napari_shiftseg.mending.mending import Mending


@pytest.fixture
def one(noise, model_file):
    return layer_and_kept(noise, model_file)


@pytest.fixture
def series(noise, model_file):
    return layer_and_kept(np.stack([noise, noise[::-1], noise[:, ::-1]]), model_file)


@pytest.fixture
def view():
    """What the viewer shows; a test moves its slider."""
    return SimpleNamespace(frame=(), region=None)


@pytest.fixture
def said():
    return []


@pytest.fixture
def steer(view, said):
    made = []

    def begin(layer, kept):
        if kept.leading and not view.frame:
            view.frame = (0,)
        listener = Listener(lambda: None, lambda text, _: said.append(text))
        made.append(Steering(layer, kept, lambda: (view.frame, view.region), listener))
        return made[-1]

    yield begin
    for steering in made:
        steering.stop()


@pytest.fixture
def settled(qtbot):
    def wait(steering):
        qtbot.waitUntil(lambda: not steering.is_busy, timeout=30_000)

    return wait


@pytest.fixture
def slow_replay(monkeypatch):
    """Replaying takes long, and no step of it can be cancelled."""
    began, replay = Event(), Mending.replay

    def slow(self, edits):
        began.set()
        sleep(0.2)
        return replay(self, edits)

    monkeypatch.setattr(Mending, "replay", slow)
    return began
