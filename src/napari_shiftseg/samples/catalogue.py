"""The bundled samples by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.samples.disks import disks
from napari_shiftseg.samples.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    name : {"disks", "disks-16", "constant"}
        Disks of radius 5 at period 13, at period 16, or a constant image.

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
}
