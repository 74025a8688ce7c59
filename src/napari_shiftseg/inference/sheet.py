"""What one plane shows: its ground, its noise, and what stands out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]
    Mask = NDArray[np.bool_]

OBJECT = 2.0  # pixels, standard deviation of the blur that keeps objects, not noise
AROUND = 12.0  # pixels, of the blur that keeps what is wider than objects
NEAR = 17  # pixels, width of what is too near to an object to show the noise
RARE = 0.01  # of the pixels; fewer show no noise
WHITE = 0.19  # noise at the size of objects, of the usual difference from neighbours
GRAINY = 10.0  # times that of single pixels, that noise is at the size of objects
HOT = 8  # times the 80th percentile of the differences of pixels from neighbours
CLEAR = 6.0  # times the spread of the ground, that objects stand out of it
STEPS = 3  # of the grey values
SMALLEST = 12  # pixels of what counts as an object
NOISE_LIKE = 0.4  # spread left by a blur four times as wide; 0.25 for white noise


@dataclass(frozen=True)
class Sheet:
    """What one plane, or one part of a large plane, shows.

    Attributes
    ----------
    ground : float
        Grey value of the ground: the commonest one.
    below : float
        Spread of the pixels below it.
    noise : float
        Standard deviation of the ground at the size of objects, in its quiet parts.
    is_noise : bool
        Whether nothing stands out, and what varies does so as noise does.
    peaks, sizes : ndarray
        (objects,), of what stands out: grey value of its brighter half, and pixels.
    bright : ndarray
        (pixels,), grey values of the brighter halves of all of them.
    smooth : float
        The 99.8th percentile without isolated pixels.
    """

    ground: float
    below: float
    noise: float
    is_noise: bool
    peaks: NDArray[np.floating[Any]]
    sizes: NDArray[np.integer[Any]]
    bright: NDArray[np.floating[Any]]
    smooth: float


def sheet_of(pixels: NDArray[Any], left_out: Mask | None = None) -> Sheet:
    r"""Look at one plane.

    Parameters
    ----------
    pixels : ndarray
        (\\*spatial), of one axis or two, finite where they count.
    left_out : ndarray of bool, optional
        (\\*spatial), pixels that hold no data or are drawn into the image.
    """
    out = np.zeros(pixels.shape, dtype=np.bool_) if left_out is None else left_out
    middle = float(np.median(pixels[~out]))
    plain = np.where(out, middle, pixels).astype(np.float64)
    calm = ndimage.median_filter(plain, 3, mode="reflect")
    blurred = ndimage.gaussian_filter(calm, OBJECT)
    ground = _mode(blurred[~out])
    spread = _below(blurred[~out], ground)
    step = smallest_step(plain[~out])
    floor = ground + max(CLEAR * spread, STEPS * step)
    standing_out = (blurred > floor) & ~out
    peaks, sizes, bright = _objects(calm, standing_out, ground, floor)
    noise, is_noise = _noise(plain, calm, standing_out | out, step)
    return Sheet(
        ground,
        max(_below(plain[~out], ground), step),
        noise,
        is_noise and not len(peaks),
        peaks,
        sizes,
        bright,
        float(np.percentile(calm[~out], 99.8)),
    )


def smallest_step(values: NDArray[Any]) -> float:
    """Return the smallest step from one grey value to the next."""
    steps = np.diff(np.unique(values[:: max(1, values.size // 2**12)]))
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


def _noise(
    plain: NDArray[Any], calm: NDArray[Any], busy: Mask, step: float
) -> tuple[float, bool]:
    """Return the noise of the ground at the size of objects, and whether all is it.

    What is left of haze and of objects out of focus is no noise; there it is judged
    from single pixels.
    """
    jumps = np.abs(plain - calm)
    hot = jumps > HOT * max(float(np.percentile(jumps, 80)), step)
    still = ~ndimage.maximum_filter(busy, NEAR)
    if still.mean() < RARE:
        still = ~busy
    if not (still & ~hot).any():
        return 0.0, False
    wide = ndimage.gaussian_filter(calm, AROUND)
    quiet = np.where(hot, calm, plain)
    fine = ndimage.gaussian_filter(quiet, OBJECT) - wide
    coarse = ndimage.gaussian_filter(quiet, 4 * OBJECT) - wide
    spread, wider = (
        1.4826 * float(np.median(np.abs(d[still]))) for d in (fine, coarse)
    )
    single = WHITE * float(jumps[still & ~hot].mean())
    if wider <= NOISE_LIKE * spread <= NOISE_LIKE * GRAINY * single:
        return spread, True
    return min(spread, single), False


def _objects(
    calm: NDArray[Any], standing_out: Mask, ground: float, floor: float
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the brightness and size of what stands out, and its brighter pixels."""
    parts, number = ndimage.label(standing_out)
    if not number:
        none = np.zeros(0)
        return none, none.astype(int), none
    most = ndimage.maximum(calm, parts, np.arange(number + 1))
    core = standing_out & (calm > np.maximum(floor, (ground + most[parts]) / 2))
    sizes = np.bincount(parts[core], minlength=number + 1)
    sizes[0] = 0
    large = sizes >= SMALLEST
    ids = np.flatnonzero(large)
    if not len(ids):
        none = np.zeros(0)
        return none, none.astype(int), none
    kept = core & large[parts]
    peaks = np.asarray(ndimage.median(calm, np.where(kept, parts, 0), ids))
    return peaks, sizes[ids], calm[kept]
