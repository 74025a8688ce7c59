"""One scale for all frames of a stack, or each its own where they bleach."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.words import by
from napari_shiftseg.inference.intensity import (
    Seen,
    find_scale,
    scale_of,
    seen_in,
    usual_contrast,
)

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
    planes : tuple of str
        What single frames are: nothing but noise, for example.
    empty : dict of tuple of int to Scale
        Frames that show nothing, by position on the leading axes: all of them is read
        as nearly 0.
    """

    common: Scale | None
    notes: tuple[str, ...] = ()
    planes: tuple[str, ...] = ()
    empty: dict[tuple[int, ...], Scale] = field(default_factory=dict)

    def of(self, frame: tuple[int, ...]) -> Scale | None:
        """Return how a frame is read; None: as is found in it."""
        return self.empty.get(frame, self.common)


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
    leading = tuple(data.shape[: len(data.shape) - config.image_axes])
    empty, planes = _empty_frames(seen, leading, reading)
    if is_bleaching(seen):
        return FrameScales(None, (BLEACHING,), planes, empty)
    scale = scale_of(seen, reading)
    return FrameScales(replace(scale, notes=()), scale.notes, planes, empty)


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
    frames = sorted({place[:1] for place in seen.places})
    shown, shares = [], []
    for frame in map(seen.at, frames):
        bright = [sheet for sheet in frame.sheets if len(sheet.peaks)]
        if bright:
            ground = float(np.median([sheet.ground for sheet in bright]))
            shown.append(usual_contrast(bright, ground))
            pixels = sum(values.size for values in frame.values)
            shares.append(sum(sheet.bright.size for sheet in bright) / pixels)
    if len(shown) < max(2, MOST_FRAMES * len(frames)):
        return False
    falls = all(b <= RISES * a for a, b in pairwise(shown))
    return (
        falls
        and shown[-1] <= BLEACHED * shown[0]
        and max(shares) <= ALIKE * min(shares)
    )


def _empty_frames(
    seen: Seen, leading: tuple[int, ...], reading: Reading
) -> tuple[dict[tuple[int, ...], Scale], tuple[str, ...]]:
    """Return how frames are read that show nothing beside others, and what they are."""
    if not seen.is_complete or seen.is_noise or seen.is_constant:
        return {}, ()
    frames = {
        at: seen.at(at) for at in dict.fromkeys(p[: len(leading)] for p in seen.places)
    }
    noise = [at for at, frame in frames.items() if frame.is_noise]
    constant = [at for at, frame in frames.items() if frame.is_constant]
    said = (
        planes_are(noise, leading, "nothing but noise"),
        planes_are(constant, leading, "one grey value only"),
    )
    empty = {at: scale_of(frames[at], reading) for at in noise + constant}
    return empty, tuple(filter(None, said))


def planes_are(
    frames: list[tuple[int, ...]], leading: tuple[int, ...], what: str
) -> str:
    """Say of frames of a stack what they are: "planes 2, 5 of 8: nothing but noise".

    Parameters
    ----------
    frames : list of tuple of int
        Positions on the leading axes.
    leading : tuple of int
        Lengths of these.
    what : str

    Returns
    -------
    str
        Empty if there are none.
    """
    if not frames:
        return ""
    names = ["/".join(str(i + 1) for i in frame) for frame in frames]
    listed = ", ".join(names[:NAMED]) + ", …" * (len(names) > NAMED)
    plural = "s" * (len(names) > 1)
    return f"plane{plural} {listed} of {by(leading)}: {what}"
