"""Which grey values of an image, or of a whole stack, are read as 0 and as 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.intensity.no_data import (
    no_data,
    values_of,
    workable,
)
from napari_shiftseg.intensity.order import percentile
from napari_shiftseg.intensity.plane import Sheet, sheet_of
from napari_shiftseg.intensity.rules import scale_by, value_range, without_data
from napari_shiftseg.intensity.scale import Reading, Rule, Scale
from napari_shiftseg.progress import telling
from napari_shiftseg.text import grey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_shiftseg.intensity.no_data import NoData
    from napari_shiftseg.networks.config import Intensity

LOWEST, HIGHEST = 1.0, 99.8  # percentiles
MOST_SAMPLED = 2**24  # pixels the scale of a large image is read from
TILE = 1024  # pixels, width of the parts a large plane is sampled in
CEILING = 1.5  # reading above which a pixel is compared with its neighbours
QUIET = 85.0  # times the ground's noise, that are read as 0 … 1 at least
BARELY = 16.0  # times what noise and light span, that is read as 0 … 1
DIMMEST, BRIGHTEST = 1.0, 6.0  # of usual objects, that 1 lies above the ground
FEW = 85.0  # percentile of the objects' grey values, where they are few
TYPICAL = 2.0  # times usual objects, where something else is the brightest
ISOLATED = 1.3  # times what is left without isolated pixels
DEPTH = 3.5  # times the spread of the ground below it, that 0 lies at most
EQUAL_VOTE = 256  # pixels of an object, from which on all weigh alike
DIMMER = 0.45  # of the votes; of two things alike the dimmer one is the object
PATCH = 200.0  # pixels that depend on each other in the most blurred noise
FLATTER = 3.0  # standard deviations below a normal law's kurtosis that no noise is
FLAT = 2.75  # kurtosis above which no image is called flatter, however large
DARK = 2.0  # times as far as bright ones, that dark objects stand out


@dataclass(frozen=True)
class Seen:
    """What the planes of an image show, taken together."""

    sheets: tuple[Sheet, ...]
    values: tuple[NDArray[Any], ...]  # (pixels,) of each, grey values that hold data
    places: tuple[tuple[int, ...], ...]  # position of each on the axes before its own
    # see `NoData`
    no_data: tuple[float, ...]
    in_blocks: tuple[float, ...]
    is_complete: bool  # whether all pixels were looked at

    @property
    def ground(self) -> float:
        """Grey value of the ground: the median over the planes."""
        return float(np.median([sheet.ground for sheet in self.sheets]))

    def by_frame(self, axes: int) -> dict[tuple[int, ...], Seen]:
        """Return what was seen of each frame of a stack of so many leading axes."""
        places = dict.fromkeys(place[:axes] for place in self.places)
        return {at: self.at(at) for at in places}

    def at(self, place: tuple[int, ...]) -> Seen:
        """Return what was seen at a place: of one frame of a stack, for example."""
        here = [i for i, p in enumerate(self.places) if p[: len(place)] == place]
        return replace(
            self,
            sheets=tuple(self.sheets[i] for i in here),
            values=tuple(self.values[i] for i in here),
            places=tuple(self.places[i] for i in here),
        )

    @property
    def is_noise(self) -> bool:
        """Whether all of it is nothing but noise."""
        return all(sheet.is_noise for sheet in self.sheets)

    @property
    def is_constant(self) -> bool:
        """Whether all of it has one grey value."""
        values = {v for part in self.values for v in (part.min(), part.max())}
        return len(values) == 1

    @cached_property
    def known(self) -> NDArray[Any]:
        """Grey values of all planes, (pixels,)."""
        known = np.concatenate(self.values)
        return known if known.dtype.kind in "iu" else known.astype(np.float64)


INSTEAD = (
    "the network's own normalisation ({}) is replaced by the grey values given, which "
    "are read as 0 and 1; auto keeps to it"
)


def find_scale(
    data: Any, ndim: int, intensity: Intensity, reading: Reading | None = None
) -> Scale:
    r"""Find how the grey values of an image, or of a stack, are read.

    Of a model of intensity "percentile" the 1st percentile is read as 0 and the 99.8th
    as 1, as long as they mean what they should: the ground, and the brighter half of
    the objects. Where they do not, because objects are few or something else is
    brighter (a bar, hot pixels, debris), 1 is laid on the objects themselves. The range
    is never so narrow that noise is read as objects, and where there is nothing else,
    all of it is read as nearly 0. What holds no data (`no_data`)
    counts for nothing.

    Parameters
    ----------
    data : array
        ([leading,] [channels,] \*spatial); of large ones a sample is read, part by
        part.
    ndim : int
        Spatial axes that the model reads.
    intensity : {"as-is", "range", "percentile"} or Rule
        Of the model; see `NetworkConfig`.
    reading : Reading, optional
        What the user wants; all automatic if not given.

    Raises
    ------
    ValueError
        If pixels that are read are not finite, or all of them hold no data.
    """
    reading = reading or Reading()
    if reading.intensity != "auto":
        low, high = map(float, reading.intensity)
        scale = Scale(low, high, notes=_instead_of(intensity))
        if intensity == "percentile":
            holes, blocks = _no_data_in(data, ndim, reading)
            scale = replace(scale, ceiling=CEILING, no_data=holes, in_blocks=blocks)
    elif intensity == "as-is":
        scale = Scale()
    elif isinstance(intensity, Rule):
        scale = scale_by(intensity, data, reading.ignore_nan)
    elif intensity == "range" or np.dtype(data.dtype).kind == "b":
        low, high = value_range(data, reading.ignore_nan)
        notes = () if high > low else (CONSTANT.format(grey(low)),)
        scale = Scale(low, high, notes=notes)
    else:
        return scale_of(seen_in(data, ndim, reading), reading)
    ground = scale.high if reading.invert else scale.low
    return replace(
        scale, ground=ground, inverted=reading.invert, ignore_nan=reading.ignore_nan
    )


def _instead_of(intensity: Intensity) -> tuple[str, ...]:
    """Say which rule of a network's own is set aside by grey values that are given."""
    if not isinstance(intensity, Rule):
        return ()
    return (INSTEAD.format(intensity.sentence),)


