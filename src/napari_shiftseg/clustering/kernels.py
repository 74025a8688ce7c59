"""The kernels of the mean shift: their coordinates, and the density they give."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_shiftseg.clustering.points import Rows, by_differences, lengths
from napari_shiftseg.clustering.settings import Kernel
from napari_shiftseg.progress import exhaust

if TYPE_CHECKING:
    from collections.abc import Generator


Points = TypeVar("Points", Tensor, NDArray[Any])


def on_sphere(points: Points, axis: int = -1) -> Points:
    r"""Return points moved to the unit sphere, :math:`x / \lVert x \rVert`.

    One rule for what has no direction: a point of length 0 (or so short that its square
    is 0) goes to the centre of the sphere, 0, which is 1 away from all of it; its
    gradient is 0. The mean shift refuses such points, see `Frame.enter`.

    Parameters
    ----------
    points : Tensor or ndarray of float
        (points, channels), or with the channels on another axis.
    axis : int
        Of the channels.
    """
    if isinstance(points, Tensor):
        norms = points.norm(dim=axis, keepdim=True)
        moved: Tensor = points / norms.masked_fill(norms == 0, inf)
        return moved
    length = np.linalg.norm(points, axis=axis, keepdims=True)
    length[length == 0] = inf
    unit: NDArray[Any] = points / length
    return unit


def coordinates(embedding: NDArray[Any], kernel: Kernel, axis: int = 0) -> NDArray[Any]:
    """Return what a kernel measures distances of.

    Directions for von Mises-Fisher, of unit length (see `on_sphere`); for the learnt
    spread, places without their spread; else the embedding as it is, not copied.

    Parameters
    ----------
    embedding : ndarray of float
    kernel : {"gaussian", "flat", "von-mises-fisher", "learnt-spread"}
    axis : int
        Of the channels.
    """
    if kernel == "von-mises-fisher":
        return on_sphere(embedding, axis)
    if kernel == "learnt-spread":
        return np.moveaxis(np.moveaxis(embedding, axis, 0)[:-1], 0, axis)
    return embedding


def refuse_no_direction(has_one: Tensor | NDArray[np.bool_]) -> None:
    """Raise a ValueError where a point has no direction, (points,)."""
    if not has_one.all():
        raise ValueError(
            "the von Mises-Fisher kernel needs points with a direction, but some are 0 "
            "in every channel: leave them out, or take another kernel"
        )


WIDEST = 20.0  # logarithm of a spread; none beyond says anything of pixels
KERNELS: tuple[Kernel, ...] = get_args(Kernel)


@dataclass(frozen=True)
class Frame:
    r"""Coordinates in units of the bandwidth: :math:`u = (x - c) / h`.

    For von Mises-Fisher :math:`u = x / (h \lVert x \rVert)`, on the sphere of radius
    :math:`1/h`. There :math:`\lVert u - v \rVert^2 / 2 = (1 - \cos) / h^2`, so that its
    kernel is the gaussian of these coordinates.

    For the learnt spread the last channel of a point is no coordinate but the logarithm
    of a spread s; its median over the points widens the bandwidth,
    :math:`u = (x - c) / (h s)`. All that is clustered at once has one bandwidth.
    """

    bandwidth: float  # h, above 0; with the learnt spread, h·s
    kernel: Kernel
    centre: Rows  # c, (channels,); not used on the sphere
    device: torch.device

    @classmethod
    def around(
        cls, X: Rows, bandwidth: float, kernel: Kernel, device: torch.device
    ) -> Frame:
        """Return the frame at the mean of points, where float32 distances are best.

        The mean is rounded to bandwidths, lest it depend on the order of the points.
        With the learnt spread, `centre` ends with the median of its logarithm.

        Parameters
        ----------
        X : ndarray of float32 or float64
            (points, channels)
        bandwidth, kernel, device
            Of the frame.
        """
        spread = float(np.median(X[:, -1])) if kernel == "learnt-spread" else 0.0
        about = np.atleast_2d(X.mean(0, dtype=np.float64)), np.array([spread])
        return cls.at(*about, X.dtype, bandwidth, kernel, device)[0]

    @classmethod
    def at(
        cls,
        means: NDArray[np.float64],
        spreads: NDArray[np.float64],
        dtype: np.dtype[Any],
        bandwidth: float,
        kernel: Kernel,
        device: torch.device,
    ) -> list[Frame]:
        """Return the frames of sets of points; see `around`.

        Parameters
        ----------
        means : ndarray
            (sets, channels)
        spreads : ndarray
            (sets,), medians of the last channel; only the learnt spread looks at them.
        dtype : numpy dtype
            Of the points.
        bandwidth, kernel, device
            Of the frames.
        """
        widths = np.full(len(means), bandwidth)
        if kernel == "learnt-spread":
            if means.shape[1] < 2:
                raise ValueError(
                    "the learnt spread needs points of two channels or more, a place "
                    "and the logarithm of its spread, got 1: take another kernel"
                )
            spreads = spreads.clip(-WIDEST, WIDEST)
            widths *= np.exp(spreads)
        centres = np.rint(means / widths[:, None]) * widths[:, None]
        if kernel == "learnt-spread":
            centres[:, -1] = spreads
        each = zip(widths.tolist(), centres.astype(dtype), strict=True)
        return [cls(width, kernel, centre, device) for width, centre in each]

    @property
    def spherical(self) -> bool:
        """Whether only the directions of points count."""
        return self.kernel == "von-mises-fisher"

    @property
    def has_spread(self) -> bool:
        """Whether the last channel is the logarithm of a spread."""
        return self.kernel == "learnt-spread"

    def enter(self, rows: Rows) -> Tensor:
        """Return points, (points, channels), in this frame, on the device.

        float32 on MPS, elsewhere of the type of the rows. A point that is to go to the
        sphere must have a direction.
        """
        dtype = torch.float32 if self.device.type == "mps" else None
        points = torch.tensor(
            np.ascontiguousarray(rows), dtype=dtype, device=self.device
        )
        if self.spherical:
            return self._enter_sphere(points)
        centre = torch.tensor(self.centre, dtype=points.dtype, device=self.device)
        placed = points.sub_(centre).div_(self.bandwidth)
        return placed[:, :-1] if self.has_spread else placed

    def _enter_sphere(self, points: Tensor) -> Tensor:
        there = self.onto_sphere(points)
        refuse_no_direction(there.any(1))
        return there

    def onto_sphere(self, points: Tensor) -> Tensor:
        """Return the points moved to the sphere, (points, channels)."""
        return on_sphere(points, 1).div_(self.bandwidth)

    def leave(self, modes: Tensor) -> Rows:
        """Return modes in the coordinates of the data, (modes, channels)."""
        rows: Rows = modes.cpu().numpy().astype(self.centre.dtype) * self.bandwidth
        if self.has_spread:
            rows = np.pad(rows, ((0, 0), (0, 1)))
        return rows if self.spherical else rows + self.centre


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
        # whether points lie so far out that rounding must be reckoned with
        squares, self.reaches_far = lengths(points)
        self.cost = FAR if self.reaches_far else 1  # of a distance, see `Effort`
        one = torch.ones_like(squares)
        # so that [s, 1, -|s|²/2] times this is -|s - u|²/2: (channels + 2, points)
        self._right = torch.cat([points, -squares / 2, one], 1).T
        self._sums = torch.cat([points, one], 1) * weights[:, None]

    def step(self, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """Move seeds, (seeds, channels), to the mean of the points their kernel sees.

        Returns
        -------
        means : Tensor
            (seeds, channels); a seed that sees no point stays.
        density : Tensor
            (seeds,), at the seeds before they moved.
        """
        sums = exhaust(self._summed(seeds, self._sums))  # (seeds, channels + 1)
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
        return (yield from self._summed(places, self._weights))

    def _summed(self, places: Tensor, values: Tensor) -> Generator[None, None, Tensor]:
        """Find the sums of the points' values, each times its kernel."""
        if 0 < len(places) <= self._rows:
            return self._kernel(places) @ values
        sums = []
        for part in torch.split(places, self._rows):
            yield
            sums.append(self._kernel(part) @ values)
        return torch.cat(sums)

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
