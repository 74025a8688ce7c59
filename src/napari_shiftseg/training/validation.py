"""How good a network is on images it was not trained on, and which was the best."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_shiftseg.clustering.effort import Effort
from napari_shiftseg.inference.progress import Returning
from napari_shiftseg.metrics.partly import known_scores
from napari_shiftseg.pipeline.segmentation import frame_steps, segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.training.opening import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.inference.progress import Progress
    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.pipeline.segmentation import Segmentation
    from napari_shiftseg.samples.sample import Sample
    from napari_shiftseg.training.validated_part import ValidatedPart

FIRST = 50  # steps to the first look, where validations are farther apart
CUT_SHORT = (
    "the clustering of the validation was cut short: the network makes no clear "
    "clusters yet"
)


@dataclass(frozen=True)
class Validation:
    """When and on what a training is validated.

    Parameters
    ----------
    samples : sequence of Sample
        Images with truth that the training does not see; none: no validation.
    every : int
        Steps from one validation to the next; the last step is validated, too. Before
        the first there are quick ones, on less, at 50 steps and at each doubling.
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

    def due(self, done: int, total: int) -> Literal["full", "quick"] | None:
        """Return which validation follows this step of so many."""
        if not self.samples:
            return None
        if done == total or done % self.every == 0:
            return "full"
        looks, rest = divmod(done, FIRST)
        doubled = not rest and looks.bit_count() == 1
        return "quick" if doubled and done < self.every else None

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
    """The best validation so far: its mean AP50, its step and the weights then.

    Attributes
    ----------
    ap50 : float
    step : int
    weights : dict of str to Tensor
    is_full : bool
        A full validation counts for more than any quick one.
    """

    ap50: float
    step: int
    weights: dict[str, Tensor]
    is_full: bool = True

    def is_beaten_by(self, ap50: float, is_full: bool) -> bool:
        """Whether another validation is a better one."""
        return is_full > self.is_full or (is_full == self.is_full and ap50 > self.ap50)


@dataclass(frozen=True)
class Validated:
    r"""Outcome of a validation.

    Attributes
    ----------
    ap50 : float
        Mean over the images.
    preview : ndarray of int32
        (\\*spatial), labels of the first image.
    note : str
        What the user should know: that it was cut short, for example.
    """

    ap50: float
    preview: NDArray[np.int32]
    note: str = ""


def validate(
    model: UNet,
    part: ValidatedPart,
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
    part : ValidatedPart
        Images with truth, one or more, and how far to go.
    device : str
    is_stopped : callable
        Asked many times a second; True: there is no outcome.

    Returns
    -------
    Validated or None
        None where it was stopped.
    """
    found: list[NDArray[np.int32]] = []
    scores: list[float] = []
    efforts: list[Effort] = []
    for sample, region in zip(part.samples, part.regions, strict=True):
        efforts.append(Effort(part.distances / len(part.samples)))
        settings = Settings(device=device, region=region)
        steps = Returning(_segmented(sample, model, settings, efforts[-1]))
        for _ in steps:
            if is_stopped():
                return None
        labels, at = steps.value.labels, _place(steps.value, region)
        scores.append(known_scores(sample.labels[at], labels).ap50)
        whole = np.zeros(sample.labels.shape, dtype=np.int32)
        whole[at] = labels
        found.append(whole)
    cut = sum(effort.is_spent for effort in efforts)
    return Validated(fmean(scores), found[0], CUT_SHORT * bool(cut))


def _place(result: Segmentation, region: Region | None) -> tuple[Any, ...]:
    """Return where the labels lie in those of the whole image."""
    if region is None:
        return (...,)
    return (..., *(slice(*bounds) for bounds in result.plan.region))


def _segmented(
    sample: Sample, model: UNet, settings: Settings, effort: Effort
) -> Generator[Progress, None, Segmentation]:
    if sample.scale is None:
        return segment_steps(sample.image, model, settings, effort)
    return frame_steps(opened(sample, model.config), model, settings, None, effort)
