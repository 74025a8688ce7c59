"""How long tiles take on a device, measured on tiles of random pixels."""

from __future__ import annotations

from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.network import is_out_of_memory
from napari_shiftseg.inference.predict import batch_that_fits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.inference.network import Network

LONGEST = 3.0  # seconds; a batch that is expected to take longer is not measured
WARM_UP = 0.5  # seconds; a run shorter than that is mostly set-up and is repeated


class Stopwatch:
    """Time tiles, and extrapolate where that would take too long.

    Parameters
    ----------
    network : Network
        The model on its device.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._pixel_seconds = 0.0  # of a pixel read, in the tiles timed last

    def time(self, plan: TilePlan) -> tuple[float, bool]:
        """Return the seconds that all tiles of a plan take, and if they were measured.

        One real batch is timed, of fewer tiles where a full one does not fit or is
        expected to take longer than `LONGEST`. Where even one tile is, the seconds are
        the pixels that all tiles read times what a pixel took in the tiles timed
        before; the first time, in the smallest tile there is. An error that memory did
        not suffice for one tile is passed on.
        """
        if not self._pixel_seconds:
            smallest = plan_tiles(plan.image_shape, plan.shape, plan.shape.period)
            self._measure(smallest, 1)
        expected = self._pixel_seconds * prod(plan.reads)
        number = min(
            batch_that_fits(plan, self._network.device), int(LONGEST / expected)
        )
        if number:
            self._measure(plan, number)
        return self._pixel_seconds * prod(plan.reads) * len(plan), number > 0

    def _measure(self, plan: TilePlan, number: int) -> None:
        shape = (plan.shape.in_channels, *plan.reads)
        tile = np.random.default_rng(0).random(shape).astype(self._network.dtype)
        batch = [tile] * number
        seconds = self._seconds(batch)
        if seconds < WARM_UP:
            seconds = self._seconds(batch)
        self._pixel_seconds = seconds / (len(batch) * prod(plan.reads))

    def _seconds(self, batch: list[NDArray[Any]]) -> float:
        """Time a batch, halving it in place as long as memory does not suffice."""
        while True:
            try:
                return self._run(batch)
            except (RuntimeError, MemoryError) as error:
                if len(batch) == 1 or not is_out_of_memory(error):
                    raise
                error.__traceback__ = None  # its frames hold what filled the memory
                self._network.release()
                del batch[len(batch) // 2 :]

    def _run(self, batch: list[NDArray[Any]]) -> float:
        began = perf_counter()
        self._network(batch)
        return perf_counter() - began
