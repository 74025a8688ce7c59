"""About how long a run takes, and when that deserves a warning; loads no torch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.advice import cheaper, size_name
from napari_shiftseg.geometry.cost import time_text
from napari_shiftseg.geometry.work import multiply_adds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.geometry.tiling import TilePlan

MOST_TILES = 20_000
LONGEST = 600.0  # seconds
# Multiply-adds a second: 25e9 were measured on one core and 50e9 on two, over all
# windows; a graphics card is taken for a small one.
CORE_SPEED, CARD_SPEED = 25e9, 1000e9
TILE_SECONDS = 1e-3  # that a tile takes however little it computes


def rough_seconds(plan: TilePlan, device: str) -> float:
    """Return about how long a plan takes on a device.

    Counted from multiplications, nothing is measured: cores are taken to add up, and
    cards may be ten times faster. `costs` measures.

    Parameters
    ----------
    plan : TilePlan
    device : str
        A torch device, not "auto".
    """
    speed = CORE_SPEED * (os.cpu_count() or 1) if device == "cpu" else CARD_SPEED
    return len(plan) * (TILE_SECONDS + multiply_adds(plan.shape, plan.reads) / speed)


def work_warning(
    plans: Sequence[TilePlan],
    device: str | None,
    memory: int | None = None,
    images: int = 1,
) -> str:
    """Warn of a run of very many tiles, or of long; empty where it is neither.

    Parameters
    ----------
    plans : sequence of TilePlan
        Of one image, carried out one after the other; advice is on the first.
    device : str or None
        A torch device, not "auto"; None while it is not known: nothing is said.
    memory : int, optional
        Bytes a tile may take.
    images : int
        That are predicted with these plans, one after the other.
    """
    if device is None:
        return ""
    tiles, seconds = images * sum(map(len, plans)), images * _seconds(plans, device)
    if tiles <= MOST_TILES and seconds <= LONGEST:
        return ""
    number = f"{tiles:,} tiles take" if tiles > 1 else "One tile takes"
    said = f"{number} roughly {time_text(seconds, '.0f')} on {device}"
    best = cheaper(plans[0], memory)
    if best is None:
        return f"{said}: try a part of the image first."
    others = [cheaper(plan, memory) or plan for plan in plans[1:]]
    less = time_text(images * _seconds([best, *others], device), ".0f")
    return f"{said}; tiles of {size_name(best)} roughly {less}."


def _seconds(plans: Sequence[TilePlan], device: str) -> float:
    return sum(rough_seconds(plan, device) for plan in plans)
