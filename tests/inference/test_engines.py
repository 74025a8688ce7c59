"""Both engines on the CPU: the same numbers, and torch where OpenVINO fails."""

from __future__ import annotations

import json
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from napari_shiftseg.device import usual_engine
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference import compiled, network
from napari_shiftseg.inference.compiled import Compiled, Kept, digest
from napari_shiftseg.inference.predict import Embedded, embed, embed_steps, open_for
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.progress import Returning
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet

    Make = Callable[..., UNet]

pytestmark = pytest.mark.usefixtures("one_thread")
MISSING = "OpenVINO is not installed, so torch predicts"


@pytest.fixture(scope="module")
def nuclei() -> UNet:
    return load_unet("nuclei")


@pytest.fixture(scope="module")
def image() -> NDArray[Any]:
    return make_sample("nuclei").image[:96, :110]


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "COMPILED", Kept(4))
    monkeypatch.setattr(compiled, "CONVERTED", Kept(4))


@pytest.fixture
def no_openvino(monkeypatch: pytest.MonkeyPatch, nothing_kept) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)


def run(image: Any, model: UNet, **how: Any) -> tuple[Embedded, list[str]]:
    """Predict; returns that, and the notes."""
    plan = plan_tiles(image.shape[-model.shape.ndim :], model.shape, 32)
    steps = Returning(embed_steps(open_for(image, model), model, plan, "cpu", **how))
    notes = [step.note for step in steps if step.note]
    return steps.value, notes


def error(raw: NDArray[Any], exact: NDArray[Any]) -> float:
    return float(abs(raw - exact).max() / abs(exact).max())


