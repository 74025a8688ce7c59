"""What each window would cost on an image, in pixels, memory and measured time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.device import resolve_device
from napari_shiftseg.geometry.cost import Cost, planned_costs
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.memory import (
    batch_that_fits,
    is_out_of_memory,
    memory_budget,
)
from napari_shiftseg.inference.network import on_device
from napari_shiftseg.progress import Progress
from napari_shiftseg.text import compact

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.device import Engine, Precision
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.geometry.window import Window
    from napari_shiftseg.inference.network import Predictor
    from napari_shiftseg.networks import TiledNetwork


LONGEST = 3.0  # seconds; a batch that is expected to take longer is not measured
WARM_UP = 0.5  # seconds; a run shorter than that is mostly set-up and is repeated


class Stopwatch:
    """Time tiles, and extrapolate where that would take too long.

    Parameters
    ----------
    network : Predictor
        The model on its device.
    """

    def __init__(self, network: Predictor) -> None:
        self._network = network
        self._pixel_seconds = 0.0  # of a pixel read, in the tiles timed last
        self._set_up = 0.0  # seconds, until the first tile can be predicted

    def time(self, plan: TilePlan) -> tuple[float, bool]:
        """Return the seconds that all tiles of a plan take, and if they were measured.

        One real batch is timed, of fewer tiles where a full one does not fit or is
        expected to take longer than `LONGEST`. Where even one tile is, the seconds are
        the pixels that all tiles read times what a pixel took in the tiles timed
        before; the first time, in the smallest tile there is. What OpenVINO takes to
        compile the network, for the smallest tile, is counted once. An error that
        memory did not suffice for one tile is passed on.
        """
        if not self._pixel_seconds:
            smallest = plan_tiles(plan.image_shape, plan.shape, plan.shape.period)
            began = perf_counter()
            self._network.prepare((plan.shape.in_channels, *smallest.reads))
            self._set_up = perf_counter() - began
            self._measure(smallest, 1)
        expected = self._pixel_seconds * prod(plan.reads)
        number = min(
            batch_that_fits(plan, self._network.device), int(LONGEST / expected)
        )
        if number:
            self._measure(plan, number)
        seconds = self._pixel_seconds * prod(plan.reads) * len(plan)
        return self._set_up + seconds, number > 0

    def _measure(self, plan: TilePlan, number: int) -> None:
        shape = (plan.shape.in_channels, *plan.reads)
        self._network.prepare(shape)
        tile = np.random.default_rng(0).random(shape).astype(self._network.dtype)
        batch = [tile] * number
        seconds = self._seconds(batch)
        if seconds < WARM_UP:
            seconds = self._seconds(batch)
        self._pixel_seconds = seconds / (len(batch) * prod(plan.reads))

    def _seconds(self, batch: list[NDArray[Any]]) -> float:
        """Time a batch, halving it in place as long as memory does not suffice."""
        while True:
            began = perf_counter()
            try:
                self._network(batch)
                return perf_counter() - began
            except (RuntimeError, MemoryError) as error:
                if len(batch) == 1 or not is_out_of_memory(error):
                    raise
                error.__traceback__ = None  # its frames hold what filled the memory
                self._network.release()
                del batch[len(batch) // 2 :]


@dataclass(frozen=True, slots=True)
class CostProgress(Progress):
    """Progress of a measurement; `cost` is what has just been found."""

    cost: Cost = field(kw_only=True)


def cost_steps(
    image_shape: Sequence[int],
    model: TiledNetwork,
    windows: Sequence[Window] | None = None,
    device: str = "auto",
    precision: Precision = "float32",
    engine: Engine = "auto",
) -> Generator[Progress, None, list[Cost]]:
    """Measure what each window would cost, yielding `CostProgress` with each.

    The image is not needed: a batch of tiles of random pixels is timed for each window.
    One that does not fit in memory has no time. Closing the generator stops the
    measurement after the present window.

    Parameters
    ----------
    image_shape : sequence of int
        Pixels along each spatial axis.
    model : TiledNetwork
    windows : sequence of int or of sequence of int, optional
        Output sizes of a tile; see `planned_costs` for those tried by default.
    device : str
        "auto" (CUDA, else MPS, else the CPU), or a torch device.
    precision : {"float32", "float64", "float16", "bfloat16"}
    engine : {"auto", "torch", "openvino"}
        See `Predictor`.

    Raises
    ------
    ValueError
        If an argument is not as above.
    MemoryError
        If the model alone does not fit on the device.
    """
    where = resolve_device(device)
    found = planned_costs(image_shape, model.shape, windows, memory_budget(where))
    with on_device(model, where, precision, engine) as network:
        stopwatch = Stopwatch(network)
        for number, cost in enumerate(found):
            stage = f"measuring tiles of {compact(cost.plan.window)}"
            yield Progress(number, len(found), stage=stage)
            found[number] = _timed(cost, stopwatch)
            yield CostProgress(number + 1, len(found), stage=stage, cost=found[number])
    return found


def _timed(cost: Cost, stopwatch: Stopwatch) -> Cost:
    if not cost.fits:
        return cost
    try:
        seconds, measured = stopwatch.time(cost.plan)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return replace(cost, fits=False)
    return replace(cost, seconds=seconds, measured=measured)
