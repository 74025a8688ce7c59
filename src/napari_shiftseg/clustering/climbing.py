"""From seeds to modes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from napari_shiftseg.clustering.distances import spread, within

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.clustering.cloud import Cloud
    from napari_shiftseg.clustering.effort import Effort

BATCH = 128  # seeds that climb together; the modes they find save later ones the way
CLOSE = 0.5  # bandwidths from a mode, where a climbing seed is as good as there
MET = 0.1  # bandwidths between two seeds that climb on as one
EVERY = 4  # steps between looks for seeds that met
STOP = 1e-3  # bandwidths; a shorter step ends a climb, as in scikit-learn
FINE = 1e-4  # bandwidths; the same for the seed that represents its mode
ROUNDING = 4  # units in the last place of a coordinate, within which a climb ends
WORK = 2**20  # distances between two looks whether anybody still waits
CALL = 2**13  # distances that take as long as one step on hardly any
DIGITS = 4  # of the density that decide an order; the rest is rounding


class Modes(NamedTuple):
    """Maxima of the density, in the frame.

    Attributes
    ----------
    points : Tensor
        (modes, channels)
    density : Tensor
        (modes,)
    """

    points: Tensor
    density: Tensor

    def joined(self, other: Modes) -> Modes:
        """Return these and the others."""
        return Modes(*(torch.cat(pair) for pair in zip(self, other, strict=True)))


def find_modes(
    seeds: Tensor, cloud: Cloud, known: Modes, chunk: int, max_iter: int, effort: Effort
) -> Generator[None, None, tuple[Modes, int]]:
    """Climb from the seeds, and merge the ends with the modes known before.

    Yields after about a million distances.

    Parameters
    ----------
    seeds : Tensor
        (seeds, channels)
    cloud : Cloud
        That is climbed.
    known : Modes
        Of another cloud, or none.
    chunk : int
        Distances held at a time.
    max_iter : int
        Steps of a seed, at most.
    effort : Effort
        Spent by climbing; once there is none left, seeds stay where they are.

    Returns
    -------
    modes : Modes
        Densest first, more than one bandwidth apart.
    n_iter : int
        Steps of the seed that took the most.
    """
    longest = 1
    for batch in torch.split(seeds, BATCH):
        if effort.is_spent and len(known.points):
            break
        ends, n_iter = yield from _climb(
            batch, cloud, known.points, chunk, max_iter, STOP, effort
        )
        best = yield from _merge(ends, chunk)
        fine, _ = yield from _climb(
            best.points, cloud, known.points, chunk, max_iter, FINE, effort
        )
        known = known.joined(fine)
        longest = max(longest, n_iter)
    return (yield from _merge(known, chunk)), longest


def _climb(
    seeds: Tensor,
    cloud: Cloud,
    known: Tensor,
    chunk: int,
    max_iter: int,
    stop: float,
    effort: Effort,
) -> Generator[None, None, tuple[Modes, int]]:
    ended = [Modes(seeds[:0], seeds[:0, 0])]
    n_iter = work = 0
    active = yield from _on_the_way(seeds, known, chunk)
    while len(active) and n_iter < max_iter:
        means, density = cloud.step(active)
        n_iter += 1
        distances = len(active) * (len(cloud) + len(known))
        effort.spend((distances + CALL) * cloud.cost)
        work += distances
        if work > WORK:
            work = 0
            yield
        still = (means - active).square().sum(1) <= _negligible(active, cloud, stop)
        if n_iter == max_iter or still.all() or effort.is_spent:
            ended.append(Modes(means, density))
            break
        active = means
        if still.any():
            ended.append(Modes(means[still], density[still]))
            active = means[~still]
        active = yield from _on_the_way(active, known, chunk)
        if n_iter % EVERY == 0:
            active = active[(yield from spread(active, MET, chunk))]
    return Modes(*(torch.cat(parts) for parts in zip(*ended, strict=True))), n_iter


def _negligible(seeds: Tensor, cloud: Cloud, stop: float) -> Tensor | float:
    """Return the squared step that ends a climb, (seeds,) where they may differ.

    Far from the origin rounding alone moves a seed by more than any fixed length.
    """
    if not cloud.reaches_far:
        return stop**2
    rounding = (ROUNDING * torch.finfo(seeds.dtype).eps) ** 2
    return (seeds.square().sum(1) * rounding).clamp_(min=stop**2)


def _on_the_way(
    seeds: Tensor, known: Tensor, chunk: int
) -> Generator[None, None, Tensor]:
    """Return the seeds that are not close to a known mode."""
    if not len(known):
        return seeds
    return seeds[~(yield from within(seeds, known, CLOSE, chunk))]


def _merge(modes: Modes, chunk: int) -> Generator[None, None, Modes]:
    """Keep the modes that no denser one has within a bandwidth, densest first."""
    if len(modes.points) <= 1:
        return modes
    unit = 10.0 ** (modes.density.log10().floor() - DIGITS)
    rounded = (modes.density / unit).round() * unit
    order = rounded.argsort(descending=True, stable=True)
    order = order[(yield from spread(modes.points[order], 1.0, chunk))]
    return Modes(modes.points[order], modes.density[order])
