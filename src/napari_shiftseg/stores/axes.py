"""Which axis of an image without names holds channels: the last one, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


COLOURS = (3, 4)  # values a pixel, RGB and RGBA
THINNER = 4  # times, than rows and columns: such a last axis is not x
MOST = 16  # channels at the end of what may be a volume


def is_channels_last(shape: Sequence[int], ndim: int) -> bool:
    r"""Whether the last axis of an image without names holds channels, not x.

    A first axis holds frames, whatever its length: (3, Y, X) are three frames. A last
    axis holds channels where its length is 1, 3 or 4, where rows and columns before it
    are at least four times as long, or where they are alike and at least twice as
    long: (160, 160, 1), (512, 640, 2), (96, 96, 31). As the depth of a volume may be
    small, of as many axes as the model reads (\*spatial) only the thin ones count.

    Parameters
    ----------
    shape : sequence of int
    ndim : int
        Spatial axes that the model reads.
    """
    if len(shape) < 3 or ndim < 2:
        return len(shape) > ndim and shape[-1] in (1, *COLOURS)
    if len(shape) == ndim:
        return THINNER * shape[-1] <= min(shape[-3:-1]) and shape[-1] <= MOST
    return shape[-1] in (1, *COLOURS) or is_thin_last(shape)


def is_thin_last(shape: Sequence[int]) -> bool:
    """Whether the last of three or more axes is much shorter than those before it.

    At most a quarter of rows and columns, or half of them where these are alike.
    """
    *_, rows, columns, last = shape
    most = columns / 2 if rows == columns else min(rows, columns) / THINNER
    return last <= most


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
        f"the image has the shape {shape}: its last axis seems to hold {kind}, one "
        f"channel is expected: {remedy}"
    )


CHANNELS, SAMPLES, UNNAMED = "C", "S", "Q"  # letters of axes, as tifffile writes them


ORDER = "TCZYX"


ALSO_CHANNELS = "EHL"  # tifffile's letters of wavelength, lifetime, exposure


def unnamed(shape: tuple[int, ...]) -> str:
    """Return the axes of an array without names: frames, y, x, or channels at its end.

    (160, 160, 3) is "YXS", (160, 160, 5) "YXC", (5, 160, 160) "QYX".
    """
    if len(shape) < 3:
        return "YX"[2 - len(shape) :]
    if shape[-1] > 1 and not is_thin_last(shape):
        return UNNAMED * (len(shape) - 2) + "YX"
    last = SAMPLES if shape[-1] in COLOURS else CHANNELS
    return UNNAMED * (len(shape) - 3) + "YX" + last


def ordered(data: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """Return the axes in the order TCZYX, others before them, S at the end."""
    order = _order(axes)
    return np.transpose(data, order), "".join(axes[at] for at in order)


def in_order(axes: str) -> str:
    """Return axes as `ordered` sorts them."""
    return "".join(axes[at] for at in _order(axes))


def _order(axes: str) -> list[int]:
    return sorted(range(len(axes)), key=lambda at: (ORDER + SAMPLES).find(axes[at]))


def named_axes(axes: str, shape: tuple[int, ...], kind: str) -> str:
    """Return axes in letters that we know; what no one has named by its shape."""
    for letter in ALSO_CHANNELS:
        if CHANNELS not in axes:
            axes = axes.replace(letter, CHANNELS)
    axes = axes.replace("I", UNNAMED)
    is_unnamed = kind == "shaped" and axes == UNNAMED * (len(axes) - 2) + "YX"
    return unnamed(shape) if is_unnamed else axes


def result_axes(axes: str, ndim: int, spatial: int) -> str:
    """Return the axes of a result: those of the image, names where it has none.

    Parameters
    ----------
    axes : str
        Of the image; C is gone from the result, and Q has no name.
    ndim, spatial : int
        Axes of the result, and those of them that the model reads.
    """
    axes = axes.replace(CHANNELS, "")
    if len(axes) != ndim:
        return axis_names(ndim, spatial)
    if UNNAMED not in axes:
        return axes
    named = axes[: ndim - spatial] + "ZYX"[-spatial:]
    leading = named.count(UNNAMED)
    usual = axis_names(leading + spatial, spatial)[:leading]
    if set(usual) & set(named) - {UNNAMED}:
        return named
    return usual + named.replace(UNNAMED, "")


def axis_names(ndim: int, spatial: int) -> str:
    """Name the axes of an image: time and planes (Q: others), then the spatial ones."""
    leading, free = ndim - spatial, "T" if spatial == 3 else "TZ"
    frames = free[:leading] if leading <= len(free) else UNNAMED * leading
    return frames + "ZYX"[-spatial:]
