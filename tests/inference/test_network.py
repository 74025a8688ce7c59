"""How a network lies in memory, and that its numbers do not depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_shiftseg.inference.network import on_device
from napari_shiftseg.inference.predict import embed

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_shiftseg.device import Precision
    from napari_shiftseg.networks.unet import UNet

    Make = Callable[..., UNet]

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_channels_lie_together_but_in_float64(
    small_model: Make, ndim: int, precision: Precision
) -> None:
    model = small_model(ndim, 1, features=8)
    with on_device(model, CPU, precision) as network:
        weights = [p for p in network.model.parameters() if p.ndim == ndim + 2]
    usual = [p.is_contiguous() for p in weights if 1 not in p.shape]
    assert usual
    assert set(usual) == {precision == "float64" or ndim == 1}
    assert all(p.is_contiguous() for p in model.parameters())  # left as it was


@pytest.mark.parametrize(("ndim", "size"), [(2, (41, 57)), (3, (9, 14, 11))])
def test_the_numbers_are_those_of_float64(
    small_model: Make, rng, ndim: int, size: tuple[int, ...]
) -> None:
    model, image = small_model(ndim, 1, features=8), rng.random(size)
    exact = embed(image, model, 8, precision="float64")
    tiled = embed(image, model, 8)
    np.testing.assert_allclose(tiled, exact, atol=1e-5 * abs(exact).max())
    whole = embed(image, model, stitching="whole")
    np.testing.assert_allclose(tiled, whole, atol=1e-5 * abs(exact).max())
