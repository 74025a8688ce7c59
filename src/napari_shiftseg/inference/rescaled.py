"""An image rescaled as a whole, read window by window, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_shiftseg.stores.image import read_mirrored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.embeddings.kinds import Kind
    from napari_shiftseg.geometry.rescaling import Rescaling
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.stores.image import Image


TRUNCATE = 4.0  # standard deviations at which a Gaussian ends


@dataclass(frozen=True)
class Rescaled:
    r"""An image rescaled; it is read as an `Image` is, and as lazily.

    Pixels are interpolated linearly; where the image is made smaller it is smoothed
    first, by a Gaussian of :math:`\sigma = (n/m - 1)/2` pixels, as scikit-image's
    `resize` does. Each pixel depends on its place in the image alone, not on the window
    that is read: tiles stay exact.
    """

    image: Image
    rescaling: Rescaling

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape."""
        return self.rescaling.shape

    @property
    def scale(self) -> Scale:
        """How grey values are read: as those of the image."""
        return self.image.scale

    def read(
        self, bounds: Sequence[tuple[int, int]], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        """Read a window of the rescaled image; see `Image.read`.

        Parameters
        ----------
        bounds : sequence of (int, int)
        dtype : numpy dtype
        """
        return read_mirrored(lambda box: self._read(box, dtype), bounds, self.shape)

    def _read(self, box: tuple[slice, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        places = [
            self.rescaling.middles(axis, along.start, along.stop)
            for axis, along in enumerate(box)
        ]
        margins = [ceil(TRUNCATE * sigma) + 1 for sigma in self._sigmas]
        spans = [
            (floor(x[0]) - margin, floor(x[-1]) + 2 + margin)
            for x, margin in zip(places, margins, strict=True)
        ]
        pixels = self.image.read(spans, dtype)
        for axis, sigma in enumerate(self._sigmas):
            if sigma:
                along = axis - len(spans)
                pixels = ndimage.gaussian_filter1d(
                    pixels, sigma, along, truncate=TRUNCATE
                )
        for axis, (x, (start, _)) in enumerate(zip(places, spans, strict=True)):
            pixels = _interpolated(pixels, x, start, axis - len(spans))
        return pixels

    @property
    def _sigmas(self) -> list[float]:
        return [max(0.0, (step - 1) / 2) for step in self.rescaling.steps]

    def back(
        self,
        raw: NDArray[Any],
        plan: TilePlan,
        kind: Kind = "discriminative",
        views: int = 1,
    ) -> NDArray[Any]:
        r"""Return a prediction of the rescaled image as one of the image itself.

        Each pixel of the image gets what was predicted at the nearest one. Places of a
        spatial embedding, and their spread, become pixels of the image.

        Parameters
        ----------
        raw : ndarray
            (channels, \*region of the plan)
        plan : TilePlan
            Of the rescaled image.
        kind : {"discriminative", "spherical", "spatial"}
            Of the embedding.
        views : int
            Whose embeddings stand one after the other; see `Views`.
        """
        at: tuple[Any, ...] = np.ix_(*self.rescaling.indices(plan.region))
        found: NDArray[Any] = raw[(slice(None), *at)]
        if kind == "spatial":
            steps = self.rescaling.steps
            for channel in range(len(steps) * views):
                step = steps[channel % len(steps)]
                found[channel] *= step
                found[channel] += (step - 1) / 2 / sqrt(views)
            found[len(steps) * views] += sum(map(log, steps)) / len(steps)
        return found


def _interpolated(
    pixels: NDArray[Any], places: NDArray[np.float64], start: int, axis: int
) -> NDArray[Any]:
    """Return pixels at places between them, along an axis that begins at `start`."""
    before = np.floor(places).astype(np.intp)
    share = (places - before).astype(pixels.dtype)
    share = share.reshape(-1, *(1,) * (-1 - axis))
    one, next_one = (pixels.take(before - start + i, axis) for i in (0, 1))
    between: NDArray[Any] = one * (1 - share) + next_one * share
    return between
