"""The bundled samples by name, and disks on a lattice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.nuclei import nuclei
from napari_shiftseg.samples.shapes import shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


def disks(
    shape: Sequence[int] = (508, 508),
    period: int = 13,
    radius: float = 5,
) -> Sample:
    """Make disks (balls in 3-D) around every multiple of the period.

    A pixel x belongs to the disk around ``c = period · round(x / period)`` when
    ``‖x − c‖ ≤ radius``. Where ``shape − 1`` is a multiple of the period, the image
    begins and ends in the middle of a disk and mirroring continues the lattice. Disks
    that show are numbered from 1 in raster order of their centres (Rumberger et al.,
    ICCV 2021, section 4.1 and Fig. 4).

    Parameters
    ----------
    shape : sequence of int
        Pixels along each axis; any number of axes.
    period : int
        Distance of neighbouring centres, in pixels.
    radius : float
        In pixels; below ``period / 2`` the disks do not touch.

    Raises
    ------
    ValueError
        If the period is below 1, the radius negative, or the disks would touch.
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


SPACING = 16  # of the disks, two periods of a network with l = 3
NOISE = 0.5  # standard deviation; a disk is 1, the background 0
SHIFT, SMOOTHNESS = 1.5, 8  # of the deformation, in pixels


def disturbed_disks(kind: str, side: int = 304, seed: int = 1) -> Sample:
    """Make the disks of figure S3: at period 16, with noise or deformed elastically.

    Parameters
    ----------
    kind : {"noise", "deformation"}
    side, seed : int
        Pixels of the image along an axis; of the noise or the deformation.
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
    The displacement u is white noise, smoothed. The objects that are left keep their
    numbers; the lattice has no period.

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


NUCLEI_3D_SPACING = (2.0, 1.0, 1.0)
USUAL_MODEL = "nuclei"  # of images that are no samples
VOLUME_MODEL = "nuclei-3d"  # of volumes that are none


def nuclei_3d() -> Sample:
    """Make a stack of nuclei whose planes lie twice as far apart as its pixels."""
    return nuclei((32, 128, 128), diameter=(16, 28), spacing=NUCLEI_3D_SPACING)


def small_nuclei(shape: Sequence[int] = (40, 48, 48), seed: int = 0) -> Sample:
    """Make a stack of small crowded nuclei, small enough for a shallow network.

    Parameters
    ----------
    shape : sequence of int
        Voxels along each axis.
    seed : int
        Same seed, same sample.
    """
    return nuclei(
        shape, diameter=(6, 8), density=0.3, touching=0.7, blur=0.6, seed=seed
    )


def constant(shape: Sequence[int] = (508, 508), value: float = 1.0) -> Sample:
    """Make an image without any content: all that differs comes from the network.

    Parameters
    ----------
    shape : sequence of int
        Pixels along each axis.
    value : float
        Of every pixel.
    """
    image = np.full(tuple(shape), value, dtype=np.float32)
    return Sample(image, np.zeros(image.shape, dtype=np.int32))


def make_sample(name: str) -> Sample:
    """Make a bundled sample."""
    if name not in SAMPLES:
        raise ValueError(f"no sample {name!r}; there are {', '.join(SAMPLES)}")
    return SAMPLES[name].make()


@dataclass(frozen=True)
class Entry:
    """A bundled sample."""

    make: Callable[[], Sample]  # makes it
    size: str  # of the image, in pixels
    purpose: str  # what it shows, and what for
    # that it is made for, by name, the usual one first: bundled models, networks of
    # figures
    models: tuple[str, ...] = ()


SAMPLES = {
    "disks": Entry(
        disks,
        "508 × 508",
        "1,600 disks, period 13, of the disk models",
        ("disks",),
    ),
    "disks-15": Entry(
        partial(disks, shape=(301, 301), period=15),
        "301 × 301",
        "441 disks, period 15: of all 64 phases if p = 8",
        ("figure-2b", "figure-2c", "figure-z-alone", "figure-z-together"),
    ),
    "disks-16": Entry(
        partial(disks, shape=(513, 513), period=16),
        "513 × 513",
        "1,089 disks, period 16: all are of one phase",
        ("figure-2a", "figure-s3-noise", "figure-s3-deformation"),
    ),
    "disks-noise": Entry(
        partial(disturbed_disks, "noise"),
        "304 × 304",
        "400 disks, period 16, told apart by noise",
        ("figure-s3-noise",),
    ),
    "disks-bent": Entry(
        partial(disturbed_disks, "deformation"),
        "304 × 304",
        "399 disks, period 16, deformed elastically",
        ("figure-s3-deformation",),
    ),
    "constant": Entry(
        constant,
        "508 × 508",
        "nothing: differences come from the network",
        ("figure-5", "figure-5-nearest"),
    ),
    "nuclei": Entry(
        nuclei,
        "512 × 512",
        "synthetic fluorescence nuclei, some touching",
        ("nuclei",),
    ),
    "nuclei-3d": Entry(
        nuclei_3d,
        "32 × 128 × 128",
        "a stack of them, its planes 2 pixels apart",
        ("nuclei-3d", "nuclei"),
    ),
    "nuclei-small": Entry(
        small_nuclei,
        "40 × 48 × 48",
        "a stack of small ones, as in figure 6",
        ("figure-6-3d",),
    ),
    "shapes": Entry(
        shapes,
        "256 × 256",
        "disks, squares and stars: three classes",
        ("nuclei",),
    ),
}


def usual_model(name: str | None, is_volume: bool = False) -> str:
    """Return the model to begin with: the sample's own, or else that of nuclei.

    Parameters
    ----------
    name : str or None
        Of a sample; None: it is none.
    is_volume : bool
        Whether an image that is no sample is a volume.
    """
    models = SAMPLES[name].models if name in SAMPLES else ()
    if models:
        return models[0]
    return VOLUME_MODEL if is_volume else USUAL_MODEL
