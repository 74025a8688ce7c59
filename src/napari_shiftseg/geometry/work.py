"""How much computing a plan takes, and when that deserves a warning."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.advice import cheaper, size_name
from napari_shiftseg.geometry.cost import time_text

if TYPE_CHECKING:
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.geometry.unet_shape import UNetShape

MOST_TILES = 20_000
LONGEST = 600.0  # seconds
# Multiply-adds a second: 25e9 were measured on one core, 50e9 on two, over all
# windows; a graphics card is taken for a small one.
CPU_SPEED, CARD_SPEED = 50e9, 1000e9
TILE_SECONDS = 1e-3  # that a tile takes however little it computes


def multiply_adds(shape: UNetShape, size: tuple[int, ...]) -> int:
    """Return the multiplications that one input takes; learnt upsampling is assumed.

    A convolution takes, for each pixel it writes, its width (over all axes) times the
    channels it reads times those it writes.

    Parameters
    ----------
    shape : UNetShape
    size : tuple of int
        A legal input shape.
    """
    pixels, channels, total, bottom = (
        size,
        shape.in_channels,
        0,
        len(shape.features) - 1,
    )
    for level, features in enumerate(shape.features):
        pixels, done = _block(shape, pixels, channels, features)
        total, channels = total + done, features
        if level < bottom:
            factors = [axis.factors[level] for axis in shape.axes]
            pixels = tuple(n // f for n, f in zip(pixels, factors, strict=True))
    for level in reversed(range(bottom)):
        factors = [axis.factors[level] for axis in shape.axes]
        pixels = tuple(n * f for n, f in zip(pixels, factors, strict=True))
        features = shape.features[level]
        total += prod(pixels) * channels * features
        pixels, done = _block(shape, pixels, 2 * features, features)
        total, channels = total + done, features
    return total + prod(pixels) * channels * shape.out_channels


def _block(
    shape: UNetShape, pixels: tuple[int, ...], channels: int, features: int
) -> tuple[tuple[int, ...], int]:
    """Return what is left of the pixels after a block, and its multiplications."""
    total, width = 0, prod(axis.kernel for axis in shape.axes)
    number = shape.axes[0].convolutions
    for _ in range(number):
        pixels = tuple(
            n - axis.eaten // number for n, axis in zip(pixels, shape.axes, strict=True)
        )
        total += prod(pixels) * width * channels * features
        channels = features
    return pixels, total


def rough_seconds(plan: TilePlan, device: str) -> float:
    """Return about how long a plan takes on a device: right to a factor of some 3."""
    speed = CPU_SPEED if device == "cpu" else CARD_SPEED
    return len(plan) * (TILE_SECONDS + multiply_adds(plan.shape, plan.reads) / speed)


def work_warning(
    plan: TilePlan, device: str | None, memory: int | None = None, images: int = 1
) -> str:
    """Warn of a run of very many tiles, or of long; empty where it is neither.

    Parameters
    ----------
    plan : TilePlan
        Of one image.
    device : str or None
        A torch device, not "auto"; None while it is not known: nothing is said.
    memory : int, optional
        Bytes a tile may take.
    images : int
        That are predicted with this plan, one after the other.
    """
    if device is None:
        return ""
    tiles, seconds = images * len(plan), images * rough_seconds(plan, device)
    if tiles <= MOST_TILES and seconds <= LONGEST:
        return ""
    number = f"{tiles:,} tiles take" if tiles > 1 else "One tile takes"
    said = f"{number} roughly {time_text(seconds, '.0f')} on {device}"
    best = cheaper(plan, memory)
    if best is None:
        return f"{said}: try a part of the image first."
    less = time_text(images * rough_seconds(best, device), ".0f")
    return f"{said}; tiles of {size_name(best)} roughly {less}."
