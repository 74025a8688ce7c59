"""The self-test finds what is wrong, and says when it cannot tell."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.properties import what_exact_means
from napari_shiftseg.networks.unet import UNet, new_model
from napari_shiftseg.pipeline import self_test as module
from napari_shiftseg.pipeline.self_test import (
    TOLERANCE,
    SelfTest,
    self_test,
    self_test_steps,
)

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def model(small_model) -> UNet:
    """A net with p = 4."""
    return small_model(2, 2)


@pytest.fixture
def image(rng) -> np.ndarray:
    return rng.random((90, 81)).astype(np.float32)


def test_exact_tiles_pass(model: UNet, image: np.ndarray) -> None:
    test = self_test(image, model)
    assert test.passed
    assert test.difference < 1e-5 * test.largest
    assert test.control > 1e-2 * test.largest
    assert test.verdict.startswith("Tiled and untiled agree")
    assert f"(a misaligned control differs by {test.control:.2g})" in test.verdict
    assert test.verdict.endswith("tiles are exact.")


def test_the_figures_are_those_of_the_three_predictions(
    model: UNet, image: np.ndarray
) -> None:
    test = self_test(image, model, window=9)  # keeps 8
    assert test.plan.stride == (8, 8)
    region = test.plan.region
    tiled, whole, control = (
        embed(image, model, region=region, **how)
        for how in (
            {"window": 8},
            {"stitching": "whole"},
            {"window": 6, "stitching": "naive"},
        )
    )
    assert test.difference == abs(tiled - whole).max()
    assert test.control == abs(control - whole).max()
    assert test.largest == abs(whole).max()
    assert test.spread == pytest.approx(np.sqrt(whole.var(axis=(1, 2)).sum()), rel=1e-5)
    assert test.relative == test.difference / test.spread
    assert test.relative_control == test.control / test.spread


@pytest.mark.parametrize("size", [(90, 81), (9, 200), (7, 7), (500, 12)])
@pytest.mark.parametrize("window", [None, 4, 20])
def test_the_region_is_in_the_middle_and_holds_borders(
    model: UNet, rng, size: tuple[int, int], window: int | None
) -> None:
    test = self_test(rng.random(size), model, window)
    stride = test.plan.stride
    for (start, stop), n, s in zip(test.plan.region, size, stride, strict=True):
        assert 0 <= start < stop <= n
        assert stop - start <= max(s + 4, min(n, s))
        assert start <= n / 2 + s
        assert stop >= n / 2 - s
    many = any(n > s for n, s in zip(size, stride, strict=True))
    assert (len(test.plan) > 1) is many
    assert test.passed is many


def test_where_the_middle_is_empty_it_is_a_part_with_content(
    model: UNet, image: np.ndarray
) -> None:
    dark = np.zeros((300, 300), np.float32)
    assert not self_test(dark, model).has_power
    dark[40:120, 180:260] = image[:80, :80]
    test = self_test(dark, model)
    assert test.passed  # the control differs by something
    (top, bottom), (left, right) = test.plan.region
    assert bottom > 40
    assert top < 120
    assert right > 180
    assert left < 260
    dark[200:, :] = np.nan  # what cannot be read is not taken
    assert self_test(dark, model).plan.region == test.plan.region
    dark[150, 150] = np.nan
    dark[40:120, 180:260] = 0
    with pytest.raises(ValueError, match="NaN"):
        self_test(dark, model)


def test_only_the_middle_is_read(model: UNet, image: np.ndarray) -> None:
    large = np.full((1000, 1000), np.nan, np.float32)
    large[455:545, 460:541] = image  # 90 × 81 pixels, refused if one more were read
    assert self_test(large, model).passed
    large[500, 500] = np.nan
    with pytest.raises(ValueError, match="1 NaN"):
        self_test(large, model)


def test_a_net_that_normalises_over_the_tile_is_found_out(
    model: UNet, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = UNet.forward

    def normalised(self: UNet, x: Tensor) -> Tensor:
        raw = forward(self, x)
        return raw - raw.mean(dim=(2, 3), keepdim=True)

    monkeypatch.setattr(UNet, "forward", normalised)
    test = self_test(image, model)
    assert not test.passed
    assert not test.agrees
    assert f"differ by {test.difference:.2g}" in test.verdict
    assert "normalises" in test.verdict
    assert "not exact" in test.verdict


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_what_cropping_can_mend(
    small_model, image: np.ndarray, padding: str, normalization: str
) -> None:
    model = small_model(2, 2, padding=padding, normalization=normalization)
    assert self_test(image, model).passed


@pytest.mark.parametrize(
    ("ndim", "size", "options"),
    [
        (1, (300,), {}),
        (3, (12, 20, 21), {"depth": 1}),
        (2, (60, 61), {"pooling_factor": 3, "depth": 1}),
        (3, (9, 30, 31), {"depth": 1, "pooling_factor": (1, 2, 2)}),
        (2, (2, 60, 61), {"in_channels": 2}),
        (2, (60, 61), {"foreground": True}),
    ],
)
def test_other_nets(small_model, rng, ndim: int, size: tuple, options: dict) -> None:
    model = small_model(ndim, **{"depth": 2, "features": 2, **options})
    test = self_test(rng.random(size), model)
    assert test.passed, test.verdict


def test_an_image_without_content_shows_nothing(small_model) -> None:
    model = small_model(2, 2, upsampling="nearest")
    test = self_test(np.ones((90, 90)), model)
    assert test.agrees
    assert not test.passed
    assert "this test shows nothing" in test.verdict
    assert "without content" in test.verdict


def test_period_1_has_no_control(small_model, image: np.ndarray) -> None:
    model = small_model(2, 1, pooling_factor=1)
    test = self_test(image, model)
    assert test.control is None
    assert test.passed
    assert "no tile can be misaligned" in test.verdict


def test_one_tile_tests_nothing(model: UNet, image: np.ndarray) -> None:
    test = self_test(image, model, window=200)
    assert not test.passed
    assert "nothing was tested" in test.verdict
    assert test.verdict.endswith("Take a larger image or a smaller window.")
    assert self_test(image, model, window=40).passed  # the remedy


@pytest.mark.parametrize("size", [2, 3, 4])
def test_an_image_below_a_period_needs_a_larger_one(model: UNet, rng, size) -> None:
    test = self_test(rng.random((size, size)), model)
    assert "one tile of 4" in test.verdict
    assert test.verdict.endswith("Take a larger image.")  # no window was chosen


def test_an_image_of_two_periods_is_tested_in_tiles_of_one(model: UNet, rng) -> None:
    test = self_test(rng.random((8, 8)), model)
    assert (test.plan.window, len(test.plan)) == ((4, 4), 4)
    assert test.passed
    assert self_test(rng.random((13, 8)), model).plan.window == (8, 8)


@pytest.mark.parametrize(("window", "own"), [(4, True), (6, False)])
def test_seams_of_the_models_own_are_named_beside_exact_tiles(
    image: np.ndarray, window: int, own: bool
) -> None:
    provenance = Provenance(
        command="c", window=(window,) * 2, seed=0, steps=1, loss={}, optimizer={},
        data="d", date="", versions={},
    )  # fmt: skip
    model = new_model(depth=2, features=2, provenance=provenance)
    test = self_test(image, model)
    assert test.passed
    assert "tiles are exact." in test.verdict
    assert (what_exact_means(model.config) in test.verdict) or not own
    assert ("seams itself, at every multiple of 4" in test.verdict) is own
    flat = self_test(np.ones((90, 90)), model)
    assert "Exact" not in flat.verdict  # what was not found out is not explained


def test_too_large_a_window_is_said_before_any_work(
    model: UNet, image: np.ndarray, monkeypatch: pytest.MonkeyPatch, limit_memory
) -> None:
    came = limit_memory(10**9)
    monkeypatch.setattr(module, "memory_budget", lambda device: 1000)
    with pytest.raises(MemoryError, match=r"needs .* MB .*close other programs"):
        self_test(image, model)
    with pytest.raises(MemoryError, match="choose a window smaller than 12"):
        self_test(image, model, window=12)
    assert came == []


def test_memory_that_gives_out_is_no_other_test(
    model: UNet, image: np.ndarray, limit_memory
) -> None:
    limit_memory(44 * 44)  # one tile of 4
    with pytest.raises(MemoryError, match="choose a window smaller"):
        self_test(image, model, window=16)


def test_progress_counts_the_tiles_of_all_three(model: UNet, image: np.ndarray) -> None:
    steps = list(self_test_steps(image, model))
    done = [step.done for step in steps]
    assert done == sorted(done)  # said again while a tile takes long, before the first
    assert {*done} - {0} == set(range(1, done[-1] + 1))
    assert {step.total for step in steps} == {done[-1]}
    assert done[-1] >= 1 + 4 + 4  # whole, tiled, control


def test_rounding_is_told_from_a_difference(model: UNet, image: np.ndarray) -> None:
    plan = self_test(image, model).plan
    rounding = SelfTest(plan, difference=4e-6, control=3.0, largest=20, spread=5)
    assert rounding.passed
    assert rounding.verdict.startswith("Tiled and untiled agree to 4e-6 (")
    assert SelfTest(plan, 1.9e-3, 3.0, largest=20, spread=5).passed
    assert not SelfTest(plan, 2.1e-3, 3.0, largest=20, spread=5).passed
    assert not SelfTest(plan, 2e-4, 4e-3, largest=20, spread=5).passed  # no power
    exact = SelfTest(plan, 0.0, 3.0, largest=20, spread=5)
    assert exact.verdict.startswith("Tiled and untiled agree exactly")
    assert not SelfTest(plan, float("nan"), 3.0, largest=20, spread=5).passed


def test_figures_are_ready_for_json(model: UNet, image: np.ndarray) -> None:
    test = self_test(image, model)
    told = json.loads(json.dumps(test.figures(), allow_nan=False))
    assert told["passed"] is True
    assert told["verdict"] == test.verdict
    assert told["window"] == [8, 8]
    assert (told["difference"], told["control"]) == (test.difference, test.control)


def test_a_layer_that_harms_is_named_and_tiles_are_not_blamed(
    model: UNet, image: np.ndarray
) -> None:
    test = replace(self_test(image, model), cause="attention (mid.1)")
    harmed = replace(test, difference=test.largest)
    assert not harmed.passed
    assert "as they must: the tiles lie right, but attention (mid.1)" in harmed.verdict
    assert f"a misaligned control by {test.control:.2g}" in harmed.verdict
    assert test.verdict.endswith("others may differ, because of attention (mid.1).")
    blamed = replace(harmed, cause="")
    assert "tiles are not exact" in blamed.verdict


def test_places_of_a_spatial_embedding_do_not_blind_the_test(image: np.ndarray) -> None:
    model = new_model(
        depth=2, features=4, embedding="spatial", embedding_channels=3, seed=0,
        clustering=Clustering(kernel="learnt-spread"),
    )  # fmt: skip
    far = np.pad(image, ((2000, 0), (0, 0)), mode="reflect")
    near, away = self_test(image, model), self_test(far, model, window=8)
    assert near.passed
    assert near.place < 90 < 1000 < away.place
    assert away.largest < 10 * near.largest  # the place is not in it
    assert away.passed
    assert away.tolerance > TOLERANCE * away.largest
