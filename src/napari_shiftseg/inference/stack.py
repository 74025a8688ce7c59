"""One scale for all frames of a stack, or each its own where they bleach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.words import grey
from napari_shiftseg.inference.intensity import (
    Seen,
    find_scale,
    scale_of,
    seen_in,
    usual_contrast,
)
from napari_shiftseg.inference.no_data import single_value

if TYPE_CHECKING:
    from napari_shiftseg.inference.scale import Reading, Scale
    from napari_shiftseg.model.config import ModelConfig

BLEACHED = 0.5  # of the first frame's contrast, that the last one has at most
RISES = 1.15  # times, that a frame's contrast is that of the frame before at most
ALIKE = 3.0  # times, that the share of the objects differs where frames bleach
MOST_FRAMES = 0.8  # that show objects where frames bleach
FLAT = 0.1  # reading above which a frame of one grey value is not just ground
NAMED = 10  # planes that are named in a note

BLEACHING = "the frames bleach, so each is read by grey values of its own"


@dataclass(frozen=True)
class FrameScales:
    """How the frames of a stack are read.

    Attributes
    ----------
    common : Scale or None
        That of all; None: each has its own, found in it.
    notes : tuple of str
        What the user should know, once for all frames.
    """

    common: Scale | None
    notes: tuple[str, ...] = ()

    def of(self, plane: Any, name: str) -> Scale | None:
        """Return the scale of one frame: one grey value alone shows no object.

        Read by the common scale, a frame of a high value would be one object.

        Parameters
        ----------
        plane : array
        name : str
            Of the frame, as people count: "plane 2 of 3".
        """
        value = None if self.common is None else single_value(plane)
        if value is None or self.common is None:
            return self.common
        if (value - self.common.offset) * self.common.gain <= FLAT:
            return self.common
        note = f"{name} has one grey value only, {grey(value)}: no objects there"
        return replace(self.common, low=value, high=value, notes=(note,))


def frame_scales(data: Any, config: ModelConfig, reading: Reading) -> FrameScales:
    r"""Find how the frames of a stack are read.

    All have one scale, so that planes without objects stay without. Frames that bleach
    have their own: their contrast falls from frame to frame to half and less, while
    what they show stays as it was.

    Parameters
    ----------
    data : array
        (leading, [channels,] \\*spatial)
    config : ModelConfig
    reading : Reading
    """
    if reading.intensity != "auto":
        return FrameScales(find_scale(data, config.ndim, config.intensity, reading))
    if config.intensity != "percentile" or np.dtype(data.dtype).kind not in "iuf":
        return FrameScales(None)
    seen = seen_in(data, config.ndim, reading)
    if is_bleaching(seen):
        return FrameScales(None, (BLEACHING,))
    scale = scale_of(seen, reading)
    notes = scale.notes or _without_objects(seen)
    return FrameScales(replace(scale, notes=()), notes)


def scales_of(data: Any, config: ModelConfig, reading: Reading) -> FrameScales:
    r"""Find how an image is read, or a stack where it has leading axes.

    Parameters
    ----------
    data : array
        ([leading,] [channels,] \\*spatial)
    config : ModelConfig
    reading : Reading
    """
    if len(data.shape) > config.image_axes:
        return frame_scales(data, config, reading)
    scale = find_scale(data, config.ndim, config.intensity, reading)
    return FrameScales(replace(scale, notes=()), scale.notes)


def is_bleaching(seen: Seen) -> bool:
    """Whether contrast falls along the first axis and all else stays."""
    frames = sorted(set(seen.frames))
    shown, shares = [], []
    for frame in frames:
        at = [i for i, f in enumerate(seen.frames) if f == frame]
        bright = [seen.sheets[i] for i in at if len(seen.sheets[i].peaks)]
        if bright:
            ground = float(np.median([sheet.ground for sheet in bright]))
            shown.append(usual_contrast(bright, ground))
            pixels = sum(seen.values[i].size for i in at)
            shares.append(sum(sheet.bright.size for sheet in bright) / pixels)
    if len(shown) < max(2, MOST_FRAMES * len(frames)):
        return False
    falls = all(b <= RISES * a for a, b in pairwise(shown))
    return (
        falls
        and shown[-1] <= BLEACHED * shown[0]
        and max(shares) <= ALIKE * min(shares)
    )


def _without_objects(seen: Seen) -> tuple[str, ...]:
    """Say which frames show nothing but noise, where others show more."""
    by_frame: dict[int, list[bool]] = {}
    for frame, sheet in zip(seen.frames, seen.sheets, strict=True):
        by_frame.setdefault(frame, []).append(sheet.is_noise)
    empty = [frame for frame, noise in by_frame.items() if all(noise)]
    if not empty or not seen.is_complete:
        return ()
    names = ", ".join(str(frame + 1) for frame in empty[:NAMED])
    names += ", …" * (len(empty) > NAMED)
    which = f"planes {names}" if len(empty) > 1 else f"plane {names}"
    says = "show" if len(empty) > 1 else "shows"
    return (f"{which} of {len(by_frame)} {says} nothing but noise: no objects there",)
