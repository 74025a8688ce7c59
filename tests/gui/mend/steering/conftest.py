"""A labels layer and a series, steered without a viewer."""

from __future__ import annotations

from dataclasses import asdict
from threading import Event, Semaphore
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Labels

import napari_shiftseg as shiftseg
from napari_shiftseg.gui.mend.steering import Steering
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.jobs import Listener
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.relabelling.relabel import Kept

BANDWIDTH, OTHER = 0.02, 0.01  # the first gives the noise 31 objects


def layer_and_kept(image, model_file):
    model = load_unet(model_file)
    result = shiftseg.segment(image, model, bandwidth=BANDWIDTH, device="cpu")
    record = {"settings": asdict(result.settings)}
    return Labels(result.labels.copy(), metadata={METADATA_KEY: record}), Kept(
        result, model.config
    )


@pytest.fixture
def one(noise, model_file):
    return layer_and_kept(noise, model_file)


@pytest.fixture
def series(noise, model_file):
    return layer_and_kept(np.stack([noise, noise[::-1], noise[:, ::-1]]), model_file)


@pytest.fixture
def planes(noise):
    """Planes of a stack, of which the objects of the first two overlap."""
    alike = noise.copy()
    alike[35:] = noise[:5]
    return np.stack([noise, alike, noise[::-1]])


@pytest.fixture
def stack(planes, model_file):
    return layer_and_kept(planes, model_file)


@pytest.fixture
def turned():
    """Return the clustering of a layer with another bandwidth."""

    def turn(steering, bandwidth=OTHER):
        return steering.clustering.model_copy(update={"bandwidth": bandwidth})

    return turn


@pytest.fixture
def pixel():
    """Return a pixel of an object."""
    return lambda labels, number: tuple(np.argwhere(labels == number)[0].tolist())


@pytest.fixture
def fresh(noise, model_file):
    """Return the labels of a new run, on the noise or on another image."""
    model = load_unet(model_file)

    def run(bandwidth, image=noise):
        return shiftseg.segment(image, model, bandwidth=bandwidth, device="cpu").labels

    return run


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
def settled(qtbot, held):
    """Let all replays go on, and wait until nothing is left to do."""

    def wait(steering):
        held.let_go()
        qtbot.waitUntil(lambda: not steering.is_busy, timeout=60_000)

    return wait


@pytest.fixture
def begun(steer, settled):
    """Steer one layer or series until it is clustered; return layer and steering."""

    def begin(layer_and_kept):
        steering = steer(*layer_and_kept)
        settled(steering)
        return steering.layer, steering

    return begin


class HeldReplays:
    """Replays that wait in their thread until a test lets them go on."""

    def __init__(self):
        self.began = Event()
        self._free, self._passes = Event(), Semaphore(0)
        self._free.set()

    def hold(self):
        """Hold the replays that begin from now on."""
        self.began.clear()
        self._free.clear()

    def let_one_go(self):
        self._passes.release()

    def let_go(self):
        self._free.set()

    def wait(self):
        self.began.set()
        while not self._free.is_set() and not self._passes.acquire(timeout=0.005):
            pass


@pytest.fixture
def held(monkeypatch):
    """Replays, none of which is held yet; no step of one can be cancelled."""
    replays, replay = HeldReplays(), Mending.replay

    def waiting(self, edits):
        replays.wait()
        return replay(self, edits)

    monkeypatch.setattr(Mending, "replay", waiting)
    yield replays
    replays.let_go()


@pytest.fixture
def turn_and_hold(held, turned, qtbot):
    """Turn a knob, and return when edits are about to be replayed on new objects."""

    def turn(steering):
        held.hold()
        steering.turn(turned(steering))
        qtbot.waitUntil(held.began.is_set, timeout=60_000)

    return turn
