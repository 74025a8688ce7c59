"""The grid of an image that is rescaled as a whole, and the way back to its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region, TilePlan


@dataclass(frozen=True)
class Rescaling:
    r"""An image of n pixels along an axis, read as one of m, over the same stretch.

    The middle of pixel :math:`k` of the rescaled image lies at
    :math:`(k + \frac12)\,n/m - \frac12` in the image; the pixel nearest to :math:`x`
    of the image is :math:`\lfloor (x + \frac12)\,m/n \rfloor`.
    """

    image_shape: tuple[int, ...]  # n, per axis
    shape: tuple[int, ...]  # m, per axis

    @classmethod
    def by(cls, image_shape: Sequence[int], zoom: float) -> Rescaling:
        """Return the rescaling that makes objects so many times as large.

        Parameters
        ----------
        image_shape : sequence of int
        zoom : float
            Above 1: the image gets more pixels.
        """
        shape = tuple(max(1, round(n * zoom)) for n in image_shape)
        return cls(tuple(image_shape), shape)

    @property
    def steps(self) -> tuple[float, ...]:
        """Pixels of the image from one pixel of the rescaled one to the next."""
        return tuple(n / m for n, m in zip(self.image_shape, self.shape, strict=True))

    def middles(self, axis: int, start: int, stop: int) -> NDArray[np.float64]:
        """Return where pixels of the rescaled image lie in the image, along an axis.

        Parameters
        ----------
        axis : int
        start, stop : int
            A stretch of the rescaled image.
        """
        along = np.arange(start, stop, dtype=np.float64)
        middles: NDArray[np.float64] = (along + 0.5) * self.steps[axis] - 0.5
        return middles

    def nearest(self, axis: int) -> NDArray[np.intp]:
        """Return the pixel of the rescaled image nearest to each one of the image."""
        n, m = self.image_shape[axis], self.shape[axis]
        return (2 * np.arange(n) + 1) * m // (2 * n)

    def region(self, region: Region | None) -> Region | None:
        """Return the pixels of the rescaled image that a region of the image needs."""
        if region is None or len(region) != len(self.shape):
            return region  # all of it; or what no plan takes
        return tuple(
            ((2 * a + 1) * m // (2 * n), (2 * b - 1) * m // (2 * n) + 1 if b > a else a)
            for (a, b), n, m in zip(region, self.image_shape, self.shape, strict=True)
        )

    def in_image(self, region: Region) -> Region:
        """Return the pixels of the image whose nearest ones lie in such a region.

        Raises
        ------
        ValueError
            If there is none.
        """
        found = tuple(
            tuple(map(int, np.searchsorted(self.nearest(axis), bounds)))
            for axis, bounds in enumerate(region)
        )
        if any(start >= stop for start, stop in found):
            raise ValueError(
                f"no pixel of the image lies in what is predicted of the rescaled one, "
                f'{region}: take border "mirror", or a larger diameter'
            )
        return tuple((start, stop) for start, stop in found)

    def indices(self, region: Region) -> tuple[NDArray[np.intp], ...]:
        """Return, per axis, which pixel of a region stands for each of the image.

        Parameters
        ----------
        region : sequence of (int, int)
            Of the rescaled image; see `in_image`.
        """
        return tuple(
            self.nearest(axis)[start:stop] - first
            for axis, ((start, stop), (first, _)) in enumerate(
                zip(self.in_image(region), region, strict=True)
            )
        )


def region_of(plan: TilePlan, rescaling: Rescaling | None) -> Region:
    """Return the image pixels that a plan predicts: (start, stop) an axis.

    Parameters
    ----------
    plan : TilePlan
    rescaling : Rescaling or None
        Of the image that it is a plan of; None: the image as it is.
    """
    return plan.region if rescaling is None else rescaling.in_image(plan.region)


def boundaries_of(
    plan: TilePlan, rescaling: Rescaling | None
) -> tuple[tuple[int, ...], ...]:
    """Return the result's pixels at which a further tile begins, per axis.

    Parameters
    ----------
    plan, rescaling
        See `region_of`.
    """
    if rescaling is None:
        return plan.boundaries
    return tuple(
        tuple(map(int, np.searchsorted(index, at)))
        for index, at in zip(
            rescaling.indices(plan.region), plan.boundaries, strict=True
        )
    )


def widths_of(
    window: Sequence[int] | None, rescaling: Rescaling | None
) -> tuple[int, ...] | None:
    """Return a window of what was predicted in pixels of the image; None: not known.

    Parameters
    ----------
    window : sequence of int or None
        Pixels of the rescaled image, per axis.
    rescaling : Rescaling or None
        See `region_of`.
    """
    if window is None or rescaling is None:
        return None if window is None else tuple(window)
    sizes = zip(window, rescaling.steps, strict=True)
    return tuple(max(1, round(width * step)) for width, step in sizes)
