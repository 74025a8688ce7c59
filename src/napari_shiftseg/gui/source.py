"""What a run takes from an image layer, and where its results are placed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine

from napari_shiftseg.inference.image import luminance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import Dims
    from napari.layers import Image, Labels, Layer

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.model.config import ModelConfig


@dataclass(frozen=True)
class Source:
    r"""An image layer as it was when a run began; the layer may go meanwhile.

    Attributes
    ----------
    name : str
    data : array
        (\*layer axes[, colours]); the finest level of a multiscale layer.
    rgb : bool
        Whether the last axis of the data is colour.
    placement : Affine
        From data to world, without the layer's own affine.
    affine : Affine
        Of the layer, applied after the placement.
    units, axis_labels : tuple
        Per layer axis.
    first : tuple of int
        Position on the leading axes of the one frame that is taken; none: all.
    """

    name: str
    data: Any
    rgb: bool
    placement: Affine
    affine: Affine
    units: tuple[Any, ...]
    axis_labels: tuple[str, ...]
    first: tuple[int, ...] = ()

    @classmethod
    def of(cls, layer: Image | Labels, frame: Sequence[int] = ()) -> Source:
        """Take what is needed from a layer; no pixel is read.

        Parameters
        ----------
        layer : Image or Labels
        frame : sequence of int
            Position on the leading axes, to take this frame only; none: all of them.
        """
        data = layer.data[0] if layer.multiscale else layer.data
        placement = Affine(
            scale=layer.scale,
            rotate=layer.rotate,
            shear=layer.shear,
            translate=layer.translate,
        )
        return cls(
            layer.name,
            data,
            getattr(layer, "rgb", False),  # labels have none
            placement,
            layer.affine,
            layer.units,
            layer.axis_labels,
            tuple(frame),
        )

    def pixels(self) -> Any:
        r"""Return the pixels, (\*layer axes), colours as grey; dask stays lazy.

        Of a series of which one frame is taken the leading axes have length 1.
        """
        one = tuple(slice(step, step + 1) for step in self.first)
        data = self.data[one] if one else self.data
        return luminance(data) if self.rgb else data

    def frame(self) -> Any:
        """Return the pixels of the one frame, without the leading axes of a series."""
        pixels = self.pixels()
        return pixels[(0,) * len(self.first)] if self.first else pixels

    def placed(self, offset: Sequence[int], ndim: int) -> dict[str, Any]:
        """Return the keywords that put a layer of `ndim` axes onto the image.

        Parameters
        ----------
        offset : sequence of int
            Pixel of the data at which the new layer begins, for its last axes.
        ndim : int
            Axes of the new layer, the last ones of the image.
        """
        axes = list(range(self.placement.ndim - ndim, self.placement.ndim))
        own = self.placement.set_slice(axes)
        corner = np.zeros(self.placement.ndim)
        corner[: len(self.first)] = self.first
        corner[len(corner) - len(offset) :] = offset
        return {
            "scale": own.scale,
            "rotate": own.rotate,
            "shear": _shear(own),
            "translate": own.translate + own.linear_matrix @ corner[axes],
            "affine": self.affine.set_slice(axes).affine_matrix,
            "units": self.units[-ndim:],
            "axis_labels": self.axis_labels[-ndim:],
        }


def _shear(transform: Affine) -> np.ndarray:
    """Return the shear as layers take it; napari says none by one zero an axis."""
    elements = transform.ndim * (transform.ndim - 1) // 2
    shear = transform.shear
    return shear if len(shear) == elements else np.zeros(elements)


def leading_axes(layer: Layer, config: ModelConfig) -> int:
    """Return how many axes (time, planes) stand before those that the model reads.

    Raises
    ------
    ValueError
        If the image has fewer axes than the model reads, or the model reads one only.
    """
    if config.ndim < 2:
        raise ValueError(
            "this model reads images of one axis, which napari does not show: use it "
            "in Python or on the command line"
        )
    return config.leading_axes(len(layer_shape(layer)))


def layer_shape(layer: Layer) -> tuple[int, ...]:
    """Return the shape of a layer's finest level, without colour."""
    data = layer.data[0] if layer.multiscale else layer.data
    return tuple(data.shape[: layer.ndim])


def colour_note(layer: Image) -> str:
    """Say that colours are lost on the way into a model; empty where there are none."""
    return "Colours are read as grey (their luminance)." * layer.rgb


def frame_in_view(layer: Layer, dims: Dims, leading: int) -> tuple[int, ...]:
    """Return the position on a layer's first `leading` axes that is on screen.

    Beyond the ends of the layer it is the nearest one.
    """
    world = dims.point[dims.ndim - layer.ndim :]  # napari aligns the last axes
    at = np.round(layer.world_to_data(world)[:leading]).astype(int)
    last = np.array(layer_shape(layer)[:leading], dtype=int) - 1
    return tuple(at.clip(0, last).tolist())


def region_in_view(layer: Image, dims: Dims, ndim: int) -> Region:
    """Return the pixels of the last `ndim` axes that the canvas shows.

    Parameters
    ----------
    layer : Image
    dims : Dims
        Of the viewer; axes that are not displayed are taken whole.
    ndim : int
        Axes of the region, the last ones of the layer.

    Raises
    ------
    ValueError
        If the image is not in view.
    """
    missing = dims.ndim - layer.ndim
    displayed = [axis - missing for axis in dims.displayed if axis >= missing]
    shape = layer_shape(layer)
    factor = layer.downsample_factors[layer.data_level] if layer.multiscale else 1
    low, high = layer.corner_pixels * factor
    region: list[Any] = [(0, n) for n in shape]
    for axis in displayed:
        if high[axis] <= low[axis]:
            raise ValueError("the image is not in view: move it there or take it whole")
        stop = min(int(high[axis] + np.atleast_1d(factor)[-1]), shape[axis])
        region[axis] = (min(int(low[axis]), stop - 1), stop)
    return tuple(region[-ndim:])
