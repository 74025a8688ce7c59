"""A training window predicted as neighbouring tiles, as its image will be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_shiftseg.geometry.words import by

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from napari_shiftseg.model.config import ModelConfig


def refuse_tiles(config: ModelConfig, window: Sequence[int], tiles: int) -> None:
    """Refuse a window that a network cannot predict as so many tiles.

    Parameters
    ----------
    config : ModelConfig
    window : sequence of int
        Output window the loss sees, per axis.
    tiles : int
        Along each axis.

    Raises
    ------
    ValueError
        If there are several tiles, and the network is not same-padded, or a tile of
        the window is no legal input.
    """
    if tiles == 1:
        return
    if config.padding != "same":
        raise ValueError(
            f"a window is predicted as {tiles} tiles an axis by same-padded networks "
            f"only, this one has padding {config.padding!r}: take 1, valid tiles "
            f"have no seams to train away"
        )
    multiple = tuple(tiles * p for p in config.shape.period)
    if any(w % m for w, m in zip(window, multiple, strict=True)):
        raise ValueError(
            f"{tiles} tiles an axis need a training window that is a multiple of "
            f"{by(multiple)}, got {by(tuple(window))}"
        )


def in_tiles(network: Callable[[Tensor], Tensor], images: Tensor, tiles: int) -> Tensor:
    r"""Predict images as equal tiles side by side, and stitch what comes out.

    No tile sees another: each is read by itself, all in one batch.

    Parameters
    ----------
    network : callable
        (batch, in_channels, \\*size) → (batch, channels, \\*size), any size that
        divides the images' by `tiles`.
    images : Tensor
        (batch, in_channels, \\*spatial)
    tiles : int
        Along each axis.

    Returns
    -------
    Tensor
        (batch, channels, \\*spatial)
    """
    axes = range(2, images.ndim)
    for axis in axes:
        images = torch.cat(images.chunk(tiles, axis))
    stitched = network(images)
    for axis in reversed(axes):
        stitched = torch.cat(stitched.chunk(tiles), axis)
    return stitched
