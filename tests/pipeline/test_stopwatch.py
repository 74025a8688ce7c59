"""The stopwatch, with a network that takes exactly the time it is told to."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
import torch

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.pipeline import costs as module
from napari_shiftseg.pipeline.costs import LONGEST, WARM_UP, Stopwatch

SHAPE = UNetShape((AxisShape((2, 2)),) * 2, (2, 4, 8), in_channels=2)
SMALLEST = (2, 44, 44)  # channels, legal input


class Network:
    """Takes some seconds a pixel, and some more the first time for every size."""

    device, dtype = torch.device("cpu"), np.dtype(np.float32)

    def __init__(
        self, pixel_seconds: float, set_up: float = 0.0, compiling: float = 0.0
    ) -> None:
        self.now, self.came, self.prepared = 0.0, [], []
        self._compiling = compiling
        self._pixel_seconds, self._set_up = pixel_seconds, set_up

    def prepare(self, size: tuple[int, ...]) -> None:
        self.prepared.append(size)
        self.now += self._compiling

    def __call__(self, inputs: list[np.ndarray]) -> None:
        assert {i.dtype for i in inputs} == {self.dtype}
        new = inputs[0].shape not in [shape for _, shape in self.came]
        self.came.append((len(inputs), inputs[0].shape))
        self.now += self._pixel_seconds * sum(prod(i.shape[1:]) for i in inputs)
        self.now += self._set_up * new


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch):
    def time(network: Network, *windows: int) -> list[tuple[float, bool]]:
        monkeypatch.setattr(module, "perf_counter", lambda: network.now)
        watch = Stopwatch(network)
        return [watch.time(plan_tiles((100, 100), SHAPE, w)) for w in windows]

    return time


def test_all_tiles_at_the_pace_of_one_batch(timed):
    network = Network(1e-6)
    (seconds, measured), (larger, _) = timed(network, 8, 50)
    assert seconds == pytest.approx(13 * 13 * 48 * 48 * 1e-6)
    assert larger == pytest.approx(3 * 3 * 88 * 88 * 1e-6)  # keeps 48, 3 × 3 tiles
    assert measured
    assert (16, (2, 48, 48)) in network.came  # a real batch, not one tile


def test_set_up_is_not_counted(timed):
    network = Network(1e-6, set_up=WARM_UP / 2)
    ((seconds, _),) = timed(network, 8)
    assert seconds == pytest.approx(13 * 13 * 48 * 48 * 1e-6)


def test_a_network_is_compiled_once_in_a_run_and_that_is_counted(timed):
    network = Network(1e-6, compiling=0.7)
    (small, _), (large, _) = timed(network, 8, 50)
    assert small == pytest.approx(0.7 + 13 * 13 * 48 * 48 * 1e-6)
    assert large == pytest.approx(0.7 + 3 * 3 * 88 * 88 * 1e-6)
    assert network.prepared[0] == SMALLEST
    assert {shape for _, shape in network.came} == set(network.prepared)


def test_a_slow_batch_runs_once(timed):
    network = Network(WARM_UP / 44**2)  # a second or so for a tile of 48
    timed(network, 8)
    tiles = int(LONGEST / (WARM_UP / 44**2 * 48**2))
    assert network.came == [(1, SMALLEST), (tiles, (2, 48, 48))]


def test_a_tile_that_would_take_too_long_is_extrapolated(timed):
    pace = 0.9 * LONGEST / 84**2
    network = Network(pace)
    (small, measured), (large, guessed) = timed(network, 44, 52)
    assert measured
    assert not guessed
    assert small == pytest.approx(3 * 3 * 84**2 * pace)
    assert large == pytest.approx(2 * 2 * 92**2 * pace)
    assert max(shape[1] for _, shape in network.came) == 84


def test_even_the_first_window_is_not_waited_for(timed):
    network = Network(LONGEST / 44**2)
    ((seconds, measured),) = timed(network, 52)
    assert not measured
    assert network.came == [(1, SMALLEST)]
    assert seconds == pytest.approx(2 * 2 * 92**2 * LONGEST / 44**2)
