"""Results that are hardly right, said with the likely reason and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.intensity.automatic import says_no_contrast
from napari_shiftseg.text import percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_shiftseg.networks.config import ModelConfig
    from napari_shiftseg.pipeline.result import Segmentation

NEARLY_ALL = 0.8  # of the pixels, that one object covers
MOST = 0.9  # of the pixels, that objects cover
MANY, SPECK = 200, 30  # objects; pixels of half of them at most

NO_CONTRAST = (
    "no object was found: {}; take another channel or plane, or set the grey values"
)
NONE = (
    "no object was found: the image may be of another channel or scale than the model "
    "knows; look at it as displayed, invert it if objects are dark, set its grey "
    "values, or take another model"
)
ONE = (
    "one object covers {} of the image: ground and objects may be the wrong way round "
    "(invert), or the model does not fit the image"
)
FULL = (
    "{} of the pixels are objects: ground and objects may be the wrong way round "
    "(invert), or noise is read as objects (set the grey values)"
)
SPECKS = (
    "{:,} objects, half of them of {:.0f} pixels or fewer: noise may be read as "
    "objects (set the grey values), or the pixels are larger than the model knows"
)
UNTRAINED = (
    "the model found nothing in its own validation (AP50 0): train it longer, or take "
    "another"
)


def doubts_about(result: Segmentation, config: ModelConfig) -> tuple[str, ...]:
    """Return a sentence for each way in which a result is hardly right.

    Nothing is said of models without a foreground logit, for which a background is an
    object like others, but of their validation.

    Parameters
    ----------
    result : Segmentation
    config : ModelConfig
        Of the model that made it.
    """
    provenance = config.provenance
    untrained = provenance is not None and provenance.scores.get("ap50") == 0
    found = _of_objects(result) if config.foreground else ()
    return (*([UNTRAINED] if untrained else []), *found)


def _of_objects(result: Segmentation) -> Iterator[str]:
    frames = result.labels.reshape(-1, *result.plan.output_shape)
    sizes = np.concatenate([np.bincount(frame.ravel())[1:] for frame in frames])
    sizes = sizes[sizes > 0]
    if not len(sizes):
        known = [note for note in result.notes if says_no_contrast(note)]
        yield NO_CONTRAST.format(known[0]) if known else NONE
        return
    largest, covered = sizes.max() / frames[0].size, sizes.sum() / frames.size
    if largest >= NEARLY_ALL:
        yield ONE.format(percent(largest))
    elif covered >= MOST:
        yield FULL.format(percent(covered))
    if len(sizes) >= MANY and np.median(sizes) <= SPECK:
        yield SPECKS.format(len(sizes), np.median(sizes))
