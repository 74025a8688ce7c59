"""What may be given to be measured: an image like the labels, a size, a place."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.label_blocks import sliceable

if TYPE_CHECKING:
    from collections.abc import Sequence


def spacing_of(
    spacing: float | Sequence[float] | None, spatial: int
) -> tuple[float, ...]:
    """Return the distance of two pixels along each axis; empty: not known.

    Parameters
    ----------
    spacing : float or sequence of float, optional
        As given; see `measure`.
    spatial : int
        Axes of an object.

    Raises
    ------
    ValueError
        If it is none, or not above 0.
    """
    if spacing is None or np.size(spacing) == 0:
        return ()
    try:
        sizes = tuple(float(size) for size in np.atleast_1d(spacing))
    except (TypeError, ValueError):
        sizes = ()
    sizes = sizes * spatial if len(sizes) == 1 else sizes
    if len(sizes) != spatial or not all(isfinite(s) and s > 0 for s in sizes):
        raise ValueError(
            f"spacing must be {spatial} numbers above 0, one for each axis of an "
            f"object, or one for all; got {spacing!r}: leave it out if it is not known"
        )
    return sizes


def offset_of(offset: Sequence[int] | None, spatial: int) -> tuple[int, ...]:
    """Return at which pixel of the full image labels begin.

    Parameters
    ----------
    offset : sequence of int, optional
        As given; see `measure`.
    spatial : int
        Axes of an object.

    Raises
    ------
    ValueError
        If it has other axes.
    """
    start = (0,) * spatial if offset is None else tuple(int(pixel) for pixel in offset)
    if len(start) != spatial:
        raise ValueError(
            f"offset must be {spatial} whole numbers, one for each axis of an object; "
            f"got {offset!r}"
        )
    return start


def light_of(image: Any, shape: tuple[int, ...], spatial: int) -> tuple[Any, int]:
    """Return an image, and which axis its channels are; −1: it has none.

    Parameters
    ----------
    image : array_like
        As given; see `measure`.
    shape : tuple of int
        Of the labels.
    spatial : int
        Axes of an object.

    Raises
    ------
    ValueError
        If it holds no real numbers, or has another shape.
    """
    light, expected = sliceable(image), tuple(shape)
    its = tuple(light.shape)
    if np.dtype(light.dtype).kind not in "buif":
        raise ValueError(
            f"the image must hold real numbers (boolean, integer or float), got the "
            f"dtype {light.dtype}"
        )
    if its == expected:
        return light, -1
    for at in (len(shape) - spatial, 0, len(shape), *range(1, len(shape))):
        if len(its) == len(shape) + 1 and its[:at] + its[at + 1 :] == expected:
            return light, at
    raise ValueError(
        f"labels and image must have one shape, but for an axis of channels; got "
        f"{expected} and {its}: give the image that was segmented, or the same part "
        f"of it"
    )
