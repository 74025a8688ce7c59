"""How many multiplications an input takes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_shiftseg.geometry.unet_shape import UNetShape


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
