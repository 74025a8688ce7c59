"""Figures 4a to 4c and S1 on a few disks, and on networks that cannot show them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.experiments import EXPERIMENTS, tiled_disks
from napari_shiftseg.metrics.seams import step
from napari_shiftseg.networks.unet import load_unet, new_model
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples.catalogue import disks

if TYPE_CHECKING:
    from napari_shiftseg.experiments.experiment import Outcome
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread", "few_disks")

SIDE = 6 * 13 + 1


@pytest.fixture
def few_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled_disks, "SIDE", SIDE)


@cache
def model_of(name: str) -> UNet:
    if name == "untrained":
        return new_model(ndim=2, depth=4, features=4, embedding_channels=3)
    return load_unet(name)


@cache
def outcome_of(figure: str, model: str) -> Outcome:
    return exhaust(EXPERIMENTS[figure].measure({model: model_of(model)}))


def numbers_of(figure: str, model: str) -> dict[str, Any]:
    return outcome_of(figure, model).numbers


class TestTrainedWithOnePeriod:
    def test_seams_at_every_period_in_one_pass_and_in_cropped_tiles(self) -> None:
        numbers = numbers_of("4a", "disks-w16")
        assert numbers["seam_ratio_within_whole"] > 5
        assert numbers["seam_ratio_within_cropped"] > 5
        assert numbers["period_ratio"] > 1.2
        assert numbers["largest_difference"] < 1e-4
        assert numbers["false_splits"] > 20
        assert (numbers["training_window"], numbers["period"]) == ([16, 16], 16)

    @pytest.mark.parametrize("model", ["disks", "untrained"])
    def test_another_network_has_none(self, model: str) -> None:
        numbers = numbers_of("4a", model)
        assert numbers["seam_ratio_within_whole"] < 1.25
        assert numbers["seam_ratio_within_cropped"] < 1.25
        assert numbers["false_splits"] == 0

    def test_the_ratio_is_that_of_steps_at_multiples_of_16(self) -> None:
        outcome = outcome_of("4a", "disks-w16")
        labels, steps = disks((SIDE, SIDE)).labels, []
        for axis in (0, 1):
            own = np.moveaxis(step(outcome.arrays["whole"], axis), axis, 0)
            along = np.moveaxis(labels, axis, 0)
            inside = (along[1:] == along[:-1]) & (along[1:] > 0)
            # the grid begins 4 pixels before the image: borders after 11, 27, 43, ...
            seam = np.zeros_like(inside)
            seam[11::16] = True
            steps.append((own, inside, seam))
        at, elsewhere = (
            np.concatenate(
                [own[inside & (seam == wanted)] for own, inside, seam in steps]
            )
            for wanted in (True, False)
        )
        assert outcome.numbers["seam_ratio_within_whole"] == pytest.approx(
            at.mean() / elsewhere.mean(), rel=1e-4
        )
        for own, inside, _ in steps:  # and at each of them, not only on average
            cutting = [b for b in range(11, SIDE - 1, 16) if inside[b].any()]
            assert len(cutting) >= 4  # the others lie between two rows of disks
            for border in cutting:
                assert own[border][inside[border]].mean() > 5 * elsewhere.mean()


class TestStitching:
    def test_naive_tiles_break_the_disks(self) -> None:
        numbers = numbers_of("4b", "disks")
        assert numbers["stride"] == [20, 20]
        assert numbers["seam_ratio_within"] > 20
        assert numbers["seam_ratio_within_untiled"] == pytest.approx(1, abs=0.25)
        assert numbers["split_by_seams"] > 10
        assert numbers["false_splits"] > 10
        assert numbers["ap50"] < 0.8

    def test_cropped_tiles_do_not(self) -> None:
        numbers = numbers_of("4c", "disks")
        assert numbers["stride"] == [16, 16]
        assert 0.8 < numbers["seam_ratio_within"] < 1.25
        assert numbers["split_by_seams"] == numbers["false_splits"] == 0
        assert numbers["objects"] == numbers["true_objects"] == 49
        assert numbers["ap50"] == 1

    def test_cropping_does_not_mend_a_network_with_seams_of_its_own(self) -> None:
        numbers = numbers_of("4c", "disks-w16")
        assert numbers["seam_ratio_within"] > 5
        assert numbers["false_splits"] > 10

    def test_an_untrained_network_shows_neither(self) -> None:
        assert numbers_of("4b", "untrained")["seam_ratio_within"] < 2
        assert numbers_of("4c", "untrained")["ap50"] < 0.1

    @pytest.mark.parametrize(("figure", "name"), [("4b", "naive"), ("4c", "cropped")])
    def test_what_is_drawn_is_what_segment_returns(
        self, figure: str, name: str
    ) -> None:
        arrays = outcome_of(figure, "disks").arrays
        result = segment(
            disks((SIDE, SIDE)).image, model_of("disks"), window=20, stitching=name,
            device="cpu",
        )  # fmt: skip
        np.testing.assert_array_equal(arrays["embedding"], result.embeddings)
        same = np.unique(
            np.stack([arrays["labels"], result.labels]).reshape(2, -1), axis=1
        )
        assert same.shape[1] == result.objects + 1  # renamed, and nothing else


class TestGradient:
    def test_both_sides_are_those_of_figures_4b_and_4c(self) -> None:
        numbers = numbers_of("s1", "disks")
        for figure, name in (("4b", "naive"), ("4c", "cropped")):
            own = numbers_of(figure, "disks")
            assert numbers[f"seam_ratio_{name}"] == own["seam_ratio"]
            assert numbers[f"seam_ratio_within_{name}"] == own["seam_ratio_within"]
        assert [row["stitching"] for row in numbers["table"]] == ["naive", "cropped"]


@pytest.mark.parametrize("name", ["4a", "4b", "4c", "s1"])
def test_titles_can_be_read(name: str, draw_readably) -> None:
    model = "disks-w16" if name == "4a" else "disks"
    assert EXPERIMENTS[name].models == (model,)
    figure = draw_readably(EXPERIMENTS[name], outcome_of(name, model))
    assert all(axes.images for axes in figure.axes)


def test_one_grey_scale_for_both_gradients(draw_readably) -> None:
    figure = draw_readably(EXPERIMENTS["s1"], outcome_of("s1", "disks"))
    _, naive, _, cropped = (axes.images[0].get_array() for axes in figure.axes)
    assert naive.max() == cropped.max() == 1
    assert naive.min() == cropped.min() == 0
    assert (naive > 0.2).sum() > (cropped > 0.2).sum()
