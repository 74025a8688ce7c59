"""What a device can hold, and what happens when its memory runs out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import torch

from napari_shiftseg.text import by

if TYPE_CHECKING:
    from napari_shiftseg.geometry.tiling import TilePlan

SHARE_OF_MEMORY = 0.5  # of what is free, that one batch of tiles may take
MOST_ON_CPU = 2 * 2**30  # bytes; larger tiles gain nothing on a CPU
MOST_IN_BATCH = 16
CPU_BATCH = 2**26  # bytes; larger batches gain nothing and make progress coarse
SHRINK = 0.75  # of the memory of a tile that did not fit


def memory_budget(device: torch.device) -> int:
    """Return the bytes that one batch of tiles may take on this device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * SHARE_OF_MEMORY)
    free = psutil.virtual_memory().available
    return min(int(free * SHARE_OF_MEMORY), MOST_ON_CPU)


def batch_that_fits(plan: TilePlan, device: torch.device) -> int:
    """Return how many tiles are predicted at once.

    Parameters
    ----------
    plan : TilePlan
    device : torch.device
        Where they are predicted.
    """
    budget = memory_budget(device)
    if device.type == "cpu":  # small tiles together, as threads wait for each other
        budget = min(budget, CPU_BATCH)
    return max(1, min(MOST_IN_BATCH, len(plan), budget // plan.memory))


def smaller_tiles(plan: TilePlan, failure: BaseException) -> TilePlan:
    """Return a plan of smaller tiles for the same region.

    Parameters
    ----------
    plan : TilePlan
        One tile of it did not fit.
    failure : BaseException
        What was raised then.
    """
    smaller = plan.cheapest(int(plan.memory * SHRINK))
    if smaller.memory >= plan.memory:
        raise MemoryError(
            f"a tile that keeps {by(plan.stride)} pixels does not fit on the device; "
            f"close other programs that use it, or choose another device"
        ) from failure
    return smaller
