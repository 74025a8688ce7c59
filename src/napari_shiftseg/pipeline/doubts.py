"""Why a result, or a prediction, is hardly right, each with what to do next."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.clustering.components import connected, without_small
from napari_shiftseg.intensity.automatic import says_no_contrast
from napari_shiftseg.networks.properties import own_seams
from napari_shiftseg.pipeline.result import above
from napari_shiftseg.text import percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.pipeline.result import Prediction, Segmentation


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
TOO_SMALL = (
    "no object was found: {} of the pixels are foreground, but none of what it was "
    "grouped into has the minimum size of {} pixels; take a larger bandwidth or a "
    "smaller minimum size, or train the model longer"
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
    "the model's own validation came to nothing (AP50 0): train it longer, or take "
    "another"
)


def doubts_about(result: Segmentation, config: NetworkConfig) -> tuple[str, ...]:
    """Return a sentence for each way in which a result is hardly right.

    Models without a foreground logit take a background for an object like others, and
    show what seams do: of what they find specks alone are said, where no seams make
    them.

    Parameters
    ----------
    result : Segmentation
    config : NetworkConfig
        Of the model that made it.
    """
    if config.foreground:
        clustering = result.settings.clustering(config, result.rescaling)
        found = tuple(_of_objects(result, clustering))
    else:
        has_seams = not result.plan.is_exact or own_seams(config) is not None
        found = () if has_seams else tuple(_of_specks(_sizes(result)))
    return (*_of_validation(config), *found)


def doubts_about_foreground(
    predicted: Prediction, config: NetworkConfig, clustering: Clustering
) -> tuple[str, ...]:
    """Return a sentence for each way in which a prediction is hardly right.

    Parameters
    ----------
    predicted : Prediction
        Not clustered.
    config : NetworkConfig
        Of the model that made it.
    clustering : Clustering
        With the threshold of the foreground.
    """
    known = _of_validation(config)
    foreground = predicted.foreground(clustering.foreground_threshold)
    if foreground is None or (foreground.any() and foreground.mean() < MOST):
        return known
    if foreground.any():
        return (*known, FULL.format(percent(foreground.mean())))
    return (*known, why_none(predicted.notes))


def _of_validation(config: NetworkConfig) -> tuple[str, ...]:
    provenance = config.provenance
    is_doubtful = provenance is not None and provenance.scores.get("ap50") == 0
    return (UNTRAINED,) if is_doubtful else ()


def _of_objects(result: Segmentation, clustering: Clustering) -> Iterator[str]:
    sizes, pixels = _sizes(result), prod(result.shape)
    if not len(sizes):
        yield _nothing(result, clustering)
        return
    largest, covered = sizes.max() / pixels, sizes.sum() / result.labels.size
    if largest >= NEARLY_ALL:
        yield ONE.format(percent(largest))
    elif covered >= MOST:
        yield FULL.format(percent(covered))
    yield from _of_specks(sizes)


def _sizes(result: Segmentation) -> NDArray[np.integer]:
    """Return the pixels of each object, of all frames: (objects,)."""
    frames = result.labels.reshape(-1, *result.shape)
    counts = (np.bincount(frame.ravel())[1:] for frame in frames)
    return np.concatenate([count[count > 0] for count in counts])


def _of_specks(sizes: NDArray[np.integer]) -> Iterator[str]:
    if len(sizes) >= MANY and np.median(sizes) <= SPECK:
        yield SPECKS.format(len(sizes), np.median(sizes))


def _nothing(result: Segmentation, clustering: Clustering) -> str:
    """Say why there is no object."""
    foreground = above(result.logit, clustering.foreground_threshold)
    if foreground is None or any(map(says_no_contrast, result.notes)):
        return why_none(result.notes)
    parts = map(connected, foreground.reshape(-1, *result.shape))
    if not any(without_small(part, clustering.min_size)[0].any() for part in parts):
        return NONE
    return TOO_SMALL.format(percent(foreground.mean()), clustering.min_size)


def why_none(notes: tuple[str, ...]) -> str:
    """Say why there is no foreground, by what is known of the grey values."""
    known = next(filter(says_no_contrast, notes), None)
    return NONE if known is None else NO_CONTRAST.format(known)