def seen_in(data: Any, ndim: int, reading: Reading) -> Seen:
    """Look at the planes of an image, of a large one at a sample; see `find_scale`.

    Parameters
    ----------
    data, ndim, reading
        See `find_scale`.
    """
    parts = [*_parts(tuple(data.shape), ndim)]
    number = sum(prod(_sizes(part)) for part in parts)
    share = max(1, ceil(number / MOST_SAMPLED))
    sheets: list[Sheet] = []
    values: list[NDArray[Any]] = []
    places: list[tuple[int, ...]] = []
    empty: list[NoData] = []
    for part, known, found in _known_parts(data, parts, reading):
        empty.append(found)
        sheets.append(sheet_of(known, found.where))
        values.append(known[~found.where].ravel()[::share])
        places.append(tuple(i for i in part if isinstance(i, int)))
    if _is_structure(sheets, number):
        sheets = [
            sheet_of(known, found.where, may_be_noise=False)
            for _, known, found in _known_parts(data, parts, reading)
        ]
    if not sheets:
        raise ValueError(
            "no pixel of the image holds data: all are masked, NaN or part of a border"
        )
    is_complete = number == prod(data.shape)
    return Seen(
        tuple(sheets), tuple(values), tuple(places), *_values_of(empty), is_complete
    )


def _is_structure(sheets: list[Sheet], pixels: int) -> bool:
    """Whether planes that look like noise one by one do not, taken together.

    Cells that fill an image have walls and insides: their law is flatter than a normal
    one. In a small plane that may be chance, in many it is not: the kurtosis of n
    independent values of a normal law is 3, of standard deviation √(24 / n).
    """
    flat = [sheet.kurtosis for sheet in sheets if sheet.kurtosis is not None]
    if not flat:
        return False
    chance = sqrt(24 * PATCH / pixels * len(sheets) / len(flat))
    return float(np.mean(flat)) < min(FLAT, 3 - FLATTER * chance)


def _known_parts(
    data: Any, parts: list[tuple[slice | int, ...]], reading: Reading
) -> Iterator[tuple[tuple[slice | int, ...], NDArray[Any], NoData]]:
    """Yield parts that hold data: where, pixels (bright is more), which hold none."""
    for part in telling(parts):
        plane, masked = values_of(data[part])
        left_out = without_data(plane, masked, reading.ignore_nan)
        if left_out is None:
            continue
        plane = workable(plane)
        found = no_data(plane, left_out)
        if not found.where.all():
            yield part, -plane.astype(np.float64) if reading.invert else plane, found


