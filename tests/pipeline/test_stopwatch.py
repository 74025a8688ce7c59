"""The stopwatch, with a network that takes exactly the time it is told to."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest
import torch

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.inference import timing as module
from napari_shiftseg.inference.timing import WARM_UP
from napari_shiftseg.pipeline.costs import LONGEST, Stopwatch

SHAPE = UNetShape((AxisShape((2, 2)),) * 2, (2, 4, 8), in_channels=2)
SMALLEST = (2, 44, 44)  # channels, legal input


def work(side: int) -> int:
    return SHAPE.multiply_adds((side, side))


class Network:
    """Takes some seconds a multiply-add, and more the first time for every size."""

    device, dtype = torch.device("cpu"), np.dtype(np.float32)

    def __init__(
        self, pace: float, set_up: float = 0.0, compiling: float = 0.0
    ) -> None:
        self.now, self.came, self.prepared = 0.0, [], []
        self._compiling, self._set_up = compiling, set_up
        self.pace = lambda: pace

    def prepare(self, size: tuple[int, ...]) -> bool:
        self.now += self._compiling * (size not in self.prepared)
        self.prepared.append(size)
        return True

    def __call__(self, inputs: list[np.ndarray]) -> None:
        assert {i.dtype for i in inputs} == {self.dtype}
        new = inputs[0].shape not in [shape for _, shape in self.came]
        self.came.append((len(inputs), inputs[0].shape))
        self.now += self.pace() * sum(work(i.shape[1]) for i in inputs)
        self.now += self._set_up * new


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch):
    def time(network: Network, *windows: int) -> list[tuple[float, bool]]:
        monkeypatch.setattr(module, "perf_counter", lambda: network.now)
        watch = Stopwatch(network)
        return [watch.time(plan_tiles((100, 100), SHAPE, w)) for w in windows]

    return time


PACE = 1e-9


def test_all_tiles_at_the_pace_of_one_batch(timed):
    network = Network(PACE)
    (seconds, measured), (larger, _) = timed(network, 8, 50)
    assert seconds == pytest.approx(13 * 13 * work(48) * PACE)
    assert larger == pytest.approx(3 * 3 * work(88) * PACE)  # keeps 48, 3 × 3 tiles
    assert measured
    assert (16, (2, 48, 48)) in network.came  # a real batch, not one tile


def test_set_up_is_not_counted(timed):
    network = Network(PACE, set_up=WARM_UP / 2)
    ((seconds, _),) = timed(network, 8)
    assert seconds == pytest.approx(13 * 13 * work(48) * PACE)


def test_a_network_is_compiled_once_in_a_run_and_that_is_counted(timed):
    network = Network(PACE, compiling=0.7)
    (small, _), (large, _) = timed(network, 8, 50)
    assert small == pytest.approx(0.7 + 13 * 13 * work(48) * PACE)
    assert large == pytest.approx(0.7 + 3 * 3 * work(88) * PACE)
    assert network.prepared[0] == SMALLEST
    assert {shape for _, shape in network.came} == set(network.prepared)


def test_a_short_batch_is_repeated_and_the_least_time_counts(timed):
    network = Network(PACE)
    timed(network, 8)
    assert network.came.count((16, (2, 48, 48))) == 3
    disturbed = Network(PACE)
    paces = cycle([5 * PACE, 3 * PACE, PACE])
    disturbed.pace = lambda: next(paces)
    ((seconds, _),) = timed(disturbed, 8)
    assert seconds == pytest.approx(13 * 13 * work(48) * PACE)


def test_a_slow_batch_runs_once(timed):
    pace = 1.01 * WARM_UP / work(44)  # a second or so for a tile of 48
    network = Network(pace)
    timed(network, 8)
    tiles = int(LONGEST / (pace * work(48)))
    assert network.came == [(1, SMALLEST), (tiles, (2, 48, 48))]


def test_a_tile_that_would_take_too_long_is_extrapolated(timed):
    pace = 0.9 * LONGEST / work(84)
    network = Network(pace)
    (small, measured), (large, guessed) = timed(network, 44, 52)
    assert measured
    assert not guessed
    assert small == pytest.approx(3 * 3 * work(84) * pace)
    assert large == pytest.approx(2 * 2 * work(92) * pace)
    assert max(shape[1] for _, shape in network.came) == 84


def test_even_the_first_window_is_not_waited_for(timed):
    network = Network(LONGEST / work(44))
    ((seconds, measured),) = timed(network, 52)
    assert not measured
    assert network.came == [(1, SMALLEST)]
    assert seconds == pytest.approx(2 * 2 * work(92) * LONGEST / work(44))
