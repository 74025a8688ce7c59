"""In how many parts the objects of a label image are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.measure import label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

MOST_AXES = 3  # that scikit-image labels
MOST_PARTS = 10  # connected parts an id; more are no objects
FULL = 255  # what a mask of 8 bits has for yes


def parts_per_id(labels: ArrayLike) -> float:
    r"""Return in how many connected parts the objects are, on average.

    1: each is in one piece. The grey values of a photograph are in many parts, and so
    is a mask, whose objects share one id.

    Parameters
    ----------
    labels : array_like of int
        (\\*spatial), 0 is background. Parts are connected by faces; of more than three
        axes the first ones do not connect.

    Returns
    -------
    float
        0 where there is no object.
    """
    image = np.atleast_1d(labels)
    parts = ids = 0
    for at in np.ndindex(image.shape[:-MOST_AXES]):
        parts += label(image[at], background=0, return_num=True, connectivity=1)[1]
        ids += int(np.count_nonzero(np.unique(image[at])))
    return parts / ids if ids else 0.0


def doubt_about(frames: Iterable[ArrayLike]) -> str:
    r"""Say that labels look like a mask or a raw image; empty if they do not.

    A mask has one id, 255 or for several parts that do not touch. More than 10 parts an
    id are not expected of objects either.

    Parameters
    ----------
    frames : iterable of array_like of int
        (\\*spatial), 0 is background and −1 not known; each has its own ids.

    Returns
    -------
    str
        As it stands after what the labels are called.
    """
    doubts = (_doubt_about(np.maximum(frame, 0)) for frame in frames)
    return next(filter(None, doubts), "")


def _doubt_about(labels: NDArray[np.integer]) -> str:
    parts = parts_per_id(labels)
    objects = labels[labels > 0]
    is_one = bool(len(objects)) and objects.min() == objects.max()
    remedy = "every object needs an id of its own"
    if is_one and parts > 1:
        return (
            f"looks like a mask, not like labels: {parts:.0f} parts that do not touch "
            f"all have the id {objects[0]}; {remedy}, as skimage.measure.label gives it"
        )
    if is_one and objects[0] == FULL:
        return f"looks like a mask, not like labels: its only id is {FULL}; {remedy}"
    if parts > MOST_PARTS:
        return (
            f"looks like a raw image or a mask, not like labels: {parts:.0f} parts an "
            f"id that do not touch; {remedy}"
        )
    return ""
