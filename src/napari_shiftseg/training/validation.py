"""How good a network is on images it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from napari_shiftseg.inference.progress import Returning
from napari_shiftseg.metrics.instances import object_scores
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.samples.sample import Sample


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
        steps = Returning(segment_steps(sample.image, model, Settings(device=device)))
        for _ in steps:
            if is_stopped():
                return None
        found.append(steps.value.labels)
    scores = [
        object_scores(sample.labels, labels).ap50
        for sample, labels in zip(samples, found, strict=True)
    ]
    return Validated(fmean(scores), found[0])
