"""Cell nuclei as a fluorescence microscope shows them."""

from __future__ import annotations

from math import isfinite, pi
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.packing import pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BRIGHTEST = 255.0
LIGHT = 75.0  # of the usual nucleus, in grey values
CONDENSED, BRIGHTER = 0.04, 1.8  # share of the nuclei; their light against the others'
DOUBLING = 30  # grey value at which photons double the noise's variance
HALO, HALO_WIDTH = 0.12, 8  # share of the light it takes; width against the blur's
DEFOCUSED, DEFOCUS = 0.15, 2.5  # share of the nuclei; blur against that of the others
UNEVENNESS = 0.25


def nuclei(
    shape: Sequence[int] = (512, 512),
    diameter: tuple[float, float] = (20, 40),
    density: float = 0.2,
    touching: float = 0.25,
    noise: float = 0.7,
    blur: float = 1.2,
    background: float = 10,
    spacing: Sequence[float] | None = None,
    seed: int = 0,
) -> Sample:
    r"""Make fluorescent nuclei: textured ellipsoids, some touching, on uneven ground.

    Grey values are those of an 8-bit camera: ``round(P ∗ S + B + N)`` within 0 to
    255, with the light S of the labelled pixels alone (every one of them shines, and
    no other), a blur P of two Gaussians (a sharp one, wider for the nuclei out of
    focus, and a halo), a background B and noise N of variance
    ``noise² · (1 + (P ∗ S + B) / 30)``. The defaults are near the small fluorescence
    images of the 2018 Data Science Bowl (BBBC038).
    Labels count from 1, each in one piece.

    Parameters
    ----------
    shape : sequence of int
        Pixels along each of 2 or 3 axes.
    diameter : tuple of float
        Smallest and largest, in the unit of the spacing (pixels without one), of the
        ball with a nucleus' volume.
    density : float
        Share of the image that nuclei cover; above about 0.45 in 2-D and 0.3 in 3-D
        they find no more place, and as many are made as fit.
    touching : float
        Share of the nuclei that share a border with another, nearly.
    noise : float
        Standard deviation where it is dark, in grey values.
    blur : float
        Standard deviation of the sharp Gaussian, in the unit of the spacing.
    background : float
        Mean grey value without nuclei.
    spacing : sequence of float, optional
        Size of a pixel along each axis; 1 if not given.
    seed : int
        Same seed, same sample.

    Raises
    ------
    ValueError
        If the shape has not 2 or 3 axes of 1 pixel or more, the spacing not one
        positive size for each, the diameters are not in order or below a pixel, a
        share is not in 0 to 1, or another number is negative.
    """
    sizes = _checked_shape(shape)
    pixel = _checked_spacing(spacing, len(sizes))
    _check_diameter(diameter, min(pixel))
    _check_shares(density=density, touching=touching)
    _check_levels(noise=noise, blur=blur, background=background, seed=seed)
    rng = np.random.default_rng(seed)
    small, large = diameter
    labels, depth = pack(rng, sizes, pixel, (small, large), density, touching)
    light = _light(rng, labels, depth, (small + large) / 2 / np.array(pixel))
    seen = _blurred(rng, light, labels, blur / np.array(pixel))
    ground = background * _uneven(rng, sizes)
    return Sample(_photographed(rng, seen + ground, noise), labels)


