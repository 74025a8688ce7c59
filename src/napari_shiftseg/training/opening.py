"""The image of a sample, opened as a network reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.inference.image import open_image

if TYPE_CHECKING:
    from napari_shiftseg.inference.image import Image
    from napari_shiftseg.model.config import ModelConfig
    from napari_shiftseg.samples.sample import Sample


def opened(sample: Sample, config: ModelConfig) -> Image:
    """Open the image of a sample, scaled as the larger image it is a region of.

    Raises
    ------
    ValueError
        If it is not what the network reads.
    """
    return open_image(
        sample.image,
        config.ndim,
        config.in_channels,
        config.intensity,
        scale=sample.scale,
    )
