"""The weighted points that modes are sought among, and one mean-shift step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_shiftseg.clustering.distances import by_differences, lengths

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.clustering.frame import Frame

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
