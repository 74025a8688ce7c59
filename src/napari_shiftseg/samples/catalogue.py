"""The bundled samples by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.samples.disks import disks
from napari_shiftseg.samples.nuclei import nuclei
from napari_shiftseg.samples.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


NUCLEI_3D_SPACING = (2.0, 1.0, 1.0)


def nuclei_3d() -> Sample:
    """Make a stack of nuclei whose planes lie twice as far apart as its pixels."""
    return nuclei((32, 128, 128), diameter=(16, 28), spacing=NUCLEI_3D_SPACING)


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
    name : {"disks", "disks-16", "constant", "nuclei", "nuclei-3d"}
        See `SAMPLES`.

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
    """

    make: Callable[[], Sample]
    size: str
    purpose: str


SAMPLES = {
    "disks": Entry(
        disks,
        "508 × 508",
        "1,600 disks, period 13: both disk models learnt it",
    ),
    "disks-16": Entry(
        lambda: disks(shape=(513, 513), period=16),
        "513 × 513",
        "1,089 disks, period 16: all are of one phase",
    ),
    "constant": Entry(
        constant, "508 × 508", "nothing: all that differs comes from the network"
    ),
    "nuclei": Entry(
        nuclei, "512 × 512", "synthetic fluorescence nuclei, some of which touch"
    ),
    "nuclei-3d": Entry(
        nuclei_3d, "32 × 128 × 128", "a stack of them, its planes 2 pixels apart"
    ),
}
