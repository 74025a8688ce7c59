"""What one plane shows: its ground, its noise, and what stands out of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_shiftseg.inference.noise import OBJECT, noise_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]
    Mask = NDArray[np.bool_]

CLEAR = 6.0  # times the spread of the ground, that objects stand out of it
STEPS = 3  # of the grey values
SMALLEST = 12  # pixels of what counts as an object


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
        Whether it shows nothing else; then nothing stands out.
    peaks, sizes, steepness : ndarray
        (objects,), of what stands out: grey value of its brighter half, pixels of
        that, and slope of its edge by its height, per pixel.
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
    steepness: NDArray[np.floating[Any]]
    bright: NDArray[np.floating[Any]]
    smooth: float

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
    noise = noise_of(plain, calm, standing_out, out, step)
    if noise.is_all:
        standing_out = np.zeros_like(out)
    objects = _objects(calm, blurred, standing_out, ground, floor)
    return Sheet(
        ground,
        max(_below(plain[~out], ground), step),
        noise.spread,
        noise.is_all,
        *objects,
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


def _objects(
    calm: Pixels, blurred: Pixels, standing_out: Mask, ground: float, floor: float
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return peaks, sizes, steepness of what stands out, and its brighter pixels."""
    parts, number = ndimage.label(standing_out)
    most = ndimage.maximum(calm, parts, np.arange(number + 1))
    core = standing_out & (calm > np.maximum(floor, (ground + most[parts]) / 2))
    sizes = np.bincount(parts[core], minlength=number + 1)
    sizes[0] = 0
    large = sizes >= SMALLEST
    ids = np.flatnonzero(large)
    if not len(ids):
        none = np.zeros(0)
        return none, none.astype(int), none, none
    kept = core & large[parts]
    peaks = np.asarray(ndimage.median(calm, np.where(kept, parts, 0), ids))
    steepness = _steepness(blurred, parts, ids, ground)
    return peaks, sizes[ids], steepness, calm[kept]


def _steepness(
    blurred: Pixels, parts: NDArray[Any], ids: NDArray[Any], ground: float
) -> NDArray[Any]:
    """Return the steepest slope of things by their height, per pixel: (things,)."""
    slopes = np.sqrt(sum(np.gradient(blurred, axis=i) ** 2 for i in range(parts.ndim)))
    steepest = np.asarray(ndimage.maximum(slopes, parts, ids))
    height = np.asarray(ndimage.maximum(blurred, parts, ids)) - ground
    found: NDArray[Any] = steepest / height
    return found
