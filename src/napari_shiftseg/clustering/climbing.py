"""From seeds to modes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from napari_shiftseg.clustering.points import by_differences, lengths, spread, within

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.clustering.points import Frame
    from napari_shiftseg.clustering.settings import Effort


NOTHING = -60.0  # exponent; where exp underflows, it takes ten times as long
FAR = 8  # times as long as others takes a distance that must not cancel
RIM = 1 + 1e-5  # squared radius of the flat kernel; points at its very rim are in


class Cloud:
    r"""Weighted points; their density, and the step that climbs it.

    .. math::

        f(s) = \sum_j w_j\, K(s, u_j) \qquad
        m(s) = \frac1{f(s)} \sum_j w_j\, K(s, u_j)\, u_j

    with :math:`K = \exp(-\lVert s - u \rVert^2 / 2)`, or for the flat kernel 1 where
    :math:`\lVert s - u \rVert \le 1`, in the coordinates of the frame. On the sphere
    the mean is brought back to unit length.

    Parameters
    ----------
    points : Tensor
        (points, channels), in the frame.
    weights : Tensor
        (points,); how many points of the data each stands for.
    frame : Frame
    chunk : int
        Distances held at a time.

    Attributes
    ----------
    reaches_far : bool
        Whether points lie so far out that rounding must be reckoned with.
    cost : int
        Of a distance, see `Effort`; one that must not cancel takes longer.

    References
    ----------
    Comaniciu & Meer 2002, "Mean shift: a robust approach toward feature space
    analysis", eq. 20; Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance
    Grouping", section 4 (the sphere).
    """

    def __init__(
        self, points: Tensor, weights: Tensor, frame: Frame, chunk: int
    ) -> None:
        self._points, self._weights, self._frame = points, weights, frame
        self._rows = max(1, chunk // max(1, len(points)))
        squares, self.reaches_far = lengths(points)
        self.cost = FAR if self.reaches_far else 1
        one = torch.ones_like(squares)
        # so that [s, 1, -|s|²/2] times this is -|s - u|²/2: (channels + 2, points)
        self._right = torch.cat([points, -squares / 2, one], 1).T
        self._sums = torch.cat([points, one], 1) * weights[:, None]

    def step(self, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """Move every seed to the mean of the points its kernel sees.

        Parameters
        ----------
        seeds : Tensor
            (seeds, channels), in the frame.

        Returns
        -------
        means : Tensor
            (seeds, channels); a seed that sees no point stays.
        density : Tensor
            (seeds,), at the seeds before they moved.
        """
        sums = self._summed(seeds, self._sums)  # (seeds, channels + 1)
        density = sums[:, -1]
        means = torch.where(
            density[:, None] > 0, sums[:, :-1] / density[:, None], seeds
        )
        if self._frame.spherical:
            means = self._frame.onto_sphere(means)
        return means, density

    def __len__(self) -> int:
        return len(self._points)

    def density(self, places: Tensor) -> Generator[None, None, Tensor]:
        """Find the density at these places, (places,); yields between chunks."""
        if 0 < len(places) <= self._rows:
            return self._kernel(places) @ self._weights
        sums = [self._weights[:0]]
        for part in torch.split(places, self._rows):
            yield
            sums.append(self._kernel(part) @ self._weights)
        return torch.cat(sums)

    def _summed(self, places: Tensor, values: Tensor) -> Tensor:
        """Return the sums of the points' values, each times its kernel."""
        if 0 < len(places) <= self._rows:
            return self._kernel(places) @ values
        parts = torch.split(places, self._rows)
        return torch.cat([self._kernel(part) @ values for part in parts])

    def _kernel(self, seeds: Tensor) -> Tensor:
        """Return the kernel between seeds and points, (seeds, points)."""
        exponents = self._exponents(seeds)
        if self._frame.kernel == "flat":
            return (exponents >= -RIM / 2).to(seeds.dtype)
        return exponents.clamp_(min=NOTHING).exp_()

    def _exponents(self, seeds: Tensor) -> Tensor:
        if self.reaches_far:
            return by_differences(seeds, self._points).div_(-2)
        halves = -seeds.square().sum(1, keepdim=True) / 2
        return torch.cat([seeds, torch.ones_like(halves), halves], 1) @ self._right


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
