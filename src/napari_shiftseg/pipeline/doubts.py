"""Why a result may be absurd, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.words import number_of, percent
from napari_shiftseg.inference.intensity import INVERTED, NOTHING, is_constant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.model.config import ModelConfig

NEARLY_ALL = 0.9  # of the pixels of an image
FEW = 3  # objects
MANY = 50  # objects
SPECKS = 2.0  # times the smallest size, that most objects are below
SMALLEST = 10  # pixels, where the model drops no size
POOR = 0.05  # AP50 of a model that finds hardly anything

NEXT = (
    "try another channel, --invert (in napari: Invert) for dark objects, grey values "
    "of your own (Intensity, --intensity) or another model"
)
NONE = "no objects were found: {reason}"
NO_CONTRAST = "{reason}; take another channel or plane, or give grey values of your own"
OTHER_SIZE = "{next}, or an image whose objects have the size that the model knows"
ONE = "one object covers {share} of the image, so the ground was taken for it: {next}"
FULL = "{number} cover {share} of the image, so the ground was taken for them: {next}"
DUST = (
    "{number}, half of them of {size} or fewer: noise was taken for objects, or they "
    "are much smaller than those that the model knows; {next}, or a larger image"
)
UNFIT = (
    "the model {name!r} found hardly an object when it was validated (AP50 {ap50:.2f}):"
    " train it for longer, or take another model"
)


def doubts_about(
    labels: NDArray[np.integer[Any]],
    config: ModelConfig,
    notes: Sequence[str],
    is_part: bool = False,
) -> tuple[str, ...]:
    r"""Say why a result may be absurd, each with the next step; usually nothing.

    Parameters
    ----------
    labels : ndarray of int
        ([leading,] \\*spatial), each frame numbered for itself.
    config : ModelConfig
        Of the model that predicted.
    notes : sequence of str
        What was said of the grey values.
    is_part : bool
        Whether a part of an image was segmented: it may show anything.
    """
    about = "" if is_part else _about_objects(labels, config, notes)
    inverted = INVERTED if INVERTED in notes and INVERTED not in about else ""
    return tuple(filter(None, [about, inverted, _about_model(config)]))


def _about_objects(
    labels: NDArray[np.integer[Any]], config: ModelConfig, notes: Sequence[str]
) -> str:
    frames = labels.reshape(-1, *labels.shape[labels.ndim - config.ndim :])
    counts = [np.bincount(frame.ravel())[1:] for frame in frames]
    sizes = np.concatenate([count[count > 0] for count in counts])
    if not sizes.size:
        return NONE.format(reason=_why_none(notes))
    share = float(sizes.sum()) / labels.size
    most = float(sizes.max()) * len(frames) / labels.size
    if most >= NEARLY_ALL:
        return ONE.format(share=percent(most), next=NEXT)
    number = number_of(len(sizes), "object")
    if share >= NEARLY_ALL and len(sizes) <= FEW * len(frames):
        return FULL.format(number=number, share=percent(share), next=NEXT)
    usual = float(np.median(sizes))
    least = SPECKS * max(config.clustering.min_size, SMALLEST)
    if len(sizes) >= MANY and usual <= least:
        return DUST.format(
            number=number, size=number_of(round(usual), "pixel"), next=NEXT
        )
    return ""


def _why_none(notes: Sequence[str]) -> str:
    if INVERTED in notes:
        return INVERTED
    for note in notes:
        if note == NOTHING or is_constant(note):
            return NO_CONTRAST.format(reason=note)
    return OTHER_SIZE.format(next=NEXT)


def _about_model(config: ModelConfig) -> str:
    scores = config.provenance.scores if config.provenance else {}
    ap50 = scores.get("ap50")
    if not isinstance(ap50, (int, float)) or ap50 > POOR:
        return ""
    return UNFIT.format(name=config.name, ap50=ap50)
