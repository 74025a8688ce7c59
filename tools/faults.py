"""Seams of other causes than a stride that is not n·p: each fault, on any image.

A fault is a way to predict an image tile by tile; it returns what came out, whose
tiles made it, and the untiled prediction to hold it against. All is computed in
float64 on the CPU, so that what differs is the fault and not the arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.geometry.tiling import TilePlan, plan_tiles
from napari_shiftseg.geometry.window import AxisPlan, AxisTile, Stitching
from napari_shiftseg.inference.predict import embed_steps, open_for
from napari_shiftseg.metrics.seams import SeamScores, as_float, seam_scores, step
from napari_shiftseg.progress import exhaust
from napari_shiftseg.stores.image import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.window import Window
    from napari_shiftseg.networks.unet import UNet


@dataclass(frozen=True)
class Stitched:
    r"""A tiled prediction and what to hold it against.

    Attributes
    ----------
    embedding : ndarray of float64
        (channels, \*plan.output_shape)
    plan : TilePlan
        Whose tiles made it.
    untiled : ndarray of float64
        (channels, \*plan.output_shape), the same in one pass.
    """

    embedding: NDArray[np.float64]
    plan: TilePlan
    untiled: NDArray[np.float64]

    @cached_property
    def scores(self) -> SeamScores:
        """Seam scores of the tiled prediction."""
        return seam_scores(self.embedding, self.plan)

    @cached_property
    def reference(self) -> SeamScores:
        """Seam scores of the untiled prediction over the same pairs."""
        return seam_scores(self.untiled, self.plan)

    @property
    def difference(self) -> float:
        """Largest difference from the untiled prediction / its largest value."""
        largest = abs(self.untiled).max()
        return float(abs(self.embedding - self.untiled).max() / largest)


@dataclass(frozen=True)
class TileScaled(Image):
    """An image of which every window read is scaled by itself: mean 0, deviation 1."""

    def read(
        self, bounds: Sequence[tuple[int, int]], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        """Read a window and scale it; see `Image.read`."""
        pixels = super().read(bounds, dtype)
        scaled: NDArray[Any] = (pixels - pixels.mean()) / (pixels.std() or 1.0)
        return scaled


def cropped(image: ArrayLike, model: UNet, window: Window) -> Stitched:
    r"""Stitch cropped tiles: the control, as the others without their faults.

    Parameters
    ----------
    image : array_like
        (\*spatial); for a model of several input channels (channels, \*spatial).
    model : UNet
    window : int or sequence of int
        Output size of a tile in pixels; the stride is the largest n·p not above it.
    """
    opened = open_for(image, model)
    return _stitched(opened, model, _plan(opened, model, window))


def window_at_most_period(image: ArrayLike, model: UNet, periods: int = 4) -> Stitched:
    """Stitch cropped tiles of several periods, from a net trained with w ≤ p.

    Phases p − 1 and 0 never met in its loss, so there are seams at every multiple of
    p, most of them inside tiles, and in the untiled prediction as well. The tiling is
    without fault, the net is not.

    Parameters
    ----------
    image, model
        See `cropped`; the model trained with an output window w ≤ p.
    periods : int
        Stride in periods.

    References
    ----------
    Rumberger et al., ICCV 2021, section 3.
    """
    return cropped(image, model, tuple(periods * p for p in model.shape.period))


def without_halo(image: ArrayLike, model: UNet, window: Window) -> Stitched:
    """Stitch tiles of a same-padded net that read no halo: zeros at every border.

    Parameters
    ----------
    image, model, window
        See `cropped`; the stride is the window.

    Raises
    ------
    ValueError
        If the model is not same-padded.
    """
    if not any(axis.halo for axis in model.shape.axes):
        raise ValueError(
            f"only a same-padded net needs a halo, this one has padding "
            f"{model.config.padding!r}: take new_model(padding='same')"
        )
    opened = open_for(image, model)
    return _stitched(opened, model, _plan(opened, model, window, "naive"))


def last_tile_shifted_back(image: ArrayLike, model: UNet, window: Window) -> Stitched:
    """Stitch cropped tiles of which the last one is shifted back to fit the image.

    It begins `stride` pixels before the end of the image, whatever its phase there,
    and is written over the tile before it.

    Parameters
    ----------
    image, model, window
        See `cropped`.
    """
    return _bent(image, model, window, lambda axis, _: _shifted_back(axis))


def centred_crop(image: ArrayLike, model: UNet, window: Window) -> Stitched:
    """Stitch tiles that keep the middle of their raw output, not its beginning.

    What is kept begins at (raw output − stride) / 2, which need not be a multiple of
    p. All tiles are alike, so there is no seam, but another phase: the result is that
    of one pass whose grid begins elsewhere.

    Parameters
    ----------
    image, model, window
        See `cropped`.
    """
    return _bent(image, model, window, _centred)


def normalised_per_tile(image: ArrayLike, model: UNet, window: Window) -> Stitched:
    """Stitch cropped tiles of which each is scaled by its own mean and deviation.

    The untiled prediction is scaled likewise, by those of the whole image.

    Parameters
    ----------
    image, model, window
        See `cropped`.
    """
    opened = open_for(image, model)
    scaled = TileScaled(opened.data, opened.ndim, opened.scale)
    return _stitched(scaled, model, _plan(opened, model, window))


def _plan(
    image: Image, model: UNet, window: Window, stitching: Stitching = "cropped"
) -> TilePlan:
    return plan_tiles(image.shape, model.shape, window, stitching)


def _stitched(image: Image, model: UNet, plan: TilePlan) -> Stitched:
    whole = _plan(image, model, None, "whole")
    tiled, untiled = (
        exhaust(embed_steps(image, model, each, "cpu", "float64"))
        for each in (plan, whole)
    )
    channels = model.config.embedding_channels
    return Stitched(tiled.raw[:channels], tiled.plan, untiled.raw[:channels])


def _bent(
    image: ArrayLike,
    model: UNet,
    window: Window,
    bend: Callable[[AxisPlan, int], AxisPlan],
) -> Stitched:
    """Stitch cropped tiles that are bent: each axis, of what its tiles predict."""
    opened = open_for(image, model)
    plan = _plan(opened, model, window)
    axes = tuple(map(bend, plan.axes, plan.predicts))
    return _stitched(opened, model, replace(plan, axes=axes))


def _shifted_back(axis: AxisPlan) -> AxisPlan:
    if len(axis.tiles) == 1:
        return axis
    origin = axis.stop - axis.stride
    start = max(origin, axis.start)
    before = [
        replace(tile, stop=min(tile.stop, start))
        for tile in axis.tiles
        if tile.start < start
    ]
    return replace(axis, tiles=(*before, AxisTile(origin, start, axis.stop)))


def _centred(axis: AxisPlan, raw: int) -> AxisPlan:
    margin = (raw - 2 * axis.halo - axis.stride) // 2
    return replace(axis, lead=axis.lead + margin, halo=axis.halo + margin)


def border_steps(
    embedding: ArrayLike, plan: TilePlan
) -> tuple[NDArray[np.float64], ...]:
    r"""Return the mean step at every tile border.

    The seam ratio is a mean over all borders, so one bad border among many hardly
    moves it; here it stands by itself. Compare with the untiled prediction's steps at
    the same borders: a seam may also be a step that is missing.

    Parameters
    ----------
    embedding : array_like
        (channels, \*plan.output_shape)
    plan : TilePlan
        Whose tiles are looked at.

    Returns
    -------
    tuple of ndarray
        Per axis (borders,), in units of the embedding; border i lies before pixel
        ``plan.boundaries[axis][i]``.

    Raises
    ------
    ValueError
        If the embedding has another shape than the plan's result.
    """
    e = as_float(embedding)
    if e.shape[1:] != plan.output_shape:
        raise ValueError(
            f"the embedding has the shape {e.shape[1:]}, the plan's result "
            f"{plan.output_shape}"
        )
    means = []
    for axis, boundaries in enumerate(plan.boundaries):
        steps = np.moveaxis(step(e, axis), axis, 0)
        before = steps[np.array(boundaries, dtype=int) - 1]
        means.append(before.mean(axis=tuple(range(1, e.ndim - 1)), dtype=np.float64))
    return tuple(means)
