"""Multiplications against those of real nets."""

from __future__ import annotations

from math import prod

import pytest
import torch

from napari_shiftseg.networks.unet import CONVOLUTIONS, TRANSPOSED, new_model


@pytest.mark.parametrize(
    "options",
    [
        {"depth": 2, "features": 2},
        {"depth": (1, 2), "features": 3, "padding": "same", "kernel_size": (1, 3)},
        {"ndim": 3, "depth": 1, "features": 2, "pooling_factor": 3, "in_channels": 2},
        {"depth": 1, "features": 2, "convolutions": 1, "embedding_channels": 5},
    ],
)
def test_multiplications_are_those_of_the_net(options) -> None:
    model = new_model(**options)
    counted = []

    def count(layer, inputs, output) -> None:
        grows = isinstance(layer, tuple(TRANSPOSED.values()))
        width = 1 if grows else prod(layer.kernel_size)
        counted.append(output[0].numel() * width * layer.in_channels)

    for layer in model.modules():
        if isinstance(layer, CONVOLUTIONS):
            layer.register_forward_hook(count)
    size = tuple(axis.input_for(5) for axis in model.shape.axes)
    with torch.inference_mode():
        model.eval()(torch.zeros(1, model.config.in_channels, *size))
    assert model.shape.multiply_adds(size) == sum(counted)
