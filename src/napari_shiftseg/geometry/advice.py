"""What a window means, in words: its seams, cost and memory, and better windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.window import kept, nearest_valid
from napari_shiftseg.text import by, compact

if TYPE_CHECKING:
    from napari_shiftseg.geometry.tiling import TilePlan

PADS = (
    "This network pads with zeros: naive tiles meet at seams whatever their size. "
    "Choose cropped stitching."
)


@dataclass(frozen=True)
class Advice:
    """Advice on the window of a plan."""

    is_valid: bool  # whether the window is a multiple of the period, n·p, on every axis
    # the two nearest valid windows, per axis one value; empty if it is valid, or if one
    # tile holds all
    nearest: tuple[tuple[int, ...], ...]
    # whether seams are to be expected at tile borders: a naive stride that is not n·p,
    # or same padding without a halo, where there is more than one tile
    makes_seams: bool
    summary: str  # what is read, predicted and kept, the number of tiles and their cost
    note: str  # what to know about the window; empty if there is nothing to say


def advise(plan: TilePlan) -> Advice:
    """Say what the window of this plan means."""
    axes = plan.shape.axes
    valid = plan.stitching == "whole" or all(
        w % axis.period == 0 for w, axis in zip(plan.window, axes, strict=True)
    )
    nearest: tuple[tuple[int, ...], ...] = ()
    if not valid and len(plan) > 1:
        pairs = [
            (w, w) if w % a.period == 0 else nearest_valid(a, w)
            for a, w in zip(axes, plan.window, strict=True)
        ]
        nearest = tuple(zip(*pairs, strict=True))
    return Advice(valid, nearest, plan.makes_seams, summary(plan), _note(plan, valid))


def summary(plan: TilePlan) -> str:
    """Return one line: sizes of a tile, number of tiles, cost and memory."""
    keeps = "all" if len(plan) == 1 else by(plan.stride)
    if len(plan) > 1 and not any(
        stride % p for stride, p in zip(plan.stride, plan.shape.period, strict=True)
    ):
        keeps += f" = {_in_periods(plan)}"
    return (
        f"reads {by(plan.reads)}, predicts {by(plan.predicts)}, keeps {keeps}; "
        f"{effort(plan)}"
    )


def effort(plan: TilePlan, *others: TilePlan) -> str:
    """Return tiles, pixels computed and memory, of several runs one after another."""
    plans = (plan, *others)
    tiles = " + ".join(f"{len(each):,}" for each in plans)
    cost = sum(each.cost for each in plans)
    return (
        f"{tiles} {'tile' if tiles == '1' else 'tiles'}; "
        f"{times_text(cost)} the pixels; "
        f"{size_text(max(each.memory for each in plans))}"
    )


def times_text(cost: float) -> str:
    """Write pixels computed per pixel kept: ``1.18 ×``, ``1,000 ×``."""
    return f"{cost:{'.3g' if cost < 99.5 else ',.0f'}} ×"


def size_name(plan: TilePlan) -> str:
    """Write the size of a plan's tiles: ``16``, or ``whole (512)`` where one holds all.

    In brackets is the smallest n·p window that holds all.
    """
    if len(plan) > 1:
        return compact(plan.window)
    return f"whole ({compact(_holding(plan))})"


@lru_cache(maxsize=16)  # asked by each warning of one choice
def cheaper(plan: TilePlan, memory: int | None = None) -> TilePlan | None:
    """Return the cheapest plan of the same region; None if none costs less and fits.

    Parameters
    ----------
    plan : TilePlan
        One pass is left as it is chosen: there, nothing is returned.
    memory : int, optional
        Bytes a tile may take.
    """
    if plan.stitching == "whole":
        return None
    best = plan.cheapest(memory)
    fits = memory is None or best.memory <= memory
    is_better = best.cost < plan.cost or (memory is not None and plan.memory > memory)
    return best if fits and is_better else None


def memory_warning(plan: TilePlan, memory: int | None) -> str:
    """Say that a tile takes more bytes than there are; empty if it fits.

    Parameters
    ----------
    plan : TilePlan
    memory : int or None
        Bytes there are; None: not known.
    """
    if memory is None or plan.memory <= memory:
        return ""
    remedy = (
        "choose smaller tiles"
        if cheaper(plan, memory) or plan.stitching == "whole"
        else "not even the smallest tile fits"
    )
    return (
        f"A tile takes about {size_text(plan.memory)}, more than the "
        f"{size_text(memory)} at hand: {remedy}."
    )


def small_image_note(plan: TilePlan) -> str:
    """Say that the network sees more than the image; empty if it does not."""
    context = plan.shape.context
    if all(n >= seen for n, seen in zip(plan.image_shape, context, strict=True)):
        return ""
    return (
        f"The image is small for this model: around a pixel it sees {by(context)} "
        f"pixels, the image has {by(plan.image_shape)}; the rest is made up."
    )


def size_text(size: int) -> str:
    """Write a number of bytes in MB or GB."""
    return f"{size / 1e6:.0f} MB" if size < 1e8 else f"{size / 1e9:.1f} GB"


def _in_periods(plan: TilePlan) -> str:
    """Write the stride in periods: ``1·2⁴``, per axis where the axes differ."""
    parts = [
        f"{stride // axis.period}·{period_text(axis.factors)}"
        for stride, axis in zip(plan.stride, plan.shape.axes, strict=True)
    ]
    return parts[0] if len(set(parts)) == 1 else " × ".join(parts)


def period_text(factors: tuple[int, ...]) -> str:
    """Write a period: ``2⁴``, or the product where the factors differ."""
    pooled = [f for f in factors if f > 1]
    if not pooled:
        return "1"
    if len(set(pooled)) == 1:
        return f"{pooled[0]}{str(len(pooled)).translate(SUPERSCRIPT)}"
    return "·".join(str(f) for f in pooled)


def _holding(plan: TilePlan) -> tuple[int, ...]:
    """Return the smallest n·p window that holds all of a plan in one tile."""
    return tuple(
        ceil((axis.stop - axis.tiles[0].origin) / period) * period
        for axis, period in zip(plan.axes, plan.shape.period, strict=True)
    )


def _note(plan: TilePlan, valid: bool) -> str:
    if plan.stitching == "whole":
        return ""
    enough = _holding(plan)
    if len(plan) == 1 and any(w > n for w, n in zip(plan.window, enough, strict=True)):
        return (
            f"{compact(plan.window)} is larger than the image needs: one tile of "
            f"{compact(enough)} holds it all."
        )
    if plan.stitching == "naive" and not plan.makes_seams:
        return ""
    if valid and plan.stitching == "cropped":
        return ""
    if valid:
        return PADS
    axes, period = plan.shape.axes, compact(plan.shape.period)
    if len(set(plan.shape.period)) == 1:
        period += f" (= {period_text(axes[0].factors)})"
    said = f"{compact(plan.window)} is not a multiple of {period}:"
    if plan.stitching == "naive":
        return f"{said} expect seams at every tile border."
    pairs = zip(axes, plan.window, strict=True)
    stride = tuple(kept(axis, window, "cropped") for axis, window in pairs)
    return f"{said} cropped stitching keeps {compact(stride)}."


SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
