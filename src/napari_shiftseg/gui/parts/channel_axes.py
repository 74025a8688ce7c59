"""Channels among the axes of a layer: one of them is segmented, never all as frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_shiftseg.stores.tiff import DAMAGED

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Layer


CHANNEL_LABELS = ("c", "ch", "channel", "channels")
TIFF_SUFFIXES = (".tif", ".tiff")
CHANNEL_AXES = "CS"  # channels, and samples of a pixel, as tifffile names them


@dataclass(frozen=True)
class Channel:
    """One of the channels of a layer.

    Attributes
    ----------
    axis : int
        Of the layer, on which the channels lie.
    index, count : int
        Which one, from 0, and of how many.
    """

    axis: int
    index: int
    count: int

    @property
    def words(self) -> str:
        """Which one it is, as people count."""
        return f"channel {self.index + 1:,} of {self.count:,}"

    def taken_from(self, data: Any) -> Any:
        r"""Return this channel of pixels (\*layer axes), as lazily as they are.

        The first axis is dropped. Another one stays, of length 1: napari places layers
        by their last axes, and those before the channels would be taken for others.
        """
        lazy = lazily(data)
        if self.axis == 0:
            return lazy[self.index]
        before = (slice(None),) * self.axis
        return lazy[(*before, slice(self.index, self.index + 1))]

    def without(self, values: tuple[Any, ...], one: Any = 1) -> tuple[Any, ...]:
        """Return values of all axes without those of the channels; see `taken_from`."""
        if self.axis == 0:
            return values[1:]
        return (*values[: self.axis], one, *values[self.axis + 1 :])


def lazily(data: Any) -> Any:
    """Return what can be sliced without being read: NumPy arrays, else dask's."""
    if isinstance(data, np.ndarray):
        return data
    import dask.array as da

    return da.asarray(data)


def first_channel(layer: Layer) -> Channel | None:
    """Return the first channel of a layer that has an axis of channels.

    The axis is known by its label, or by what the TIFF says that the layer was opened
    from. Colours (RGB) are none, nor are rows and columns.
    """
    shape = full_shape(layer)
    axes = [is_channel(label) for label in layer.axis_labels]
    if not any(axes):
        axes = [axis in CHANNEL_AXES for axis in _axes_of_file(layer, shape)]
    leading = axes[: max(0, layer.ndim - 2)]
    if True not in leading:
        return None
    axis = leading.index(True)
    return Channel(axis, 0, shape[axis])


def channel_in_view(layer: Layer, dims: Dims) -> Channel | None:
    """Return the channel of a layer at which the slider stands; None: it has none."""
    known = first_channel(layer)
    if known is None:
        return None
    world = dims.point[dims.ndim - layer.ndim :]  # napari aligns the last axes
    at = int(np.round(layer.world_to_data(world)[known.axis]))
    return Channel(known.axis, min(max(at, 0), known.count - 1), known.count)


def is_channel(label: str) -> bool:
    """Whether an axis of this label holds channels."""
    return str(label).strip().lower() in CHANNEL_LABELS


def finest(layer: Layer) -> Any:
    """Return the pixels of a layer, of a multiscale one those of its finest level."""
    return layer.data[0] if layer.multiscale else layer.data


def full_shape(layer: Layer) -> tuple[int, ...]:
    """Return the shape of a layer's finest level, with channels, without colour."""
    return tuple(finest(layer).shape[: layer.ndim])


def _axes_of_file(layer: Layer, shape: tuple[int, ...]) -> str:
    """Return the axes that the file of a layer has, if it says so; else nothing."""
    path = Path(layer.source.path or "")
    if path.suffix.lower() not in TIFF_SUFFIXES or not path.is_file():
        return ""
    return _tiff_axes(path, path.stat().st_mtime_ns, shape)


@lru_cache(maxsize=64)
def _tiff_axes(path: Path, _changed: int, shape: tuple[int, ...]) -> str:
    """Return the axes of a TIFF whose first image has this shape; else nothing.

    Readers may leave out axes of length 1.
    """
    try:
        with tifffile.TiffFile(path) as file:
            axes, full = file.series[0].axes, file.series[0].shape
    except DAMAGED:
        return ""
    if full == shape:
        return str(axes)
    long = [(axis, n) for axis, n in zip(axes, full, strict=True) if n > 1]
    if tuple(n for _, n in long) != shape:
        return ""
    return "".join(axis for axis, _ in long)
