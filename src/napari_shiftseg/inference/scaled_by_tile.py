"""An image whose tiles are scaled one by one, as they should not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.intensity.automatic import find_scale
from napari_shiftseg.stores.image import Image, read_mirrored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.intensity.scale import Reading
    from napari_shiftseg.networks.config import Intensity


@dataclass(frozen=True)
class ScaledByTile(Image):
    """An image that is read as an `Image` is, but each window by a scale of its own.

    So it is read where a network's input is normalised after it was cut into tiles: a
    tile of the ground alone is as bright as one full of objects, and what is beside a
    border is not what is beyond it.
    """

    # how the model wants grey values read, and the user
    intensity: Intensity = "as-is"
    reading: Reading | None = None

    def read(
        self, bounds: Sequence[tuple[int, int]], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        """Read a window by its own scale; see `Image.read`.

        Parameters
        ----------
        bounds : sequence of (int, int)
        dtype : numpy dtype
        """
        pixels = read_mirrored(self._grey, bounds, self.shape)
        tile = pixels if len(self.data.shape) > self.ndim else pixels[0]
        scale = find_scale(tile, self.ndim, self.intensity, self.reading)
        size = [(0, stop - start) for start, stop in bounds]
        return Image(tile, self.ndim, scale).read(size, dtype)

    def _grey(self, box: tuple[slice, ...]) -> NDArray[Any]:
        return np.asanyarray(self.data[(..., *box)])
