"""What a run takes from an image layer, and where its results are placed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine

from napari_shiftseg.gui.parts.channel_axes import (
    channel_in_view,
    finest,
    first_channel,
    full_shape,
    is_channel,
    lazily,
)
from napari_shiftseg.stores.axes import is_channels_last
from napari_shiftseg.stores.image import luminance
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import Dims
    from napari.layers import Image, Labels, Layer

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.parts.channel_axes import Channel
    from napari_shiftseg.networks.config import ModelConfig

GREY = "grey"
COLOURS = (GREY, "red", "green", "blue")  # what may be read of a colour image


@dataclass(frozen=True)
class LayerSource:
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
    identity : str
        Of the layer, whatever it is named.
    channel : Channel or None
        That is taken, where the layer has an axis of channels. Placement, units and
        labels are then those of what is left; see `Channel.taken_from`.
    colour : {"grey", "red", "green", "blue"}
        That is taken of colours; grey: their luminance.
    """

    name: str
    data: Any
    rgb: bool
    placement: Affine
    affine: Affine
    units: tuple[Any, ...]
    axis_labels: tuple[str, ...]
    first: tuple[int, ...] = ()
    identity: str = ""
    channel: Channel | None = None
    colour: str = GREY

    @classmethod
    def of(
        cls,
        layer: Image | Labels,
        frame: Sequence[int] = (),
        channel: Channel | None = None,
        colour: str = GREY,
    ) -> LayerSource:
        """Take what is needed from a layer; no pixel is read.

        Parameters
        ----------
        layer : Image or Labels
        frame : sequence of int
            Position on the leading axes, to take this frame only; none: all of them.
        channel : Channel, optional
            To take of a layer that has channels; the first one if it is not given.
        colour : {"grey", "red", "green", "blue"}
            To take of colours.
        """
        channel = channel or first_channel(layer)
        placement = Affine(
            scale=layer.scale,
            rotate=layer.rotate,
            shear=layer.shear,
            translate=layer.translate,
        )
        affine, units, names = layer.affine, layer.units, layer.axis_labels
        if channel is not None:
            placement = _across(placement, channel)
            units = channel.without(units, units[channel.axis])
            names = channel.without(names, names[channel.axis])
            affine = affine if channel.axis else _without_first(affine)
        return cls(
            layer.name,
            finest(layer),
            getattr(layer, "rgb", False),  # labels have none
            placement,
            affine,
            units,
            names,
            tuple(frame),
            str(layer.unique_id),
            channel,
            colour,
        )

    @property
    def title(self) -> str:
        """The name, and what is taken of colours or channels."""
        parts = [self.name]
        if self.channel is not None:
            parts.append(f"c{self.channel.index + 1}")
        if self.rgb and self.colour != GREY:
            parts.append(self.colour)
        return " ".join(parts)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the pixels, all frames of them, without colours and other channels."""
        shape = tuple(self.data.shape[:-1] if self.rgb else self.data.shape)
        return shape if self.channel is None else self.channel.without(shape)

    def pixels(self) -> Any:
        r"""Return the pixels, (\*layer axes), one colour or grey; dask stays lazy.

        Of a series of which one frame is taken the leading axes have length 1.
        """
        one = tuple(slice(step, step + 1) for step in self.first)
        data = self.data
        if self.channel is not None:
            data = self.channel.taken_from(data)
        data = data[one] if one else data
        if not self.rgb:
            return data
        if self.colour == GREY:
            return luminance(data)
        return lazily(data)[..., COLOURS.index(self.colour) - 1]

    def stack(self) -> Any:
        """Return the pixels of all frames; see `pixels`."""
        return replace(self, first=()).pixels()

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


def _across(placement: Affine, channel: Channel) -> Affine:
    """Let what is left of a layer lie where its channels do, at each of them."""
    if channel.axis == 0:
        return _without_first(placement)
    scale, middle = np.ones(placement.ndim), np.zeros(placement.ndim)
    scale[channel.axis] = channel.count
    middle[channel.axis] = (channel.count - 1) / 2
    matrix = (
        placement.affine_matrix @ Affine(scale=scale, translate=middle).affine_matrix
    )
    return Affine(affine_matrix=matrix)


def _without_first(transform: Affine) -> Affine:
    return transform.set_slice(range(1, transform.ndim))


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
        If the image has fewer axes than the model reads, or channels where it reads
        none, or the model reads one axis only.
    """
    if config.ndim < 2:
        raise ValueError(
            "this model reads images of one axis, which napari does not show: use it "
            "in Python or on the command line"
        )
    shape, channel = layer_shape(layer), first_channel(layer)
    if channel is not None and config.in_channels > 1:
        raise ValueError(
            f"this model reads {config.in_channels} channels together, a layer with an "
            f"axis of channels is read one channel at a time: use it in Python or on "
            f"the command line"
        )
    leading = config.leading_axes(len(shape))
    if config.in_channels == 1 and not getattr(layer, "rgb", False):
        _refuse_channels_last(layer, shape, config.ndim)
    if channel is not None and channel.axis >= max(leading, 1):
        raise ValueError(
            f"channels lie between the axes that the model reads (axis {channel.axis} "
            f"of {layer.ndim}): add the image to napari with "
            f"channel_axis={channel.axis}, a layer a channel"
        )
    return leading


