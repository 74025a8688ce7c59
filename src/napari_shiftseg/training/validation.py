"""How good a network is on images it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from napari_shiftseg.metrics.instances import object_scores
from napari_shiftseg.pipeline.segmentation import segment

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def validate(model: UNet, samples: Sequence[Sample], device: str) -> Validated:
    """Segment images as users do, cropped tiles and mean shift, and score them.

    Parameters
    ----------
    model : UNet
        In eval mode.
    samples : sequence of Sample
        Images with truth, one or more.
    device : str

    Returns
    -------
    Validated
    """
    results = [segment(sample.image, model, device=device) for sample in samples]
    scores = [
        object_scores(sample.labels, result.labels).ap50
        for sample, result in zip(samples, results, strict=True)
    ]
    return Validated(fmean(scores), results[0].labels)
