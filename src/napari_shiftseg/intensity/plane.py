"""What one plane shows: its ground, its noise, and what stands out of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial import legendre
from scipy import ndimage

from napari_shiftseg.intensity.filters import blurred, dilated, median_of_three
from napari_shiftseg.intensity.order import (
    median,
    middle_and_spread,
    others,
    percentile,
)
from napari_shiftseg.progress import tell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]


OBJECT = 2.0  # pixels, standard deviation of the blur that keeps objects, not noise
AROUND = 12.0  # pixels, of the blur that keeps what is wider than objects
NEAR = 17  # pixels, width of what is too near to an object to show the noise
RARE = 0.01  # of the pixels; fewer show no noise
WHITE = 0.19  # noise at the size of objects, of the usual difference from neighbours
GRAINY = 10.0  # times that of single pixels, that noise is at the size of objects
HOT = 8  # times the 80th percentile of the differences of pixels from neighbours
NOISE_LIKE = 0.4  # spread left by a blur four times as wide; 0.25 for white noise
CORRELATED = 0.3  # the same where all is noise, of up to 4 pixels; nuclei leave more
FARTHEST = 6.0  # times the spread, that noise lies above its middle
TENTH = (1.1, 1.48)  # times the spread, that a tenth of noise lies above; 1.28
DEGREE = 6  # of the polynomial that describes the light
TOO_SMALL = 48  # pixels of the shorter side of a plane, to tell that all is noise
LARGE = 100  # pixels of the shorter side of a plane where light differs from objects
GRID = 64  # pixels of the shorter side that the light is fitted to


@dataclass(frozen=True)
class Noise:
    """The noise of one plane."""

    spread: float  # standard deviation at the size of objects, in quiet parts
    # kurtosis of a plane that shows nothing else, but light that falls off; 3 is that
    # of a normal law. None of any other plane
    of_all: float | None = None


def _noise_of(
    plain: NDArray[Any],
    calm: NDArray[Any],
    busy: Mask,
    out: Mask,
    step: float,
    may_be_all: bool,
) -> Noise:
    r"""Return the noise of a plane; `calm` is each pixel's median of its neighbours.

    Noise follows a normal law, and hardly more than neighbours depend on each other,
    be it of single pixels, blurred, enlarged or compressed. Objects are far from the
    others or leave a law that is none.
    """
    jumps = np.abs(plain - calm)
    hot = jumps > HOT * max(float(np.percentile(jumps, 80)), step)
    quiet = np.where(hot, calm, plain)
    alone = _of_all(quiet, out) if may_be_all else None
    if alone is not None:
        return alone
    still = ~dilated(busy | out, NEAR)
    if still.mean() < RARE:
        still = ~busy & ~out
    if not (still & ~hot).any():
        return Noise(0.0)
    single = WHITE * float(jumps[still & ~hot].mean())
    return Noise(_in_quiet_parts(quiet, calm, still, single))


def _of_all(quiet: NDArray[Any], out: Mask) -> Noise | None:
    """Return the noise of a plane that shows nothing else; None for any other."""
    if min(quiet.shape) < TOO_SMALL:
        return None
    flat = np.where(out, 0, quiet - _light_of(quiet, out))
    wide = blurred(flat, AROUND)
    fine = others(blurred(flat, OBJECT) - wide, out)
    middle, spread = middle_and_spread(fine)
    if spread <= 0 or fine.max() - middle > FARTHEST * spread:
        return None
    tenth = np.percentile(fine, 90) - middle
    if not TENTH[0] * spread <= tenth <= TENTH[1] * spread:
        return None
    coarse = others(blurred(flat, 4 * OBJECT) - wide, out)
    if middle_and_spread(coarse)[1] > CORRELATED * spread:
        return None
    return Noise(spread, float(np.mean(((fine - fine.mean()) / fine.std()) ** 4)))


def _in_quiet_parts(
    quiet: NDArray[Any], calm: NDArray[Any], still: Mask, single: float
) -> float:
    """Return the noise beside objects.

    What is left of haze and of objects out of focus is no noise; there it is judged
    from single pixels.
    """
    wide = blurred(calm, AROUND)
    spread = _spread(blurred(quiet, OBJECT) - wide, still)
    if single < spread <= GRAINY * single:
        wider = _spread(blurred(quiet, 4 * OBJECT) - wide, still)
        return spread if wider <= NOISE_LIKE * spread else single
    return min(spread, single)


def _spread(differences: NDArray[Any], where: Mask) -> float:
    return 1.4826 * float(np.median(np.abs(differences[where])))


def _light_of(pixels: NDArray[Any], out: Mask) -> NDArray[Any]:
    r"""Return the light over a plane: a polynomial, or the median of a small plane."""
    middle = np.median(others(pixels, out))
    if min(pixels.shape) < LARGE:
        return np.full(pixels.shape, middle)
    every = min(pixels.shape) // GRID
    grid = (slice(every // 2, None, every),) * pixels.ndim
    known = ~out[grid]
    smooth = ndimage.uniform_filter(np.where(out, middle, pixels), every)[grid]
    powers = [
        legendre.legvander(np.linspace(-1, 1, size), DEGREE) for size in pixels.shape
    ]
    terms = [t for t in np.ndindex((DEGREE + 1,) * pixels.ndim) if sum(t) <= DEGREE]
    columns = [_product(powers, term, grid)[known] for term in terms]
    found = np.linalg.lstsq(np.stack(columns, 1), smooth[known], rcond=None)[0]
    factors = np.zeros((DEGREE + 1,) * pixels.ndim)
    factors[tuple(np.transpose(terms))] = found
    for matrix in powers:  # axis after axis; each goes to the end
        factors = np.tensordot(factors, matrix, axes=(0, 1))
    return factors


def _product(
    powers: list[NDArray[Any]], term: tuple[int, ...], grid: tuple[slice, ...]
) -> NDArray[Any]:
    r"""Return one term of the polynomial on a grid, (\*grid)."""
    lines = [m[part, n] for m, n, part in zip(powers, term, grid, strict=True)]
    return np.asarray(reduce(np.multiply.outer, lines))


CLEAR = 6.0  # times the spread of the ground, that objects stand out of it
STEPS = 3  # of the grey values
SMALLEST = 12  # pixels of what counts as an object


NOISE_KNOWN = 0.8  # of the time that a plane takes, when its noise is known


@dataclass(frozen=True)
class Sheet:
    """What one plane, or one part of a large plane, shows."""

    ground: float  # grey value of the ground: the commonest one
    below: float  # spread of the pixels below it
    # standard deviation of the ground at the size of objects, in its quiet parts
    noise: float
    # see `Noise.of_all`; where it is a number, nothing stands out
    kurtosis: float | None
    # (objects,), of what stands out: grey value of its brighter half, pixels of that,
    # and slope of its edge by its height, per pixel
    peaks: NDArray[np.floating[Any]]
    sizes: NDArray[np.integer[Any]]
    steepness: NDArray[np.floating[Any]]
    # (pixels,), grey values of the brighter halves of all of them
    bright: NDArray[np.floating[Any]]
    smooth: float  # the 99.8th percentile without isolated pixels

    @property
    def is_noise(self) -> bool:
        """Whether it shows nothing else."""
        return self.kurtosis is not None

    def raised(self, by: float) -> Sheet:
        """Return the sheet of a plane with so much added to its grey values."""
        return replace(
            self, ground=self.ground + by, peaks=self.peaks + by,
            bright=self.bright + by, smooth=self.smooth + by,
        )  # fmt: skip

    def without_objects(self) -> Sheet:
        """Return the sheet as if nothing stood out."""
        return replace(
            self, peaks=self.peaks[:0], sizes=self.sizes[:0],
            steepness=self.steepness[:0], bright=self.bright[:0],
        )  # fmt: skip


def sheet_of(
    pixels: NDArray[Any], left_out: Mask | None = None, may_be_noise: bool = True
) -> Sheet:
    r"""Look at one plane.

    Parameters
    ----------
    pixels : ndarray
        (\*spatial), of one axis or two, finite where they count.
    left_out : ndarray of bool, optional
        (\*spatial), pixels that hold no data or are drawn into the image.
    may_be_noise : bool
        Whether it may show nothing else.
    """
    out = np.zeros(pixels.shape, dtype=np.bool_) if left_out is None else left_out
    middle = median(others(pixels, out))
    plain = np.where(out, middle, pixels).astype(np.float64)
    middles = median_of_three(plain if out.any() else pixels)
    calm = middles.astype(np.float64)
    soft = blurred(calm, OBJECT)
    known, raw = others(soft, out), others(plain, out)
    ground = _mode(known)
    spread = _below(known, ground)
    step = smallest_step(raw)
    floor = ground + max(CLEAR * spread, STEPS * step)
    standing_out = (soft > floor) & ~out
    noise = _noise_of(plain, calm, standing_out, out, step, may_be_noise)
    tell(NOISE_KNOWN)
    if noise.of_all is not None:
        standing_out = np.zeros_like(out)
    objects = _objects(calm, soft, standing_out, ground, floor)
    below = max(_below(raw, ground), step)
    counted = middles if middles.dtype.kind in "iu" else calm
    smooth = percentile(others(counted, out), 99.8)
    return Sheet(ground, below, noise.spread, noise.of_all, *objects, smooth)


def smallest_step(values: NDArray[Any]) -> float:
    """Return the smallest step from one grey value to the next."""
    some = np.unique(values[:: max(1, values.size // 2**12)])
    steps = np.diff(some.astype(np.float64))  # of int16 they may overflow
    return float(steps.min()) if steps.size else 0.0


def _mode(values: NDArray[Any]) -> float:
    """Return the commonest value: the middle of the shortest half, again and again."""
    ordered = np.sort(values[:: max(1, values.size // 2**17)])
    while len(ordered) > 2:
        half = (len(ordered) + 1) // 2
        widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
        start = int(np.flatnonzero(widths == widths.min()).mean())
        ordered = ordered[start : start + half]
    return float(ordered.mean())


def _below(values: NDArray[Any], ground: float) -> float:
    """Return the spread of what is darker than the ground, as of a normal law."""
    darker = values[values < ground]
    return 1.4826 * float(np.median(ground - darker)) if darker.size else 0.0


def _objects(
    calm: Floats, soft: Floats, standing_out: Mask, ground: float, floor: float
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return peaks, sizes, steepness of what stands out, and its brighter pixels."""
    parts, number = ndimage.label(standing_out)
    at = np.flatnonzero(standing_out)
    part = parts.ravel()[at] - 1
    order = np.argsort(part, kind="stable")  # thing by thing
    at, part = at[order], part[order]
    begins = np.searchsorted(part, np.arange(number))
    values = calm.ravel()[at]
    most = np.maximum.reduceat(values, begins) if number else values
    core = values > np.maximum(floor, (ground + most[part]) / 2)
    sizes = np.bincount(part[core], minlength=number)
    ids = np.flatnonzero(sizes >= SMALLEST)
    if not len(ids):
        none = np.zeros(0)
        return none, none.astype(int), none, none
    slopes, heights = _slopes(soft, at), soft.ravel()[at] - ground
    steepest, height = (np.maximum.reduceat(v, begins) for v in (slopes, heights))
    kept = core & (sizes >= SMALLEST)[part]
    bright, sizes = values[kept], sizes[ids]
    steepness = steepest[ids] / height[ids]
    return _medians(bright, part[kept], sizes), sizes, steepness, bright


def _medians(
    values: Floats, part: NDArray[np.integer], sizes: NDArray[np.integer]
) -> Floats:
    """Return the median of each thing, (things,), whose values follow one another."""
    ordered = values[np.lexsort((values, part))]
    begins = np.cumsum(sizes) - sizes
    medians: Floats = (
        ordered[begins + (sizes - 1) // 2] + ordered[begins + sizes // 2]
    ) / 2
    return medians


def _slopes(soft: Floats, at: NDArray[np.integer]) -> Floats:
    """Return the slope of a plane at pixels, `numpy.gradient` over all axes."""
    flat, total = soft.ravel(), np.zeros(len(at))
    for axis, size in enumerate(soft.shape):
        if size == 1:
            continue  # it has none
        step = int(np.prod(soft.shape[axis + 1 :]))
        place = at // step % size
        before, after = np.minimum(place, 1), np.minimum(size - 1 - place, 1)
        rise = flat[at + after * step] - flat[at - before * step]
        total += (rise / (before + after)) ** 2
    slopes: Floats = np.sqrt(total)
    return slopes
