"""What each window would cost on an image, before anything is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from napari_shiftseg.geometry.advice import cheaper, size_name, size_text, times_text
from napari_shiftseg.geometry.tiling import TilePlan, plan_tiles
from napari_shiftseg.text import compact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.geometry.network_shape import NetworkShape
    from napari_shiftseg.geometry.rates import Rate
    from napari_shiftseg.geometry.window import Window


COLUMNS = {
    "tile size": "What a tile keeps at most (window), in pixels; whole: one pass, "
    "as with the window in brackets",
    "reads": "What a tile reads, in pixels: the smallest legal input",
    "keeps": "What a tile keeps of its prediction, in pixels",
    "tiles": "Number of tiles",
    "computed": "Pixels computed for a pixel of the image",
    "memory": "What one tile takes while it is predicted",
    "time": "For the whole image; ≈: extrapolated from smaller tiles",
}


@dataclass(frozen=True)
class Cost:
    """What an image costs in cropped tiles of one window, or in one pass."""

    plan: TilePlan
    fits: bool  # whether a tile fits in memory
    # for the whole image; None if it is not known: not measured, or it does not fit
    seconds: float | None = None
    # whether tiles of this window were timed; the seconds of others are extrapolated
    # from smaller tiles by the pixels they read
    measured: bool = False

    @property
    def keeps(self) -> tuple[int, ...]:
        """What a tile keeps, in pixels: the stride; in one pass the image."""
        return self.plan.stride if len(self.plan) > 1 else self.plan.output_shape

    @property
    def name(self) -> str:
        """The window as it is written in a table."""
        return size_name(self.plan)

    def cells(self) -> tuple[str, ...]:
        """Return the texts of a row of a table, one each of `COLUMNS`."""
        sizes = (self.name, compact(self.plan.reads), compact(self.keeps))
        return (
            *(text.replace(" × ", "×") for text in sizes),  # three axes fill a table
            f"{len(self.plan):,}",
            times_text(self.plan.cost),
            size_text(self.plan.memory),
            self.time,
        )

    @property
    def time(self) -> str:
        """The time as it is written in a table."""
        if not self.fits:
            return "does not fit"
        if self.seconds is None:
            return ""
        return ("" if self.measured else "≈ ") + time_text(self.seconds)

    def figures(self) -> dict[str, Any]:
        """Return the figures of this window, ready for JSON."""
        return {
            "window": list(self.plan.window),
            "stitching": self.plan.stitching,
            "reads": list(self.plan.reads),
            "keeps": list(self.keeps),
            "tiles": len(self.plan),
            "computed": self.plan.cost,
            "memory": self.plan.memory,
            "fits": self.fits,
            "seconds": self.seconds,
            "measured": self.measured,
        }


def planned_costs(
    image_shape: Sequence[int],
    shape: NetworkShape,
    windows: Sequence[Window] | None = None,
    memory: int | None = None,
) -> list[Cost]:
    """Return what each window costs, in pixels and bytes; times are not known yet.

    Parameters
    ----------
    image_shape, shape
        See `plan_tiles`.
    windows : sequence of int or of sequence of int, optional
        Output sizes of a tile. By default p, 2p, 4p, … as long as they part the image,
        the cheapest, and one pass over the whole image, in this order by size.
    memory : int, optional
        Bytes a tile may take; no limit if not given.
    """
    if windows is None:
        plans = _default_plans(image_shape, shape, memory)
    else:
        plans = [plan_tiles(image_shape, shape, w, memory=memory) for w in windows]
    if not plans:
        raise ValueError("give one window or more whose cost is to be found, got none")
    return [Cost(plan, memory is None or plan.memory <= memory) for plan in plans]


def time_text(seconds: float, digits: str = ".2g") -> str:
    """Write a time, seconds with these digits, in the largest fitting unit.

    Parameters
    ----------
    seconds : float
    digits : str
        Format of the seconds.
    """
    if seconds < 90:
        return f"{seconds:{digits}} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def cheapest(costs: Sequence[Cost]) -> Cost | None:
    """Return the one that computes the fewest pixels and fits; None if none fits."""
    fitting = [cost for cost in costs if cost.fits]
    return min(fitting, key=lambda c: (c.plan.cost, len(c.plan)), default=None)


def _default_plans(
    image_shape: Sequence[int], shape: NetworkShape, memory: int | None
) -> list[TilePlan]:
    best = plan_tiles(image_shape, shape, memory=memory)
    size = best.image_shape
    windows = [each for each in _doubled(size, shape) if _can_read(each, shape)]
    plans = [*(plan_tiles(size, shape, w, memory=memory) for w in windows), best]
    # what covers the image with one tile is the one pass
    parting = {plan.window: plan for plan in plans if len(plan) > 1}
    found = sorted(parting.values(), key=_size)
    if not _can_read(size, shape):
        return found
    return [*found, plan_tiles(size, shape, stitching="whole")]


def _can_read(window: Sequence[int], shape: NetworkShape) -> bool:
    """Whether a network can predict so much at once; one of one input size may not."""
    sizes = zip(shape.axes, window, strict=True)
    return all(axis.can_keep(n) for axis, n in sizes)


def _size(plan: TilePlan) -> tuple[int, tuple[int, ...]]:
    return prod(plan.reads), plan.window


def _doubled(
    image_shape: tuple[int, ...], shape: NetworkShape
) -> list[tuple[int, ...]]:
    """Return p, 2p, 4p, … below the longest axis; shorter axes stop at their end."""
    periods = [ceil(n / p) for n, p in zip(image_shape, shape.period, strict=True)]
    powers = [2**i for i in range(max(periods).bit_length())]
    return [
        tuple(min(n, m) * p for m, p in zip(periods, shape.period, strict=True))
        for n in powers
        if n == 1 or n < max(periods)
    ]


MOST_TILES = 20_000
LONGEST_ROUGH = 600.0  # seconds


def work_warning(
    plans: Sequence[TilePlan],
    device: str | None,
    rate: Rate | None,
    memory: int | None = None,
    images: int = 1,
) -> str:
    """Warn of a run of very many tiles, or of long; empty where it is neither.

    Parameters
    ----------
    plans : sequence of TilePlan
        Of one image, carried out one after the other; advice is on the first.
    device : str or None
        A torch device, not "auto".
    rate : Rate or None
        Of the network there; None while it is not known where it is predicted: nothing
        is said.
    memory : int, optional
        Bytes a tile may take.
    images : int
        That are predicted with these plans, one after the other.
    """
    if rate is None:
        return ""
    tiles, seconds = images * sum(map(len, plans)), rate.seconds(plans, images)
    if tiles <= MOST_TILES and seconds <= LONGEST_ROUGH:
        return ""
    number = f"{tiles:,} tiles take" if tiles > 1 else "One tile takes"
    said = f"{number} {duration(plans, rate, images)} on {device}"
    best = cheaper(plans[0], memory)
    if best is None:
        return f"{said}: try a part of the image first."
    others = [cheaper(plan, memory) or plan for plan in plans[1:]]
    less = duration([best, *others], rate, images)
    return f"{said}; tiles of {size_name(best)} {less}."


def duration(plans: Sequence[TilePlan], rate: Rate, images: int = 1) -> str:
    """Write how long plans take: "about" at a measured rate, "roughly" at another.

    Parameters
    ----------
    plans, images
        See `Rate.seconds`.
    rate : Rate
    """
    word = "about" if rate.is_measured else "roughly"
    seconds = rate.seconds(plans, images)
    return f"{word} {time_text(seconds, '.0f' if seconds >= 1 else '.1g')}"
