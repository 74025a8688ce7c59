"""Rates that are measured, kept, and found again."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference import rates as module
from napari_shiftseg.inference import timing
from napari_shiftseg.inference.compiled import Compiled, compiled_sizes
from napari_shiftseg.inference.network import WORTH, Predictor, on_device
from napari_shiftseg.inference.rates import keep, known, rate_key, rate_steps
from napari_shiftseg.inference.timing import LARGER, Timed, Timing, timing_steps
from napari_shiftseg.networks.unet import UNet, new_model
from napari_shiftseg.progress import exhaust

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.geometry.tiling import TilePlan

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


@pytest.fixture
def model(small_model) -> UNet:
    return small_model(2, 2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Let a tile take 1e-9 s a multiply-add; gives the inputs that came."""
    came: list[tuple[int, ...]] = []
    now = [0.0]

    def predict(self: Predictor, inputs: list[Any], is_mixed: bool = True) -> None:
        size = inputs[0].shape[1:]
        came.append(size)
        now[0] += len(inputs) * 1e-9 * self.model.shape.multiply_adds(size)

    monkeypatch.setattr(Predictor, "__call__", predict)
    monkeypatch.setattr(Predictor, "prepare", lambda *_: None)
    for seconds in ("perf_counter", "process_time"):
        monkeypatch.setattr(timing, seconds, lambda: now[0])
    return came


def timed_on(network: Predictor) -> Timed:
    found = Timing(network)
    exhaust(timing_steps(network, found))
    return found.timed


def test_tiles_grow_while_they_are_short(model: UNet, clock: list) -> None:
    with on_device(model, CPU, "float32") as network:
        timed = timed_on(network)
    works = [work for work, _ in timed.points]
    assert works[0] == model.shape.multiply_adds((44, 44))
    assert all(b >= LARGER * a for a, b in pairwise(works))
    assert 1e-9 * works[-1] <= timing.SHORT < 1e-9 * 1.5 * LARGER * works[-1]
    assert all(s == pytest.approx(1e-9 * work) for work, s in timed.points)


def test_a_tile_that_takes_long_is_the_last(
    model: UNet, clock: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "SHORT", 1e-9)
    with on_device(model, CPU, "float32") as network:
        timed = timed_on(network)
    assert len(timed.points) == 1
    assert set(clock) == {(44, 44)}


def test_a_tile_that_does_not_fit_is_not_tried(
    model: UNet, clock: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "memory_budget", lambda device: 1)
    with on_device(model, CPU, "float32") as network:
        assert len(timed_on(network).points) == 1


