"""Random changes of shape and brightness, so that a network meets what it may meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

RIGHT_ANGLES = ((1, 0), (0, 1), (-1, 0), (0, -1))  # cosine and sine, exactly
KNOT = 32  # pixels between the knots of the elastic deformation


@dataclass(frozen=True)
class Augmentation:
    """How far a training window is changed; each change is drawn anew every time.

    Parameters
    ----------
    zoom : float
        Objects become up to this many times as large or as small.
    turn : bool
        Whether windows are turned in the plane of the last two axes by any angle, half
        of the time; else by right angles only.
    elastic : float
        Standard deviation of the displacement of knots 32 pixels apart, in pixels.
    gamma, contrast, brightness : float
        Of the scaled image: exponents and factors up to e to this power, offset up to
        this value.
    blur, noise : float
        Standard deviations, in pixels and of the scaled image, up to these values.
    often : float
        Probability of each of these changes. Windows are flipped along each axis half
        of the time.
    """

    zoom: float = 1.4
    turn: bool = True
    elastic: float = 3.0
    gamma: float = 0.5
    contrast: float = 0.3
    brightness: float = 0.1
    blur: float = 1.5
    noise: float = 0.08
    often: float = 0.5

    def places(self, rng: Generator, size: Sequence[int]) -> NDArray[np.float64]:
        r"""Return where the pixels of a window come from, about the window's middle.

        Parameters
        ----------
        rng : Generator
        size : sequence of int
            Of the window, per axis.

        Returns
        -------
        ndarray
            (ndim, \*size), in pixels; 0 is the middle of the window.
        """
        ndim = len(size)
        axes = [np.arange(n) - (n - 1) / 2 for n in size]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"))
        if rng.random() < self.often:
            grid += self._displacement(rng, size)
        return np.tensordot(self._affine(rng, ndim), grid, axes=1)

    def brightened(
        self, rng: Generator, pixels: NDArray[np.floating[Any]]
    ) -> NDArray[np.float32]:
        r"""Change brightness, sharpness and noise of pixels scaled to about 0 to 1.

        Parameters
        ----------
        rng : Generator
        pixels : ndarray
            (channels, \*spatial)
        """
        if rng.random() < self.often:
            exponent = np.exp(rng.uniform(-self.gamma, self.gamma))
            pixels = np.sign(pixels) * np.abs(pixels) ** exponent
        if rng.random() < self.often:
            pixels = pixels * np.exp(rng.uniform(-self.contrast, self.contrast))
            pixels = pixels + rng.uniform(-self.brightness, self.brightness)
        if rng.random() < self.often:
            blur = (0, *(rng.uniform(0, self.blur),) * (pixels.ndim - 1))
            pixels = ndimage.gaussian_filter(pixels, blur)
        if rng.random() < self.often:
            pixels = pixels + rng.normal(0, rng.uniform(0, self.noise), pixels.shape)
        return pixels.astype(np.float32)

    def _affine(self, rng: Generator, ndim: int) -> NDArray[np.float64]:
        matrix: NDArray[np.float64] = np.diag(rng.choice([-1.0, 1.0], ndim))
        if ndim > 1:
            cos, sin = RIGHT_ANGLES[rng.integers(4)]
            if self.turn and rng.random() < 0.5:
                angle = rng.uniform(0, 2 * np.pi)
                cos, sin = np.cos(angle), np.sin(angle)
            matrix[-2:] = np.array([[cos, -sin], [sin, cos]]) @ matrix[-2:]
        if rng.random() < self.often:
            matrix /= np.exp(rng.uniform(-1, 1) * np.log(self.zoom))
        return matrix

    def _displacement(self, rng: Generator, size: Sequence[int]) -> NDArray[Any]:
        """Return smooth displacements, linear between knots; (ndim, *size)."""
        knots = [n // KNOT + 2 for n in size]
        strength = rng.uniform(0, self.elastic)
        moved = rng.normal(0, strength, (len(size), *knots))
        axes = [np.arange(n) / KNOT for n in size]
        at = np.stack(np.meshgrid(*axes, indexing="ij"))
        return np.stack([ndimage.map_coordinates(m, at, order=1) for m in moved])
