"""Disks on a square lattice: objects that look alike, so only the phase tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.samples.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def disks(
    shape: Sequence[int] = (508, 508),
    period: int = 13,
    radius: float = 5,
) -> Sample:
    """Make disks (balls in 3-D) around every multiple of the period.

    A pixel x belongs to the disk around ``c = period · round(x / period)`` when
    ``‖x − c‖ ≤ radius``. Where ``shape − 1`` is a multiple of the period, the image
    begins and ends in the middle of a disk and mirroring continues the lattice.

    Parameters
    ----------
    shape : sequence of int
        Pixels along each axis; any number of axes.
    period : int
        Distance of neighbouring centres, in pixels.
    radius : float
        In pixels; below ``period / 2`` the disks do not touch.

    Returns
    -------
    Sample
        ``image`` float32, 1 inside a disk and 0 elsewhere; ``labels`` int32, the
        disks that show numbered from 1 in raster order of their centres.

    Raises
    ------
    ValueError
        If the period is below 1, the radius negative, or the disks would touch.

    References
    ----------
    Rumberger et al., ICCV 2021, section 4.1 and Fig. 4.
    """
    if period < 1:
        raise ValueError(f"the period must be 1 pixel or more, got {period}")
    if radius < 0:
        raise ValueError(f"the radius must be 0 or more, got {radius}")
    if 2 * radius >= period:
        raise ValueError(
            f"disks of radius {radius} touch at period {period}: "
            f"take a radius below {period / 2}"
        )
    squared, number = _lattice(tuple(shape), period)
    inside = squared <= radius**2
    labels = np.zeros(inside.shape, dtype=np.int32)
    labels[inside] = np.unique(number[inside], return_inverse=True)[1] + 1
    return Sample(inside.astype(np.float32), labels, period)


def _lattice(
    shape: tuple[int, ...], period: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Squared distance to the nearest centre, and that centre's number, per pixel."""
    squared = np.zeros(shape, dtype=np.int64)
    number = np.zeros(shape, dtype=np.int64)
    for axis, size in enumerate(shape):
        x = np.arange(size)
        centre = (x + period // 2) // period
        along = [1] * len(shape)
        along[axis] = size
        squared = squared + ((x - centre * period) ** 2).reshape(along)
        centres = (size - 1 + period // 2) // period + 1
        number = number * centres + centre.reshape(along)
    return squared, number