def _refuse_channels_last(layer: Layer, shape: tuple[int, ...], ndim: int) -> None:
    named = is_channel(layer.axis_labels[-1])
    if 0 in shape or not (named or is_channels_last(shape, ndim)):
        return
    colours = ", or with rgb=True" if shape[-1] in (3, 4) else ""
    raise ValueError(
        f"the last axis of the image, of {by(shape)}, seems to hold channels: add it "
        f"to napari with channel_axis=-1, a layer a channel{colours}"
    )


def layer_shape(layer: Layer) -> tuple[int, ...]:
    """Return the shape of a layer's finest level, of one channel, without colour."""
    shape, channel = full_shape(layer), first_channel(layer)
    return shape if channel is None else channel.without(shape)


def taken_note(layer: Image, dims: Dims, colour: str = GREY) -> str:
    """Say what is lost on the way into a model, colours or channels; else empty."""
    channel = channel_in_view(layer, dims)
    if channel is not None:
        return f"Only {channel.words} is read, the one at the slider."
    if not layer.rgb:
        return ""
    if colour == GREY:
        return "Colours are read as grey (their luminance)."
    return f"Of the colours only {colour} is read."


def source_in_view(
    layer: Image | Labels, dims: Dims, leading: int, colour: str = GREY
) -> LayerSource:
    """Take one frame and channel of a layer, those that are on screen.

    Parameters
    ----------
    layer : Image or Labels
    dims : Dims
        Of the viewer.
    leading : int
        Axes before those of one frame; 0: all frames are taken.
    colour : {"grey", "red", "green", "blue"}
        To take of colours.
    """
    frame = frame_in_view(layer, dims, leading)
    return LayerSource.of(layer, frame, channel_in_view(layer, dims), colour)


def frame_in_view(layer: Layer, dims: Dims, leading: int) -> tuple[int, ...]:
    """Return the position on a layer's first `leading` axes that is on screen.

    Beyond the ends of the layer it is the nearest one. Channels are no frames.
    """
    world = dims.point[dims.ndim - layer.ndim :]  # napari aligns the last axes
    at = tuple(np.round(layer.world_to_data(world)).astype(int).tolist())
    channel = first_channel(layer)
    if channel is not None:
        at = channel.without(at, 0)
    shape = layer_shape(layer)[:leading]
    return tuple(min(max(x, 0), n - 1) for x, n in zip(at, shape, strict=False))


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
    shape = full_shape(layer)
    factor = layer.downsample_factors[layer.data_level] if layer.multiscale else 1
    low, high = layer.corner_pixels * factor
    region: list[Any] = [(0, n) for n in shape]
    for axis in displayed:
        if high[axis] <= low[axis]:
            raise ValueError("the image is not in view: move it there or take it whole")
        stop = min(int(high[axis] + np.atleast_1d(factor)[-1]), shape[axis])
        region[axis] = (min(int(low[axis]), stop - 1), stop)
    return tuple(region[-ndim:])
