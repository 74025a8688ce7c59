"""How good a network is on images it was not trained on, and which was the best."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from napari_shiftseg.inference.progress import Returning
from napari_shiftseg.metrics.partly import known_scores
from napari_shiftseg.pipeline.segmentation import frame_steps, segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.training.opening import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_shiftseg.inference.progress import Progress
    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.pipeline.segmentation import Segmentation
    from napari_shiftseg.samples.sample import Sample


@dataclass(frozen=True)
class Validation:
    """When and on what a training is validated.

    Parameters
    ----------
    samples : sequence of Sample
        Images with truth that the training does not see; none: no validation.
    every : int
        Steps from one validation to the next; the last step is validated, too.
    patience : int, optional
        The training stops after so many validations without a better one.
    name : str
        Of these images, for the provenance of the model.
    """

    samples: Sequence[Sample] = ()
    every: int = 1000
    patience: int | None = None
    name: str = "images held out"

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"steps between validations: 1 or more, got {self.every}")

    def is_due(self, done: int, total: int) -> bool:
        """Whether a validation follows this step of so many."""
        return bool(self.samples) and (done == total or done % self.every == 0)

    def is_over(self, done: int, best: Best) -> bool:
        """Whether patience has ended at this step."""
        return (
            self.patience is not None and done - best.step >= self.patience * self.every
        )

    def scores(self, best: Best) -> dict[str, float | int | str]:
        """Return what the best weights reached, for the provenance."""
        return {"ap50": best.ap50, "images": len(self.samples), "of": self.name}


@dataclass(frozen=True)
class Best:
    """The best validation so far: its mean AP50, its step and the weights then."""

    ap50: float
    step: int
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class Validated:
    r"""Outcome of a validation.

    Attributes
    ----------
    ap50 : float
        Mean over the images.
    preview : ndarray of int32
        (\\*spatial), labels of the first image.
    """

    ap50: float
    preview: NDArray[np.int32]


def validate(
    model: UNet,
    samples: Sequence[Sample],
    device: str,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Validated | None:
    """Segment images as users do, cropped tiles and mean shift, and score them.

    Of an image that is partly labelled only what is known is scored; see
    `known_scores`.

    Parameters
    ----------
    model : UNet
        In eval mode.
    samples : sequence of Sample
        Images with truth, one or more.
    device : str
    is_stopped : callable
        Asked after every tile and mean shift; True: there is no outcome.

    Returns
    -------
    Validated or None
        None where it was stopped.
    """
    found: list[NDArray[np.int32]] = []
    for sample in samples:
        steps = Returning(_segmented(sample, model, Settings(device=device)))
        for _ in steps:
            if is_stopped():
                return None
        found.append(steps.value.labels)
    scores = [
        known_scores(sample.labels, labels).ap50
        for sample, labels in zip(samples, found, strict=True)
    ]
    return Validated(fmean(scores), found[0])


def _segmented(
    sample: Sample, model: UNet, settings: Settings
) -> Generator[Progress, None, Segmentation]:
    if sample.scale is None:
        return segment_steps(sample.image, model, settings)
    return frame_steps(opened(sample, model.config), model, settings)
