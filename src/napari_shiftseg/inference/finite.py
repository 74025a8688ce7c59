"""A prediction that is not finite: in wider numbers, or why it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.networks.unet import unsound

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_shiftseg.geometry.tiling import Tile
    from napari_shiftseg.inference.network import Predictor
    from napari_shiftseg.progress import Progress


EXTREME = 1e4  # times the range that a network reads, about 0 to 1


class NotFiniteError(ValueError):
    """A network predicted NaN or infinity."""


def why_not_finite(network: Predictor, tile: Tile, pixels: NDArray[Any]) -> str:
    r"""Say why a tile was predicted as what is not finite, and what to do.

    Parameters
    ----------
    network : Predictor
    tile : Tile
        That it predicted.
    pixels : ndarray
        (channels, \*legal input), as the network read them.
    """
    where = ", ".join(f"{keep.start}-{keep.stop}" for keep in tile.keep)
    said = f"the prediction of the pixels {where} is not finite: "
    name = network.model.config.name
    weights = unsound(network.model.state_dict())
    if weights:
        return (
            f"{said}in the model {name!r} {weights}; its training failed or the file "
            f"is damaged, take another model"
        )
    most = float(np.abs(pixels).max())
    if most > EXTREME:
        return (
            f"{said}the image has a pixel there that the model {name!r} reads as "
            f"{most:.2g}, where about 0 to 1 is expected; cut off such pixels first, "
            f"for example with numpy.clip"
        )
    layer = _first_layer(network, pixels)
    return (
        f"{said}numbers overflow in the layer {layer!r} of the model {name!r}, whose "
        f"weights are finite; take another model"
    )


def _first_layer(network: Predictor, pixels: NDArray[Any]) -> str:
    """Return the name of the first layer that makes finite numbers others."""
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Tensor) -> None:
            if not output.isfinite().all():
                found.append(name)

        return hook

    layers = network.model.named_modules()
    hooks = [
        layer.register_forward_hook(look(name))
        for name, layer in layers
        if not any(layer.children())
    ]
    network([pixels], is_mixed=False)
    for hook in hooks:
        hook.remove()
    return found[0] if found else "head"


def in_wider_numbers(
    network: Predictor,
    tiles: list[Tile],
    inputs: list[NDArray[Any]],
    raw: NDArray[Any],
    so_far: Progress,
) -> Generator[Progress, None, NDArray[Any]]:
    """Predict in float32 what overflowed in 16 bits; returns all of the batch.

    Parameters
    ----------
    network : Predictor
    tiles : list of Tile
    inputs : list of ndarray
        As the network read them.
    raw : ndarray
        As it predicted them.
    so_far : Progress
        What is yielded meanwhile.

    Raises
    ------
    NotFiniteError
        If float32 does not help.
    """
    if network.mixed:
        raw = yield from network.steps(inputs, so_far, is_mixed=False)
    for tile, pixels, output in zip(tiles, inputs, raw, strict=True):
        if not is_finite(output, tile):
            raise NotFiniteError(why_not_finite(network, tile, pixels))
    return raw


def is_finite(raw: NDArray[Any], tile: Tile) -> bool:
    """Whether all that a tile keeps is finite."""
    return bool(np.isfinite(raw[(slice(None), *tile.crop)]).all())
