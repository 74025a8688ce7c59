"""Reading an image: any array, any dtype, mirrored where a tile looks beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.model.config import Intensity

PERCENTILES = (1.0, 99.8)
RGB_WEIGHTS = np.array([0.2125, 0.7154, 0.0721])
MOST_SAMPLED = 2**24  # pixels the percentiles of a large image are read from


@dataclass(frozen=True)
class Image:
    r"""An image to be read window by window, scaled as a whole.

    The scale is that of the whole image, never of a tile: a scale of the tile's own
    would show as a seam.

    Attributes
    ----------
    data : array
        ([channels,] \\*spatial); NumPy, dask, zarr or anything that slices to an array.
    ndim : int
        Number of spatial axes, the last ones.
    offset, gain : float
        A pixel v is read as ``(v − offset) · gain``.
    """

    data: Any
    ndim: int
    offset: float = 0.0
    gain: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape."""
        return tuple(self.data.shape[-self.ndim :])

    def read(
        self, bounds: Sequence[tuple[int, int]], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        r"""Read a window, mirrored (numpy "reflect") where it leaves the image.

        Parameters
        ----------
        bounds : sequence of (int, int)
            Start and stop along each spatial axis; may lie outside the image.
        dtype : numpy dtype
            Of the result, a floating-point type.

        Returns
        -------
        ndarray
            (channels, \\*window)

        Raises
        ------
        ValueError
            If a pixel is NaN or infinite, or too large for the dtype.
        """
        indices = [
            mirror_index(start, stop, size)
            for (start, stop), size in zip(bounds, self.shape, strict=True)
        ]
        box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in indices)
        pixels = self._scaled(np.asarray(self.data[(..., *box)]), dtype, box)
        for axis, (index, part) in enumerate(zip(indices, box, strict=True)):
            if len(index) != part.stop - part.start or index[0] != part.start:
                along = axis - self.ndim
                pixels = pixels.take(index - part.start, axis=along)
        return pixels.reshape(-1, *pixels.shape[-self.ndim :])

    def _scaled(
        self, pixels: NDArray[Any], dtype: np.dtype[Any], box: tuple[slice, ...]
    ) -> NDArray[Any]:
        _refuse_not_finite(pixels, box)
        wide = pixels.astype(np.result_type(pixels.dtype, dtype))  # holds any pixel
        with np.errstate(over="ignore", invalid="ignore"):
            wide -= self.offset
            wide *= self.gain
            scaled: NDArray[Any] = wide.astype(dtype, copy=False)
        if not np.isfinite(scaled).all():
            number = int((~np.isfinite(scaled)).sum())
            raise ValueError(
                f"the image has {number} pixels too large for {dtype.name}; "
                f"scale it first, for example to 0 … 1"
            )
        return scaled


def open_image(
    image: ArrayLike | Any, ndim: int, channels: int = 1, intensity: Intensity = "as-is"
) -> Image:
    r"""Check an image and find its scale.

    Parameters
    ----------
    image : array_like
        ([channels,] \\*spatial), of a boolean, integer or floating-point dtype in any
        byte order. Nothing but the pixels needed for the scale is read.
    ndim, channels : int
        What the network reads.
    intensity : {"as-is", "range", "percentile"}
        How the image is scaled as a whole; see `ModelConfig`.

    Raises
    ------
    ValueError
        If the image is empty, of another number of axes or channels, not of real
        numbers, or not finite.
    """
    data = as_array(image)
    expected = ndim + (channels > 1)
    if len(data.shape) != expected:
        raise ValueError(
            f"the model reads {expected} axes"
            f"{' (the first one channels)' if channels > 1 else ''}, "
            f"the image has {len(data.shape)}: {tuple(data.shape)}"
        )
    if prod(data.shape) == 0:
        raise ValueError(f"the image is empty, its shape is {tuple(data.shape)}")
    if channels > 1 and data.shape[0] != channels:
        raise ValueError(f"the model reads {channels} channels, not {data.shape[0]}")
    if np.dtype(data.dtype).kind not in "buif":
        raise ValueError(
            f"the image must be of real numbers (boolean, integer or float), "
            f"its dtype is {data.dtype}"
        )
    if intensity == "as-is":
        return Image(data, ndim)
    low, high = _range(data) if intensity == "range" else _percentiles(data)
    return Image(data, ndim, low, 1 / (high - low) if high > low else 1.0)


def luminance(colours: Any) -> Any:
    """Return the luminance of an RGB(A) array, as lazily as the array is.

    Parameters
    ----------
    colours : array
        (..., 3 or 4)

    Returns
    -------
    array
        (...), by ITU-R BT.709.
    """
    if not isinstance(colours, np.ndarray):
        import dask.array as da

        colours = da.asarray(colours)
    return np.tensordot(colours[..., :3], RGB_WEIGHTS, axes=1)


def as_array(image: Any) -> Any:
    """Return what slices to NumPy arrays as it is, anything else as a NumPy array."""
    try:
        np.dtype(image.dtype)
    except (AttributeError, TypeError):  # a list; a tensor, whose dtype is its own
        return np.asarray(image)
    return image


def mirror_index(start: int, stop: int, size: int) -> NDArray[np.intp]:
    """Return the image pixel that stands at each of `start` … `stop` − 1.

    Outside the image it is mirrored about its first and last pixel, as often as
    needed (``numpy.pad(mode="reflect")``): the map repeats with 2·(size − 1).
    """
    if size == 1:
        return np.zeros(stop - start, dtype=np.intp)
    repeat = 2 * (size - 1)
    x = np.arange(start, stop) % repeat
    return np.minimum(x, repeat - x)


def _blocks(data: Any) -> Iterator[NDArray[Any]]:
    """Yield the image in slabs along its first axis, each of a bounded size."""
    rows = max(1, MOST_SAMPLED // max(prod(data.shape[1:]), 1))
    for start in range(0, data.shape[0], rows):
        yield np.asarray(data[start : start + rows])


def _range(data: Any) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for block in _blocks(data):
        _refuse_not_finite(block, None)
        low, high = min(low, float(block.min())), max(high, float(block.max()))
    return low, high


def _percentiles(data: Any) -> tuple[float, float]:
    step = ceil((prod(data.shape) / MOST_SAMPLED) ** (1 / len(data.shape)))
    sampled = np.asarray(data[(slice(None, None, step),) * len(data.shape)])
    _refuse_not_finite(sampled, None)
    low, high = np.percentile(sampled.astype(np.float64), PERCENTILES)
    return float(low), float(high)


def _refuse_not_finite(pixels: NDArray[Any], where: tuple[slice, ...] | None) -> None:
    if pixels.dtype.kind != "f" or np.isfinite(pixels).all():
        return
    number = int((~np.isfinite(pixels)).sum())
    place = "" if where is None else f" within {[(s.start, s.stop) for s in where]}"
    raise ValueError(
        f"the image has {number} NaN or infinite pixels{place}; "
        f"replace them first, for example with numpy.nan_to_num"
    )
