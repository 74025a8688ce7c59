"""Samples disturbed, so that objects which looked alike do so no longer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_shiftseg.samples.disks import disks

if TYPE_CHECKING:
    from napari_shiftseg.samples.sample import Sample

SPACING = 16  # of the disks, two periods of a network with l = 3
NOISE = 0.5  # standard deviation; a disk is 1, the background 0
SHIFT, SMOOTHNESS = 1.5, 8  # of the deformation, in pixels


def disturbed_disks(kind: str, side: int = 304, seed: int = 1) -> Sample:
    """Make the disks of figure S3: at period 16, with noise or deformed elastically.

    Parameters
    ----------
    kind : {"noise", "deformation"}
    side : int
        Of the image, in pixels.
    seed : int
        Of the noise or the deformation.
    """
    lattice = disks((side, side), SPACING)
    if kind == "noise":
        return noisy(lattice, NOISE, seed)
    return deformed(lattice, SHIFT, SMOOTHNESS, seed)


def noisy(sample: Sample, deviation: float, seed: int = 0) -> Sample:
    """Add independent normal noise to every pixel; the objects stay.

    Parameters
    ----------
    sample : Sample
    deviation : float
        Standard deviation of the noise, in units of the image.
    seed : int
        Of the noise.

    Raises
    ------
    ValueError
        If the deviation is negative.
    """
    _refuse_negative("deviation of the noise", deviation)
    noise = np.random.default_rng(seed).normal(0, deviation, sample.image.shape)
    return replace(sample, image=(sample.image + noise).astype(np.float32))


def deformed(
    sample: Sample, deviation: float, smoothness: float = 24, seed: int = 0
) -> Sample:
    """Deform image and objects elastically.

    A pixel x of the result is the pixel x + u(x) of the sample: linear between pixels
    in the image, the nearest pixel in the labels, the outermost one beyond the border.
    The displacement u is white noise, smoothed.

    Parameters
    ----------
    sample : Sample
    deviation : float
        Standard deviation of u along each axis, in pixels.
    smoothness : float
        Standard deviation of the Gaussian that smooths u, in pixels; well above the
        deviation, or objects are torn.
    seed : int
        Of the displacement.

    Returns
    -------
    Sample
        The objects that are left keep their numbers; the lattice has no period.

    Raises
    ------
    ValueError
        If the deviation is negative, or the smoothness not above it.
    """
    _refuse_negative("deviation of the displacement", deviation)
    if smoothness <= deviation:
        raise ValueError(
            f"displacements of deviation {deviation} tear objects at a smoothness of "
            f"{smoothness}: take a smoothness above {deviation}"
        )
    rng = np.random.default_rng(seed)
    at = np.indices(sample.image.shape).astype(np.float64)
    for along in at:
        field = ndimage.gaussian_filter(rng.normal(size=along.shape), smoothness)
        along += deviation * field / field.std()
    image = ndimage.map_coordinates(sample.image, at, order=1, mode="nearest")
    labels = ndimage.map_coordinates(sample.labels, at, order=0, mode="nearest")
    return replace(sample, image=image, labels=labels, period=None)


def _refuse_negative(name: str, value: float) -> None:
    if value < 0:
        raise ValueError(f"the {name} must be 0 or more, got {value}")
