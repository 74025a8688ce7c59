"""Ellipsoids with a wavy surface, in any number of dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WAVES = 3
WAVE_HEIGHT = 0.05
WAVE_NUMBER = 1.7
ELONGATION = 0.4


@dataclass(frozen=True)
class Ellipsoid:
    r"""A body around the origin; all lengths in the unit of the spacing.

    With ``y = stretch · x`` and ``u = y / ‖y‖`` its points x are those of depth
    ``‖y‖ / (1 + h Σ_k cos(waves_k · u + phases_k)) ≤ 1``, h = 0.05.

    Attributes
    ----------
    stretch : ndarray
        (axes, axes), takes the ellipsoid without waves to the unit ball.
    waves : ndarray
        (3, axes), periods of the waves over the surface.
    phases : ndarray
        (3,), where they begin.
    """

    stretch: NDArray[np.float64]
    waves: NDArray[np.float64]
    phases: NDArray[np.float64]

    def depth(self, offsets: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        r"""Depth at every point of a grid: 0 at the centre, 1 on the surface.

        Parameters
        ----------
        offsets : sequence of ndarray
            Along each axis, distances of the grid's points from the centre.

        Returns
        -------
        ndarray
            (\*grid)
        """
        grid = np.ix_(*offsets)
        y = [sum(s * x for s, x in zip(row, grid, strict=True)) for row in self.stretch]
        length = np.sqrt(sum(part**2 for part in y))
        inverse = 1 / np.maximum(length, 1e-9)
        surface = np.ones_like(length)
        for wave, phase in zip(self.waves, self.phases, strict=True):
            along = sum(w * part for w, part in zip(wave, y, strict=True))
            surface += WAVE_HEIGHT * np.cos(along * inverse + phase)
        return np.asarray(length / surface)

    def reach(self, direction: NDArray[np.float64]) -> float:
        """Distance of the surface from the centre along a unit vector."""
        return 1 / float(self.depth([np.array([x]) for x in direction]).item())

    @cached_property
    def extent(self) -> NDArray[np.float64]:
        """Half the sides, one an axis, of a box that holds the body."""
        return np.asarray(
            _HIGHEST * np.linalg.norm(np.linalg.inv(self.stretch), axis=1)
        )

    @cached_property
    def core(self) -> float:
        """Radius of a ball within the body."""
        return (2 - _HIGHEST) / float(np.linalg.norm(self.stretch, ord=2))


_HIGHEST = 1 + WAVES * WAVE_HEIGHT


def random_ellipsoid(rng: np.random.Generator, axes: int, diameter: float) -> Ellipsoid:
    """Draw an ellipsoid of any orientation.

    Parameters
    ----------
    rng : numpy.random.Generator
        What draws.
    axes : int
        Dimensions.
    diameter : float
        Of the ball with the volume of the ellipsoid without waves.
    """
    stretched = rng.uniform(-ELONGATION, ELONGATION, axes)
    radii = diameter / 2 * np.exp(stretched - stretched.mean())
    rotation = np.linalg.qr(rng.normal(size=(axes, axes)))[0]
    return Ellipsoid(
        stretch=(rotation / radii).T,
        waves=rng.normal(0, WAVE_NUMBER * sqrt(2), (WAVES, axes)),
        phases=rng.uniform(0, 2 * np.pi, WAVES),
    )
