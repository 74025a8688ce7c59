"""Naive and cropped stitching of one image, side by side and measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.inference.device import memory_budget, resolve_device
from napari_shiftseg.inference.predict import embed_steps, open_for, plan_for
from napari_shiftseg.inference.progress import Progress, exhaust
from napari_shiftseg.metrics.instances import (
    as_labels,
    average_precision,
    false_merges,
    false_splits,
)
from napari_shiftseg.metrics.seams import SeamScores, seam_scores
from napari_shiftseg.pipeline.segmentation import Segmentation, segment_steps
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.inference.image import Image
    from napari_shiftseg.model.unet import UNet

COMMENSURATE = 0.25  # an untiled seam ratio farther than this from 1 is flagged


@dataclass(frozen=True)
class ObjectScores:
    """Objects against the truth; see `metrics.instances`."""

    true_objects: int
    false_splits: int
    false_merges: int
    ap50: float


@dataclass(frozen=True)
class Side:
    """One stitching of a comparison.

    Attributes
    ----------
    result : Segmentation
    seams : SeamScores
        Of this stitching's embedding.
    untiled : SeamScores
        Of the untiled prediction over the same pairs: what the scores would be
        without any seam.
    objects : ObjectScores or None
        None without a truth.
    """

    result: Segmentation
    seams: SeamScores
    untiled: SeamScores
    objects: ObjectScores | None

    @property
    def is_commensurate(self) -> bool:
        """Whether objects and tiles share a rhythm, so that 1 is not the reference."""
        ratio = self.untiled.ratio
        return ratio is not None and abs(ratio - 1) > COMMENSURATE

    def figures(self) -> dict[str, Any]:
        """Return the figures of this side, ready for JSON."""
        plan, objects = self.result.plan, self.objects
        return {
            "window": list(plan.window),
            "stride": list(plan.stride),
            "tiles": len(plan),
            "seam_ratio": self.seams.ratio,
            "seam_ratio_within": self.seams.ratio_within,
            "seam_ratio_untiled": self.untiled.ratio,
            "seam_ratio_within_untiled": self.untiled.ratio_within,
            "commensurate": self.is_commensurate,
            "seam_z": self.seams.z,
            "seam_z_weak": self.seams.z_is_weak,
            "objects": self.result.objects,
            "true_objects": objects and objects.true_objects,
            "false_splits": objects and objects.false_splits,
            "false_merges": objects and objects.false_merges,
            "ap50": objects and objects.ap50,
            "seconds": self.result.seconds,
        }


@dataclass(frozen=True)
class Comparison:
    r"""Naive and cropped stitching of one image, over the same region.

    Attributes
    ----------
    naive, cropped : Side
    reference : ndarray
        (channels, \\*spatial), the untiled prediction.
    device : str
        That predicted.
    """

    naive: Side
    cropped: Side
    reference: NDArray[Any]
    device: str


def compare(
    image: ArrayLike | Any,
    model: UNet,
    truth: ArrayLike | None = None,
    **settings: Any,
) -> Comparison:
    r"""Segment an image with naive and with cropped stitching, and score both.

    Parameters
    ----------
    image : array_like
        (\\*spatial)
    model : UNet
    truth : array_like of int, optional
        (\\*spatial) of the whole image, 0 is background.
    **settings
        Of `Settings`, but for the stitching: window, border, region, device, ...

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If a setting is out of range, the image cannot be read, or the truth is not a
        label image of the image's shape.
    """
    return exhaust(compare_steps(image, model, Settings(**settings), truth))


def compare_steps(
    image: ArrayLike | Any,
    model: UNet,
    settings: Settings,
    truth: ArrayLike | None = None,
) -> Generator[Progress, None, Comparison]:
    """Compare stitchings, yielding `Progress` after every tile; see `compare`."""
    if len(np.shape(image)) != model.config.ndim + (model.config.in_channels > 1):
        raise ValueError(
            f"compare reads one image of {model.config.ndim} axes, "
            f"got the shape {np.shape(image)}"
        )
    opened = open_for(image, model)
    labels = None if truth is None else as_labels("truth", truth)
    if labels is not None and labels.shape != opened.shape:
        raise ValueError(
            f"truth and image must have one shape, got {labels.shape} and "
            f"{opened.shape}"
        )
    naive = yield from segment_steps(image, model, replace(settings, stitching="naive"))
    cropped = yield from segment_steps(
        image, model, replace(settings, stitching="cropped")
    )
    reference = yield from _untiled(opened, model, settings)
    inside = tuple(slice(*bounds) for bounds in naive.plan.region)
    there = None if labels is None else labels[inside]
    return Comparison(
        naive=_side(naive, reference, there),
        cropped=_side(cropped, reference, there),
        reference=reference,
        device=str(resolve_device(settings.device)),
    )


def _untiled(
    image: Image, model: UNet, settings: Settings
) -> Generator[Progress, None, NDArray[Any]]:
    """Predict in one pass, or with the cheapest exact tiles where that is too large."""
    plans = [
        plan_for(
            image, model, None, stitching, settings.border, settings.region,
            settings.device,
        )
        for stitching in ("whole", "cropped")
    ]  # fmt: skip
    fits = plans[0].memory <= memory_budget(resolve_device(settings.device))
    raw, _ = yield from embed_steps(
        image, model, plans[0] if fits else plans[1], settings.device,
        settings.precision,
    )  # fmt: skip
    return raw[: model.config.embedding_channels]


def _side(
    result: Segmentation, reference: NDArray[Any], truth: NDArray[Any] | None
) -> Side:
    return Side(
        result=result,
        seams=seam_scores(result.embeddings, result.plan, truth),
        untiled=seam_scores(reference, result.plan, truth),
        objects=None if truth is None else _scored(truth, result.labels),
    )


def _scored(truth: NDArray[Any], labels: NDArray[Any]) -> ObjectScores:
    return ObjectScores(
        true_objects=int(np.count_nonzero(np.unique(truth))),
        false_splits=false_splits(truth, labels),
        false_merges=false_merges(truth, labels),
        ap50=average_precision(truth, labels),
    )
