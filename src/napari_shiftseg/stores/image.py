"""Reading an image: any array, any dtype, mirrored where a tile looks beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_shiftseg.geometry.tiling import widened
from napari_shiftseg.intensity.automatic import find_scale
from napari_shiftseg.intensity.no_data import (
    BLOCK,
    blocks_of,
    refuse_not_finite,
    values_of,
    workable,
)
from napari_shiftseg.intensity.scale import AS_IS
from napari_shiftseg.stores.axes import COLOURS, is_channels_last

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks.config import Intensity

RGB_WEIGHTS = np.array([0.2125, 0.7154, 0.0721])
FLOOR = -0.4  # reading below which a pixel is compared with its neighbours
LEAST = -1.0  # reading of the darkest pixel
THIN = 3  # pixels, width of lines that hide what is below, but do not end it
MOST = 1e3  # reading that any precision holds


@dataclass(frozen=True)
class Image:
    r"""An image to be read window by window, scaled as a whole.

    The scale is that of the whole image, never of a tile: a scale of the tile's own
    would show as a seam.
    """

    # ([channels,] *spatial); NumPy, dask, zarr or anything that slices to an array
    data: Any
    ndim: int  # number of spatial axes, the last ones
    scale: Scale = AS_IS  # how its grey values are read

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
            Of the result, (channels, \*window), a floating-point type.

        Raises
        ------
        ValueError
            If a pixel is NaN or infinite, or too large for the dtype.
        """
        return read_mirrored(lambda box: self._scaled(box, dtype), bounds, self.shape)

    def _scaled(self, box: tuple[slice, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        ceiling, is_far = self.scale.ceiling, self.scale.in_blocks or self.scale.no_data
        around = 2 * BLOCK if is_far else 0
        read = self._within(box, dtype, around)
        if ceiling == inf or (read.max() <= ceiling and read.min() >= FLOOR):
            return read
        wider, inside = _widened(box, self.shape, 1)  # read alike in every window
        calm = _calmed(self._within(wider, dtype, around), self.ndim, ceiling)
        return _cut(calm, inside)

    def _within(
        self, box: tuple[slice, ...], dtype: np.dtype[Any], around: int
    ) -> NDArray[Any]:
        """Read a box as part of one that is wider by so many pixels."""
        wider, inside = _widened(box, self.shape, around)
        return _cut(self._read(wider, dtype), inside)

    def _read(self, box: tuple[slice, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        scale = self.scale
        pixels, masked = values_of(self.data[(..., *box)])
        if not scale.ignore_nan:
            refuse_not_finite(pixels, box, masked)
        wide = pixels.astype(np.result_type(pixels.dtype, dtype))  # holds any pixel
        if masked is not None:
            wide[masked] = scale.ground
        if scale.ignore_nan:
            wide[~np.isfinite(wide)] = scale.ground
        if scale.no_data:
            hidden = np.isin(pixels, scale.no_data)
            for plane, at in _planes(wide, hidden, self.ndim):
                _fill(plane, at, scale.ground)
        for value in scale.in_blocks:
            for plane, at in _planes(wide, pixels == value, self.ndim):
                plane[blocks_of(at)] = scale.ground
        with np.errstate(over="ignore", invalid="ignore"):
            _read_as(wide, scale, self.ndim)
            if scale.ceiling < inf:
                np.clip(wide, -MOST, MOST, out=wide)
            scaled: NDArray[Any] = wide.astype(dtype, copy=False)
        if not np.isfinite(scaled).all():
            number = int((~np.isfinite(scaled)).sum())
            raise ValueError(
                f"the image has {number} pixels that are too large for {dtype.name}: "
                f"scale it first, for example to 0 … 1"
            )
        return scaled


def _read_as(pixels: NDArray[Any], scale: Scale, ndim: int) -> None:
    """Scale pixels, ([channels,] *box), in place."""
    each = scale.each_channel()
    shape = (-1, *(1,) * ndim) if len(each) > 1 else ()
    for ufunc, values in (
        (np.subtract, [one.offset for one in each]),
        (np.multiply, [one.gain for one in each]),
    ):
        ufunc(pixels, np.array(values, pixels.dtype).reshape(shape), out=pixels)


def read_mirrored(
    read: Callable[[tuple[slice, ...]], NDArray[Any]],
    bounds: Sequence[tuple[int, int]],
    shape: Sequence[int],
) -> NDArray[Any]:
    r"""Read a window, (channels, \*window), mirrored where it leaves an image.

    Parameters
    ----------
    read : callable
        Gives the pixels of a box inside the image, ([channels,] \*box).
    bounds : sequence of (int, int)
        See `Image.read`.
    shape : sequence of int
        Of the image.
    """
    indices = [
        mirror_index(start, stop, size)
        for (start, stop), size in zip(bounds, shape, strict=True)
    ]
    box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in indices)
    pixels = read(box)
    for axis, (index, part) in enumerate(zip(indices, box, strict=True)):
        if len(index) != part.stop - part.start or index[0] != part.start:
            pixels = pixels.take(index - part.start, axis=axis - len(box))
    return pixels.reshape(-1, *pixels.shape[-len(box) :])


def _widened(
    box: tuple[slice, ...], shape: tuple[int, ...], around: int
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return a box with a margin, as far as the image goes, and where it lies in it."""
    wider = widened(box, around, shape)
    inside = tuple(
        slice(s.start - w.start, s.stop - w.start)
        for s, w in zip(box, wider, strict=True)
    )
    return wider, inside


def _cut(pixels: NDArray[Any], inside: tuple[slice, ...]) -> NDArray[Any]:
    before = (slice(None),) * (pixels.ndim - len(inside))
    cut: NDArray[Any] = pixels[(*before, *inside)]
    return cut


def _planes(
    pixels: NDArray[Any], where: NDArray[np.bool_], ndim: int
) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """Yield the planes of a box, as views, and what is marked in each."""
    own = pixels.shape[-min(ndim, 2) :]
    yield from zip(pixels.reshape(-1, *own), where.reshape(-1, *own), strict=True)


def _fill(plane: NDArray[Any], hidden: NDArray[np.bool_], ground: float) -> None:
    """Read pixels without data as ground, but thin lines as what they run across.

    A line one to three pixels wide would cut the objects below it.
    """
    if not hidden.any():
        return
    wide = ndimage.binary_opening(hidden, np.ones((THIN + 1,) * hidden.ndim))
    at = np.nonzero(hidden & ~wide)
    beside = np.full(plane.shape, np.inf, plane.dtype)
    np.copyto(beside, plane, where=~hidden)
    beside = np.pad(beside, THIN, constant_values=np.inf)
    near = np.stack(
        [
            beside[tuple(i + step for i, step in zip(at, steps, strict=True))]
            for steps in np.ndindex((2 * THIN + 1,) * plane.ndim)
        ]
    )
    near.sort(axis=0)
    known = np.isfinite(near).sum(axis=0)
    middle = near[np.maximum(known - 1, 0) // 2, np.arange(near.shape[1])]
    plane[hidden] = ground
    plane[at] = np.where(known > 0, middle, ground)


def _calmed(pixels: NDArray[Any], ndim: int, ceiling: float) -> NDArray[Any]:
    r"""Read what is too bright or too dark as the median of its neighbours.

    Single pixels and thin lines vanish; the middle of an object stays.
    """
    flat = min(ndim, 2)
    size = (1,) * (pixels.ndim - flat) + (3,) * flat
    median = ndimage.median_filter(workable(pixels), size, mode="mirror")
    calm = np.where((pixels > ceiling) | (pixels < FLOOR), median, pixels)
    bounded: NDArray[Any] = np.clip(calm, LEAST, 2 * ceiling).astype(pixels.dtype)
    return bounded


def open_image(
    image: ArrayLike | Any,
    ndim: int,
    channels: int = 1,
    intensity: Intensity = "as-is",
    reading: Reading | None = None,
    scale: Scale | None = None,
) -> Image:
    r"""Check an image and find its scale.

    Parameters
    ----------
    image : array_like
        ([channels,] \*spatial), of a boolean, integer or floating-point dtype in any
        byte order. Nothing but the pixels needed for the scale is read.
    ndim, channels : int
        What the network reads.
    intensity, reading
        See `find_scale`.
    scale : Scale, optional
        The scale itself where it is known: that of the stack it is a plane of.

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
            f"the image has {len(data.shape)}: {tuple(data.shape)}; take a model of "
            f"as many axes as the image, or an image of {expected}"
        )
    if prod(data.shape) == 0:
        raise ValueError(f"the image is empty, its shape is {tuple(data.shape)}")
    if channels > 1 and data.shape[0] != channels:
        raise ValueError(
            f"the model reads {channels} channels, the image has {data.shape[0]}: "
            f"{tuple(data.shape)}; take another model or image"
        )
    if np.dtype(data.dtype).kind not in "buif":
        raise ValueError(
            f"the image must hold real numbers (boolean, integer or float), "
            f"got the dtype {data.dtype}"
        )
    return Image(data, ndim, scale or find_scale(data, ndim, intensity, reading))


def single_channel(image: Any, ndim: int) -> Any:
    """Return an image without a last axis of one channel; any other as it is.

    Parameters
    ----------
    image : array
    ndim : int
        Spatial axes that the model reads.

    Raises
    ------
    ValueError
        If its last axis holds several channels.
    """
    shape = tuple(image.shape)
    if 0 in shape or not is_channels_last(shape, ndim):
        return image
    if shape[-1] == 1 and len(shape) > ndim:
        return image[..., 0]
    kind, remedy = "channels", "choose one, for example image[..., 0]"
    if shape[-1] in COLOURS:
        kind, remedy = "colours", f"{remedy}, or take skimage.color.rgb2gray(image)"
    raise ValueError(
        f"the last axis of the image, of shape {shape}, seems to hold {kind}, but the "
        f"model reads one channel: {remedy}"
    )


def as_read(image: Any, ndim: int, channels: int) -> Any:
    """Return an image as an array, of one channel without an axis for it.

    Parameters
    ----------
    image : array_like
    ndim, channels : int
        Spatial axes and channels that the model reads; see `single_channel`, which is
        for one channel.
    """
    data = as_array(image)
    return single_channel(data, ndim) if channels == 1 else data


def luminance(colours: Any) -> Any:
    """Return the luminance (ITU-R BT.709) of RGB(A), (..., 3 or 4), lazily if it is."""
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

    Parameters
    ----------
    start, stop, size : int
        A stretch of the axis, and the pixels of the image along it.
    """
    if size == 1:
        return np.zeros(stop - start, dtype=np.intp)
    repeat = 2 * (size - 1)
    x = np.arange(start, stop) % repeat
    return np.minimum(x, repeat - x)
