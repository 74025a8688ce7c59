"""What a run takes from an image layer, and where its results are placed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region

LUMINANCE = np.array([0.2125, 0.7154, 0.0721])  # ITU-R BT.709


@dataclass(frozen=True)
class Source:
    r"""An image layer as it was when a run began; the layer may go meanwhile.

    Attributes
    ----------
    name : str
    data : array
        (\\*layer axes), grey; the finest level of a multiscale layer.
    scale, translate : ndarray
        Per layer axis.
    rotate, shear, affine : ndarray
        As napari's layers take them.
    units, axis_labels : tuple
        Per layer axis.
    """

    name: str
    data: Any
    scale: NDArray[Any]
    translate: NDArray[Any]
    rotate: NDArray[Any]
    shear: NDArray[Any]
    affine: NDArray[Any]
    units: tuple[Any, ...]
    axis_labels: tuple[str, ...]

    @classmethod
    def of(cls, layer: Image) -> Source:
        """Take what is needed from a layer."""
        data = layer.data[0] if layer.multiscale else layer.data
        return cls(
            layer.name,
            _grey(data) if layer.rgb else data,
            layer.scale,
            layer.translate,
            layer.rotate,
            layer.shear,
            layer.affine.affine_matrix,
            layer.units,
            layer.axis_labels,
        )

    def placed(self, offset: Sequence[int], ndim: int) -> dict[str, Any]:
        """Return the keywords that put a layer of `ndim` axes onto the image.

        Parameters
        ----------
        offset : sequence of int
            Image pixel at which the new layer begins, for its last axes.
        ndim : int
            Axes of the new layer, the last ones of the image.
        """
        corner = np.zeros(ndim)
        corner[ndim - len(offset) :] = offset
        shape = {"scale": self.scale[-ndim:]}
        if ndim == len(self.scale):
            shape |= {"rotate": self.rotate, "shear": self.shear}
        shift = Affine(**shape).linear_matrix @ corner
        placed = {
            **shape,
            "translate": self.translate[-ndim:] + shift,
            "units": self.units[-ndim:],
            "axis_labels": self.axis_labels[-ndim:],
        }
        return placed | ({"affine": self.affine} if ndim == len(self.scale) else {})


def layer_shape(layer: Image) -> tuple[int, ...]:
    """Return the shape of an image layer's finest level, without colour."""
    data = layer.data[0] if layer.multiscale else layer.data
    return tuple(data.shape[: layer.ndim])


def region_in_view(layer: Image, displayed: Sequence[int], ndim: int) -> Region:
    """Return the pixels of the last `ndim` axes that the canvas shows.

    Parameters
    ----------
    layer : Image
    displayed : sequence of int
        Axes of the layer that are displayed; the others are taken whole.
    ndim : int
        Axes of the region, the last ones of the layer.
    """
    shape = layer_shape(layer)
    factor = layer.downsample_factors[layer.data_level] if layer.multiscale else 1
    low, high = layer.corner_pixels * factor
    region = [(0, n) for n in shape]
    for axis in displayed:
        stop = min(int(high[axis]) + 1, shape[axis])
        region[axis] = (min(int(low[axis]), stop - 1), stop)
    return tuple(region[-ndim:])


def _grey(data: Any) -> Any:
    """Return the luminance of an RGB(A) array, as lazily as the array is."""
    if not isinstance(data, np.ndarray):
        import dask.array as da

        data = da.asarray(data)
    return np.tensordot(data[..., :3], LUMINANCE, axes=1)
