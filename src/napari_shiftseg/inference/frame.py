"""What one frame of a stack shows beside the others: brighter, darker, blurred."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.inference.intensity import Seen, usual_contrast

if TYPE_CHECKING:
    from napari_shiftseg.inference.sheet import Sheet

FOCUSED = 0.7  # of the steepness of focused frames, below which one is out of focus
SPECK = 3.0  # times smaller than usual objects are, what is none
APART = 2.5  # times, that the contrast of frames differs before they stand apart
DIM = 0.5  # of the middle contrast, below which a frame out of focus is dim
NEAR = 1.5  # times the middle contrast, up to which frames share one scale


@dataclass(frozen=True)
class Frame:
    """What one frame shows.

    Attributes
    ----------
    at : tuple of int
        Position on the leading axes.
    seen : Seen
    ground : float
        Its grey value.
    contrast : float
        How bright usual objects are above it; 0 where nothing stands out.
    steepness : float
        Of the edges of objects, by their contrast, per pixel: falls out of focus.
    size : float
        Pixels of a usual object.
    """

    at: tuple[int, ...]
    seen: Seen
    ground: float
    contrast: float = 0.0
    steepness: float = 0.0
    size: float = 0.0

    @property
    def is_level(self) -> bool:
        """Whether its ground is known: by objects on it, or it is nothing else."""
        return self.contrast > 0 or self.seen.is_noise or self.seen.is_constant

    def raised(self, by: float) -> Frame:
        """Return the frame with so much added to its grey values."""
        seen = replace(
            self.seen,
            sheets=tuple(sheet.raised(by) for sheet in self.seen.sheets),
            values=tuple(values + by for values in self.seen.values),
        )
        return replace(self, seen=seen, ground=self.ground + by)

    def without_objects(self) -> Frame:
        """Return the frame as if nothing in it were an object."""
        sheets = tuple(sheet.without_objects() for sheet in self.seen.sheets)
        return replace(self, seen=replace(self.seen, sheets=sheets))


def frames_in(seen: Seen, axes: int) -> list[Frame]:
    """Return the frames of a stack of so many leading axes."""
    return [_frame(at, own) for at, own in seen.by_frame(axes).items()]


def joined(seen: Seen, frames: list[Frame]) -> Seen:
    """Return what frames show, taken together, of all that was seen."""
    return replace(
        seen,
        sheets=tuple(sheet for frame in frames for sheet in frame.seen.sheets),
        values=tuple(values for frame in frames for values in frame.seen.values),
        places=tuple(place for frame in frames for place in frame.seen.places),
    )


def _frame(at: tuple[int, ...], seen: Seen) -> Frame:
    bright: list[Sheet] = [sheet for sheet in seen.sheets if len(sheet.peaks)]
    if not bright:
        return Frame(at, seen, seen.ground)
    ground = float(np.median([sheet.ground for sheet in bright]))
    steepness, size = (
        float(np.median(np.concatenate(parts)))
        for parts in zip(*((s.steepness, s.sizes) for s in bright), strict=True)
    )
    return Frame(at, seen, ground, usual_contrast(bright, ground), steepness, size)


def standing_apart(frames: list[Frame]) -> list[Frame]:
    """Return the frames that show objects of quite another contrast.

    What is dim because it is out of focus, or a mere speck, does not count.
    """
    clear = [frame for frame in frames if frame.contrast > 0]
    if len(clear) < 2:
        return []
    focused = _focused(clear)
    contrasts = [frame.contrast for frame in focused]
    if max(contrasts) <= APART * min(contrasts):
        return []
    middle = float(np.median(contrasts))
    return [
        frame
        for frame in focused
        if not middle / NEAR <= frame.contrast <= middle * NEAR
    ]


def without_blurred(frames: list[Frame]) -> list[Frame]:
    """Return frames where objects that are dim and out of focus count for none."""
    clear = [frame for frame in frames if frame.contrast > 0]
    if not clear:
        return frames
    focused = _focused(clear)
    places = {frame.at for frame in focused}
    least = DIM * float(np.median([frame.contrast for frame in focused]))
    return [
        frame.without_objects()
        if frame.at not in places and frame.contrast < least
        else frame
        for frame in frames
    ]


def _focused(clear: list[Frame]) -> list[Frame]:
    """Return the frames that are in focus as the brightest, or most, are."""
    brightest = max(clear, key=lambda frame: frame.contrast)
    usual = float(np.percentile([frame.steepness for frame in clear], 75))
    least = FOCUSED * max(brightest.steepness, usual)
    steep = [f for f in clear if f is brightest or f.steepness >= least]
    size = float(np.median([frame.size for frame in steep]))
    return [f for f in steep if f is brightest or f.size * SPECK >= size]
