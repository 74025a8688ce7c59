"""Which training window to take, and what it means."""

from __future__ import annotations

import pytest

from napari_shiftseg.embeddings.spherical import CosineMarginLoss
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.training.defaults import (
    advise_training,
    nearest_raw_outputs,
    object_config,
    refuse_small_images,
    usual_window,
)

PAPERS = ModelConfig.new(depth=4).shape  # period 16; raw outputs 4, 20, 36, 52, …
UNEQUAL = ModelConfig.new(depth=(2, 3)).shape  # periods 4 and 8; 8, 12, …; 12, 20, …


@pytest.mark.parametrize(
    ("images", "window"),
    [
        ([(512, 512)], (244, 244)),
        ([(243, 512)], (228, 244)),
        ([(512, 100), (60, 512)], (52, 100)),
        ([(19, 19)], (20, 20)),  # nothing fits: the smallest above the period
    ],
)
def test_the_usual_window_is_the_largest_raw_output_that_fits(images, window):
    assert usual_window(PAPERS, images) == window


def test_a_window_above_the_period_need_not_be_a_multiple_of_it():
    advice = advise_training(20, PAPERS)
    assert advice.warning == ""
    assert advice.nearest == ()
    assert advice.note == (
        "A training window must be above the period, 16. It need not be a multiple "
        "of it."
    )


def test_what_is_dropped_of_a_raw_output_is_said():
    advice = advise_training(32, PAPERS)
    assert advice.warning == ""
    assert "The network predicts 36 pixels at once, not 32: the rest" in advice.note
    assert advice.nearest == ((20, 20), (36, 36))


def test_a_window_of_one_period_is_warned_of():
    advice = advise_training((20, 16), PAPERS)
    assert advice.warning.startswith("A training window of 16 is not above")
    assert advice.nearest == ((20, 20),)  # 4 is below the period


def test_a_window_below_the_period_is_refused():
    with pytest.raises(ValueError, match=r"20 × 15 is below .* take 17 × 17 or more"):
        advise_training((20, 15), PAPERS)


def test_each_axis_has_its_own_raw_outputs():
    found = [usual_window(UNEQUAL, [(n, n)])[1] for n in range(10, 30)]
    assert set(found) == {12, 20, 28}
    below, above = nearest_raw_outputs((33, 33), UNEQUAL)
    for window in (below, above):
        for axis, size in zip(UNEQUAL.axes, window, strict=True):
            assert axis.is_legal(size + axis.context)
    assert all(b <= 33 <= a for b, a in zip(below, above, strict=True))
    assert nearest_raw_outputs(above, UNEQUAL) == (above,)


def test_an_image_must_hold_the_window():
    refuse_small_images((36, 36), PAPERS, [(36, 50)])
    with pytest.raises(
        ValueError, match=r"36 × 36 pixels, .* image has only 35 × 50.*20"
    ):
        refuse_small_images((36, 36), PAPERS, [(36, 50), (35, 50)])


def test_the_bandwidth_on_the_sphere_goes_with_the_margin():
    config = object_config("m", "cosine")
    assert config.clustering.bandwidth == CosineMarginLoss().bandwidth
