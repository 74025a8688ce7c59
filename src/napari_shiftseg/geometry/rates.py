"""How long tiles take, by their multiplications: measured, or assumed."""

from __future__ import annotations

import os
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.geometry.tiling import TilePlan


# Multiply-adds a second of one core, as measured in tiles of 1,420 pixels on two cores
# (benchmarks/engines.py); a graphics card is taken for a small one.
CORE_SPEED = {"torch": 40e9, "openvino": 100e9}
CARD_SPEED = 1000e9
NEAR = 0.1  # of the multiply-adds of a tile, that another one may differ by
SHORT = 0.5  # seconds; a tile that is expected to take longer is not timed
TILE_SECONDS = 1e-3  # that a tile takes however little it computes
LARGE = 10**12  # multiply-adds, the second point of what is assumed


@dataclass(frozen=True)
class Rate:
    """How fast one network is predicted by one engine, on one device.

    Attributes
    ----------
    points : tuple of (float, float)
        Multiply-adds of a tile and the seconds that it takes, by multiply-adds; one or
        more. Between two of them seconds are interpolated; beyond they are
        proportional.
    set_up : float
        Seconds before the first tile of a size: OpenVINO compiles the network for it.
    ready : frozenset of tuple of int
        Legal inputs that it is compiled for.
    is_measured : bool
        Whether it was, on this machine; else it is what such devices usually do.
    """

    points: tuple[tuple[float, float], ...]
    set_up: float = 0.0
    ready: frozenset[tuple[int, ...]] = frozenset()
    is_measured: bool = True

    def of_tile(self, work: float) -> float:
        """Return the seconds of a tile of so many multiply-adds."""
        (least, first), (most, last) = self.points[0], self.points[-1]
        if work <= least:
            return first * work / least if least else first
        if work >= most:
            return last * work / most
        right = bisect_left(self.points, (work, 0.0))
        (low, below), (high, above) = self.points[right - 1], self.points[right]
        return below + (above - below) * (work - low) / (high - low)

    def knows(self, plan: TilePlan) -> bool:
        """Whether a tile like those of a plan was timed, or takes too long for it.

        Parameters
        ----------
        plan : TilePlan
        """
        work = plan.shape.multiply_adds(plan.reads)
        is_timed = any(abs(other - work) <= NEAR * work for other, _ in self.points)
        return is_timed or self.of_tile(work) > SHORT

    def seconds(self, plans: Sequence[TilePlan], images: int = 1) -> float:
        """Return the seconds that plans take, one after the other.

        Parameters
        ----------
        plans : sequence of TilePlan
        images : int
            That are predicted with them; the network is set up once for a size.
        """
        tiles = sum(
            len(plan) * self.of_tile(plan.shape.multiply_adds(plan.reads))
            for plan in plans
        )
        new = {plan.reads for plan in plans} - self.ready
        return images * tiles + len(new) * self.set_up


def assumed_rate(device: str, engine: str = "torch") -> Rate:
    """Return what is taken for the rate while it is not measured.

    Cores are taken to add up, and cards may be ten times faster.

    Parameters
    ----------
    device : str
        A torch device, not "auto".
    engine : {"torch", "openvino"}
        That computes on the CPU.
    """
    cores = CORE_SPEED[engine] * (os.cpu_count() or 1)
    speed = cores if device == "cpu" else CARD_SPEED
    points = (0.0, TILE_SECONDS), (float(LARGE), TILE_SECONDS + LARGE / speed)
    return Rate(points, is_measured=False)