def _no_data_in(
    data: Any, ndim: int, reading: Reading
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the grey values that hold no data, and those that do in blocks."""
    if np.dtype(data.dtype).kind not in "iuf":
        return (), ()
    parts = [*_parts(tuple(data.shape), ndim)]
    return _values_of([last for *_, last in _known_parts(data, parts, reading)])


def _values_of(found: list[NoData]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    holes = dict.fromkeys(v for one in found for v in one.values)
    blocks = dict.fromkeys(v for one in found for v in one.in_blocks)
    return tuple(holes), tuple(blocks)


def scale_of(seen: Seen, reading: Reading) -> Scale:
    """Return how what was seen is read; bright is what stands out.

    Parameters
    ----------
    seen : Seen
    reading : Reading
    """
    ground, notes = seen.ground, []
    low, high = _low(seen), _high(seen)
    noise = float(np.median([sheet.noise for sheet in seen.sheets]))
    high = max(high, low + QUIET * noise)
    if not high > low:
        if seen.is_complete:
            notes.append(CONSTANT.format(grey(ground)))
    elif seen.is_noise:
        if seen.is_complete:
            highest = percentile(seen.known, HIGHEST)
            high = low + max(high - low, BARELY * (highest - low))
            notes.append(NOTHING)
    elif not reading.invert and _looks_inverted(seen):
        notes.append(INVERTED)
    if reading.invert:
        low, high, ground = -high, -low, -ground
    return Scale(
        low, high, reading.invert, ground, seen.no_data, seen.in_blocks, CEILING,
        reading.ignore_nan, tuple(notes),
    )  # fmt: skip


NOTHING = "the image shows nothing but noise"
CONSTANT = "the image has only one grey value, {}"
INVERTED = (
    "the image looks like dark objects on a bright background: try --invert, or tick "
    "Invert"
)


def says_no_contrast(note: str) -> bool:
    """Whether a note says that an image shows noise, or one grey value."""
    return note == NOTHING or note.startswith(CONSTANT.partition("{")[0])


def _low(seen: Seen) -> float:
    """Return the 1st percentile, but no farther below the ground than it spreads."""
    below = float(np.median([sheet.below for sheet in seen.sheets]))
    lowest = min(sheet.ground for sheet in seen.sheets) - DEPTH * below
    return max(percentile(seen.known, LOWEST), lowest)


def _high(seen: Seen) -> float:
    """Return the 99.8th percentile, or what the objects say where it says nothing."""
    high = percentile(seen.known, HIGHEST)
    ground = seen.ground
    smooth = max(sheet.smooth for sheet in seen.sheets)
    if high - ground > ISOLATED * max(smooth - ground, 0) and smooth > ground:
        high = smooth
    bright = [sheet for sheet in seen.sheets if len(sheet.peaks)]
    if not bright:
        return high
    usual = usual_contrast(bright, ground)
    above = (high - ground) / usual
    if DIMMEST <= above <= BRIGHTEST:
        return high
    if above > BRIGHTEST:
        return ground + TYPICAL * usual
    values = np.concatenate([sheet.bright for sheet in bright])
    return min(float(np.percentile(values, FEW)), ground + TYPICAL * usual)


def usual_contrast(sheets: list[Sheet], ground: float) -> float:
    """Return how bright usual objects are above the ground: a median by size.

    From a certain size on all weigh alike, so that one large bright thing among many
    objects counts for one.

    Parameters
    ----------
    sheets : list of Sheet
        Each with objects.
    ground : float
        Grey value of the ground.
    """
    peaks = np.concatenate([sheet.peaks for sheet in sheets]) - ground
    sizes = np.concatenate([sheet.sizes for sheet in sheets])
    weights = np.minimum(sizes, EQUAL_VOTE)
    order = np.argsort(peaks)
    half = np.searchsorted(np.cumsum(weights[order]), DIMMER * weights.sum())
    return float(peaks[order][half])


def _looks_inverted(seen: Seen) -> bool:
    """Whether what stands out is darker than the ground, and nothing is brighter."""
    low, high = (percentile(seen.known, percent) for percent in (5, 95))
    return bool(
        not any(len(sheet.peaks) for sheet in seen.sheets)
        and seen.ground - low > DARK * (high - seen.ground)
        and seen.ground > low
    )


def _parts(shape: tuple[int, ...], ndim: int) -> Iterator[tuple[slice | int, ...]]:
    """Yield parts of an image that together hold a bounded number of pixels.

    Small images are read plane by plane. Of large planes tiles are read, evenly
    spaced, and of many planes so many.
    """
    flat = min(ndim, 2)
    leading, plane = shape[: len(shape) - flat], shape[len(shape) - flat :]
    planes = prod(leading)
    each = min(prod(plane), max(MOST_SAMPLED // planes, TILE**flat))
    taken = min(planes, max(1, MOST_SAMPLED // each))
    chosen = np.unique(np.linspace(0, planes - 1, taken).round().astype(int))
    boxes = [*_boxes(plane, each)]
    for at in chosen:
        index = tuple(int(i) for i in np.unravel_index(at, leading)) if leading else ()
        for box in boxes:
            yield (*index, *box)


def _boxes(plane: tuple[int, ...], pixels: int) -> Iterator[tuple[slice, ...]]:
    """Yield boxes of a plane, evenly spaced, that hold so many pixels together."""
    if prod(plane) <= pixels:
        yield tuple(slice(0, n) for n in plane)
        return
    size = tuple(min(TILE, n) for n in plane)
    share = (pixels / prod(plane)) ** (1 / len(plane))
    counts = [max(1, int(share * n / s)) for n, s in zip(plane, size, strict=True)]
    for number in np.ndindex(*counts):
        starts = [
            (n - s) * i // (c - 1) if c > 1 else (n - s) // 2
            for i, n, s, c in zip(number, plane, size, counts, strict=True)
        ]
        yield tuple(slice(a, a + s) for a, s in zip(starts, size, strict=True))


def _sizes(part: tuple[slice | int, ...]) -> list[int]:
    return [s.stop - s.start for s in part if isinstance(s, slice)]
