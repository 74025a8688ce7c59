"""Bodies side by side in an image: some alone, some in touching groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import prod, sqrt
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box


WAVES = 3
WAVE_HEIGHT = 0.05
WAVE_NUMBER = 1.7
ELONGATION = 0.4


class Body(Protocol):
    """What is packed: a body around the origin; see `Ellipsoid`."""

    def depth(  # noqa: D102
        self, offsets: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.float64]: ...
    def reach(self, direction: NDArray[np.float64]) -> float: ...  # noqa: D102
    @property
    def extent(self) -> NDArray[np.float64]: ...  # noqa: D102
    @property
    def core(self) -> float: ...  # noqa: D102


@dataclass(frozen=True)
class Ellipsoid:
    r"""A body around the origin; all lengths in the unit of the spacing.

    With ``y = stretch · x`` and ``u = y / ‖y‖`` its points x are those of depth
    ``‖y‖ / (1 + h Σ_k cos(waves_k · u + phases_k)) ≤ 1``, h = 0.05.
    """

    # (axes, axes), takes the ellipsoid without waves to the unit ball
    stretch: NDArray[np.float64]
    waves: NDArray[np.float64]  # (3, axes), periods of the waves over the surface
    phases: NDArray[np.float64]  # (3,), where they begin

    def depth(self, offsets: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        r"""Depth at every point of a grid: 0 at the centre, 1 on the surface.

        `offsets` are, along each axis, distances of the grid's points from the centre.
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
    axes : int
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


GAP = 2  # pixels of background, at least, between bodies that do not touch
POSITIONS = 40  # tried for one body
MISSES = 12  # bodies in a row that find no place: the image is full
ANOTHER = 0.35  # chance that a group of two or more takes in another
KEPT = 0.7  # share of its pixels that a body keeps beside those it touches


