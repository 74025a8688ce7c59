"""The tiles of an image: the product of those along its axes, see `axis_plan`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from operator import index
from typing import TYPE_CHECKING, Any

from napari_shiftseg.geometry.window import Border as Border
from napari_shiftseg.geometry.window import Stitching as Stitching
from napari_shiftseg.geometry.window import (
    Window,
    as_window,
    cheapest_window,
    extent_of,
    origin_of,
    plan_axis,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.network_shape import NetworkShape
    from napari_shiftseg.geometry.window import AxisPlan, AxisTile


Region = tuple[tuple[int, int], ...]  # (start, stop) an axis
Box = tuple[slice, ...]  # one an axis


def slices(region: Iterable[Iterable[int]]) -> Box:
    """Return a region, (start, stop) an axis, as a box: what an array is indexed by."""
    return tuple(slice(*bounds) for bounds in region)


def chunks(n: int, size: int) -> Iterator[slice]:
    """Cut ``range(n)`` into slices of at most this size.

    Parameters
    ----------
    n : int
    size : int
    """
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def widened(box: Box, margin: int | Sequence[int], shape: Sequence[int]) -> Box:
    """Return a box with a margin on all sides, as far as the image reaches.

    Parameters
    ----------
    box : tuple of slice
    margin : int or sequence of int
        In pixels, one or one an axis.
    shape : sequence of int
        Of the image.
    """
    margins = (margin,) * len(box) if isinstance(margin, int) else margin
    return tuple(
        slice(max(0, s.start - m), min(n, s.stop + m))
        for s, m, n in zip(box, margins, shape, strict=True)
    )


def parse_region(text: str) -> Region:
    """Read a region written as ``0:512`` an axis, joined by x: ``0:512x128:640``."""
    try:
        starts = [tuple(map(int, part.split(":"))) for part in text.lower().split("x")]
        return tuple((start, stop) for start, stop in starts)
    except ValueError:
        raise ValueError(
            f"a region is START:STOP for each axis, joined by x (0:512x128:640), got "
            f"{text!r}"
        ) from None


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: where it reads, what it keeps."""

    # image pixels it reads, per axis; may lie outside the image (mirrored there)
    read: Region
    keep: Box  # image pixels it keeps
    crop: Box  # the same pixels within the raw output


