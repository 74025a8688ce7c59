"""Figure 7: numbers, intervals, and where there is nothing to compare."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from napari_shiftseg.experiments import EXPERIMENTS, pairs_of_objects
from napari_shiftseg.experiments.experiment import Outcome
from napari_shiftseg.experiments.inputs import Data
from napari_shiftseg.experiments.look_alikes import (
    COMPARED,
    crop_side,
    measure,
    numbers_of,
)
from napari_shiftseg.experiments.pairs_of_objects import Pairs
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.nuclei import nuclei

pytestmark = pytest.mark.usefixtures("one_thread", "few_draws")


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_of_objects, "DRAWS", 200)


@cache
def small() -> Data:
    sample = nuclei((224, 224), diameter=(14, 26), density=0.35, touching=0.5)
    return Data("one image", (sample,))


@cache
def made() -> Outcome:
    return exhaust(measure({"figure-4d": load_unet("figure-4d")}, small()))


def test_pairs_are_counted_from_the_modes_of_one_mean_shift() -> None:
    (sample,) = small().samples
    tight, own = made().numbers["table"]
    assert (tight["bandwidth"], own["bandwidth"]) == (0.5, 1.0)
    for row in (tight, own):
        result = segment(
            sample.image, load_unet("figure-4d"), scope="global", min_size=0,
            split_far_parts=False, bandwidth=row["bandwidth"], device="cpu",
        )  # fmt: skip
        assert row["modes"] <= result.labels.max()
        assert 0 < row["merged_pairs"] <= row["far_pairs"]
    assert tight["modes"] > own["modes"]
    assert tight["merged_pairs"] < own["merged_pairs"]


def test_the_drawn_row_is_the_tight_one() -> None:
    numbers, arrays = made().numbers, made().arrays
    assert {key: numbers[key] for key in numbers["table"][0]} == numbers["table"][0]
    assert len(arrays["merged"]) == numbers["merged_pairs"]
    assert len(arrays["random"]) == numbers["far_pairs"]
    assert arrays["merged"].mean() == pytest.approx(numbers["similarity_merged"])
    assert arrays["random"].mean() == pytest.approx(numbers["similarity_random"])
    assert numbers["difference"] == pytest.approx(
        numbers["similarity_merged"] - numbers["similarity_random"]
    )
    for name in ("similarity_merged", "similarity_random", "difference"):
        assert numbers[f"{name}_low"] < numbers[name] < numbers[f"{name}_high"]
    assert 0 < numbers["p_value"] <= 1
    json.dumps(numbers, allow_nan=False)


def test_titles_can_be_read(draw_readably) -> None:
    figure = draw_readably(EXPERIMENTS["7"], made())
    *crops, histogram = figure.axes
    assert len(crops) == 10
    assert len(histogram.patches) == 2


def apart(number: int = 6) -> Pairs:
    rng = np.random.default_rng(0)
    far = np.triu(np.ones((number, number), bool), k=1)
    return Pairs(rng.random(far.shape), far, np.arange(number))


def test_without_a_merged_pair_nothing_is_compared(draw_readably) -> None:
    numbers = numbers_of([apart()])
    assert (numbers["far_pairs"], numbers["merged_pairs"]) == (15, 0)
    assert all(numbers[key] is None for key in COMPARED)
    arrays = {
        "random": np.array([0.2, 0.4]), "merged": np.zeros(0),
        "crops": np.zeros((0, 2, 5, 5)),
    }  # fmt: skip
    figure = draw_readably(EXPERIMENTS["7"], Outcome(numbers, arrays))
    assert len(figure.axes) == 1


def test_an_image_without_an_object_in_reach_is_left_out() -> None:
    numbers = numbers_of([apart(0), apart()])
    assert numbers["objects"] == 6


class TestCropSide:
    def data(self, *areas: int) -> Data:
        labels = np.concatenate(
            [np.full(area, number) for number, area in enumerate(areas, start=1)]
        ).reshape(1, -1)
        return Data("areas", (Sample(labels.astype(np.float32), labels),))

    def test_one_and_a_half_diameters_odd(self) -> None:
        # π · 10² / 4 ≈ 79: a diameter of 10, 15 pixels
        assert crop_side(self.data(79, 79, 5)) in (15, 17)
        assert crop_side(self.data(314, 314)) % 2 == 1
        assert crop_side(self.data(314, 314)) == pytest.approx(30, abs=1)

    def test_no_object_is_an_error(self) -> None:
        empty = Data("empty", (Sample(np.zeros((4, 4)), np.zeros((4, 4), int)),))
        with pytest.raises(ValueError, match=r"empty: the labels hold no object"):
            crop_side(empty)


def test_a_stack_is_refused(small_model) -> None:
    labels = np.zeros((2, 40, 40), int)
    labels[:, 10:20, 10:20] = 1
    stack = Data("stack", (Sample(labels.astype(np.float32), labels),))
    with pytest.raises(ValueError, match=r"one image of 2 axes .* \(2, 40, 40\)"):
        exhaust(measure({"small": small_model(2, 2, foreground=True)}, stack))
