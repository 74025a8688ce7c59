"""The bundled samples by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.disks import disks, disturbed_disks
from napari_shiftseg.samples.nuclei import nuclei

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


NUCLEI_3D_SPACING = (2.0, 1.0, 1.0)
USUAL_MODEL = "nuclei"  # of images that are no samples


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
    """Make a bundled sample.

    Parameters
    ----------
    name : str
        One of `SAMPLES`.

    Raises
    ------
    ValueError
        If there is no such sample; the message names those there are.
    """
    if name not in SAMPLES:
        raise ValueError(f"no sample {name!r}; there are {', '.join(SAMPLES)}")
    return SAMPLES[name].make()


@dataclass(frozen=True)
class Entry:
    """A bundled sample.

    Attributes
    ----------
    make : callable
        Makes it.
    size : str
        Of the image, in pixels.
    purpose : str
        What it shows, and what for.
    models : tuple of str
        That it is made for, by name, the usual one first: bundled models, networks of
        figures.
    """

    make: Callable[[], Sample]
    size: str
    purpose: str
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
        ("nuclei",),
    ),
    "nuclei-small": Entry(
        small_nuclei,
        "40 × 48 × 48",
        "a stack of small ones, as in figure 6",
        ("figure-6-3d",),
    ),
}


def usual_model(name: str | None) -> str:
    """Return the model to begin with: the sample's own, else that of nuclei.

    Parameters
    ----------
    name : str or None
        Of a sample; anything else is an image of the user's own.
    """
    models = SAMPLES[name].models if name in SAMPLES else ()
    return models[0] if models else USUAL_MODEL
