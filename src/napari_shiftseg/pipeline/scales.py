"""How the grey values of a stack are read, found while others wait."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.intensity.stack import FrameScales, frame_scales
from napari_shiftseg.progress import Progress, told

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks.config import NetworkConfig


READING = Progress(0, 1, stage="reading grey values")


def plane_scale_steps(
    stack: Any, plane: tuple[int, ...], config: NetworkConfig, reading: Reading
) -> Generator[Progress, None, Scale | None]:
    r"""Find how one plane of a stack is read: as when all of it is segmented.

    Gives None where the scale is found in the plane itself.

    Parameters
    ----------
    stack : array
        ([leading,] [channels,] \*spatial)
    plane : tuple of int
        Position on the leading axes; empty where there are none.
    config : NetworkConfig
    reading : Reading
    """
    if not plane:
        return None
    scales = yield from scales_steps(stack, config, reading)
    scale = scales.of(plane)
    return scale and replace(scale, notes=scale.notes or scales.notes)


def scales_steps(
    stack: Any, config: NetworkConfig, reading: Reading
) -> Generator[Progress, None, FrameScales]:
    """Find how the planes of a stack are read, while others wait.

    Parameters
    ----------
    stack, config, reading
        See `frame_scales`.
    """
    size = prod(np.shape(stack))
    yield READING
    return (yield from told(READING, size, frame_scales, stack, config, reading))
