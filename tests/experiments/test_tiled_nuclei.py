"""Figures 4d to 4f on a small image, and where there is nothing to show."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.experiments import EXPERIMENTS, tiled_nuclei
from napari_shiftseg.experiments.inputs import Data, crowded_nuclei
from napari_shiftseg.experiments.tiled_nuclei import (
    Pair,
    measure_close_up,
    measure_stitching,
    pieces,
)
from napari_shiftseg.metrics.objects import object_scores
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.comparison import Comparison, compare_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Progress, exhaust
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.experiments.experiment import Outcome
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")


@cache
def few_nuclei() -> Data:
    crowded = crowded_nuclei((96, 96), 3)
    return Data("few nuclei", crowded.samples[1:])


ASKED: list[Settings] = []  # of all figures, image by image


@cache
def comparison_of(number: int) -> Comparison:
    """Compare both stitchings on one image, once for all figures."""
    sample = few_nuclei().samples[number]
    settings = Settings(window=20, bandwidth=0.5, device="cpu")
    model = load_unet("figure-4d")
    return exhaust(compare_steps(sample.image, model, settings, sample.labels))


def known_steps(
    image: Any, model: UNet, settings: Settings, truth: Any
) -> Generator[Progress, None, Comparison]:
    """Return what `comparison_of` knows in the place of `compare_steps`."""
    assert model.config.name == "4d"
    (number,) = (
        n
        for n, sample in enumerate(few_nuclei().samples)
        if sample.image is image and sample.labels is truth
    )
    ASKED.append(settings)
    yield Progress("known", 1, 1)
    return comparison_of(number)


@cache
def made() -> dict[str, Outcome]:
    ways = {
        "4d": partial(measure_stitching, stitching="naive"),
        "4e": partial(measure_stitching, stitching="cropped"),
        "4f": measure_close_up,
    }
    given = ({"figure-4d": load_unet("figure-4d")}, few_nuclei())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiled_nuclei, "compare_steps", known_steps)
        return {name: exhaust(way(*given, window=20)) for name, way in ways.items()}


@pytest.fixture
def model() -> UNet:
    return load_unet("figure-4d")


@pytest.fixture
def data() -> Data:
    return few_nuclei()


@pytest.fixture
def outcomes() -> dict[str, Outcome]:
    return made()


def test_naive_tiles_make_seams_in_nuclei_and_cropped_ones_do_not(outcomes) -> None:
    naive, cropped = outcomes["4d"].numbers, outcomes["4e"].numbers
    assert (naive["stride"], cropped["stride"]) == ([20, 20], [16, 16])
    assert naive["seam_ratio_within"] > 1.5 * naive["seam_ratio_within_untiled"]
    assert cropped["seam_ratio_within"] == pytest.approx(
        cropped["seam_ratio_within_untiled"], rel=1e-3
    )
    assert naive["false_splits"] > cropped["false_splits"]
    assert naive["split_by_seams"] > cropped["split_by_seams"]


def test_counts_are_those_of_compare_added_up(outcomes) -> None:
    assert 6 * [Settings(window=20, bandwidth=0.5, device="cpu")] == ASKED
    sides = [comparison_of(number).naive for number in range(2)]
    numbers = outcomes["4d"].numbers
    assert numbers["data"] == "few nuclei"
    assert numbers["bandwidth"] == 0.5
    assert numbers["images"] == 2
    for key in ("false_splits", "true_objects", "split_by_seams"):
        assert numbers[key] == sum(side.figures()[key] for side in sides)
    ratios = [side.seams.ratio_within for side in sides]
    assert numbers["seam_ratio_within"] == pytest.approx(np.mean(ratios))


def test_a_network_whose_period_divides_the_window_shows_no_difference(
    small_model, data: Data
) -> None:
    networks = {"small": small_model(2, 2, foreground=True)}  # p = 4
    naive, cropped = (
        exhaust(measure_stitching(networks, data, name, 20)).numbers
        for name in ("naive", "cropped")
    )
    assert {**naive, "stitching": ""} == {**cropped, "stitching": ""}


def test_the_close_up_shows_a_nucleus_that_cropping_mends(outcomes, data: Data) -> None:
    numbers, arrays = outcomes["4f"].numbers, outcomes["4f"].arrays
    assert numbers["split_by_seams"] == outcomes["4d"].numbers["split_by_seams"]
    assert numbers["in_pieces"] >= numbers["whole_when_cropped"] > 0
    assert numbers["pieces_naive"] > numbers["pieces_cropped"] == 1
    rows, columns = (slice(*bounds) for bounds in arrays["box"])
    inside = [
        (sample.labels[rows, columns] == numbers["nucleus"]).sum()
        for sample in data.samples
    ]
    assert max(inside) > 50  # the box is around it
    shown = {name: arrays[name][rows, columns] for name in ("naive", "cropped")}
    assert not np.array_equal(shown["naive"], shown["cropped"])


@pytest.mark.parametrize("name", ["4d", "4e", "4f"])
def test_titles_can_be_read(name: str, outcomes, draw_readably) -> None:
    figure = draw_readably(EXPERIMENTS[name], outcomes[name])
    assert all(axes.images for axes in figure.axes)


def test_no_split_nucleus_is_said(model: UNet, data: Data, draw_readably) -> None:
    outcome = exhaust(measure_close_up({"figure-4d": model}, data, 96))
    assert outcome.numbers["nucleus"] is None
    assert outcome.numbers["split_by_seams"] == 0
    figure = draw_readably(EXPERIMENTS["4f"], outcome)
    assert figure.axes == []
    assert figure.texts[0].get_text().startswith("no nucleus of these images")


def side_of(labels: Any) -> Any:
    return SimpleNamespace(result=SimpleNamespace(labels=np.array(labels)))


class TestPieces:
    """A nucleus of 20 pixels and one beside it; p: pieces of the prediction."""

    truth = np.array([[1] * 10 + [2] * 2] * 2)

    def pair(self, naive: Any, cropped: Any) -> Pair:
        image = np.zeros(self.truth.shape, np.float32)
        comparison: Any = SimpleNamespace(
            naive=side_of(naive), cropped=side_of(cropped)
        )
        return Pair(Sample(image, self.truth), comparison)

    def test_pieces_of_one_nucleus(self) -> None:
        pair = self.pair(
            [[1] * 5 + [2] * 5 + [3, 4]] * 2,  # two halves; the other one in two
            [[1] * 9 + [5] + [3, 3], [1] * 10 + [3, 3]],  # 1 of 20 pixels is 5 %
        )
        assert pieces(pair, 1, "naive") == 2
        assert pieces(pair, 2, "naive") == 2
        assert pieces(pair, 1, "cropped") == 1

    def test_objects_take_the_colours_of_the_true_ones(self) -> None:
        pair = self.pair(self.truth * 0 + 7, np.where(self.truth == 2, 9, 0))
        naive, cropped = pair.objects("naive"), pair.objects("cropped")
        assert (cropped[:, :10] == 0).all()  # dark image, no object
        same = pair.objects("cropped")[0, 11]
        swapped = replace(pair, comparison=SimpleNamespace(naive=side_of(self.truth)))
        np.testing.assert_array_equal(swapped.objects("naive")[0, 11], same)
        np.testing.assert_array_equal(naive[0, 11], swapped.objects("naive")[0, 0])


def test_scores_of_synthetic_nuclei_are_made_of_their_labels(data: Data) -> None:
    for sample in data.samples:
        assert object_scores(sample.labels, sample.labels).ap50 == 1
        assert sample.labels.max() > 5
