"""How the bundled models are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.model.config import Clustering, ModelConfig
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.training.augmentation import Augmentation
from napari_shiftseg.training.losses import DiscriminativeLoss, ForegroundLoss
from napari_shiftseg.training.rates import RATE, STEPS
from napari_shiftseg.training.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.samples.sample import Sample


@dataclass(frozen=True)
class SampleTraining:
    """A sample, the network to train on it and how."""

    sample: Sample
    config: ModelConfig
    recipe: Recipe


PAPER_BANDWIDTH = 0.1**0.5  # the paper's kernel exp(−‖d‖²/0.2)
SAMPLES_TO_TRAIN_ON = ("disks", "disks-16")


def sample_training(
    name: str, window: int = 20, steps: int = STEPS, seed: int = 0
) -> SampleTraining:
    """Return the training that makes a bundled disk model.

    The paper's experiment (Rumberger et al., ICCV 2021, section 4.1): l = 4, f = 2,
    16 features doubling, 3 embedding channels, background an ordinary object. Its
    Fig. 4b takes window 20, Fig. 4a window 16.

    Parameters
    ----------
    name : {"disks", "disks-16"}
        Sample to train on.
    window : int
        Output window the loss sees, in pixels.
    steps, seed : int
        Of the training.

    Raises
    ------
    ValueError
        If the sample cannot be trained on, or the window or steps are below 1.
    """
    if name not in SAMPLES_TO_TRAIN_ON:
        known = ", ".join(SAMPLES_TO_TRAIN_ON)
        raise ValueError(f"cannot train on the sample {name!r}; choose one of {known}")
    if window < 1 or steps < 1:
        raise ValueError(
            f"window and steps must be 1 or more, got {window} and {steps}"
        )
    config = ModelConfig.new(
        name=name if window == 20 else f"{name}-w{window}",
        description=f"Disks on a lattice; its loss saw {window} × {window} pixels.",
        ndim=2,
        depth=4,
        features=16,
        embedding_channels=3,
        intensity="range",
        clustering=Clustering(bandwidth=PAPER_BANDWIDTH),
    )
    recipe = Recipe(window=window, steps=steps, seed=seed)
    return SampleTraining(make_sample(name), config, recipe)


def object_recipe(window: int | Sequence[int], steps: int, **options: Any) -> Recipe:
    """Return how to train such a network: only near objects are pushed apart.

    Parameters
    ----------
    window, steps, **options
        Of `Recipe`.
    """
    usual: dict[str, Any] = {
        "learning_rate": RATE,
        "warm_up": 0.05,
        "loss": DiscriminativeLoss(0.5, 1.5, background=False, push_within=4),
        "foreground": ForegroundLoss(weight=3.0),
        "fixed_statistics": 0.4,
        "border": "mirror",
        "augmentation": Augmentation(),
    }
    return Recipe(window, steps, **{**usual, **options})
