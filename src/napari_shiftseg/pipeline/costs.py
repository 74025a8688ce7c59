"""What each window would cost on an image, in pixels, memory and measured time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_shiftseg.device import is_out_of_memory, resolve_device
from napari_shiftseg.geometry.cost import Cost, planned_costs
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.memory import (
    batch_that_fits,
    memory_budget,
)
from napari_shiftseg.inference.network import on_device
from napari_shiftseg.inference.rates import keep, rate_key
from napari_shiftseg.inference.timing import Timed, Timing, work_of
from napari_shiftseg.progress import Progress
from napari_shiftseg.text import compact

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_shiftseg.device import Engine, Precision
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.geometry.window import Window
    from napari_shiftseg.inference.network import Predictor
    from napari_shiftseg.networks import TiledNetwork


LONGEST = 3.0  # seconds; a batch that is expected to take longer is not measured


class Stopwatch:
    """Time tiles, and extrapolate where that would take too long.

    Parameters
    ----------
    network : Predictor
        The model on its device.
    """

    def __init__(self, network: Predictor) -> None:
        self._network, self._timing = network, Timing(network)

    @property
    def timed(self) -> Timed:
        """What was found so far."""
        return self._timing.timed

    def time(self, plan: TilePlan) -> tuple[float, bool]:
        """Return the seconds that all tiles of a plan take, and if they were measured.

        One real batch is timed, of fewer tiles where a full one does not fit or is
        expected to take longer than `LONGEST`. Where even one tile is, the seconds are
        those at the rate of the tiles timed before; the first time, of the smallest
        tile there is. What OpenVINO takes to compile the network, for the smallest
        tile, is counted once. An error that memory did not suffice for one tile is
        passed on.
        """
        if not self.timed.points:
            smallest = plan_tiles(plan.image_shape, plan.shape, plan.shape.period)
            self._timing.measure(smallest, 1)
        expected = self.timed.rate().of_tile(work_of(plan))
        number = min(
            batch_that_fits(plan, self._network.device), int(LONGEST / expected)
        )
        if number:
            self._timing.measure(plan, number)
        return self.timed.rate().seconds([plan]), number > 0


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
    key = rate_key(model, where, precision, engine)
    with on_device(model, where, precision, engine) as network:
        stopwatch = Stopwatch(network)
        for number, cost in enumerate(found):
            stage = f"measuring tiles of {compact(cost.plan.window)}"
            yield Progress(number, len(found), stage=stage)
            found[number] = _timed(cost, stopwatch)
            yield CostProgress(number + 1, len(found), stage=stage, cost=found[number])
        if stopwatch.timed.points:
            keep(key, stopwatch.timed, network)
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
