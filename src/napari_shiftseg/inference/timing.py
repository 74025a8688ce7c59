"""How long tiles take, by the very code that predicts them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from math import inf
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_shiftseg.device import is_out_of_memory
from napari_shiftseg.geometry.rates import SHORT, Rate
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.memory import (
    batch_that_fits,
    memory_budget,
)
from napari_shiftseg.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.network_shape import NetworkShape
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.inference.network import Predictor


WARM_UP = 0.5  # seconds that batches are repeated for, but not more often than
TIMES = 3
OWN = 0.6  # of the processor; with less, other programs disturb what is measured
LARGER = 4  # times the multiply-adds of a tile, that the next one has
MOST = 2**32  # bytes; larger tiles are not tried
TILES = 4  # along an axis, of the image that the tiles are taken from
MEASURING = Progress(0, 0, stage="measuring how fast tiles are predicted")


@dataclass(frozen=True)
class Timed:
    """What was measured of a network.

    Attributes
    ----------
    points : tuple of (float, float)
        See `Rate`.
    opening : float
        Seconds to set the network up, once: OpenVINO is loaded, and converts it.
    compiling : float
        Seconds to do so for one size of tiles.
    is_sound : bool
        Whether the network had the processor to itself, and was predicted as asked.
    """

    points: tuple[tuple[float, float], ...] = ()
    opening: float = 0.0
    compiling: float = 0.0
    is_sound: bool = True

    def rate(self, ready: frozenset[tuple[int, ...]] = frozenset()) -> Rate:
        """Return the rate of a network that is compiled for these legal inputs."""
        set_up = self.compiling + (0.0 if ready else self.opening)
        return Rate(self.points, set_up, ready)

    def before(self, older: Timed) -> Timed:
        """Return it, with what was measured earlier of smaller and of larger tiles.

        What was compiled meanwhile took no time now. It is as sound as what is in it.
        """
        least, most = self.points[0][0], self.points[-1][0]
        others = [p for p in older.points if not least <= p[0] <= most]
        return Timed(
            tuple(sorted([*self.points, *others])),
            max(self.opening, older.opening),
            max(self.compiling, older.compiling),
            self.is_sound and (older.is_sound or not others),
        )


class Timing:
    """Tiles that are timed, one size after the other.

    Parameters
    ----------
    network : Predictor
        The model on its device.
    """

    def __init__(self, network: Predictor) -> None:
        self._network = network
        self._points: dict[float, float] = {}
        self._set_ups: dict[tuple[int, ...], float] = {}  # seconds, by legal input
        self._seconds = self._of_processor = 0.0  # of all batches

    @property
    def timed(self) -> Timed:
        """What was found so far."""
        first, *others = self._set_ups.values() or [0.0]
        compiling = min(first, max(others, default=first))
        points = tuple(sorted(self._points.items()))
        return Timed(points, first - compiling, compiling, self._is_sound)

    @property
    def _is_sound(self) -> bool:
        if self._network.device.type != "cpu":
            return True
        threads = torch.get_num_threads()
        return self._of_processor >= OWN * threads * self._seconds

    def measure(self, plan: TilePlan, number: int) -> None:
        """Time a batch of tiles of a plan.

        Parameters
        ----------
        plan, number
            See `tile_seconds`.
        """
        began = perf_counter()
        if self._network.prepare((plan.shape.in_channels, *plan.reads)):
            self._set_ups.setdefault(plan.reads, perf_counter() - began)
        began, used = perf_counter(), process_time()
        self._points[work_of(plan)] = tile_seconds(self._network, plan, number)
        self._seconds += perf_counter() - began
        self._of_processor += process_time() - used


def tile_seconds(network: Predictor, plan: TilePlan, number: int) -> float:
    """Return the seconds that a tile of random pixels takes, of a batch that is timed.

    The first time is mostly set-up, and others may use the processor: the least of a
    few times counts, of one alone if that is long.

    Parameters
    ----------
    network : Predictor
        Set up for these tiles.
    plan : TilePlan
    number : int
        Tiles of the batch; fewer where memory does not suffice. An error that it does
        not for one is passed on.
    """
    shape = (plan.shape.in_channels, *plan.reads)
    tile = np.random.default_rng(0).random(shape).astype(network.dtype)
    batch = [tile] * number
    least, spent = inf, 0.0
    for _ in range(TIMES):
        seconds = _batch_seconds(network, batch)
        least, spent = min(least, seconds / len(batch)), spent + seconds
        if spent >= WARM_UP:
            break
    return least


def _batch_seconds(network: Predictor, batch: list[NDArray[Any]]) -> float:
    """Time a batch, halving it in place as long as memory does not suffice."""
    while True:
        began = perf_counter()
        try:
            network(batch)
            return perf_counter() - began
        except (RuntimeError, MemoryError) as error:
            if len(batch) == 1 or not is_out_of_memory(error):
                raise
            error.__traceback__ = None  # its frames hold what filled the memory
            network.release()
            del batch[len(batch) // 2 :]


def work_of(plan: TilePlan) -> int:
    """Return the multiply-adds of a tile of a plan."""
    return plan.shape.multiply_adds(plan.reads)


def timing_steps(network: Predictor, timing: Timing) -> Generator[Progress, None, None]:
    """Time a batch of the smallest tiles, then of ever larger ones while that is short.

    A tile of one size says little of another: on a CPU torch may take twice as long for
    a multiplication where what a layer gives is large.

    Parameters
    ----------
    network : Predictor
    timing : Timing
        Of this network; it takes what is found.
    """
    periods = 1
    most = min(MOST, memory_budget(network.device))
    while True:
        yield MEASURING
        plan = _plan_of(network.model.shape, periods)
        timing.measure(plan, batch_that_fits(plan, network.device))
        periods = _larger(plan, periods)
        further = _plan_of(network.model.shape, periods)
        expected = timing.timed.rate().of_tile(work_of(further))
        if expected > SHORT or further.memory > most:
            return


def _plan_of(shape: NetworkShape, periods: int) -> TilePlan:
    """Return tiles that keep so many periods."""
    window = [periods * period for period in shape.period]
    return plan_tiles([TILES * size for size in window], shape, window)


def _larger(plan: TilePlan, periods: int) -> int:
    """Return how many periods tiles keep that take `LARGER` times as long."""
    enough = LARGER * work_of(plan)
    more = count(periods + 1)
    return next(n for n in more if work_of(_plan_of(plan.shape, n)) >= enough)