class TestSameNumbers:
    @pytest.mark.parametrize(
        ("ndim", "depth", "options"),
        [
            (1, 3, {}),
            (1, 2, {"upsampling": "nearest"}),
            (2, 3, {"normalization": "batch", "foreground": True}),
            (2, 2, {"padding": "same", "in_channels": 2}),
            (2, (1, 2), {"pooling_factor": (3, 2), "convolutions": 1}),
            (2, 2, {"upsampling": "nearest", "kernel_size": 5}),
            (3, 2, {}),
            (3, (1, 1, 2), {"upsampling": "nearest"}),
        ],
    )
    def test_of_every_kind_of_network(
        self, small_model: Make, rng, ndim: int, depth: Any, options: dict[str, Any]
    ) -> None:
        model = small_model(ndim, depth, 8 if ndim < 3 else 2, **options)
        channels = options.get("in_channels", 1)
        size = {1: (83,), 2: (41, 57), 3: (9, 14, 11)}[ndim]
        image = rng.random(size if channels == 1 else (channels, *size))
        exact, _ = run(image, model, precision="float64")
        found, notes = run(image, model, engine="openvino")
        assert (found.engine, notes) == ("openvino", [])
        assert found.raw.dtype == np.float32
        assert error(found.raw, exact.raw) < 1e-5
        assert exact.engine == "torch"

    def test_tiles_are_the_whole_and_no_batch_changes_a_bit(
        self, nuclei: UNet, image: NDArray[Any]
    ) -> None:
        whole = embed(image, nuclei, stitching="whole", device="cpu")
        one, three = (
            embed(image, nuclei, 32, device="cpu", batch=batch) for batch in (1, 3)
        )
        assert error(one, whole) < 1e-5
        np.testing.assert_array_equal(one, three)
        naive = embed(image, nuclei, 36, "naive", device="cpu")
        assert error(naive, whole) > 1e-3

    def test_labels(self, nuclei: UNet) -> None:
        image = make_sample("nuclei").image[:256, :256]
        by_torch, found = (
            segment(image, nuclei, window=96, device="cpu", engine=engine)
            for engine in ("torch", "auto")
        )
        assert (by_torch.engine, found.engine) == ("torch", "openvino")
        assert found.objects > 10
        score = adjusted_rand_score(by_torch.labels.ravel(), found.labels.ravel())
        assert score >= 0.9999

    def test_16_bits_are_reduced_and_near(
        self, nuclei: UNet, image: NDArray[Any]
    ) -> None:
        exact, _ = run(image, nuclei)
        found, notes = run(image, nuclei, precision="bfloat16")
        assert notes == []
        assert 1e-4 < error(found.raw, exact.raw) < 0.1

    def test_of_runs_side_by_side(self, nuclei: UNet, image: NDArray[Any]) -> None:
        """The network is compiled once, and a run may end while others go on."""
        expected, _ = run(image, nuclei)
        found: list[NDArray[Any]] = []
        threads = [
            Thread(target=lambda: found.append(run(image, nuclei)[0].raw))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 3
        for raw in found:
            np.testing.assert_array_equal(raw, expected.raw)


class TestWhich:
    @pytest.mark.parametrize(
        ("engine", "device", "precision", "expected"),
        [
            ("auto", "cpu", "float32", "openvino"),
            ("auto", "cpu", "bfloat16", "openvino"),
            ("openvino", "cpu", "float32", "openvino"),
            ("auto", "cpu", "float64", "torch"),
            ("auto", "cuda:0", "float32", "torch"),
            ("auto", "mps", "float32", "torch"),
            ("torch", "cpu", "float32", "torch"),
        ],
    )
    def test_usually(self, engine, device, precision, expected: str) -> None:
        assert usual_engine(engine, device, precision) == expected

    def test_torch_where_openvino_is_not_installed(self, no_openvino) -> None:
        assert usual_engine("auto", "cpu", "float32") == "torch"

    def test_a_small_tile_is_not_worth_it(self, small_model: Make, rng) -> None:
        model, image = small_model(2, 2), rng.random((31, 42))
        assert model.shape.multiply_adds((72, 72)) < network.WORTH
        assert run(image, model)[0].engine == "torch"
        assert run(image, model, engine="openvino")[0].engine == "openvino"

    @pytest.mark.parametrize(
        ("how", "said"),
        [
            ({"engine": "abacus"}, "engine must be one of auto, .*'abacus'"),
            (
                {"engine": "openvino", "precision": "float64"},
                "computes in float32, bfloat16, float16, got .*float64.*engine auto",
            ),
        ],
    )
    def test_refused(self, small_model: Make, how: dict[str, Any], said: str) -> None:
        with pytest.raises(ValueError, match=said):
            embed(np.zeros((31, 42)), small_model(2, 2), 8, device="cpu", **how)

    def test_refused_on_a_graphics_card(self) -> None:
        with pytest.raises(
            ValueError, match=r"on the CPU, got the device cuda:0: take"
        ):
            compiled.check_engine("openvino", torch.device("cuda", 0), "float32")


class TestTorchTakesOver:
    def test_where_it_is_not_installed(
        self, nuclei: UNet, image: NDArray[Any], no_openvino
    ) -> None:
        expected, _ = run(image, nuclei, engine="torch")
        found, notes = run(image, nuclei)
        assert (found.engine, notes) == ("torch", [])  # it is optional
        np.testing.assert_array_equal(found.raw, expected.raw)
        asked_for, notes = run(image, nuclei, engine="openvino")
        assert (asked_for.engine, notes) == ("torch", [MISSING])
        np.testing.assert_array_equal(asked_for.raw, expected.raw)

    def test_where_a_processor_has_no_such_numbers(
        self, nuclei: UNet, image: NDArray[Any], monkeypatch, nothing_kept
    ) -> None:
        monkeypatch.setitem(compiled.CAPABILITY, "bfloat16", "FP4")
        expected, _ = run(image, nuclei, engine="torch", precision="bfloat16")
        found, notes = run(image, nuclei, engine="openvino", precision="bfloat16")
        assert found.engine == "torch"
        assert notes == [
            "OpenVINO has no bfloat16 on this processor, so torch predicts"
        ]
        np.testing.assert_array_equal(found.raw, expected.raw)
        assert run(image, nuclei, precision="bfloat16")[1] == []

    @pytest.mark.parametrize("fault", ["converted", "_openvino"])
    def test_where_it_cannot_read_the_network(
        self,
        nuclei: UNet,
        image: NDArray[Any],
        fault: str,
        monkeypatch,
        nothing_kept,
    ) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError(
                "Check failed at a.cpp:1:\nno rule for aten::nothing\n\n"
            )

        monkeypatch.setattr(compiled, fault, broken)
        self.assert_torch(image, nuclei, "no rule for aten::nothing")

    def test_where_a_tile_fails(
        self, nuclei: UNet, image: NDArray[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second one; what was predicted before stays."""
        predict, calls = Compiled.__call__, []

        def failing(self: Compiled, pixels: NDArray[Any]) -> NDArray[Any]:
            calls.append(pixels)
            if len(calls) > 1:
                raise RuntimeError("a primitive could not be executed")
            return predict(self, pixels)

        monkeypatch.setattr(Compiled, "__call__", failing)
        self.assert_torch(image, nuclei, "a primitive could not be executed", batch=1)
        assert len(calls) == 2

    def test_memory_that_does_not_suffice_is_no_fault_of_openvino(
        self, nuclei: UNet, image: NDArray[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        predict = Compiled.__call__

        def full(self: Compiled, pixels: NDArray[Any]) -> NDArray[Any]:
            if pixels.shape[-1] > 204:
                raise RuntimeError("Check failed at b.cpp:2:\nstd::bad_alloc")
            return predict(self, pixels)

        monkeypatch.setattr(Compiled, "__call__", full)
        found, notes = run(image, nuclei, batch=1)
        assert found.engine == "openvino"
        assert notes == ["out of memory: tiles now keep 16 × 16 pixels"]
        assert found.plan.reads == (204, 204)

    @staticmethod
    def assert_torch(image: Any, model: UNet, reason: str, **how: Any) -> None:
        expected, _ = run(image, model, engine="torch", **how)
        found, notes = run(image, model, **how)
        assert found.engine == "torch"
        assert notes == [f"OpenVINO failed ({reason}), so torch predicts, more slowly"]
        assert error(found.raw, expected.raw) < 1e-5


class TestCompiledOnce:
    @pytest.fixture
    def number(self, monkeypatch, nothing_kept) -> dict[str, int]:
        """How often a network was converted, and how often compiled."""
        counted = {"converted": 0, "compiled": 0}
        convert, compile_ = compiled.converted, Compiled._compile

        def converting(model: Any) -> Any:
            counted["converted"] += 1
            return convert(model)

        def compiling(self: Compiled, size: Any) -> Any:
            counted["compiled"] += 1
            return compile_(self, size)

        monkeypatch.setattr(compiled, "converted", converting)
        monkeypatch.setattr(Compiled, "_compile", compiling)
        return counted

    def test_for_weights_and_a_size(self, small_model: Make, rng, number) -> None:
        model, image = small_model(2, 2), rng.random((61, 57))
        first, _ = run(image, model, engine="openvino")
        again, _ = run(image, model, engine="openvino")
        assert number == {"converted": 1, "compiled": 1}
        np.testing.assert_array_equal(again.raw, first.raw)
        embed(image, model, 8, device="cpu", engine="openvino")  # of another size
        assert number == {"converted": 1, "compiled": 2}

    def test_for_other_weights_anew(self, small_model: Make, rng, number) -> None:
        model, other = small_model(2, 2), small_model(2, 2, seed=1)
        image = rng.random((31, 42))
        assert digest(model) != digest(other)
        first, _ = run(image, model, engine="openvino")
        second, _ = run(image, other, engine="openvino")
        exact, _ = run(image, other, precision="float64")
        assert number == {"converted": 2, "compiled": 2}
        assert error(second.raw, exact.raw) < 1e-5
        assert error(first.raw, exact.raw) > 1e-2

    def test_the_same_weights_of_another_network(self, small_model: Make) -> None:
        valid, same = (small_model(2, 2, padding=p) for p in ("valid", "same"))
        same.load_state_dict(valid.state_dict())
        assert digest(valid) != digest(same)
        assert digest(valid) == digest(small_model(2, 2, padding="valid"))

    def test_the_latest_are_kept(self) -> None:
        kept, made = Kept[int](2), []
        for key in (1, 2, 1, 3, 1, 2):
            assert (
                kept.get(key, lambda key=key: made.append(key) or 10 * key) == 10 * key
            )
        assert made == [1, 2, 3, 2]


class TestLeft:
    def test_a_run_is_left_within_a_tile(
        self, nuclei: UNet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is being predicted is told to stop; the next run works."""
        cancel, cancelled = Compiled.cancel, []

        def cancelling(self: Compiled) -> None:
            cancelled.append(len(self._requests))
            cancel(self)

        monkeypatch.setattr(Compiled, "cancel", cancelling)
        image = make_sample("nuclei").image
        plan = plan_tiles(image.shape, nuclei.shape, stitching="whole")
        steps = embed_steps(open_for(image, nuclei), nuclei, plan, "cpu")
        next(steps)
        steps.close()
        assert len(cancelled) == 1
        assert run(image[:60, :60], nuclei)[0].engine == "openvino"

    def test_left_while_it_is_compiled_nothing_is_predicted(
        self, nuclei: UNet, image: NDArray[Any], monkeypatch, nothing_kept
    ) -> None:
        begun, may_end, released = Event(), Event(), Event()
        predicted: list[object] = []

        class Request:
            infer = staticmethod(lambda *_, **__: predicted.append(1))
            cancel = staticmethod(lambda: None)

        class Model:
            create_infer_request = Request
            release_memory = staticmethod(released.set)

        def slow(*_: object) -> type[Model]:
            begun.set()
            assert may_end.wait(60)
            return Model

        monkeypatch.setattr(Compiled, "_compile", slow)
        plan = plan_tiles(image.shape, nuclei.shape, 32)
        steps = embed_steps(open_for(image, nuclei), nuclei, plan, "cpu")
        while not begun.is_set():
            next(steps)
        steps.close()
        may_end.set()
        assert released.wait(60)
        assert not predicted


def test_nobody_is_told_of_it() -> None:
    """OpenVINO is loaded without the package that reports its use."""
    compiled._openvino()
    assert "openvino_telemetry" not in sys.modules


def test_the_record_says_what_predicted(
    tmp_path: Path, shiftseg: Callable[..., Any]
) -> None:
    seen = {}
    for engine in ("auto", "torch", "openvino"):
        ran = shiftseg(
            "segment", "nuclei", "--region", "0:64x0:64", "--device", "cpu",
            "--engine", engine, "--json", "-o", tmp_path / engine,
        )  # fmt: skip
        report = json.loads(ran.stdout)
        seen[engine] = report["settings"]["engine"], report["engine"]
    assert seen == {
        "auto": ("auto", "openvino"),
        "torch": ("torch", "torch"),
        "openvino": ("openvino", "openvino"),
    }
