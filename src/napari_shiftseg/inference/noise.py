"""The noise of a plane, and whether the plane shows anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial import legendre
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    """The noise of one plane.

    Attributes
    ----------
    spread : float
        Standard deviation at the size of objects, in quiet parts.
    is_all : bool
        Whether the plane shows nothing else, but light that falls off.
    """

    spread: float
    is_all: bool


def noise_of(
    plain: NDArray[Any], calm: NDArray[Any], busy: Mask, out: Mask, step: float
) -> Noise:
    r"""Return the noise of a plane.

    Noise follows a normal law, and hardly more than neighbours depend on each other,
    be it of single pixels, blurred, enlarged or compressed. Objects are far from the
    others or leave a law that is none.

    Parameters
    ----------
    plain : ndarray
        (\\*spatial)
    calm : ndarray
        (\\*spatial), each pixel the median of its neighbours.
    busy, out : ndarray of bool
        (\\*spatial), pixels that stand out; pixels without data.
    step : float
        From one grey value to the next.
    """
    jumps = np.abs(plain - calm)
    hot = jumps > HOT * max(float(np.percentile(jumps, 80)), step)
    quiet = np.where(hot, calm, plain)
    spread = _of_all(quiet, out)
    if spread is not None:
        return Noise(spread, is_all=True)
    still = ~ndimage.maximum_filter(busy | out, NEAR)
    if still.mean() < RARE:
        still = ~busy & ~out
    if not (still & ~hot).any():
        return Noise(0.0, is_all=False)
    single = WHITE * float(jumps[still & ~hot].mean())
    return Noise(_in_quiet_parts(quiet, calm, still, single), is_all=False)


def _of_all(quiet: NDArray[Any], out: Mask) -> float | None:
    """Return the noise of a plane that shows nothing else; None for any other."""
    if min(quiet.shape) < TOO_SMALL:
        return None
    flat = np.where(out, 0, quiet - light_of(quiet, out))
    wide = ndimage.gaussian_filter(flat, AROUND)
    fine, coarse = (
        (ndimage.gaussian_filter(flat, blur) - wide)[~out] for blur in (OBJECT, 8.0)
    )
    middle, spread = _middle_and_spread(fine)
    if spread <= 0:
        return None
    farthest, tenth = (fine.max() - middle, np.percentile(fine, 90) - middle)
    is_noise = (
        farthest <= FARTHEST * spread
        and TENTH[0] * spread <= tenth <= TENTH[1] * spread
        and _middle_and_spread(coarse)[1] <= CORRELATED * spread
    )
    return spread if is_noise else None


def _in_quiet_parts(
    quiet: NDArray[Any], calm: NDArray[Any], still: Mask, single: float
) -> float:
    """Return the noise beside objects.

    What is left of haze and of objects out of focus is no noise; there it is judged
    from single pixels.
    """
    wide = ndimage.gaussian_filter(calm, AROUND)
    fine = ndimage.gaussian_filter(quiet, OBJECT) - wide
    coarse = ndimage.gaussian_filter(quiet, 4 * OBJECT) - wide
    spread, wider = (
        1.4826 * float(np.median(np.abs(d[still]))) for d in (fine, coarse)
    )
    if wider <= NOISE_LIKE * spread <= NOISE_LIKE * GRAINY * single:
        return spread
    return min(spread, single)


def _middle_and_spread(values: NDArray[Any]) -> tuple[float, float]:
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))


def light_of(pixels: NDArray[Any], out: Mask) -> NDArray[Any]:
    r"""Return the light over a plane: a polynomial, or the median of a small plane.

    Parameters
    ----------
    pixels : ndarray
        (\\*spatial)
    out : ndarray of bool
        (\\*spatial), pixels without data; they count for nothing.

    Returns
    -------
    ndarray
        (\\*spatial)
    """
    middle = np.median(pixels[~out])
    if min(pixels.shape) < LARGE:
        return np.full(pixels.shape, middle)
    every = min(pixels.shape) // GRID
    grid = (slice(every // 2, None, every),) * pixels.ndim
    known = ~out[grid]
    blurred = ndimage.uniform_filter(np.where(out, middle, pixels), every)[grid]
    powers = [
        legendre.legvander(np.linspace(-1, 1, size), DEGREE) for size in pixels.shape
    ]
    terms = [t for t in np.ndindex((DEGREE + 1,) * pixels.ndim) if sum(t) <= DEGREE]
    columns = [_product(powers, term, grid)[known] for term in terms]
    found = np.linalg.lstsq(np.stack(columns, 1), blurred[known], rcond=None)[0]
    factors = np.zeros((DEGREE + 1,) * pixels.ndim)
    factors[tuple(np.transpose(terms))] = found
    for matrix in powers:  # axis after axis; each goes to the end
        factors = np.tensordot(factors, matrix, axes=(0, 1))
    return factors


def _product(
    powers: list[NDArray[Any]], term: tuple[int, ...], grid: tuple[slice, ...]
) -> NDArray[Any]:
    r"""Return one term of the polynomial on a grid, (\\*grid)."""
    lines = [m[part, n] for m, n, part in zip(powers, term, grid, strict=True)]
    product: NDArray[Any] = lines[0]
    for line in lines[1:]:
        product = np.multiply.outer(product, line)
    return product
