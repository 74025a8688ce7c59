"""Costs measured on real nets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from napari_shiftseg.geometry.cost import planned_costs
from napari_shiftseg.inference.compiled import Compiled
from napari_shiftseg.inference.rates import known, rate_key
from napari_shiftseg.networks.unet import UNet
from napari_shiftseg.pipeline import costs as module
from napari_shiftseg.pipeline.costs import CostProgress, cost_steps
from napari_shiftseg.progress import exhaust

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("one_thread")
SIZE = (60, 50)


@pytest.fixture
def model(small_model) -> UNet:
    return small_model(2, 2)


def test_every_window_is_timed(model: UNet) -> None:
    found = exhaust(cost_steps(SIZE, model, device="cpu"))
    assert [c.plan for c in found] == [c.plan for c in planned_costs(SIZE, model.shape)]
    assert all(cost.fits and cost.measured and cost.seconds > 0 for cost in found)
    # 195 tiles of 44² against one pass of 100²
    assert found[0].seconds > 2 * found[-1].seconds


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_what_is_timed_is_the_engine_that_is_asked_for(
    model: UNet, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    predict, calls = Compiled.__call__, []

    def counted(self: Compiled, pixels: object) -> object:
        calls.append(pixels)
        return predict(self, pixels)

    monkeypatch.setattr(Compiled, "__call__", counted)
    (cost,) = exhaust(cost_steps(SIZE, model, [8], device="cpu", engine=engine))
    assert cost.measured
    assert bool(calls) == (engine == "openvino")


def test_what_does_not_fit_has_no_time(
    model: UNet, monkeypatch: pytest.MonkeyPatch, limit_memory: Callable
) -> None:
    came = limit_memory(10**9)
    least = planned_costs(SIZE, model.shape)[1].plan.memory  # a tile of 8
    monkeypatch.setattr(module, "memory_budget", lambda device: least)
    found = exhaust(cost_steps(SIZE, model, [4, 8, 16], device="cpu"))
    assert [cost.fits for cost in found] == [True, True, False]
    assert [cost.seconds is None for cost in found] == [False, False, True]
    assert max(came) <= 16 * 48 * 48


def test_what_turns_out_not_to_fit_has_no_time(
    model: UNet, limit_memory: Callable
) -> None:
    came = limit_memory(60 * 60)  # one tile that reads 48 at a time, none that reads 72
    found = exhaust(cost_steps(SIZE, model, [4, 32, 8], device="cpu"))
    assert 16 * 44 * 44 in came  # a full batch was tried, and then halved
    assert [cost.fits for cost in found] == [True, False, True]
    assert [cost.seconds is None for cost in found] == [False, True, False]


def test_other_errors_are_not_hidden(
    model: UNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: UNet, x: object) -> None:
        raise RuntimeError("the device went away")

    monkeypatch.setattr(UNet, "forward", broken)
    with pytest.raises(RuntimeError, match="went away"):
        exhaust(cost_steps(SIZE, model, [4], device="cpu"))


def test_each_is_told_as_it_is_found(model: UNet) -> None:
    steps = list(cost_steps(SIZE, model, [4, 8], "cpu"))
    assert [(step.done, step.total) for step in steps] == [
        (0, 2), (1, 2), (1, 2), (2, 2),
    ]  # fmt: skip
    found = [step.cost for step in steps if isinstance(step, CostProgress)]
    assert [cost.plan.window for cost in found] == [(4, 4), (8, 8)]
    assert steps[0].stage == "measuring tiles of 4"


def test_what_was_measured_is_the_rate_from_then_on(model: UNet) -> None:
    exhaust(cost_steps(SIZE, model, [4, 8], "cpu", engine="torch"))
    key = rate_key(model, torch.device("cpu"), "float32", "torch")
    works = [model.shape.multiply_adds((side, side)) for side in (44, 48)]
    assert [work for work, _ in known(key).points] == works


def test_it_can_be_stopped_between_windows(model: UNet, limit_memory: Callable) -> None:
    came = limit_memory(10**9)
    steps = cost_steps(SIZE, model, [4, 8, 16], "cpu")
    while not isinstance(next(steps), CostProgress):
        pass
    before = list(came)
    steps.close()
    assert came == before
    assert max(came) == 16 * 44 * 44


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (((60,), None, "cpu"), "reads 2 image axes, the image has 1"),
        (((60, 0), None, "cpu"), "empty"),
        ((SIZE, [0], "cpu"), "from 1 upward"),
        ((SIZE, None, "abacus"), "no device 'abacus'"),
    ],
)
def test_refused(model: UNet, arguments: tuple, said: str) -> None:
    size, windows, device = arguments
    with pytest.raises(ValueError, match=said):
        exhaust(cost_steps(size, model, windows, device))
