"""How sure the objects of a trained model are, learnt where it was validated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.results.learning import config_steps

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.training.fit import Training


def judged_model_steps(training: Training) -> Generator[Progress, None, UNet]:
    """Return what was trained, with how sure its objects are; see `config_steps`.

    It is learnt on what the training was validated on, and takes as long as one more
    validation. Without images for that it is not known.

    Parameters
    ----------
    training : Training
        That has ended.
    """
    model = training.model()
    if training.validation.samples:
        part = training.part("full")
        settings = Settings(device=str(training.device))
        known = part.samples, model, settings, part.regions
        model.config = yield from config_steps(*known)
    return model
