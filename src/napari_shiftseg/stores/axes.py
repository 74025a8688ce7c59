"""Which axis of an image without names holds channels: the last one, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

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
