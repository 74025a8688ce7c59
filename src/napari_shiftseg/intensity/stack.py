"""One scale for all frames of a stack, or each its own where they differ."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.intensity.automatic import (
    Seen,
    find_scale,
    scale_of,
    seen_in,
    usual_contrast,
)
from napari_shiftseg.intensity.no_data import is_without_data
from napari_shiftseg.text import by, grey

if TYPE_CHECKING:
    from napari_shiftseg.intensity.plane import Sheet
    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks.config import NetworkConfig


FOCUSED = 0.7  # of the steepness of focused frames, below which one is out of focus
SPECK = 3.0  # times smaller than usual objects are, what is none
APART = 2.5  # times, that the contrast of frames differs before they stand apart
DIM = 0.5  # of the middle contrast, below which a frame out of focus is dim
NEAR = 1.5  # times the middle contrast, up to which frames share one scale


@dataclass(frozen=True)
class StackFrame:
    """What one frame shows."""

    at: tuple[int, ...]  # position on the leading axes
    seen: Seen
    ground: float  # its grey value
    # how bright usual objects are above it; 0 where nothing stands out
    contrast: float = 0.0
    # of the edges of objects, by their contrast, per pixel: falls out of focus
    steepness: float = 0.0
    size: float = 0.0  # pixels of a usual object

    @property
    def is_level(self) -> bool:
        """Whether its ground is known: by objects on it, or it is nothing else."""
        return self.contrast > 0 or self.seen.is_noise or self.seen.is_constant

    def raised(self, by: float) -> StackFrame:
        """Return the frame with so much added to its grey values."""
        seen = replace(
            self.seen,
            sheets=tuple(sheet.raised(by) for sheet in self.seen.sheets),
            values=tuple(values + by for values in self.seen.values),
        )
        return replace(self, seen=seen, ground=self.ground + by)

    def without_objects(self) -> StackFrame:
        """Return the frame as if nothing in it were an object."""
        sheets = tuple(sheet.without_objects() for sheet in self.seen.sheets)
        return replace(self, seen=replace(self.seen, sheets=sheets))


def _frames_in(seen: Seen, axes: int) -> list[StackFrame]:
    """Return the frames of a stack of so many leading axes."""
    return [_frame(at, own) for at, own in seen.by_frame(axes).items()]


def _joined(seen: Seen, frames: list[StackFrame]) -> Seen:
    """Return what frames show, taken together, of all that was seen."""
    return replace(
        seen,
        sheets=tuple(sheet for frame in frames for sheet in frame.seen.sheets),
        values=tuple(values for frame in frames for values in frame.seen.values),
        places=tuple(place for frame in frames for place in frame.seen.places),
    )


def _frame(at: tuple[int, ...], seen: Seen) -> StackFrame:
    bright: list[Sheet] = [sheet for sheet in seen.sheets if len(sheet.peaks)]
    if not bright:
        return StackFrame(at, seen, seen.ground)
    ground = float(np.median([sheet.ground for sheet in bright]))
    steepness, size = (
        float(np.median(np.concatenate(parts)))
        for parts in zip(*((s.steepness, s.sizes) for s in bright), strict=True)
    )
    return StackFrame(at, seen, ground, usual_contrast(bright, ground), steepness, size)


def _standing_apart(frames: list[StackFrame]) -> list[StackFrame]:
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


def _without_blurred(frames: list[StackFrame]) -> list[StackFrame]:
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


def _focused(clear: list[StackFrame]) -> list[StackFrame]:
    """Return the frames that are in focus as the brightest, or most, are."""
    brightest = max(clear, key=lambda frame: frame.contrast)
    usual = float(np.percentile([frame.steepness for frame in clear], 75))
    least = FOCUSED * max(brightest.steepness, usual)
    steep = [f for f in clear if f is brightest or f.steepness >= least]
    size = float(np.median([frame.size for frame in steep]))
    return [f for f in steep if f is brightest or f.size * SPECK >= size]


BLEACHED = 0.5  # of the first frame's contrast, that the last one has at most
RISES = 1.15  # times, that a frame's contrast is that of the frame before at most
ALIKE = 3.0  # times, that the share of the objects differs where frames bleach
MOST_FRAMES = 0.8  # that show objects where frames bleach
NAMED = 10  # planes that are named in a note
DRIFT = 0.15  # of the scale, that the ground of frames differs at most
CONTRAST = "each is read by its own contrast, which differs up to {} times"
GROUNDS = "each frame is read from its own background, which differs by {}"
BLEACHING = (
    "the contrast falls from frame to frame, as where they bleach, so each is read by "
    "its own grey values"
)


@dataclass(frozen=True)
class FrameScales:
    """How the frames of a stack are read."""

    common: Scale | None  # that of all; None: each has its own, found in it
    notes: tuple[str, ...] = ()  # what the user should know, once for all frames
    # what single frames are: nothing but noise, for example
    planes: tuple[str, ...] = ()
    # of frames that are read otherwise, by position on the leading axes: of another
    # contrast, or ground, or with nothing to see, which is read as nearly 0
    own: dict[tuple[int, ...], Scale] = field(default_factory=dict)
    # frames that were looked at, where others are read as is found in them
    known: frozenset[tuple[int, ...]] | None = None

    def of(self, frame: tuple[int, ...]) -> Scale | None:
        """Return how a frame is read; None: as is found in it."""
        if self.known is not None and frame not in self.known:
            return None
        return self.own.get(frame, self.common)


def frame_scales(data: Any, config: NetworkConfig, reading: Reading) -> FrameScales:
    r"""Find how the frames of a stack are read.

    All have one scale, so that planes without objects stay without. Frames that bleach
    have their own: their contrast falls from frame to frame to half and less, while
    what they show stays as it was. So have single frames of quite another contrast
    (`_standing_apart`); where the ground differs, the scale is moved along with it.

    Parameters
    ----------
    data : array
        (leading, [channels,] \*spatial)
    config : NetworkConfig
    reading : Reading
    """
    if reading.intensity != "auto":
        return FrameScales(find_scale(data, config.ndim, config.intensity, reading))
    kind = np.dtype(data.dtype).kind
    leading = tuple(data.shape[: len(data.shape) - config.image_axes])
    if kind in "buif" and (config.intensity == "range" or kind == "b"):
        return _range_of_all(data, leading, config, reading)
    if config.intensity != "percentile" or kind not in "iuf":
        return FrameScales(None)
    seen = seen_in(data, config.ndim, reading)
    empty, planes = _empty_frames(seen, leading, reading)
    if _is_bleaching(seen):
        return FrameScales(None, (BLEACHING,), planes, empty)
    scales = _by_frame(seen, leading, reading)
    return replace(scales, planes=planes, own=scales.own | empty)


def _range_of_all(
    data: Any, leading: tuple[int, ...], config: NetworkConfig, reading: Reading
) -> FrameScales:
    """Return the range over all frames that hold data."""
    found = [
        find_scale(data[at], config.ndim, config.intensity, reading)
        for at in np.ndindex(leading)
        if not is_without_data(data[at])
    ]
    if not found or config.intensity == "as-is":
        return FrameScales(None)
    low, high = min(one.low for one in found), max(one.high for one in found)
    ground = high if reading.invert else low
    common = replace(found[0], low=low, high=high, ground=ground, notes=())
    return FrameScales(common, () if high > low else found[0].notes)


def _by_frame(seen: Seen, leading: tuple[int, ...], reading: Reading) -> FrameScales:
    """Return the scale of all frames, moved by their ground, and of those apart."""
    frames = _frames_in(seen, len(leading))
    apart = _standing_apart(frames)
    places = {frame.at for frame in apart}
    others = [frame for frame in frames if frame.at not in places]
    shared = others if any(frame.contrast > 0 for frame in others) else frames
    common, steps = _levelled(seen, _without_blurred(shared), reading)
    sign = -1 if reading.invert else 1
    own = {at: _moved(common, sign * step) for at, step in steps.items()}
    own |= {frame.at: scale_of(frame.seen, reading) for frame in apart}
    notes = (*common.notes, *_differing(frames, apart, [*steps.values()], leading))
    known = frozenset(frame.at for frame in frames) if own else None
    return FrameScales(replace(common, notes=()), notes, (), own, known)


def _levelled(
    seen: Seen, frames: list[StackFrame], reading: Reading
) -> tuple[Scale, dict[tuple[int, ...], float]]:
    """Return the scale of frames, and by how much it is moved where grounds differ."""
    common = scale_of(_joined(seen, frames), reading)
    clear = [frame for frame in frames if frame.contrast > 0]
    if not clear:
        return common, {}
    middle = float(np.median([frame.ground for frame in clear]))
    steps = {frame.at: frame.ground - middle for frame in frames if frame.is_level}
    level = [frame.raised(-steps.get(frame.at, 0.0)) for frame in frames]
    scale = scale_of(_joined(seen, level), reading)
    farthest = max(abs(frame.ground - middle) for frame in clear)
    if farthest <= DRIFT * (scale.high - scale.low):
        return common, {}
    return scale, {frame.at: steps[frame.at] for frame in clear}


def _moved(scale: Scale, by: float) -> Scale:
    return replace(
        scale, low=scale.low + by, high=scale.high + by, ground=scale.ground + by,
        notes=(),
    )  # fmt: skip


def _differing(
    frames: list[StackFrame],
    apart: list[StackFrame],
    steps: list[float],
    leading: tuple[int, ...],
) -> list[str]:
    """Say which frames are read in their own way."""
    said = []
    if apart:
        shown = [frame.contrast for frame in frames if frame.contrast > 0]
        times = grey(float(f"{max(shown) / min(shown):.2g}"))
        places = [frame.at for frame in apart]
        said.append(planes_are(places, leading, CONTRAST.format(times)))
    if steps:
        said.append(GROUNDS.format(grey(max(steps) - min(steps))))
    return said


def scales_of(data: Any, config: NetworkConfig, reading: Reading) -> FrameScales:
    r"""Find how an image is read, or a stack where it has leading axes.

    Parameters
    ----------
    data : array
        ([leading,] [channels,] \*spatial)
    config : NetworkConfig
    reading : Reading
    """
    if len(data.shape) > config.image_axes:
        return frame_scales(data, config, reading)
    scale = find_scale(data, config.ndim, config.intensity, reading)
    return FrameScales(replace(scale, notes=()), scale.notes)


def _is_bleaching(seen: Seen) -> bool:
    """Whether contrast falls along the first axis and all else stays."""
    frames = _frames_in(seen, 1)
    shown, shares = [], []
    for frame in frames:
        bright = sum(sheet.bright.size for sheet in frame.seen.sheets)
        if bright:
            shown.append(frame.contrast)
            shares.append(bright / sum(values.size for values in frame.seen.values))
    if len(shown) < max(2, MOST_FRAMES * len(frames)):
        return False
    falls = all(b <= RISES * a for a, b in pairwise(shown))
    alike = max(shares) <= ALIKE * min(shares)
    return falls and alike and shown[-1] <= BLEACHED * shown[0]


def _empty_frames(
    seen: Seen, leading: tuple[int, ...], reading: Reading
) -> tuple[dict[tuple[int, ...], Scale], tuple[str, ...]]:
    """Return how frames are read that show nothing beside others, and what they are."""
    if not seen.is_complete or seen.is_noise or seen.is_constant:
        return {}, ()
    frames = seen.by_frame(len(leading))
    noise = [at for at, frame in frames.items() if frame.is_noise]
    constant = [at for at, frame in frames.items() if frame.is_constant]
    said = (
        planes_are(noise, leading, "nothing but noise"),
        planes_are(constant, leading, "only one grey value"),
    )
    empty = {at: scale_of(frames[at], reading) for at in noise + constant}
    return empty, tuple(filter(None, said))


def planes_are(
    frames: list[tuple[int, ...]],
    leading: tuple[int, ...],
    what: str,
    noun: str = "plane",
) -> str:
    """Say of frames of a stack what they are: "planes 2, 5 of 8: nothing but noise".

    Parameters
    ----------
    frames : list of tuple of int
        Positions on the leading axes; none: nothing is said.
    leading : tuple of int
        Lengths of these.
    what : str
    noun : str
        What one of them is called.
    """
    if not frames:
        return ""
    names = ["/".join(str(i + 1) for i in frame) for frame in frames[:NAMED]]
    if len(frames) > NAMED:
        names.append("…")
    noun += "s" * (len(frames) > 1)
    return f"{noun} {', '.join(names)} of {by(leading)}: {what}"
