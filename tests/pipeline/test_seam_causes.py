"""Both causes of seams, phase and statistics, are told apart on an image."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_shiftseg.geometry.network_shape import FoundAxis, FoundShape
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.loading.foreign import (
    ForeignConfig,
    ForeignNetwork,
    Output,
)
from napari_shiftseg.networks.unet import UNet, new_model
from napari_shiftseg.pipeline import seam_causes as module
from napari_shiftseg.pipeline.seam_causes import APART, LOUD, STRANGE, seam_causes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

pytestmark = pytest.mark.usefixtures("one_thread")
SIZE = (90, 81)


@pytest.fixture
def model(small_model) -> UNet:
    """A net with p = 4."""
    return small_model(2, 2)


@pytest.fixture
def image(rng) -> NDArray[np.float32]:
    return rng.random(SIZE).astype(np.float32)


def without_own_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let U-Nets take off the mean of the tile, as a norm of the tile would."""
    forward = UNet.forward

    def normalised(self: UNet, x: Tensor) -> Tensor:
        raw = forward(self, x)
        return raw - raw.mean(dim=(2, 3), keepdim=True)

    monkeypatch.setattr(UNet, "forward", normalised)


def test_a_network_without_norms_has_the_phase_alone(model, image) -> None:
    found = seam_causes(image, model)
    assert found.tile_mismatch < 1e-5
    assert found.phase_control < 1e-5
    assert found.phase_mismatch > 1e-2
    assert (found.by_statistics, found.by_phase) == (False, True)
    statistics, phase, disparity = found.sentences
    assert "answer alike where they overlap" in statistics
    assert phase.endswith("expect seams where tiles are no multiples of 4.")
    assert "not measured" in disparity


def test_a_norm_of_the_tile_is_told_as_statistics(model, image, monkeypatch) -> None:
    without_own_mean(monkeypatch)
    image *= np.linspace(0.2, 3, SIZE[1], dtype=np.float32)
    found = seam_causes(image, model)
    assert found.tile_mismatch > 100 * LOUD
    assert found.by_statistics
    assert "seams at every tile border, whatever the tile size" in found.sentences[0]


def test_the_figures_are_those_of_predictions_by_hand(model, image) -> None:
    found = seam_causes(image, model)
    assert found.window == (48, 44)  # 4/7 of the image, in fours
    # on the grid a tile equals the whole; so does one of an image that is shifted by 2
    whole = embed(image, model, stitching="whole")
    moved = embed(image[2:, 2:], model, stitching="whole", border="mirror")
    # two tiles, 36 pixels along y from each other, lie in the middle, on the grid
    y, x = ((90 - 84) // 2 + 36) // 4 * 4, (81 - 44) // 2 // 4 * 4
    here = whole[:, y : y + 48, x : x + 44]
    a = here[:, 2:, 2:]
    b = moved[:, y : y + 46, x : x + 42]
    spread = np.sqrt(((here - here.mean((1, 2), keepdims=True)) ** 2).sum(0).mean())
    expected = np.sqrt(((a - b) ** 2).sum(0)).mean() / spread
    assert found.phase_mismatch == pytest.approx(expected, rel=1e-3)


def test_period_one_has_no_phase(image, monkeypatch) -> None:
    axis = FoundAxis(1)
    config = ForeignConfig(
        outputs=(Output(use="logit"),), embedding="outputs", embedding_channels=1,
        foreground=True, sizes=FoundShape((axis, axis), 1, 2), source="none",
    )  # fmt: skip

    monkeypatch.setattr(module, "in_training_mode", lambda _: None)  # it has no file
    found = seam_causes(image, ForeignNetwork(config, lambda x: 2 * x).eval())
    assert (found.tile_mismatch, found.phase_mismatch) == (0, None)
    assert found.sentences[1] == "Phase: the period is 1, no tile can be off the grid."
    assert not found.by_phase


def test_an_image_of_two_periods_is_too_small(model, image) -> None:
    assert seam_causes(image[:11, :11], model) is None
    assert seam_causes(image[:12, :3], model).window == (8, 4)


def test_statistics_of_other_images_are_told(image) -> None:
    model = new_model(depth=2, features=4, normalization="batch", seed=0)
    seen = torch.from_numpy(image)[None, None]
    norms = [m for m in model.modules() if hasattr(m, "running_mean")]
    for norm in norms:
        norm.momentum = 1.0  # keep what this image has
    model.train()
    with torch.no_grad():
        model(seen[..., :84, :80])
    model.eval()
    kept = [norm.running_mean.clone() for norm in norms]
    same, dark = seam_causes(image, model), seam_causes(image / 10, model)
    assert same.train_eval_disparity < STRANGE < dark.train_eval_disparity
    assert "are those found here" in same.sentences[2]
    assert "are not those of this part" in dark.sentences[2]
    for norm, mean in zip(norms, kept, strict=True):  # the model is left as it was
        assert torch.equal(norm.running_mean, mean)


def test_the_phase_is_not_blamed_for_what_any_shift_does(model, image) -> None:
    found = seam_causes(image, model)
    control = found.phase_mismatch / APART
    assert not replace(found, phase_control=1.01 * control).by_phase
    assert replace(found, phase_control=0.99 * control).by_phase


def test_an_infinite_measure_is_no_json(model, image) -> None:
    found = replace(seam_causes(image, model), tile_mismatch=np.inf)
    figures = found.figures()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert (figures["tile_mismatch"], figures["by_statistics"]) == (None, True)
    assert figures["phase_mismatch"] == found.phase_mismatch