@dataclass
class Packing:
    r"""An image that fills with bodies, one group after another.

    A group is known by the number of bodies before it.
    """

    shape: tuple[int, ...]  # pixels along each axis
    spacing: tuple[float, ...]  # size of a pixel along each axis
    labels: NDArray[np.int32] = field(init=False)  # (*shape), 0 is background
    # (*shape), of each pixel in the body that owns it; infinite outside
    depth: NDArray[np.float32] = field(init=False)
    # one a body, in pixels
    centres: list[NDArray[np.int64]] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)  # that of label 1 first
    # how many of the image each body owns
    pixels: list[int] = field(default_factory=list)

    @property
    def covered(self) -> int:
        """Pixels of the image that bodies own."""
        return sum(self.pixels)

    def __post_init__(self) -> None:
        self.labels = np.zeros(self.shape, dtype=np.int32)
        self.depth = np.full(self.shape, np.inf, dtype=np.float32)

    def add_alone(self, rng: np.random.Generator, body: Body) -> bool:
        """Place a body where it touches none; False if it finds no such place.

        Parameters
        ----------
        rng : numpy.random.Generator
        body : Body
        """
        margin = body.core / 2 / np.array(self.spacing)
        size = np.array(self.shape)
        centres = np.rint(
            rng.uniform(-margin, size - 1 + margin, (POSITIONS, len(size)))
        ).astype(np.int64)
        return any(
            self._place(body, centre, group=len(self.bodies))
            for centre in centres[~self._hits_a_core(body, centres)]
        )

    def add_beside(self, rng: np.random.Generator, body: Body, group: int) -> bool:
        """Place a body where it touches one of the last group and none of another.

        Parameters
        ----------
        rng : numpy.random.Generator
        body : Body
        group : int
            Bodies before the group.
        """
        for _ in range(POSITIONS):
            partner = rng.integers(group, len(self.bodies))
            direction = rng.normal(size=len(self.shape))
            direction /= np.linalg.norm(direction)
            reach = self.bodies[partner].reach(direction) + body.reach(-direction)
            away = rng.uniform(0.82, 0.98) * reach * direction / self.spacing
            centre = self.centres[partner] + np.rint(away).astype(np.int64)
            if self._in_sight(body, centre) and self._place(body, centre, group):
                return True
        return False

    def _in_sight(self, body: Body, centre: NDArray[np.int64]) -> bool:
        margin = body.core / 2 / np.array(self.spacing)
        return bool(((centre >= -margin) & (centre <= self.shape + margin - 1)).all())

    def _hits_a_core(self, body: Body, centres: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where the body surely overlaps another: quicker than to draw it."""
        if not self.bodies:
            return np.zeros(len(centres), dtype=np.bool_)
        cores = np.array([other.core for other in self.bodies]) + body.core
        apart = (centres[:, None] - np.array(self.centres)) * self.spacing
        return np.asarray((np.square(apart).sum(-1) < cores**2).any(1))

    def _place(self, body: Body, centre: NDArray[np.int64], group: int) -> bool:
        """Draw a body if it keeps clear of other groups and touches its own."""
        box, depth = self._drawn(body, centre)
        inside, labels = depth <= 1, self.labels[box]
        near = labels[ndimage.binary_dilation(inside, iterations=GAP)]
        if not inside.any() or ((near > 0) & (near <= group)).any():
            return False
        won = inside & (depth < self.depth[box])
        beside = labels[ndimage.binary_dilation(won)].any()
        if len(self.bodies) > group and not beside:
            return False
        left = self._left(labels[won])
        if won.sum() < KEPT * inside.sum() or any(
            pixels < KEPT * self.pixels[one] for one, pixels in left.items()
        ):
            return False
        for one, pixels in left.items():
            self.pixels[one] = pixels
        self.pixels.append(int(won.sum()))
        self.centres.append(centre)
        self.bodies.append(body)
        labels[won] = len(self.bodies)
        self.depth[box][won] = depth[won]
        return True

    def _left(self, lost: NDArray[np.int32]) -> dict[int, int]:
        """Pixels left to each body, by index, that loses some; their labels given."""
        labels, losses = np.unique(lost[lost > 0], return_counts=True)
        indices = (labels - 1).tolist()
        return {
            one: self.pixels[one] - loss
            for one, loss in zip(indices, losses.tolist(), strict=True)
        }

    def _drawn(
        self, body: Body, centre: NDArray[np.int64]
    ) -> tuple[Box, NDArray[np.float64]]:
        """Return the body's box and a gap around it, and its depth there."""
        half = np.ceil(body.extent / self.spacing).astype(np.int64) + GAP
        start = np.clip(centre - half, 0, self.shape)
        stop = np.clip(centre + half + 1, 0, self.shape)
        offsets = [
            (np.arange(a, b) - c) * s
            for a, b, c, s in zip(start, stop, centre, self.spacing, strict=True)
        ]
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        return box, body.depth(offsets)


def pack(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    diameter: tuple[float, float],
    density: float,
    touching: float,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    r"""Fill an image with wavy ellipsoids.

    Groups of one, or of two and more touching bodies, are placed until `density` of
    the image is covered or no more find a place. Where bodies of a group would
    overlap, a pixel goes to that in which it lies deeper. Centres lie in the image or
    a little outside, so its border cuts bodies too.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape, spacing
        Pixels, and the size of one, along each axis.
    diameter : tuple of float
        Smallest and largest, in the unit of the spacing.
    density, touching : float
        Share of the pixels to cover; share of the bodies to touch others.

    Returns
    -------
    labels, depth : ndarray
        (\*shape), 1 … n, each in one piece; 0 at a centre, 1 at the surface.
    """
    packing = Packing(shape, spacing)

    def draw() -> Ellipsoid:
        return random_ellipsoid(rng, len(shape), rng.uniform(*diameter))

    fill(packing, rng, draw, density, touching)
    return _whole(packing.labels), packing.depth


def fill(
    packing: Packing,
    rng: np.random.Generator,
    draw: Callable[[], Body],
    density: float,
    touching: float,
) -> None:
    """Fill an image with bodies of any kind; see `pack`.

    Parameters
    ----------
    packing : Packing
        That is filled.
    rng : numpy.random.Generator
        That places them.
    draw : callable
        Gives another body.
    density, touching : float
        See `pack`.
    """
    goal = density * prod(packing.shape)
    grouped = misses = 0
    while packing.covered < goal and misses < MISSES:
        size = _group_size(rng, touching, grouped, len(packing.bodies))
        first = len(packing.bodies)
        if not packing.add_alone(rng, draw()):
            misses += 1
            continue
        misses = 0
        for _ in range(size - 1):
            packing.add_beside(rng, draw(), group=first)
        found = len(packing.bodies) - first
        grouped += found if found > 1 else 0


def whole_bodies(packing: Packing) -> tuple[NDArray[np.int32], list[Body]]:
    """Return the labels of a packing, each in one piece, and the body of each label."""
    labels = _whole(packing.labels)
    ids, first = np.unique(labels, return_index=True)
    before = packing.labels.ravel()[first[ids > 0]]
    return labels, [packing.bodies[number - 1] for number in before.tolist()]


def _group_size(
    rng: np.random.Generator, touching: float, grouped: int, bodies: int
) -> int:
    """Draw a group's size so that the share of touching bodies comes near its goal."""
    size = 1 + int(rng.geometric(1 - ANOTHER))
    before = abs(grouped - touching * (bodies + 1))
    after = abs(grouped + size - touching * (bodies + size))
    return size if after < before else 1


def _whole(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Keep the largest piece of each label, and number them without holes."""
    kept = np.zeros_like(labels)
    number = 0
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        pieces, _ = ndimage.label(labels[box] == label)
        largest = np.bincount(pieces.ravel())[1:].argmax() + 1
        number += 1
        kept[box][pieces == largest] = number
    return kept