def test_it_is_measured_once_and_kept_on_disk(
    model: UNet, clock: list, rates_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = exhaust(rate_steps(model, "cpu", engine="torch"))
    assert clock
    assert first.is_measured
    clock.clear()
    assert exhaust(rate_steps(model, "cpu", engine="torch")) == first
    monkeypatch.setattr(module, "KNOWN", {})  # another process
    assert exhaust(rate_steps(model, "cpu", engine="torch")) == first
    assert not clock
    (entry,) = json.loads(rates_file.read_text()).values()
    assert [tuple(point) for point in entry["points"]] == list(first.points)


def test_the_tiles_that_will_be_predicted_are_timed_too(
    model: UNet, clock: list
) -> None:
    def timed(plan: TilePlan) -> set[tuple[int, ...]]:
        clock.clear()
        exhaust(rate_steps(model, "cpu", engine="torch", plan=plan))
        return set(clock)

    own = plan_tiles((300, 300), model.shape, 60)
    assert own.reads in timed(own)
    assert timed(own) == set()
    assert timed(plan_tiles((300, 300), model.shape, 61)) == set()  # it keeps 60
    other = plan_tiles((300, 300), model.shape, 80)
    assert timed(other) == {other.reads}
    assert timed(own) == set()  # the one did not displace the other
    assert timed(plan_tiles((90_000,) * 2, model.shape, 80_000)) == set()  # it is long


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", "\x00\xff", "[" * 100_000,
        '{"KEY": null}', '{"KEY": {"points": [], "opening": 0, "compiling": 0}}',
        '{"KEY": {"points": [[1, "x"]], "opening": 0, "compiling": 0}}',
        '{"KEY": {"points": [[1, -1]], "opening": 0, "compiling": 0}}',
        '{"KEY": {"points": [[1, NaN]], "opening": 0, "compiling": 0}}',
        '{"KEY": {"points": [[1, 1]], "opening": -1, "compiling": 0}}',
        '{"KEY": {"points": [[1, 1]]}}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_measured_anew(
    model: UNet, clock: list, rates_file: Path, text: str
) -> None:
    key = rate_key(model, CPU, "float32", "torch")
    rates_file.parent.mkdir(parents=True)
    rates_file.write_text(text.replace("KEY", key))
    exhaust(rate_steps(model, "cpu", engine="torch"))
    assert clock
    assert key in json.loads(rates_file.read_text())


def test_bytes_that_are_no_text_are_measured_anew(
    model: UNet, clock: list, rates_file: Path
) -> None:
    rates_file.parent.mkdir(parents=True)
    rates_file.write_bytes(b"\xff\xfe{")
    exhaust(rate_steps(model, "cpu", engine="torch"))
    assert clock


def test_a_disk_that_cannot_be_written_is_no_matter(
    model: UNet, clock: list, rates_file: Path
) -> None:
    rates_file.parent.parent.mkdir(exist_ok=True)
    rates_file.parent.write_text("a file where the folder should be")
    first = exhaust(rate_steps(model, "cpu", engine="torch"))
    clock.clear()
    assert exhaust(rate_steps(model, "cpu", engine="torch")) == first
    assert not clock  # kept for the process


def test_what_is_predicted_otherwise_has_another_key(
    model: UNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(network: UNet = model, precision: Any = "float32", engine: Any = "auto"):
        return rate_key(network, CPU, precision, engine)

    twin = new_model(depth=2, features=4, seed=9)  # other weights
    assert key(twin) == key()
    others = {
        key(), key(engine="torch"), key(precision="bfloat16"),
        key(new_model(depth=2, features=5)), key(new_model(depth=2, padding="same")),
    }  # fmt: skip
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    others.add(key())
    monkeypatch.setattr(module, "processor_name", lambda: "abacus")
    others.add(key())
    monkeypatch.setattr(module, "_version", lambda package: "0.1")
    others.add(key())
    assert len(others) == 8


def test_earlier_tiles_of_other_sizes_stay(model: UNet) -> None:
    with on_device(model, CPU, "float32", "torch") as network:
        keep("key", Timed(((1, 1.0), (5, 5.0), (9, 9.0)), 0.4, 0.1), network)
        keep("key", Timed(((4, 2.0), (6, 3.0)), 0.0, 0.2), network)
    found = known("key")
    assert found == Timed(((1, 1.0), (4, 2.0), (6, 3.0), (9, 9.0)), 0.4, 0.2)


def test_the_file_does_not_grow_for_ever(
    model: UNet, rates_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    with on_device(model, CPU, "float32", "torch") as network:
        for key in "abcb":
            keep(key, Timed(((1, 1.0),)), network)
    assert list(json.loads(rates_file.read_text())) == ["c", "b"]


def test_where_another_engine_took_over_it_is_not_kept_on_disk(
    model: UNet, rates_file: Path
) -> None:
    with on_device(model, CPU, "float32", "torch") as network:
        network.note("OpenVINO failed")
        keep("key", Timed(((1, 1.0),)), network)
    assert known("key") is not None
    assert not rates_file.exists()


def test_what_other_programs_disturbed_is_not_kept_on_disk(
    model: UNet, clock: list, rates_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "process_time", lambda: 0.0)  # they had it all
    first = exhaust(rate_steps(model, "cpu", engine="torch"))
    assert not rates_file.exists()
    clock.clear()
    assert exhaust(rate_steps(model, "cpu", engine="torch")) == first
    assert not clock  # it holds for the process


def test_what_was_disturbed_is_not_kept_with_what_was_not(
    model: UNet, rates_file: Path
) -> None:
    of_small = Timed(((1, 1.0),), is_sound=False)
    with on_device(model, CPU, "float32", "torch") as network:
        keep("key", of_small, network)
        keep("key", Timed(((9, 9.0),)), network)
        assert not rates_file.exists()
        keep("key", Timed(((1, 0.1), (9, 0.9))), network)  # nothing of it stays
    (entry,) = json.loads(rates_file.read_text()).values()
    assert entry["points"] == [[1, 0.1], [9, 0.9]]


def test_after_another_engine_took_over_nothing_is_kept_on_disk(
    model: UNet, rates_file: Path
) -> None:
    with on_device(model, CPU, "float32", "torch") as network:
        network.note("OpenVINO failed")  # said once
        keep("key", Timed(((1, 1.0),)), network)
        keep("key", Timed(((9, 9.0),)), network)
    assert not rates_file.exists()


def test_tiles_that_torch_predicts_say_nothing_of_what_openvino_takes(
    model: UNet, clock: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    took = iter([0.0, 3.0, 1.0])

    def prepare(self: Predictor, size: tuple[int, ...]) -> bool:
        seconds = next(took, 0.0)
        late.append(seconds)
        return seconds > 0

    late: list[float] = []
    now = timing.perf_counter
    monkeypatch.setattr(timing, "perf_counter", lambda: now() + sum(late))
    monkeypatch.setattr(Predictor, "prepare", prepare)
    with on_device(model, CPU, "float32") as network:
        timed = timed_on(network)
    assert len(timed.points) >= 3
    assert (timed.opening, timed.compiling) == pytest.approx((2.0, 1.0))


def test_openvino_is_set_up_for_a_size_once() -> None:
    """What is timed is OpenVINO, and what it has compiled counts no longer."""
    model = new_model(depth=2, features=8, seed=3)
    rate = exhaust(rate_steps(model, "cpu", engine="openvino"))
    smallest = model.shape.multiply_adds((44, 44))
    assert rate.points[0][0] == smallest
    assert rate.set_up > 0
    assert rate.ready == compiled_sizes(model, "float32") != frozenset()
    assert exhaust(rate_steps(model, "cpu", "float64", "torch")).ready == frozenset()


def test_by_itself_openvino_is_timed_where_it_would_predict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came: list[int] = []
    predict = Compiled.__call__

    def counted(self: Compiled, pixels: Any) -> Any:
        came.append(self._model.shape.multiply_adds(pixels.shape[1:]))
        return predict(self, pixels)

    monkeypatch.setattr(Compiled, "__call__", counted)
    model = new_model(depth=2, features=8, seed=4)
    rate = exhaust(rate_steps(model, "cpu"))
    worth = {work for work, _ in rate.points if work >= WORTH}
    assert worth
    assert set(came) == worth < {work for work, _ in rate.points}


def test_measuring_can_be_left(model: UNet, clock: list) -> None:
    steps = rate_steps(model, "cpu", engine="torch")
    next(steps)
    next(steps)
    before = len(clock)
    steps.close()
    assert len(clock) == before
    assert known(rate_key(model, CPU, "float32", "torch")) is None
