"""What a run takes from an image layer: frame, channel, colour, place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine

from napari_shiftseg.progress import Progress
from napari_shiftseg.stores.axes import MICRONS, one_spelling
from napari_shiftseg.stores.file_axes import axes_of_file
from napari_shiftseg.stores.image import luminance

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari.components import Dims
    from napari.layers import Image, Labels, Layer

    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks import TiledNetwork


CHANNEL_LABELS = ("c", "ch", "channel", "channels")
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
        lazy = _lazily(data)
        if self.axis == 0:
            return lazy[self.index]
        before = (slice(None),) * self.axis
        return lazy[(*before, slice(self.index, self.index + 1))]

    def without(self, values: tuple[Any, ...], one: Any = 1) -> tuple[Any, ...]:
        """Return values of all axes without those of the channels; see `taken_from`.

        Parameters
        ----------
        values : tuple
            One an axis of the layer.
        one
            Stands for the axis of the channels where that stays.
        """
        if self.axis == 0:
            return values[1:]
        return (*values[: self.axis], one, *values[self.axis + 1 :])


def _lazily(data: Any) -> Any:
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
        axes = [axis in CHANNEL_AXES for axis in axes_of_file(layer.source.path, shape)]
    leading = axes[: max(0, layer.ndim - 2)]
    if True not in leading:
        return None
    axis = leading.index(True)
    return Channel(axis, 0, shape[axis])


def _names_of_axes(layer: Layer) -> tuple[str, ...]:
    """Return what the axes of a layer are called, by its labels, else by its file.

    napari calls the last axis of a layer without labels "-1".
    """
    stored = axes_of_file(layer.source.path, full_shape(layer)) or " " * layer.ndim
    return tuple(
        file.strip().lower() if label.lstrip("-").isdecimal() else label.strip().lower()
        for label, file in zip(layer.axis_labels, stored, strict=False)
    )


def channel_in_view(layer: Layer, dims: Dims) -> Channel | None:
    """Return the channel of a layer at which the slider stands; None: it has none.

    Parameters
    ----------
    layer : Layer
    dims : Dims
        Of the viewer.
    """
    known = first_channel(layer)
    if known is None:
        return None
    at = _at_sliders(layer, dims)[known.axis]
    return replace(known, index=min(max(at, 0), known.count - 1))


def _at_sliders(layer: Layer, dims: Dims) -> tuple[int, ...]:
    """Return the pixel of a layer at which the sliders stand; it may lie beyond."""
    world = dims.point[dims.ndim - layer.ndim :]  # napari aligns the last axes
    return tuple(np.round(layer.world_to_data(world)).astype(int).tolist())


def is_channel(label: str) -> bool:
    """Whether an axis of this label holds channels."""
    return str(label).strip().lower() in CHANNEL_LABELS


def finest(layer: Layer) -> Any:
    """Return the pixels of a layer, of a multiscale one those of its finest level."""
    return layer.data[0] if layer.multiscale else layer.data


def full_shape(layer: Layer) -> tuple[int, ...]:
    """Return the shape of a layer's finest level, with channels, without colour."""
    return tuple(finest(layer).shape[: layer.ndim])


GREY = "grey"
COLOURS = (GREY, "red", "green", "blue")  # what may be read of a colour image