def _light(
    rng: np.random.Generator,
    labels: NDArray[np.int32],
    depth: NDArray[np.float32],
    diameter: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Light of each pixel: its nucleus' brightness, dimmer at the rim, and chromatin.

    `diameter` is in pixels, one an axis.
    """
    count = int(labels.max()) + 1
    brightness = LIGHT * rng.lognormal(0, 0.3, count)
    brightness[rng.random(count) < CONDENSED] *= BRIGHTER
    contrast = rng.uniform(0.6, 1.4, count)
    chromatin = _speckle(rng, labels.shape, diameter / 20)
    chromatin += _speckle(rng, labels.shape, diameter / 8)
    texture = np.exp(0.14 * contrast[labels] * np.clip(chromatin, -4, 4))
    rim = 1 - 0.45 * np.minimum(depth, 1) ** 3
    return np.where(labels > 0, brightness[labels] * rim * texture, 0).astype(
        np.float32
    )


def _speckle(
    rng: np.random.Generator, shape: tuple[int, ...], width: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Smooth noise of mean 0 and standard deviation 1."""
    rough = rng.standard_normal(shape, dtype=np.float32)
    smooth = _smoothed(rough, width)
    return np.asarray((smooth - smooth.mean()) / max(float(smooth.std()), 1e-6))


def _smoothed(
    values: NDArray[np.float32], width: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Filter with a Gaussian, one wider than the image as if it were as wide."""
    narrowed = np.minimum(width, values.shape)
    return np.asarray(ndimage.gaussian_filter(values, narrowed, truncate=3))


def _blurred(
    rng: np.random.Generator,
    light: NDArray[np.float32],
    labels: NDArray[np.int32],
    blur: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Blur the light, more where the nucleus is out of focus, and add the halo."""
    if not blur.any():
        return light
    out = (rng.random(int(labels.max()) + 1) < DEFOCUSED)[labels]
    seen = _smoothed(np.where(out, 0, light), blur)
    seen += _smoothed(np.where(out, light, 0), DEFOCUS * blur)
    halo = _smoothed(light, HALO_WIDTH * blur)
    return np.asarray((1 - HALO) * seen + HALO * halo)


def _uneven(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Half a wave along each axis, from any phase, of mean 1 in all."""
    ground = np.ones(shape)
    for axis, size in enumerate(shape):
        wave = np.cos(pi * np.arange(size) / size + rng.uniform(0, 2 * pi))
        along = [size if a == axis else 1 for a in range(len(shape))]
        ground += UNEVENNESS / len(shape) * (wave - wave.mean()).reshape(along)
    return ground


def _photographed(
    rng: np.random.Generator, seen: NDArray[np.floating], noise: float
) -> NDArray[np.float32]:
    """Add the noise of camera and photons; round to grey values."""
    deviation = noise * np.sqrt(1 + seen / DOUBLING)
    grey = seen + deviation * rng.standard_normal(seen.shape, dtype=np.float32)
    return np.clip(np.rint(grey), 0, BRIGHTEST).astype(np.float32)


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(int(n) for n in shape)
    if len(sizes) not in (2, 3) or min(sizes) < 1:
        raise ValueError(
            f"the shape must be 2 or 3 sizes of 1 pixel or more, got {tuple(shape)}: "
            "take one such as (512, 512) or (32, 128, 128)"
        )
    return sizes


def _checked_spacing(spacing: Sequence[float] | None, axes: int) -> tuple[float, ...]:
    sizes = (1.0,) * axes if spacing is None else tuple(float(s) for s in spacing)
    if len(sizes) != axes or not all(isfinite(s) and s > 0 for s in sizes):
        raise ValueError(
            f"the spacing must be a positive size for each of {axes} axes, got "
            f"{sizes}: take one such as {(2, 1, 1)[-axes:]}"
        )
    return sizes


def _check_diameter(diameter: tuple[float, float], pixel: float) -> None:
    if len(diameter) != 2 or not pixel <= diameter[0] <= diameter[1] < float("inf"):
        raise ValueError(
            f"the diameter must be the smallest and the largest, from a pixel's size "
            f"({pixel:g}) up, got {tuple(diameter)}: take such as "
            f"{(20 * pixel, 40 * pixel)}"
        )


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(
                f"{name} must be a share from 0 to 1, got {share}: "
                f"{'divide percents by 100' if share > 1 else 'take 0 for none'}"
            )


def _check_levels(**levels: float) -> None:
    for name, level in levels.items():
        if not 0 <= level < float("inf"):
            raise ValueError(
                f"{name} must be a number from 0 up, got {level}: take 0 for none"
            )