@dataclass(frozen=True)
class TilePlan:
    """How an image is predicted tile by tile; iterate over it for the `Tile` s.

    Attributes
    ----------
    shape : NetworkShape
        Sizes of the network.
    image_shape, window : tuple of int
        Size of the image; output size asked for; one value an axis.
    stitching, border : str
        As given to `plan_tiles`.
    axes : tuple of AxisPlan
        The tiles along each axis; the tiles of the image are their product.
    """

    shape: NetworkShape
    image_shape: tuple[int, ...]
    window: tuple[int, ...]
    stitching: Stitching
    border: Border
    axes: tuple[AxisPlan, ...]

    def __len__(self) -> int:
        return prod(len(axis.tiles) for axis in self.axes)

    def __iter__(self) -> Iterator[Tile]:
        for tiles in product(*(axis.tiles for axis in self.axes)):
            yield self._tile(tiles)

    def _tile(self, tiles: Sequence[AxisTile]) -> Tile:
        pairs = list(zip(self.axes, tiles, strict=True))
        return Tile(
            read=tuple(
                (t.origin - a.lead, t.origin - a.lead + a.reads) for a, t in pairs
            ),
            keep=tuple(slice(t.start, t.stop) for _, t in pairs),
            crop=tuple(
                slice(t.start - t.origin + a.halo, t.stop - t.origin + a.halo)
                for a, t in pairs
            ),
        )

    @property
    def blends(self) -> bool:
        """Whether tiles overlap, so that each gives a share of a pixel."""
        return False

    def share(self, tile: Tile) -> NDArray[Any] | float:
        r"""Return the share of each pixel that is this tile's, (\*kept), or of all.

        Parameters
        ----------
        tile : Tile
            Of this plan.
        """
        return 1.0

    @property
    def stride(self) -> tuple[int, ...]:
        """What a tile keeps, per axis."""
        return tuple(axis.stride for axis in self.axes)

    @property
    def reads(self) -> tuple[int, ...]:
        """Legal input of every tile, per axis."""
        return tuple(axis.reads for axis in self.axes)

    @property
    def predicts(self) -> tuple[int, ...]:
        """Raw output of every tile, per axis."""
        return self.shape.raw_output(self.reads)

    @property
    def region(self) -> Region:
        """Predicted part of the image: (start, stop) an axis."""
        return tuple((axis.start, axis.stop) for axis in self.axes)

    @property
    def slices(self) -> Box:
        """The region as slices of the image, one an axis."""
        return slices(self.region)

    @property
    def offset(self) -> tuple[int, ...]:
        """Image pixel at which the result begins, per axis."""
        return tuple(axis.start for axis in self.axes)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the result, per axis."""
        return tuple(axis.stop - axis.start for axis in self.axes)

    @property
    def boundaries(self) -> tuple[tuple[int, ...], ...]:
        """Per axis: the result's pixels at which a further tile begins."""
        return tuple(axis.boundaries for axis in self.axes)

    @property
    def is_exact(self) -> bool:
        """Whether the stitched result equals one pass over the whole image."""
        return all(
            plan.halo >= axis.halo
            and all(
                (t.origin - plan.halo - axis.context // 2) % axis.period == 0
                for t in plan.tiles
            )
            for plan, axis in zip(self.axes, self.shape.axes, strict=True)
        )

    @property
    def seamed(self) -> tuple[bool, ...]:
        """Per axis: whether tiles meet whose predictions do not agree."""
        return tuple(
            len(plan.tiles) > 1
            and (
                plan.halo < axis.halo
                or len({t.origin % axis.period for t in plan.tiles}) > 1
            )
            for plan, axis in zip(self.axes, self.shape.axes, strict=True)
        )

    @property
    def makes_seams(self) -> bool:
        """Whether tiles meet whose predictions do not agree at their border."""
        return any(self.seamed)

    @property
    def cost(self) -> float:
        """Pixels computed per pixel kept."""
        return len(self) * prod(self.reads) / prod(self.output_shape)

    @property
    def memory(self) -> int:
        """Estimated bytes one tile takes while it is predicted (float32)."""
        return 4 * self.shape.peak_values(self.reads)

    def cheapest(self, memory: int | None = None) -> TilePlan:
        """Return the plan of the cheapest n·p window for the same region.

        `memory` is the bytes one tile may take; see `cheapest_window`.
        """
        stitching = "cropped" if self.stitching == "whole" else self.stitching
        size, shape, region = self.image_shape, self.shape, self.region
        return plan_tiles(size, shape, None, stitching, self.border, region, memory)


def plan_tiles(
    image_shape: Sequence[int],
    shape: NetworkShape,
    window: Window = None,
    stitching: Stitching = "cropped",
    border: Border = "mirror",
    region: Region | None = None,
    memory: int | None = None,
    pixels: int | None = None,
) -> TilePlan:
    """Plan the tiles of an image.

    Parameters
    ----------
    image_shape : sequence of int
        Pixels along each axis.
    shape : NetworkShape
        Sizes of the network, ``model.shape``.
    window : int, sequence of int or None
        Output size asked for; None: the cheapest n·p whose tile fits in `memory`.
    stitching : {"cropped", "naive", "whole"}
        Cropped tiles keep the largest n·p not above the window (below p, the window
        is raised to p); naive tiles keep the window; whole is one pass.
    border : {"mirror", "valid"}
        Mirror predicts every pixel; valid only those whose context lies in the image:
        the raw output of the largest legal input, the same for every stitching.
    region : sequence of (int, int), optional
        Image pixels (start, stop) to predict, per axis; widened to whole periods. It
        reads real context around it.
    memory : int, optional
        Bytes a tile may take when `window` is None; no limit if not given.
    pixels : int, optional
        That a tile may keep when `window` is None; no limit if not given.

    Raises
    ------
    ValueError
        If an argument is not as above, the image is empty, its number of axes is not
        the network's, or ``border="valid"`` and the image is below the smallest legal
        input.
    """
    size = _checked_shape(image_shape, shape.ndim)
    _check_choice("stitching", stitching, ("cropped", "naive", "whole"))
    _check_choice("border", border, ("mirror", "valid"))
    extent = tuple(
        extent_of(axis, n, border, number)
        for number, (axis, n) in enumerate(zip(shape.axes, size, strict=True))
    )
    inside = extent
    if region is not None:
        inside = _snapped(_clipped(region, extent), extent, shape, border)
    if window is None and stitching != "whole":
        needed = tuple(stop - start for start, stop in inside)
        before = tuple(
            start - origin_of(axis, border)
            for axis, (start, _) in zip(shape.axes, inside, strict=True)
        )
        window = cheapest_window(shape, needed, memory, before, pixels)
    chosen = size if window is None else as_window(window, shape.ndim)
    axes = tuple(
        plan_axis(axis, w, stitching, border, *bounds)
        for axis, w, bounds in zip(shape.axes, chosen, inside, strict=True)
    )
    return TilePlan(shape, size, chosen, stitching, border, axes)


def _clipped(region: Region, extent: Region) -> Region:
    if len(region) != len(extent) or any(len(bounds) != 2 for bounds in region):
        raise ValueError(
            f"the region must give (start, stop) for {len(extent)} axes, got {region}"
        )
    clipped = tuple(
        (max(int(a), low), min(int(b), high))
        for (a, b), (low, high) in zip(region, extent, strict=True)
    )
    if any(a >= b for a, b in clipped):
        raise ValueError(
            f"the region {region} holds no pixel that can be predicted: "
            f"choose one within {extent}"
        )
    return clipped


def _snapped(
    region: Region, extent: Region, shape: NetworkShape, border: Border
) -> Region:
    """Widen a region to the grid of periods, so that it is one for all stitchings."""
    snapped = []
    for axis, (start, stop), (low, high) in zip(
        shape.axes, region, extent, strict=True
    ):
        origin, period = origin_of(axis, border), axis.period
        first = origin + (start - origin) // period * period
        last = origin - (origin - stop) // period * period
        snapped.append((max(first, low), min(last, high)))
    return tuple(snapped)


def _checked_shape(image_shape: Sequence[int], ndim: int) -> tuple[int, ...]:
    size = tuple(index(n) for n in image_shape)
    if len(size) != ndim:
        raise ValueError(
            f"the model reads {ndim} image axes, the image has {len(size)}: {size}; "
            f"take a model of {len(size)} axes, or another image"
        )
    if any(n < 1 for n in size):
        raise ValueError(f"the image is empty, its shape is {size}")
    return size


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
