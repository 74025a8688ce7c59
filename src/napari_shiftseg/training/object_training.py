"""The training of a network for objects, as command line and widget set it up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_shiftseg.metrics.partly import is_partly
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.training.fit import Training
from napari_shiftseg.training.rates import CORRECTION_RATE
from napari_shiftseg.training.recipes import object_recipe
from napari_shiftseg.training.training_window import (
    refuse_untrained_phases,
    usual_window,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.model.config import ModelConfig
    from napari_shiftseg.samples.sample import Sample
    from napari_shiftseg.training.validation import Validation


def object_training(
    samples: Sequence[Sample],
    validation: Validation,
    config: ModelConfig,
    steps: int,
    window: int | Sequence[int] | None = None,
    start: str | None = None,
    force: bool = False,
    recipe: dict[str, Any] | None = None,
    **options: Any,
) -> Training:
    """Return a training on images of objects that touch.

    A model that is fine-tuned on partly labelled images, the corrections of a few
    objects, learns at a quarter of the usual rate and keeps the statistics of its
    batch norm: a few places must not stand for all images.

    Parameters
    ----------
    samples : sequence of Sample
    validation : Validation
    config : ModelConfig
        See `object_config` and `fine_tuned_config`.
    steps : int
    window : int or sequence of int, optional
        Output window the loss sees; the usual one if not given.
    start : str, optional
        Model whose weights are the first ones, by name or path.
    force : bool
        Whether a window below the period is let pass.
    recipe : dict, optional
        What else of `Recipe` is not as usual.
    **options
        Of `Training`: device, workers, command.

    Raises
    ------
    ValueError
        If the window is below the period, or larger than an image.
    """
    sizes = [sample.labels.shape for sample in samples]
    window = window or usual_window(config.shape, sizes)
    if not force:
        refuse_untrained_phases(window, config.shape)
    usual: dict[str, Any] = {}
    if start and any(is_partly(sample.labels) for sample in samples):
        usual |= {"learning_rate": CORRECTION_RATE, "fixed_statistics": 1.0}
    made = object_recipe(window, steps, **{**usual, **(recipe or {})})
    first = load_model(start) if start else None
    return Training(samples, config, made, validation, first, **options)
