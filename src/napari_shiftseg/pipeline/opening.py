"""Opening an image, or a plane of a stack: its scale is found while others wait."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.inference.predict import open_for
from napari_shiftseg.intensity.stack import FrameScales, frame_scales
from napari_shiftseg.progress import Progress, patiently

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike

    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.networks.config import ModelConfig
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.stores.image import Image

READING = Progress(0, 1, stage="reading grey values")


def plane_scale_steps(
    stack: Any, plane: tuple[int, ...], config: ModelConfig, reading: Reading
) -> Generator[Progress, None, Scale | None]:
    r"""Find how one plane of a stack is read: as when all of it is segmented.

    Parameters
    ----------
    stack : array
        ([leading,] [channels,] \*spatial)
    plane : tuple of int
        Position on the leading axes; empty where there are none.
    config : ModelConfig
    reading : Reading

    Returns
    -------
    Scale or None
        None: as is found in the plane itself.
    """
    if not plane:
        return None
    scales = yield from patiently(
        READING, prod(np.shape(stack)), frame_scales, stack, config, reading
    )
    scale = scales.of(plane)
    return scale and replace(scale, notes=scale.notes or scales.notes)


def frame_scales_steps(
    pixels: Any, model: TiledNetwork, settings: Settings, scale: Scale | None
) -> Generator[Progress, None, FrameScales]:
    """Find how the frames of a stack are read; so where a scale is given."""
    if scale is not None:
        return FrameScales(scale, scale.notes)
    return (
        yield from patiently(
            READING, prod(np.shape(pixels)), frame_scales, pixels, model.config,
            settings.reading,
        )
    )  # fmt: skip


def opened_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    settings: Settings,
    scale: Scale | None = None,
) -> Generator[Progress, None, Image]:
    """Open an image while others wait: its scale is found in many pixels."""
    return (
        yield from patiently(
            READING, prod(np.shape(image)), open_for, image, model, settings.reading,
            scale,
        )
    )  # fmt: skip
