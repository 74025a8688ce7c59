"""A prediction that is not finite is an error that names its cause."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_shiftseg.inference.finite import NotFiniteError
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.header import CheckpointError
from napari_shiftseg.networks.unet import load_unet, save_model, unsound
from napari_shiftseg.pipeline.segmentation import segment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_shiftseg.networks.unet import UNet

    Make = Callable[..., UNet]

pytestmark = pytest.mark.usefixtures("one_thread")

IMAGE = np.random.default_rng(0).random((40, 44), np.float32)


def scaled(model: UNet, layer: str, factor: float) -> UNet:
    other = deepcopy(model)
    with torch.no_grad():
        other.get_parameter(layer).mul_(factor)
    return other


@pytest.mark.parametrize("foreground", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights(small_model: Make, tmp_path: Path, foreground, value: float) -> None:
    model = small_model(2, 1, foreground=foreground)
    with torch.no_grad():
        model.get_parameter("bottom.0.weight")[0, 0, 1, 1] = value
    said = r"values of bottom\.0\.weight are NaN or infinite"
    for run in (embed, segment):
        with pytest.raises(NotFiniteError, match=rf"is not finite.*{said}.*another"):
            run(IMAGE, model, window=8, device="cpu")
    path = save_model(model, tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match=rf"m\.safetensors: 1 of \d+ {said}"):
        load_unet(path)


def test_variances_below_zero() -> None:
    assert unsound({"a.running_var": torch.tensor([1.0, 0.0])}) == ""
    assert "a variance" in unsound({"a.running_var": torch.tensor([1.0, -1.0])})
    assert unsound({"a.running_mean": torch.tensor([-1.0])}) == ""


def test_an_extreme_pixel(small_model: Make) -> None:
    image = IMAGE.copy()
    image[30, 30] = 3e38
    model = scaled(small_model(2, 1), "down.0.0.weight", 100)
    with pytest.raises(NotFiniteError, match=r"a pixel there that .* reads as 3e\+38"):
        embed(image, model, 8, device="cpu")
    assert np.isfinite(embed(IMAGE, model, 8, device="cpu")).all()


def test_a_layer_that_overflows(small_model: Make) -> None:
    model = scaled(small_model(2, 1), "down.0.0.weight", 1e25)
    model = scaled(model, "bottom.2.weight", 1e25)
    with pytest.raises(NotFiniteError, match=r"overflow in the layer 'bottom\.2'"):
        embed(IMAGE, model, 8, device="cpu")


@pytest.mark.parametrize("border", ["mirror", "valid"])
def test_what_overflows_in_16_bits_is_predicted_in_float32(
    small_model: Make, border: Any
) -> None:
    """Tiles near the bright pixel are those of float32, others stay as they were."""
    model = small_model(2, 1)
    image = np.random.default_rng(0).random((60, 64), np.float32)
    image[2, 2] = 1e6
    options = {"window": 8, "border": border, "device": "cpu", "batch": 1}
    with pytest.warns(UserWarning, match="overflow in 16 bits") as said:
        mixed = embed(image, model, precision="float16", **options)
    assert len(said) == 1
    single = embed(image, model, precision="float32", **options)
    np.testing.assert_array_equal(mixed[:, :4, :4], single[:, :4, :4])
    far = abs(mixed - single)[:, -4:, -4:]
    assert 0 < far.max() < 0.1
