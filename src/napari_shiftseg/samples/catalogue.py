"""The bundled samples by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.samples.disks import disks
from napari_shiftseg.samples.nuclei import nuclei
from napari_shiftseg.samples.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        Disks of radius 5 at period 13, at period 16, a constant image, or nuclei in
        an image or a stack.

    Raises
    ------
    ValueError
        If there is no such sample; the message names those there are.
    """
    if name not in SAMPLES:
        raise ValueError(f"no sample {name!r}; there are {', '.join(SAMPLES)}")
    return SAMPLES[name]()


SAMPLES = {
    "disks": disks,
    "disks-16": lambda: disks(shape=(513, 513), period=16),
    "constant": constant,
    "nuclei": nuclei,
    "nuclei-3d": nuclei_3d,
}
