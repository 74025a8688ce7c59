"""Tiles against one forward pass over the whole image, mirrored by hand."""

from __future__ import annotations

import gc
import weakref
from itertools import count
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_shiftseg.device import is_out_of_memory
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.predict import embed, embed_steps, open_for
from napari_shiftseg.networks.unet import UNet
from napari_shiftseg.progress import Progress, Returning

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Make = Callable[..., UNet]

EXACT = 1e-10
pytestmark = pytest.mark.usefixtures("one_thread")


def difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Largest difference, relative to the largest value of the second."""
    assert a.shape == b.shape
    return float(abs(a - b).max() / abs(b).max())


def output_of(size: int, depth: int, factor: int = 2, eaten: int = 4) -> int | None:
    """Walk a size through the U-Net; None where a pooling would lose a pixel."""
    for _ in range(depth):
        size -= eaten
        if size < 1 or size % factor:
            return None
        size //= factor
    size -= eaten
    for _ in range(depth if size > 0 else 0):
        size = size * factor - eaten
    return size if size > 0 else None


def by_hand(image: NDArray[Any], model: UNet, depth: int) -> NDArray[Any]:
    """One pass over the image padded by NumPy: nothing of ours but the network.

    On the left context/2 rounded up to the period, so that pixel x has the phase
    (x - context/2) mod p; on the right whatever makes the input legal.
    """
    period = 2**depth
    context = next(n - o for n in count(1) if (o := output_of(n, depth)))
    left = -(-context // 2 // period) * period
    pads = []
    for size in image.shape:
        reads = next(
            n for n in count(left + size + context // 2) if output_of(n, depth)
        )
        pads.append((left, reads - left - size))
    padded = torch.from_numpy(np.pad(image, pads, mode="reflect").astype(np.float64))
    twin = UNet(model.config).double()
    twin.load_state_dict(model.state_dict())
    with torch.inference_mode():
        raw = twin.eval()(padded[None, None])[0].numpy()
    drop = left - context // 2
    return raw[(slice(None), *(slice(drop, drop + n) for n in image.shape))]


def test_the_hand_walk_knows_the_table_of_sizes() -> None:
    table = {2: (44, 4, 48, 8), 3: (92, 4, 100, 12), 4: (188, 4, 204, 20)}
    for depth, (size, out, next_size, next_out) in table.items():
        legal = [(n, o) for n in range(300) if (o := output_of(n, depth))]
        assert legal[:2] == [(size, out), (next_size, next_out)]


class TestExact:
    """Promise 1, in float64 with Kaiming weights."""

    @pytest.mark.parametrize(
        ("ndim", "depth", "size", "upsampling"),
        [
            (1, 1, (37,), "learnt"),
            (1, 1, (37,), "nearest"),
            (1, 2, (61,), "learnt"),
            (1, 2, (61,), "nearest"),
            (1, 3, (83,), "learnt"),
            (1, 3, (83,), "nearest"),
            (2, 1, (23, 18), "learnt"),
            (2, 1, (23, 18), "nearest"),
            (2, 2, (31, 42), "learnt"),
            (2, 2, (31, 42), "nearest"),
            (2, 3, (45, 29), "learnt"),
            (2, 3, (45, 29), "nearest"),
            (3, 1, (9, 7, 11), "learnt"),
            (3, 1, (9, 7, 11), "nearest"),
            (3, 2, (5, 13, 9), "learnt"),
            (3, 3, (2, 1, 10), "nearest"),
        ],
    )
    def test_cropped_is_whole_and_naive_is_not(
        self, small_model: Make, rng, ndim: int, depth: int, size, upsampling: str
    ) -> None:
        model = small_model(ndim, depth, 4 if ndim < 3 else 2, upsampling=upsampling)
        image, p = rng.normal(size=size), 2**depth
        expected = by_hand(image, model, depth)
        whole = embed(image, model, stitching="whole", precision="float64")
        assert difference(whole, expected) < EXACT
        for window in (p,) if ndim * depth == 9 else (1, p + 1, 2 * p, 5 * p - 1):
            cropped = embed(image, model, window, precision="float64")
            assert difference(cropped, expected) < EXACT, window
        misaligned = embed(image, model, p - 1, "naive", precision="float64")
        assert difference(misaligned, expected) > 1e-3

    @pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (5, 1), (16, 4), (40, 3)])
    @pytest.mark.parametrize("depth", [1, 2, 3])
    def test_images_smaller_than_the_pad(
        self, small_model: Make, rng, size: tuple[int, int], depth: int
    ) -> None:
        model, image = small_model(2, depth, 8), rng.uniform(1, 2, size=size)
        expected = by_hand(image, model, depth)
        for stitching in ("cropped", "whole"):
            e = embed(image, model, 2**depth, stitching, precision="float64")
            assert difference(e, expected) < EXACT

    @pytest.mark.parametrize("size", range(30, 47))
    def test_every_phase_of_the_last_tile(self, small_model: Make, rng, size) -> None:
        model, image = small_model(1, 3), rng.normal(size=size)
        expected = by_hand(image, model, 3)
        for window in range(8, 33, 8):
            e = embed(image, model, window, precision="float64")
            assert difference(e, expected) < EXACT

    def test_naive_with_a_whole_number_of_periods_is_exact_too(
        self, small_model: Make, rng
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        e = embed(image, model, (8, 12), "naive", precision="float64")
        assert difference(e, by_hand(image, model, 2)) < EXACT

    def test_axes_that_pool_differently(self, small_model: Make, rng) -> None:
        model = small_model(2, (1, 2), pooling_factor=(3, 2), convolutions=1)
        image = rng.normal(size=(32, 41))
        whole = embed(image, model, stitching="whole", precision="float64")
        cropped = embed(image, model, (7, 10), precision="float64")
        naive = embed(image, model, (6, 10), "naive", precision="float64")
        assert difference(cropped, whole) < EXACT
        assert difference(naive, whole) > 1e-3

    def test_several_channels_in_and_a_foreground_logit(
        self, small_model: Make, rng
    ) -> None:
        model = small_model(2, 2, in_channels=2, embedding_channels=5, foreground=True)
        image = rng.normal(size=(2, 31, 42))
        whole = embed(image, model, stitching="whole", precision="float64")
        assert whole.shape == (5, 31, 42)  # the logit is not part of the embedding
        cropped = embed(image, model, 8, precision="float64")
        assert difference(cropped, whole) < EXACT

    def test_the_cheapest_window_is_exact_too(self, small_model: Make, rng) -> None:
        model, image = small_model(2, 2), rng.normal(size=(61, 57))
        e = embed(image, model, precision="float64")
        assert difference(e, by_hand(image, model, 2)) < EXACT

    def test_float32_is_near_and_mixed_precision_runs(
        self, small_model: Make, rng
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        expected = by_hand(image, model, 2)
        single = embed(image, model, 8)
        assert single.dtype == np.float32
        assert difference(single, expected) < 1e-5
        mixed = embed(image, model, 8, precision="bfloat16")
        assert mixed.dtype == np.float32
        assert 1e-6 < difference(mixed, expected) < 0.1


class TestBorders:
    @pytest.mark.parametrize("depth", [1, 2, 3])
    @pytest.mark.parametrize("stitching", ["cropped", "whole"])
    def test_valid_agrees_with_mirror(
        self, small_model: Make, rng, depth: int, stitching: Any
    ) -> None:
        model, image = small_model(2, depth), rng.normal(size=(127, 101))
        mirrored = by_hand(image, model, depth)
        legal = [(n, o) for n in range(1, 128) if (o := output_of(n, depth))]
        valid = embed(
            image, model, 3 * 2**depth, stitching, border="valid", precision="float64"
        )
        inside = []
        for size in image.shape:
            reads, out = [(n, o) for n, o in legal if n <= size][-1]
            inside.append(slice((reads - out) // 2, (reads + out) // 2))
        assert difference(valid, mirrored[(slice(None), *inside)]) < EXACT

    def test_valid_is_one_region_for_every_stitching(
        self, small_model: Make, rng
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(67, 70))
        shapes = {
            embed(image, model, window, stitching, border="valid").shape
            for window in (3, 8, 20)
            for stitching in ("cropped", "naive", "whole")
        }
        assert shapes == {(3, 24, 28)}  # legal 64 and 68, context 40

    def test_valid_refuses_an_image_below_the_context(self, small_model: Make) -> None:
        with pytest.raises(ValueError, match=r"at least 44 pixels.*has 43.*mirror"):
            embed(np.zeros((43, 60)), small_model(2, 2), 8, border="valid")

    @pytest.mark.parametrize("border", ["mirror", "valid"])
    @pytest.mark.parametrize("stitching", ["cropped", "whole"])
    @pytest.mark.parametrize("region", [((24, 33), (22, 50)), ((31, 32), (0, 70))])
    def test_a_region_agrees_with_the_whole_image(
        self, small_model: Make, rng, region: Any, stitching: Any, border: Any
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(67, 70))
        everything = embed(
            image, model, stitching="whole", border=border, precision="float64"
        )
        plan = plan_tiles(image.shape, model.shape, 8, stitching, border, region)
        part = embed(
            image, model, 8, stitching, border, region=region, precision="float64"
        )
        first = plan_tiles(image.shape, model.shape, 8, "whole", border).offset
        at = [
            slice(start - begin, stop - begin)
            for (start, stop), begin in zip(plan.region, first, strict=True)
        ]
        assert difference(part, everything[(slice(None), *at)]) < EXACT
        for (a, b), (start, stop), begin in zip(
            region, plan.region, first, strict=True
        ):
            assert start <= max(a, begin)  # all of it is there,
            assert stop >= min(b, begin + (24, 28)[border == "mirror"])
            assert start > a - 4  # and less than a period more
            assert stop < b + 4

    def test_a_region_shows_the_very_seams_of_the_whole(
        self, small_model: Make, rng
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(67, 70))
        region = ((24, 33), (22, 50))
        everything = embed(image, model, 7, "naive", precision="float64")
        plan = plan_tiles(image.shape, model.shape, 7, "naive", region=region)
        part = embed(image, model, 7, "naive", region=region, precision="float64")
        at = tuple(slice(*bounds) for bounds in plan.region)
        assert difference(part, everything[(slice(None), *at)]) < EXACT

    def test_a_region_reads_only_what_is_near(
        self, small_model: Make, lazy: Any
    ) -> None:
        image = lazy((10**6, 10**6))
        region = ((500_003, 500_040), (700_001, 700_030))
        e = embed(image, small_model(2, 2), 8, region=region)
        assert e.shape == (3, 40, 32)
        assert len(image.boxes) == 5 * 4  # one read a tile
        for box in image.boxes:
            for axis, (start, stop) in zip(box, region, strict=True):
                assert axis.start >= start - 20 - 4  # context/2 and a period
                assert axis.stop <= stop + 20 + 4 + 8


class TestSamePadding:
    """Zero padding is seen near the border of what is read: a halo keeps it away."""

    @pytest.mark.parametrize("depth", [1, 2])
    def test_cropped_is_whole_and_naive_never(
        self, small_model: Make, rng, depth: int
    ) -> None:
        model = small_model(2, depth, padding="same")
        image, p = rng.normal(size=(33, 46)), 2**depth
        expected = self.with_a_wide_halo(image, model)
        whole = embed(image, model, stitching="whole", precision="float64")
        assert difference(whole, expected) < EXACT
        for window in (p, 4 * p, 5 * p + 1):
            cropped = embed(image, model, window, precision="float64")
            assert difference(cropped, expected) < EXACT
            naive = embed(image, model, window, "naive", precision="float64")
            assert difference(naive, expected) > 1e-3

    def test_valid_agrees_with_mirror(self, small_model: Make, rng) -> None:
        model, image = small_model(2, 1, padding="same"), rng.normal(size=(53, 46))
        expected = self.with_a_wide_halo(image, model)
        plan = plan_tiles(image.shape, model.shape, 4, border="valid")
        valid = embed(image, model, 4, border="valid", precision="float64")
        assert min(valid.shape[1:]) > 10
        at = tuple(slice(*bounds) for bounds in plan.region)
        assert difference(valid, expected[(slice(None), *at)]) < EXACT

    @staticmethod
    def with_a_wide_halo(image: NDArray[Any], model: UNet) -> NDArray[Any]:
        """Mirror far more than any receptive field, and crop it away."""
        halo = 48
        pads = [(halo, halo + -size % 4) for size in image.shape]
        padded = torch.from_numpy(np.pad(image, pads, mode="reflect"))
        twin = UNet(model.config).double()
        twin.load_state_dict(model.state_dict())
        with torch.inference_mode():
            raw = twin.eval()(padded[None, None])[0].numpy()
        return raw[(slice(None), *(slice(halo, halo + n) for n in image.shape))]


class TestOneRun:
    @pytest.mark.parametrize("batch", [1, 2, 3, 7, 100])
    def test_the_batch_changes_nothing(self, small_model: Make, rng, batch) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        e = embed(image, model, 8, precision="float64", batch=batch)
        assert difference(e, by_hand(image, model, 2)) < EXACT

    def test_one_progress_a_tile(self, small_model: Make, rng) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        plan = plan_tiles(image.shape, model.shape, 8)
        opened = open_for(image, model)
        progress = dict.fromkeys(embed_steps(opened, model, plan, batch=5))
        progress.pop(Progress(0, 24), None)  # of a first batch that took long
        assert list(progress) == [Progress(i + 1, 24) for i in range(24)]

    def test_the_model_is_left_as_it_is(self, small_model: Make, rng) -> None:
        model = small_model(2, 1, normalization="batch", seed=1)
        before = {name: w.clone() for name, w in model.state_dict().items()}
        in_eval = embed(rng.normal(size=(20, 20)), model, 4, precision="float64")
        model.train()
        in_train = embed(
            np.random.default_rng(0).normal(size=(20, 20)),
            model,
            4,
            precision="float64",
        )
        assert model.training
        np.testing.assert_array_equal(in_eval, in_train)
        for name, weights in model.state_dict().items():
            assert weights.dtype == before[name].dtype
            assert weights.device.type == "cpu"
            assert torch.equal(weights, before[name])

    def test_written_into_a_store(self, small_model: Make, rng, tmp_path) -> None:
        zarr = pytest.importorskip("zarr")
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        plan = plan_tiles(image.shape, model.shape, 8)
        out = zarr.create_array(
            tmp_path / "e.zarr", shape=(3, 31, 42), chunks=(3, 8, 8), dtype="f4"
        )
        for _ in embed_steps(open_for(image, model), model, plan, out=out):
            pass
        np.testing.assert_array_equal(out[:], embed(image, model, 8))

    def test_closing_stops_and_leaves_nothing(
        self, small_model: Make, rng, limit_memory
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        plan = plan_tiles(image.shape, model.shape, 8)
        came = limit_memory(10**9)
        networks = number_of_networks()
        steps = embed_steps(open_for(image, model), model, plan, batch=1)
        next(step for step in steps if step.done == 3)
        assert number_of_networks() == networks + 1
        steps.close()
        assert len(came) == 3
        assert number_of_networks() == networks
        assert embed(image, model, 8).shape == (3, 31, 42)  # the next run works

    def test_closing_does_not_wait_for_a_tile(
        self, small_model: Make, rng, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The layer under way ends later; none comes after it."""
        begun, may_end, passed = Event(), Event(), Event()
        layer = torch.nn.MaxPool2d.forward

        def slow(self: Any, x: torch.Tensor) -> torch.Tensor:
            begun.set()
            assert may_end.wait(60)
            passed.set()
            return layer(self, x)

        monkeypatch.setattr(torch.nn.MaxPool2d, "forward", slow)
        later = []
        upsampling = torch.nn.ConvTranspose2d.forward
        monkeypatch.setattr(
            torch.nn.ConvTranspose2d,
            "forward",
            lambda *args: later.append(1) or upsampling(*args),
        )
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        plan = plan_tiles(image.shape, model.shape, 8)
        steps = embed_steps(open_for(image, model), model, plan, batch=1)
        while not begun.is_set():
            assert next(steps) == Progress(0, len(plan))
        steps.close()
        assert not passed.is_set()
        may_end.set()
        assert passed.wait(60)
        monkeypatch.undo()
        assert embed(image, model, 8).shape == (3, 31, 42)  # the next run works
        assert not later

    def test_a_failure_leaves_nothing(self, small_model: Make) -> None:
        model, image = small_model(2, 2), np.zeros((31, 42))
        image[30, 41] = np.nan
        networks = number_of_networks()
        with pytest.raises(ValueError, match="1 NaN"):
            embed(image, model, 8)
        assert number_of_networks() == networks

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"batch": 0}, "batch must be 1 tile or more, got 0"),
            ({"precision": "float8"}, "precision must be one of .*'float8'"),
            ({"stitching": "blended"}, "stitching must be one of .*'blended'"),
            ({"border": "zero"}, "border must be one of .*'zero'"),
            ({"device": "abacus"}, "no device 'abacus'.*there is .*cpu"),
            ({"window": 0}, "from 1 upward.*got 0"),
            ({"window": -3}, "from 1 upward.*got -3"),
            ({"window": 1.5}, r"whole number.*got 1\.5"),
            ({"window": "wide"}, "whole number.*got 'wide'"),
            ({"window": (8, 8, 8)}, "one value or 2 .*got 3"),
            ({"region": ((0, 4),)}, "for 2 axes"),
            ({"region": ((0, 4), (50, 60))}, "no pixel that can be predicted"),
        ],
    )
    def test_wrong_arguments(self, small_model: Make, wrong: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            embed(np.zeros((31, 42)), small_model(2, 2), **{"window": 8, **wrong})


def number_of_networks() -> int:
    gc.collect()
    return sum(type(thing) is UNet for thing in gc.get_objects())


@pytest.mark.filterwarnings("ignore:out of memory")
class TestOutOfMemory:
    """48² values a tile of window 8 (l = 2 reads 48), 44² of window 4."""

    def test_the_batch_halves_until_it_fits(
        self, small_model: Make, rng, limit_memory
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        expected = by_hand(image, model, 2)
        came = limit_memory(3 * 48**2)
        e, plan, notes = run(image, model, 8, batch=9)
        assert difference(e, expected) < EXACT
        assert plan.window == (8, 8)
        assert notes == ["out of memory: the batch is now 2"]
        assert [n // 48**2 for n in came] == [9, 4, *[2] * 12]

    def test_then_the_window_shrinks_to_a_smaller_multiple_of_the_period(
        self, small_model: Make, rng, limit_memory
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        expected = by_hand(image, model, 2)
        came = limit_memory(60**2)  # window 20
        e, plan, notes = run(image, model, 32, batch=4)
        assert difference(e, expected) < EXACT
        assert all(w % 4 == 0 for w in plan.window)
        assert max(plan.window) < 32
        assert max(n for n in came[came.index(min(came)) :]) <= 60**2
        keeps = " × ".join(str(s) for s in plan.stride)
        assert notes[-1] == f"out of memory: tiles now keep {keeps} pixels"

    @pytest.mark.parametrize("stitching", ["whole", "naive"])
    def test_any_stitching_shrinks(
        self, small_model: Make, rng, limit_memory, stitching: Any
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        expected = by_hand(image, model, 2)
        limit_memory(60**2)
        e, plan, notes = run(image, model, 30, stitching)
        assert difference(e, expected) < EXACT  # n·p now, so exact even if naive
        assert plan.is_exact
        assert "tiles now keep" in notes[-1]

    def test_a_region_stays_the_same(
        self, small_model: Make, rng, limit_memory
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(67, 70))
        region = ((21, 50), (13, 43))
        expected = embed(image, model, 32, region=region, precision="float64")
        limit_memory(52**2)
        e = embed(image, model, 32, region=region, precision="float64")
        assert difference(e, expected) < EXACT

    def test_an_error_with_a_remedy_if_nothing_fits(
        self, small_model: Make, limit_memory
    ) -> None:
        model, came = small_model(2, 2), limit_memory(44**2 - 1)
        networks = number_of_networks()
        with pytest.raises(MemoryError, match=r"4 × 4.*choose another device"):
            embed(np.zeros((31, 42)), model, 32)
        assert came[-1] == 44**2  # it did try the smallest
        assert number_of_networks() == networks

    def test_progress_starts_anew(self, small_model: Make, rng, limit_memory) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        limit_memory(60**2)
        plan = plan_tiles(image.shape, model.shape, 32)
        steps = list(embed_steps(open_for(image, model), model, plan))
        assert steps[-1].done == steps[-1].total
        restart = max(i for i, step in enumerate(steps) if step.note)
        after = list(dict.fromkeys(step.done for step in steps[restart:]))
        assert after == list(range(len(after)))

    def test_a_failure_holds_no_memory_while_the_next_tile_is_tried(
        self, small_model: Make, rng, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forward, held = UNet.forward, []

        def hungry(self: UNet, x: torch.Tensor) -> torch.Tensor:
            assert all(ref() is None for ref in held), "what did not fit is still there"
            activations = torch.zeros(10)
            held.append(weakref.ref(activations))
            if x.numel() > 52**2:
                raise torch.OutOfMemoryError("out of memory, says the test")
            return forward(self, x)

        monkeypatch.setattr(UNet, "forward", hungry)
        embed(rng.normal(size=(31, 42)), small_model(2, 2), 32, batch=2)
        assert len(held) > 2

    def test_a_model_that_does_not_fit(
        self, small_model: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(self: UNet, *_: object) -> None:
            raise torch.OutOfMemoryError("out of memory, says the test")

        monkeypatch.setattr(UNet, "to", full)
        with pytest.raises(MemoryError, match=r"model does not fit on cpu.*choose"):
            embed(np.zeros((31, 42)), small_model(2, 2), 8)

    def test_other_errors_are_not_hidden(
        self, small_model: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(self: UNet, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("sizes of tensors must match")

        monkeypatch.setattr(UNet, "forward", broken)
        with pytest.raises(RuntimeError, match="sizes of tensors"):
            embed(np.zeros((31, 42)), small_model(2, 2), 8)

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (torch.OutOfMemoryError("CUDA out of memory."), True),
            (RuntimeError("MPS backend out of memory (MPS allocated …)"), True),
            (RuntimeError("DefaultCPUAllocator: can't allocate memory: …"), True),
            (MemoryError(), True),
            (RuntimeError("device-side assert triggered"), False),
        ],
    )
    def test_what_counts(self, error: BaseException, expected: bool) -> None:
        assert is_out_of_memory(error) is expected


def run(
    image: Any, model: UNet, window: Any, stitching: Any = "cropped", batch: Any = None
) -> tuple[NDArray[Any], Any, list[str]]:
    plan = plan_tiles(image.shape, model.shape, window, stitching)
    steps = Returning(
        embed_steps(
            open_for(image, model), model, plan, precision="float64", batch=batch
        )
    )
    notes = [step.note for step in steps if step.note]
    return steps.value.raw, steps.value.plan, notes
