"""Multiplications against those of real nets, and warnings at their limits."""

from __future__ import annotations

from math import prod

import pytest
import torch

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.geometry.work import (
    CPU_SPEED,
    LONGEST,
    MOST_TILES,
    multiply_adds,
    rough_seconds,
    work_warning,
)
from napari_shiftseg.model.unet import CONVOLUTIONS, TRANSPOSED, new_model

SMALL = AxisShape((2, 2))  # p = 4, context 40
NET = UNetShape((SMALL, SMALL), (2, 4, 8))


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
    assert multiply_adds(model.shape, size) == sum(counted)


def test_seconds_follow_the_tiles() -> None:
    plan = plan_tiles((100, 100), NET, 4)  # 25 · 25 tiles, each reads 44 · 44
    expected = 625 * (1e-3 + multiply_adds(NET, (44, 44)) / CPU_SPEED)
    assert rough_seconds(plan, "cpu") == pytest.approx(expected)
    assert rough_seconds(plan, "cuda:0") < expected


def test_many_tiles_are_warned_of_from_a_limit_on() -> None:
    plan = plan_tiles((4 * 200, 4 * 100), NET, 4)
    assert len(plan) == MOST_TILES
    assert work_warning(plan, "cpu") == ""
    more = work_warning(plan, "cpu", images=2)
    assert more.startswith("40,000 tiles take roughly")
    assert "on cpu; tiles of whole (800 × 400) roughly" in more
    assert work_warning(plan, None, images=2) == ""  # no device is known yet


def test_a_long_run_is_warned_of_from_a_limit_on() -> None:
    plan = plan_tiles((4000, 4000), UNetShape((SMALL,) * 2, (99, 99, 99)), 1000)
    enough = int(LONGEST / rough_seconds(plan, "cpu"))  # images
    assert enough * len(plan) < MOST_TILES
    assert work_warning(plan, "cpu", images=enough) == ""
    number = (enough + 1) * len(plan)
    said = work_warning(plan, "cpu", images=enough + 1)
    assert said.startswith(f"{number:,} tiles take roughly 11 min on cpu;")


def test_where_nothing_is_cheaper_a_part_is_advised() -> None:
    net = UNetShape((SMALL,) * 2, (999, 999, 999))
    one = plan_tiles((4000, 4000), net, stitching="whole")
    assert work_warning(one, "cpu").startswith("One tile takes roughly")
    assert work_warning(one, "cpu").endswith("try a part of the image first.")
