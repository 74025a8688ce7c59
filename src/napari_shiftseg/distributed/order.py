"""What is to be segmented into a store, and by what that run is known again."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg import __version__
from napari_shiftseg.device import resolve_device
from napari_shiftseg.distributed.blocks import PIXELS, most_at_once
from napari_shiftseg.distributed.journal import CHANGED, unfinished
from napari_shiftseg.distributed.output import Output
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.memory import memory_budget
from napari_shiftseg.inference.views import check_turns, check_views
from napari_shiftseg.stores.axes import ORDER, Distance, result_axes
from napari_shiftseg.stores.image import single_channel
from napari_shiftseg.stores.label_sum import bands
from napari_shiftseg.stores.reading import STORE
from napari_shiftseg.stores.writing import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.stores.reading import Source

# raised when labels, or files between passes, change: a run that was begun before ends
FORMAT = 2
CHUNK = {1: 65_536, 2: 512, 3: 64}  # pixels, by the number of spatial axes
MOST_A_TILE = 2**30  # bytes, on a CPU; larger ones gain nothing here


@dataclass(frozen=True)
class StoreOrder:
    """What is to be segmented, and how it is stored.

    Attributes
    ----------
    source : Source
        Its pixels may stay on disk.
    model : TiledNetwork
    settings : Settings
    target : Path
        The zarr store to be made.
    chunk : int or None
        Of the store, pixels along each spatial axis; None: 512² or 64³.
    kinds : tuple of str
        Of labels, embedding, gradient.
    half : bool
        Whether the embedding is kept in float16.
    block : int
        Pixels of a block, about; fewer where these are a large part of the image.
    given : mapping
        What the record is to say of how the run was asked for, ready for JSON.

    Raises
    ------
    ValueError
        If the settings do not go with a store, or with the model.
    """

    source: Source
    model: TiledNetwork
    settings: Settings
    target: Path
    chunk: int | None = None
    kinds: tuple[str, ...] = ("labels",)
    half: bool = False
    block: int = PIXELS
    given: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.target.suffix != STORE:
            raise ValueError(
                f"a store must have a name that ends with {STORE}, got "
                f"{self.target.name!r}"
            )
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            raise ValueError(
                f"save takes {', '.join(KINDS)}, got {', '.join(unknown)!r}"
            )
        if self.settings.diameter is not None or self.settings.region is not None:
            raise ValueError(
                "a store is written of the whole image as it is: leave out diameter "
                "and region, or write TIFFs instead"
            )
        if self.chunk is not None and self.chunk < 1:
            raise ValueError(f"a chunk must be 1 pixel or more, got {self.chunk}")
        check_views(self.settings.views, self.model.config, self.settings.border)
        check_turns(self.settings.views, self.source.pixel)
        clustering = self.settings.clustering(self.model.config)
        if clustering.kernel == "learnt-spread" and clustering.scope == "global":
            raise ValueError(
                'a learnt spread is that of a component: take scope "component"'
            )

    @cached_property
    def pixels(self) -> Any:
        r"""The image, ([leading,] [channels,] \*spatial)."""
        config = self.model.config
        if config.in_channels == 1:
            return single_channel(self.source.data, config.ndim)
        return self.source.data

    @cached_property
    def plan(self) -> TilePlan:
        """The tiles of one frame; no tile of a window not asked for is much of all."""
        settings, ndim = self.settings, self.model.config.ndim
        device = resolve_device(settings.device)
        budget = memory_budget(device)
        if device.type == "cpu":
            budget = min(budget, MOST_A_TILE)
        return plan_tiles(
            self.pixels.shape[-ndim:], self.model.shape, settings.window,
            settings.stitching, settings.border, None, budget, self._most,
        )  # fmt: skip

    @property
    def block_pixels(self) -> int:
        """Pixels of a block, about, that a run that is stopped may lose."""
        return min(self.block, self._most)

    @property
    def _most(self) -> int:
        sizes = self.pixels.shape
        frame = sizes[-self.model.config.ndim :]
        return most_at_once(prod(sizes[: len(self.leading)]) * prod(frame))

    @property
    def leading(self) -> str:
        """Letters of the axes before those of one frame."""
        number = self.pixels.ndim - self.model.config.image_axes
        return self.source.axes[:number]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the result."""
        leading = self.pixels.ndim - self.model.config.image_axes
        return (*self.pixels.shape[:leading], *self.plan.output_shape)

    def output(self, folder: Path) -> Output:
        """Return the store that is to be made in a folder."""
        ndim = self.model.config.ndim
        axes = result_axes(self.source.axes, len(self.shape), ndim)
        if not set(axes) <= set(ORDER):
            raise ValueError(
                f"OME-Zarr knows the axes t, c, z, y and x, but those of the image are "
                f"{axes}: name its axes, or choose one place along others"
            )
        chunk = self.chunk or CHUNK[ndim]
        calibration = self.source.calibration
        return Output(
            folder, axes, self.shape, ndim, chunk, calibration, self.kinds,
            self._origin(axes),
        )  # fmt: skip

    def _origin(self, axes: str) -> dict[str, float]:
        """Return where the result begins: there, or in the image, by its border."""
        offset = dict(
            zip(axes[-len(self.plan.offset) :], self.plan.offset, strict=True)
        )
        known, one = self.source.calibration, Distance(1.0, "pixel")
        begins = {
            axis: self.source.origin.get(axis, 0.0)
            + offset.get(axis, 0) * known.get(axis, one).size
            for axis in axes
        }
        return {axis: at for axis, at in begins.items() if at}

    @property
    def about(self) -> dict[str, Any]:
        """By what the run is known again: all that changes a number of the result.

        And what its store says of axes, sizes and place. Device, engine and batch round
        in ways of their own. Which device and engine they are is not known here: see
        `Crew.computes`. An image without a path is known by its pixels alone: its name
        may be another one.
        """
        clustering = self.settings.clustering(self.model.config).model_dump()
        computed = {"device": "", "engine": "", "batch": self.settings.batch or 1}
        source, ours = self.source, (self.target, unfinished(self.target))
        state = state_of(source.path, ours) if source.path else ""
        return {
            "version": __version__, "format": FORMAT,
            "image": source.path, "channel": source.channel, "series": source.series,
            "axes": source.axes, "calibration": _sizes(source), "origin": source.origin,
            "shape": list(self.pixels.shape), "dtype": str(self.pixels.dtype),
            CHANGED: state or _pixels_sum(self.pixels),
            "model": self.model.config.name, "weights": weights_sum(self.model),
            "chunk": self.chunk, "save": list(self.kinds), "float16": self.half,
            "block": self.block, **asdict(self.settings), **clustering, **computed,
        }  # fmt: skip


