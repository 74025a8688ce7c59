"""What an earlier version wrote is read: a training state, and a model."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest

from napari_shiftseg.embeddings.losses import DiscriminativeLoss, ForegroundLoss
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples.catalogue import disks
from napari_shiftseg.training.fit import Training
from napari_shiftseg.training.recipes import Recipe
from napari_shiftseg.training.stopping import Validation
from napari_shiftseg.training.windows import Augmentation

EARLIER = Path(__file__).parent / "earlier"  # of commit 71fc67c, after 3 of 6 steps
LOSSES = [8.581644058227539, 11.78936767578125, 2.8246121406555176]  # that followed
SAMPLE = disks((40, 40))

pytestmark = pytest.mark.usefixtures("one_thread")


def training(**other) -> Training:
    config = ModelConfig.new(
        name="old",
        depth=1,
        features=2,
        embedding_channels=2,
        foreground=True,
        normalization="batch",
    )
    recipe = {
        "window": 12,
        "steps": 6,
        "learning_rate": 2e-3,
        "warm_up": 0.05,
        "loss": DiscriminativeLoss(0.5, 1.5, background=False, push_within=4),
        "foreground": ForegroundLoss(weight=3.0),
        "fixed_statistics": 0.4,
        "border": "mirror",
        "augmentation": Augmentation(),
    }
    validation = Validation([SAMPLE], every=2)
    made = Recipe(**{**recipe, **other})
    return Training([SAMPLE], config, made, validation, device="cpu")


@pytest.fixture
def state(tmp_path) -> Path:
    path = tmp_path / "earlier.training"
    packed = (EARLIER / "earlier.training.xz").read_bytes()
    path.write_bytes(lzma.decompress(packed))
    return path


def test_a_training_of_an_earlier_version_goes_on_as_it_would_have(state):
    resumed = training()
    resumed.resume(state)
    assert (resumed.done, resumed.best.step) == (3, 2)

    steps = list(resumed.steps())
    assert [step.done for step in steps] == [4, 5, 6]
    assert [step.loss for step in steps] == pytest.approx(LOSSES, rel=1e-3)


def test_one_with_other_settings_is_refused(state):
    with pytest.raises(ValueError, match="other settings"):
        training(clip=2.0).resume(state)


def test_a_model_of_an_earlier_version_predicts():
    model = load_unet(EARLIER / "earlier.safetensors")
    provenance = model.config.provenance
    assert provenance.command == "made by an earlier version"
    assert (provenance.steps, provenance.window) == (2, (12, 12))
    assert provenance.augmentation["zoom"] == 1.4
    embedding = embed(SAMPLE.image, model, device="cpu")
    assert embedding.shape == (2, 40, 40)
    assert np.isfinite(embedding).all()
