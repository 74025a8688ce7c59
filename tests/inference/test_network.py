"""How a network lies in memory, and that its numbers do not depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_shiftseg.inference.network import Predictor, disagreement, on_device, sent
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


def test_a_cuda_card_is_sent_pinned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda x: seen.append("pin") or x)
    monkeypatch.setattr(
        torch.Tensor, "to", lambda x, device, **how: seen.append((device, how)) or x
    )
    card, x = torch.device("cuda", 1), torch.zeros(3)
    assert sent(x, card) is x
    assert seen == ["pin", (card, {"non_blocking": True})]
    seen.clear()
    sent(x, CPU)
    assert seen == [(CPU, {})]


class TestMac:
    """The device mps, on a machine that has none: torch refuses it in earnest."""

    @pytest.fixture(autouse=True)
    def mps_is_said_to_be_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)

    @pytest.mark.parametrize("device", ["auto", "mps"])
    def test_the_cpu_takes_over_and_that_is_said(
        self, small_model: Make, rng, device: str
    ) -> None:
        model, image = small_model(2, 2, features=8), rng.random((41, 57))
        expected = embed(image, model, 16, device="cpu")
        with pytest.warns(
            UserWarning, match=r"Mac cannot run the model \(.*CPU predicts"
        ):
            found = embed(image, model, 16, device=device)
        np.testing.assert_array_equal(found, expected)

    def test_a_model_that_does_not_fit_is_no_reason(
        self, small_model: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise RuntimeError("MPS backend out of memory")

        monkeypatch.setattr(type(small_model(2, 2)), "to", full)
        with pytest.raises(MemoryError, match="does not fit on mps"):
            embed(np.zeros((31, 42)), small_model(2, 2), 8, device="mps")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_numbers_that_differ_from_those_of_the_cpu(
    small_model: Make, precision: Precision
) -> None:
    network = Predictor(small_model(2, 2, features=8), CPU, precision, "torch")
    assert disagreement(network) == ""
    predict = network._by_torch
    network._by_torch = lambda *how: 1.2 * predict(*how)
    assert disagreement(network).startswith("predicts other numbers than the CPU (0.2")
    network.close()
