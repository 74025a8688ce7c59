"""Disks, squares and stars: objects of several classes, each with its own texture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import atan2, cos, pi, sin, sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.packing import Packing, fill, whole_bodies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Grid = NDArray[np.float64]

CLASSES = ("disk", "square", "star")
LIGHT, DARK, BRIGHTEST = 110.0, 25.0, 255.0  # grey values
UNLIKE = 0.15  # standard deviation of the logarithm of the objects' brightness
CONTRAST = 0.22  # of textures, of the light of their object
SPOT, GRAIN = 1.6, 0.7  # standard deviations of what is smoothed, in pixels
STRIPE = 5.0  # pixels from one stripe to the next
POINTS, WAIST = 5, 0.45  # of a star; radius of its inner corners, of the outer ones
SIDE = sqrt(pi) / 2  # half a side of the square with the area of the unit disk


def _disk(angle: Grid) -> Grid:
    return np.ones_like(angle)


def _square(angle: Grid) -> Grid:
    return np.asarray(SIDE / np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle))))


def _star(angle: Grid) -> Grid:
    """Return the radius of the edge from an outer corner, at 0, to an inner one."""
    half = pi / POINTS
    folded = np.abs((angle + half) % (2 * half) - half)
    outer = sqrt(pi / (POINTS * WAIST * sin(half)))  # so that the area is that of disks
    along, across = WAIST * cos(half) - 1, WAIST * sin(half)
    return np.asarray(
        outer * across / (across * np.cos(folded) - along * np.sin(folded))
    )


BORDERS: dict[str, Callable[[Grid], Grid]] = {
    "disk": _disk,
    "square": _square,
    "star": _star,
}


@dataclass(frozen=True)
class Outline:
    r"""A flat body around the origin whose border is seen from there in all directions.

    Its points x are those of depth ``‖x‖ / (radius · border(angle of x − turn)) ≤ 1``.
    """

    of: str  # class: disk, square or star
    radius: float  # of the disk of its area, in pixels
    turn: float  # in radians

    def depth(self, offsets: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Depth at every point of a grid: 0 in the middle, 1 on the border."""
        y, x = np.ix_(*offsets)
        return np.asarray(np.hypot(y, x) / self._border(np.arctan2(y, x)))

    def reach(self, direction: NDArray[np.float64]) -> float:
        """Distance of the border from the middle along a unit vector."""
        y, x = direction
        return float(self._border(np.array(atan2(y, x))))

    @cached_property
    def extent(self) -> NDArray[np.float64]:
        """Half the sides of a box that holds the body."""
        return np.full(2, self._all_round.max())

    @cached_property
    def core(self) -> float:
        """Radius of a disk within the body."""
        return float(self._all_round.min())

    @property
    def _all_round(self) -> Grid:
        return self._border(np.linspace(0, 2 * pi, 720, endpoint=False) + self.turn)

    def _border(self, angle: Grid) -> Grid:
        return self.radius * BORDERS[self.of](angle - self.turn)


def shapes(
    shape: Sequence[int] = (256, 256),
    diameter: tuple[float, float] = (18, 32),
    density: float = 0.4,
    touching: float = 0.6,
    noise: float = 8.0,
    seed: int = 0,
) -> Sample:
    """Make disks with spots, squares with stripes and grainy stars; many touch.

    All classes are equally likely, of one brightness and of one area: the outline and
    the texture alone tell them apart. Labels count from 1, each in one piece.

    Parameters
    ----------
    shape : sequence of int
        Pixels along both axes.
    diameter : tuple of float
        Smallest and largest, of the disk of an object's area, in pixels.
    density, touching : float
        Share of the image that objects cover, at most as many as find a place; share of
        the objects that touch another, nearly.
    noise : float
        Standard deviation of the camera, in grey values; objects have about 110.
    seed : int
        Same seed, same sample.

    Raises
    ------
    ValueError
        If the shape has not 2 axes, the diameters are not in order or below 4 pixels, a
        share is not in 0 to 1, or the noise is negative.
    """
    sizes = tuple(int(n) for n in shape)
    _check(sizes, diameter, noise, density=density, touching=touching)
    rng = np.random.default_rng(seed)

    def draw() -> Outline:
        kind, turn = CLASSES[rng.integers(len(CLASSES))], rng.uniform(0, 2 * pi)
        return Outline(kind, rng.uniform(*diameter) / 2, turn)

    packing = Packing(sizes, (1.0, 1.0))
    fill(packing, rng, draw, density, touching)
    labels, bodies = whole_bodies(packing)
    outlines = [body for body in bodies if isinstance(body, Outline)]
    light = _light(rng, labels, outlines)
    seen = ndimage.gaussian_filter(light, 0.7) + rng.normal(0, noise, sizes)
    image = np.clip(np.rint(seen), 0, BRIGHTEST).astype(np.float32)
    classes = {label: body.of for label, body in enumerate(outlines, start=1)}
    return Sample(image, labels, classes=classes)


def _light(
    rng: np.random.Generator, labels: NDArray[np.int32], bodies: Sequence[Outline]
) -> NDArray[np.float64]:
    """Light of each pixel: the brightness of its object times a texture."""
    textures = {
        "disk": _speckle(rng, labels.shape, SPOT),
        "square": _stripes(rng, labels, bodies),
        "star": _speckle(rng, labels.shape, GRAIN),
    }
    kinds = np.array(["", *(body.of for body in bodies)])[labels]
    texture = np.select([kinds == kind for kind in textures], list(textures.values()))
    brightness = np.exp(rng.normal(0, UNLIKE, len(bodies) + 1))[labels]
    bright = LIGHT * brightness * (1 + CONTRAST * np.clip(texture, -2, 2))
    return np.where(labels > 0, bright, DARK)


def _speckle(
    rng: np.random.Generator, shape: tuple[int, ...], width: float
) -> NDArray[np.float64]:
    """Smooth noise of mean 0 and standard deviation 1."""
    smooth = ndimage.gaussian_filter(rng.standard_normal(shape), width)
    return np.asarray((smooth - smooth.mean()) / max(float(smooth.std()), 1e-6))


def _stripes(
    rng: np.random.Generator, labels: NDArray[np.int32], bodies: Sequence[Outline]
) -> NDArray[np.float64]:
    """Waves of standard deviation 1, along a side of the object's own."""
    turns = np.array([0.0, *(body.turn for body in bodies)])[labels]
    begins = rng.uniform(0, 2 * pi, len(bodies) + 1)[labels]
    y, x = np.indices(labels.shape)
    along = x * np.cos(turns) + y * np.sin(turns)
    return np.asarray(sqrt(2) * np.sin(2 * pi * along / STRIPE + begins))


def _check(
    shape: tuple[int, ...], diameter: tuple[float, float], noise: float, **shares: float
) -> None:
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(
            f"the shape must be 2 sizes of 1 pixel or more, got {shape}: take one such "
            f"as (256, 256)"
        )
    if len(diameter) != 2 or not 4 <= diameter[0] <= diameter[1] < float("inf"):
        raise ValueError(
            f"the diameter must be the smallest and the largest, from 4 pixels up, got "
            f"{tuple(diameter)}: take such as (18, 32)"
        )
    if not 0 <= noise < float("inf"):
        raise ValueError(f"the noise must be a number from 0 up, got {noise}")
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{name} must be a share from 0 to 1, got {share}")
