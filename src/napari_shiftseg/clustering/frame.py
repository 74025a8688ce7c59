"""The coordinates in which modes are sought: one bandwidth long, near the origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from napari_shiftseg.model.config import Kernel

KERNELS: tuple[Kernel, ...] = get_args(Kernel)
Rows = NDArray[np.floating]


@dataclass(frozen=True)
class Frame:
    r"""Coordinates in units of the bandwidth: :math:`u = (x - c) / h`.

    For von Mises-Fisher :math:`u = x / (h \lVert x \rVert)`, on the sphere of radius
    :math:`1/h`. There :math:`\lVert u - v \rVert^2 / 2 = (1 - \cos) / h^2`, so that its
    kernel is the gaussian of these coordinates.

    Parameters
    ----------
    bandwidth : float
        :math:`h`, above 0.
    kernel : {"gaussian", "flat", "von-mises-fisher"}
    centre : ndarray of float32 or float64
        :math:`c`, (channels,); not used on the sphere.
    device : torch.device
    """

    bandwidth: float
    kernel: Kernel
    centre: Rows
    device: torch.device

    @classmethod
    def around(
        cls, X: Rows, bandwidth: float, kernel: Kernel, device: torch.device
    ) -> Frame:
        """Return the frame at the mean of points, where float32 distances are best.

        The mean is rounded to bandwidths, lest it depend on the order of the points.
        """
        steps = np.rint(X.mean(0, dtype=np.float64) / bandwidth)
        return cls(bandwidth, kernel, (steps * bandwidth).astype(X.dtype), device)

    @property
    def spherical(self) -> bool:
        """Whether only the directions of points count."""
        return self.kernel == "von-mises-fisher"

    def enter(self, rows: Rows) -> Tensor:
        """Return points in this frame, on the device.

        Parameters
        ----------
        rows : ndarray of float32 or float64
            (points, channels)

        Returns
        -------
        Tensor
            (points, channels), float32 on MPS, elsewhere of the type of the rows.

        Raises
        ------
        ValueError
            If a point is to go to the sphere but has no direction.
        """
        dtype = torch.float32 if self.device.type == "mps" else None
        points = torch.tensor(
            np.ascontiguousarray(rows), dtype=dtype, device=self.device
        )
        if self.spherical:
            return self._enter_sphere(points)
        centre = torch.tensor(self.centre, dtype=points.dtype, device=self.device)
        return points.sub_(centre).div_(self.bandwidth)

    def _enter_sphere(self, points: Tensor) -> Tensor:
        if not points.any(1).all():
            raise ValueError(
                "the von Mises-Fisher kernel needs points with a direction, but some "
                "are 0 in every channel: leave them out, or take another kernel"
            )
        return self.onto_sphere(points)

    def onto_sphere(self, points: Tensor) -> Tensor:
        """Return the points moved to the sphere, (points, channels)."""
        tiny = torch.finfo(points.dtype).tiny
        return normalize(points, eps=tiny).div_(self.bandwidth)

    def leave(self, modes: Tensor) -> Rows:
        """Return modes in the coordinates of the data, (modes, channels)."""
        rows: Rows = modes.cpu().numpy().astype(self.centre.dtype) * self.bandwidth
        return rows if self.spherical else rows + self.centre