def _sizes(source: Source) -> dict[str, list[Any]]:
    """Return the calibration, ready for JSON."""
    known = source.calibration.items()
    return {axis: [float(each.size), each.unit] for axis, each in known}


def state_of(path: str, without: Sequence[Path]) -> str:
    """Return a number that is another one when a file, or a folder, has changed.

    Parameters
    ----------
    path : str
    without : sequence of Path
        Folders in it that do not count.
    """
    place, found = Path(path), sha256()
    for file in (place,) if place.is_file() else _files(place, without):
        about, name = file.stat(), file.relative_to(place)
        found.update(f"{name} {about.st_size} {about.st_mtime_ns}\n".encode())
    return found.hexdigest()[:16]


def _files(folder: Path, without: Sequence[Path]) -> Iterator[Path]:
    """Go through the files below a folder, sorted; it holds one folder's names."""
    if folder in without or not folder.is_dir():
        return
    with os.scandir(folder) as found:
        names = sorted((one.name, one.is_dir(follow_symlinks=False)) for one in found)
    for name, is_folder in names:
        place = folder / name
        if is_folder:
            yield from _files(place, without)
        elif place.is_file():
            yield place


def _pixels_sum(pixels: Any) -> str:
    """Return the sum of an image that no file holds."""
    found = sha256()
    for band in bands(tuple(pixels.shape)):
        found.update(np.ascontiguousarray(pixels[band]).tobytes())
    return found.hexdigest()[:16]


def weights_sum(model: TiledNetwork) -> str:
    """Return a number that is another one when a weight is.

    Parameters
    ----------
    model : TiledNetwork
    """
    found = sha256()
    for name, weight in sorted(model.state_dict().items()):
        found.update(name.encode())
        found.update(weight.cpu().numpy().tobytes())
    return found.hexdigest()[:16]
