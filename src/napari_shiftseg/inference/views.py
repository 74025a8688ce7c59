"""Views of an image: its flips and turns, each predicted, all averaged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_shiftseg.geometry.tiling import plan_tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.embeddings.kinds import Kind
    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.geometry.window import Border
    from napari_shiftseg.inference.rescaled import Rescaled
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.stores.image import Image


VIEWS = (1, 2, 4, 8)
FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))
SQUARE = 1.05  # one side of a pixel by the other, up to which it is taken for square
Each = TypeVar("Each")


def checked_views(views: int) -> int:
    """Return a number of views; anything but 1, 2, 4 or 8 is refused."""
    if views not in VIEWS:
        raise ValueError(f"views must be 1, 2, 4 or 8, got {views!r}")
    return int(views)


def check_views(views: int, config: NetworkConfig, border: Border = "mirror") -> None:
    """Refuse views that a model, or the border of a run, does not have.

    Parameters
    ----------
    views : int
    config : NetworkConfig
        Of the model.
    border : {"mirror", "valid"}

    Raises
    ------
    ValueError
        If the views are not 1, 2, 4 or 8, the border is "valid" and there are several,
        the model has one axis and there are more than 2, or they are 8 and the model is
        not the same along the last two axes, or its outputs belong to directions.
    """
    shape = config.shape
    if checked_views(views) > 1 and border == "valid":
        raise ValueError(
            f'border "valid" predicts other pixels in each view, got views={views}: '
            f'take border "mirror", or views=1'
        )
    if views > 1 and config.directed:
        raise ValueError(
            f"outputs that belong to a direction ({', '.join(config.directed)}) cannot "
            f"be averaged over views, got views={views}: take 1"
        )
    if views > 2 and shape.ndim == 1:
        raise ValueError(
            f"one axis has two views, as it is and flipped, got views={views}: take 1 "
            f"or 2"
        )
    if views == 8 and shape.axes[-1] != shape.axes[-2]:
        raise ValueError(
            f"views=8 turns the image, so the model must be the same along its last "
            f"two axes, but its periods are {shape.period}, its contexts "
            f"{shape.context}: it is another one along each, take views=4, which "
            f"flips only"
        )


def check_turns(views: int, pixel: Sequence[float]) -> None:
    """Refuse to turn an image whose pixels are not square, by 5 % or more.

    Parameters
    ----------
    views : int
    pixel : sequence of float
        Its height and width, the last two, in one unit; none: they are not known.
    """
    if views != 8 or len(pixel) < 2:
        return
    height, width = pixel[-2:]
    if not 1 / SQUARE < height / width < SQUARE:
        raise ValueError(
            f"views=8 turns the image, so its pixels must be square, but they are "
            f"{height:g} high and {width:g} wide: take views=4, which flips only"
        )


@dataclass(frozen=True)
class View:
    r"""An image flipped, then turned; it is read as an `Image` is, window by window.

    Pixel x of an axis of n pixels is pixel n − 1 − x of the flipped one, so that the
    mirrored border stays the mirrored border, and no copy is made of the image.
    """

    image: Image | Rescaled
    flipped: tuple[int, ...] = ()  # axes of the image, counted from the last one, −1
    is_turned: bool = False  # whether its last two axes are swapped then

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape."""
        return self._swapped(self.image.shape)

    def read(
        self, bounds: Sequence[tuple[int, int]], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        """Read a window of the view; see `Image.read`.

        Parameters
        ----------
        bounds : sequence of (int, int)
        dtype : numpy dtype
        """
        pixels = np.flip(self.image.read(self._in_image(bounds), dtype), self.flipped)
        return pixels.swapaxes(-2, -1) if self.is_turned else pixels

    def plan(self, plan: TilePlan) -> TilePlan:
        """Return a plan of the image as one of this view, anchored to all of the view.

        Its region holds that of the image. It is larger by less than a period where
        periods begin elsewhere, as they do in a flipped image.
        """
        if not self.flipped and not self.is_turned:
            return plan
        return plan_tiles(
            self.shape, plan.shape, self._swapped(plan.window), plan.stitching,
            plan.border, self._swapped(self._mirrored(plan.region)),
        )  # fmt: skip

    def back(self, raw: NDArray[Any], plan: TilePlan, kind: Kind) -> NDArray[Any]:
        r"""Return what was predicted of this view as a prediction of the image.

        Places of a spatial embedding become places in the image.

        Parameters
        ----------
        raw : ndarray
            (channels, \*region of the view's plan)
        plan : TilePlan
            Of the image.
        kind : {"discriminative", "spherical", "spatial", "outputs"}
            Of the embedding.
        """
        seen = raw.swapaxes(-2, -1) if self.is_turned else raw
        covered = self._in_image(self.plan(plan).region)
        inside = tuple(
            slice(start - first, stop - first)
            for (start, stop), (first, _) in zip(plan.region, covered, strict=True)
        )
        found = np.flip(seen, self.flipped)[(slice(None), *inside)]
        return self._placed(found) if kind == "spatial" else found

    def _placed(self, found: NDArray[Any]) -> NDArray[Any]:
        sizes = self.image.shape
        axes = self._swapped(range(len(sizes)))
        placed = np.concatenate([found[list(axes)], found[len(sizes) :]])
        for axis in self.flipped:
            at = len(sizes) + axis
            placed[at] = sizes[axis] - 1 - placed[at]
        return placed

    def _in_image(self, region: Sequence[tuple[int, int]]) -> Region:
        """Return the pixels of the image that a region of the view shows."""
        return self._mirrored(self._swapped(region))

    def _mirrored(self, region: Sequence[tuple[int, int]]) -> Region:
        mirrored = list(region)
        for axis in self.flipped:
            start, stop = region[axis]
            size = self.image.shape[axis]
            mirrored[axis] = size - stop, size - start
        return tuple(mirrored)

    def _swapped(self, values: Sequence[Each]) -> tuple[Each, ...]:
        if not self.is_turned:
            return tuple(values)
        *leading, y, x = values
        return (*leading, x, y)


@dataclass(frozen=True)
class Views:
    r"""The views of an image, and how what is predicted of each comes together.

    ====== ===================================================================
    number which
    ====== ===================================================================
    1      the image
    2      and flipped along the last axis
    4      all flips along the last two axes, so that turned by half is one, too
    8      these, and each with the last two axes swapped: all flips and turns
    ====== ===================================================================

    The embeddings :math:`x_v` of n views are concatenated, which averages the squared
    distances of any two pixels:

    .. math::

        x = \frac1{\sqrt n} (x_1, \dots, x_n) \qquad
        \lVert x - y \rVert^2 = \frac1n \sum_v \lVert x_v - y_v \rVert^2

    The logarithm of a spread, the foreground logit and the logits of classes are
    averaged themselves.
    """

    image: Image | Rescaled
    number: int  # 1, 2, 4 or 8
    config: NetworkConfig  # of the model

    @cached_property
    def each(self) -> list[View]:
        """The views; the first is the image as it is."""
        turned = (False, True) if self.number == 8 else (False,)
        flips = FLIPS[: self.number]
        return [View(self.image, flip, turn) for turn in turned for flip in flips]

    @property
    def channels(self) -> int:
        """Of the average."""
        return channels_of(self.config, self.number)

    def tiles(self, plan: TilePlan) -> list[int]:
        """Return how many tiles each view has, of a plan of the image."""
        return [len(view.plan(plan)) for view in self.each]

    def add(self, out: Any, index: int, raw: NDArray[Any], plan: TilePlan) -> None:
        r"""Write what was predicted in one view into the average, in their order.

        Parameters
        ----------
        out : array
            (`channels`, \*region)
        index : int
            Of the view.
        raw : ndarray
            (channels, \*region of the view's plan)
        plan : TilePlan
            Of the image.
        """
        found = self.each[index].back(raw, plan, self.config.embedding)
        own = self._coordinates
        out[index * own : (index + 1) * own] = found[:own] / sqrt(self.number)
        if len(found) > own:
            rest, mean = slice(self.number * own, None), found[own:] / self.number
            out[rest] = out[rest] + mean if index else mean

    @property
    def _coordinates(self) -> int:
        return _coordinates(self.config)


def channels_of(config: NetworkConfig, views: int) -> int:
    """Return the channels of the average of views: embeddings, then logits.

    Parameters
    ----------
    config : NetworkConfig
        Of the model.
    views : int
    """
    return config.out_channels + (views - 1) * _coordinates(config)


def _coordinates(config: NetworkConfig) -> int:
    """Embedding channels that distances are measured in."""
    if config.embedding == "outputs":  # which are averaged themselves
        return 0
    return config.embedding_channels - (config.embedding == "spatial")