@dataclass(frozen=True)
class LayerSource:
    r"""An image layer as it was when a run began; the layer may go meanwhile.

    Attributes
    ----------
    data : array
        (\*layer axes[, colours]); the finest level of a multiscale layer.
    rgb : bool
        Whether the last axis of the data is colour.
    placement : Affine
        From data to world, without the layer's own affine.
    affine : Affine
        Of the layer, applied after the placement.
    units, axis_labels : tuple
        One a layer axis.
    first : tuple of int
        Position on the leading axes of the one frame that is taken; none: all.
    identity : str
        Of the layer, whatever it is named.
    channel : Channel or None
        That is taken, where there are channels. Placement, units and labels are those
        of what is left.
    colour : {"grey", "red", "green", "blue"}
        That is taken of colours; grey: their luminance.
    names : tuple of str
        One an axis of the pixels, as the layer or its file says: "z", "t"; "" where
        neither does.
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
    names: tuple[str, ...] = ()

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
            The first one if it is not given.
        colour : str
            See `COLOURS`.
        """
        channel = channel or first_channel(layer)
        place = ("scale", "rotate", "shear", "translate")
        placement = Affine(**{name: getattr(layer, name) for name in place})
        affine, units, labels = layer.affine, layer.units, layer.axis_labels
        names = _names_of_axes(layer)
        if channel is not None:
            names = channel.without(names, "c")
            placement = _across(placement, channel)
            units = channel.without(units, units[channel.axis])
            labels = channel.without(labels, labels[channel.axis])
            affine = affine if channel.axis else _without_first(affine)
        rgb = getattr(layer, "rgb", False)  # labels have none
        return cls(
            layer.name, finest(layer), rgb, placement, affine, units, labels,
            tuple(frame), str(layer.unique_id), channel, colour, names,
        )  # fmt: skip

    @property
    def title(self) -> str:
        """The name, and what is taken of colours or channels."""
        channel = "" if self.channel is None else f" c{self.channel.index + 1}"
        colour = f" {self.colour}" if self.rgb and self.colour != GREY else ""
        return f"{self.name}{channel}{colour}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the pixels, all frames of them, without colours and other channels."""
        shape = tuple(self.data.shape[:-1] if self.rgb else self.data.shape)
        return shape if self.channel is None else self.channel.without(shape)

    def leading_names(self, ndim: int) -> tuple[str, ...]:
        """Return what the axes before the last `ndim` are called; see `names`."""
        return self.names[: max(len(self.shape) - ndim, 0)]

    def pixel_size(self, ndim: int) -> tuple[float, ...]:
        """Return µm from one pixel to the next; empty where the layer has no such unit.

        Parameters
        ----------
        ndim : int
            How many axes, the last ones.
        """
        microns = [MICRONS.get(one_spelling(unit)) for unit in self.units[-ndim:]]
        sizes = np.abs(self.placement.scale[-ndim:])
        if None in microns:
            return ()
        return tuple((sizes * np.array(microns, dtype=float)).tolist())

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
        return _lazily(data)[..., COLOURS.index(self.colour) - 1]

    def opened(
        self, model: str, reading: Reading
    ) -> Generator[Progress, None, tuple[TiledNetwork, Scale | None]]:
        """Load a model, and find how it reads this: one frame as all of its series.

        Parameters
        ----------
        model : str
            Name or path.
        reading : Reading
            What is asked for.
        """
        yield Progress(0, 0, stage="loading the model")
        from napari_shiftseg.networks.loading.models import load_model
        from napari_shiftseg.pipeline.scales import plane_scale_steps

        network, stack = load_model(model), replace(self, first=()).pixels()
        steps = plane_scale_steps(stack, self.first, network.config, reading)
        return network, (yield from steps)

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
    across = Affine(scale=scale, translate=middle).affine_matrix
    return Affine(affine_matrix=placement.affine_matrix @ across)


def _without_first(transform: Affine) -> Affine:
    return transform.set_slice(range(1, transform.ndim))


def _shear(transform: Affine) -> np.ndarray:
    """Return the shear as layers take it; napari says none by one zero an axis."""
    elements = transform.ndim * (transform.ndim - 1) // 2
    has_some = len(transform.shear) == elements
    return transform.shear if has_some else np.zeros(elements)


def layer_shape(layer: Layer) -> tuple[int, ...]:
    """Return the shape of a layer's finest level, of one channel, without colour."""
    shape, channel = full_shape(layer), first_channel(layer)
    return shape if channel is None else channel.without(shape)


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
    colour : str
        See `COLOURS`.
    """
    frame = frame_in_view(layer, dims, leading)
    return LayerSource.of(layer, frame, channel_in_view(layer, dims), colour)


def frame_in_view(layer: Layer, dims: Dims, leading: int) -> tuple[int, ...]:
    """Return the position on a layer's first `leading` axes that is on screen.

    Beyond the ends of the layer it is the nearest one. Channels are no frames.

    Parameters
    ----------
    layer : Layer
    dims : Dims
        Of the viewer.
    leading : int
    """
    at, channel = _at_sliders(layer, dims), first_channel(layer)
    if channel is not None:
        at = channel.without(at, 0)
    shape = layer_shape(layer)[:leading]
    return tuple(min(max(x, 0), n - 1) for x, n in zip(at, shape, strict=False))
