"""Tiles through the network into one array."""

from __future__ import annotations

import warnings
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.device import resolve_device
from napari_shiftseg.embeddings.kinds import embedded
from napari_shiftseg.geometry.tiling import Region, Tile, TilePlan, plan_tiles
from napari_shiftseg.inference.memory import (
    batch_that_fits,
    is_out_of_memory,
    memory_budget,
    smaller_tiles,
)
from napari_shiftseg.inference.network import (
    NotFiniteError,
    dtype_of,
    on_device,
    why_not_finite,
)
from napari_shiftseg.progress import Progress, Returning, Shrunk, patiently
from napari_shiftseg.stores.image import (
    Image,
    as_array,
    open_image,
    single_channel,
)
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.device import Precision
    from napari_shiftseg.geometry.window import Border, Stitching, Window
    from napari_shiftseg.inference.network import Predictor
    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.networks.config import ModelConfig


OVERFLOW = (
    "numbers overflow in 16 bits, so some tiles were predicted in float32: take the "
    "precision float32 or bfloat16"
)


def embed(
    image: ArrayLike | Any,
    model: TiledNetwork,
    window: Window = None,
    stitching: Stitching = "cropped",
    border: Border = "mirror",
    region: Region | None = None,
    device: str = "auto",
    precision: Precision = "float32",
    batch: int | None = None,
) -> NDArray[Any]:
    r"""Predict the embedding of every pixel, tile by tile.

    Parameters
    ----------
    image : array_like
        (\*spatial); for a model of several input channels (channels, \*spatial).
    model : TiledNetwork
    window : int, sequence of int or None
        Output size of a tile in pixels; None: the cheapest that fits in memory.
    stitching : {"cropped", "naive", "whole"}
    border : {"mirror", "valid"}
    region : sequence of (int, int), optional
        See `plan_tiles` for these four.
    device : str
        "auto" (CUDA, else MPS, else the CPU), or a torch device.
    precision : {"float32", "float64", "float16", "bfloat16"}
        The 16-bit ones are mixed precision.
    batch : int, optional
        Tiles predicted at once; as many as fit if not given.

    Returns
    -------
    ndarray
        (embedding channels, \*region); float64 if so asked, else float32.

    Raises
    ------
    ValueError
        If an argument is out of range or the image cannot be read.
    MemoryError
        If not even a tile of one period fits on the device.

    Warns
    -----
    UserWarning
        If memory did not suffice and the batch or the tiles were made smaller.
    """
    opened = open_for(image, model)
    plan = plan_for(opened, model, window, stitching, border, region, device)
    steps = Returning(embed_steps(opened, model, plan, device, precision, batch))
    for progress in steps:
        if progress.note:
            warnings.warn(progress.note, stacklevel=2)
    return steps.value[0][: model.config.embedding_channels]


def open_for(
    image: ArrayLike | Any,
    model: TiledNetwork,
    reading: Reading | None = None,
    scale: Scale | None = None,
) -> Image:
    """Open an image as this model reads it; see `open_image` and `single_channel`.

    Parameters
    ----------
    image : array_like
        As `embed` takes it.
    model : TiledNetwork
    reading : Reading, optional
        How the user wants grey values read.
    scale : Scale, optional
        How they are read, where that is known.
    """
    config, data = model.config, as_array(image)
    if config.in_channels == 1:
        data = single_channel(data, config.ndim)
    return open_image(
        data, config.ndim, config.in_channels, config.intensity, reading, scale
    )


def plan_for(
    image: Image,
    model: TiledNetwork,
    window: Window,
    stitching: Stitching,
    border: Border,
    region: Region | None,
    device: str,
) -> TilePlan:
    """Plan the tiles of an image for the memory of this device; see `plan_tiles`.

    Parameters
    ----------
    image : Image
    model : TiledNetwork
    window, stitching, border, region
        See `plan_tiles`.
    device : str
        That the tiles are to fit on.
    """
    budget = memory_budget(resolve_device(device))
    return plan_tiles(
        image.shape, model.shape, window, stitching, border, region, budget
    )


def embed_steps(
    image: Image,
    model: TiledNetwork,
    plan: TilePlan,
    device: str = "auto",
    precision: Precision = "float32",
    batch: int | None = None,
    out: Any = None,
) -> Generator[Progress, None, tuple[NDArray[Any], TilePlan]]:
    r"""Predict all tiles of a plan; returns that, and the plan carried out in the end.

    That is the embedding (see `embedded`), then the foreground logit if there is one.
    Yields `Progress` after each tile.
    While a tile takes long the latest progress is yielded again and again. When the
    memory of the device runs out, the batch is halved; a single tile that does not
    fit is shrunk to the cheapest smaller n·p. What overflows in 16 bits is predicted
    in float32. Notes say so, of smaller tiles in a `Shrunk`. Closing the generator
    stops the run and frees the device.

    Parameters
    ----------
    image : Image
    model : TiledNetwork
        Left as it is; a copy goes to the device.
    plan : TilePlan
    device, precision, batch
        See `embed`.
    out : array, optional
        (out channels, \*plan.output_shape), NumPy or a store, written tile by tile;
        a new array if not given.

    Raises
    ------
    MemoryError
        If not even a tile of one period fits, or the model alone does not.
    ValueError
        If the batch is below 1, the image has a pixel that is not finite, or the
        prediction is not; see `why_not_finite`.
    """
    if batch is not None and batch < 1:
        raise ValueError(f"the batch must be 1 tile or more, got {batch}")
    if out is None:
        size = (model.config.out_channels, *plan.output_shape)
        out = np.empty(size, dtype=dtype_of(precision))
    where = resolve_device(device)
    at_once = batch or batch_that_fits(plan, where)
    with on_device(model, where, precision) as network:
        while True:
            at_once, failure = yield from _predict(image, network, plan, out, at_once)
            if failure is None:
                return out, plan
            plan = smaller_tiles(plan, failure)
            note = f"out of memory: tiles now keep {by(plan.stride)} pixels"
            yield Shrunk(0, len(plan), note)


def _predict(
    image: Image, network: Predictor, plan: TilePlan, out: Any, batch: int
) -> Generator[Progress, None, tuple[int, BaseException | None]]:
    """Predict a plan; returns the batch that fitted, and why it gave up if it did."""
    tiles, queue, done, note = iter(plan), list[Tile](), 0, ""
    overflow = OVERFLOW  # said once
    while done < len(plan):
        queue += islice(tiles, max(0, batch - len(queue)))
        present = queue[:batch]
        try:
            so_far = Progress(done, len(plan))
            values = len(present) * prod(plan.reads)
            inputs = yield from patiently(
                so_far, values, _read, image, present, network.dtype
            )
            raw = yield from network.steps(inputs, so_far)
            if not all(map(_is_finite, raw, present)):
                raw = yield from _in_wider_numbers(
                    network, present, inputs, raw, so_far
                )
                note, overflow = note or overflow, ""
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            error.__traceback__ = None  # its frames hold what filled the memory
            network.release()
            if len(present) == 1:
                return 1, error
            batch = len(present) // 2
            note = f"out of memory: the batch is now {batch}"
            continue
        del queue[: len(present)]
        for tile, output in zip(present, raw, strict=True):
            _write(out, plan, tile, output, network.model.config)
            done += 1
            yield Progress(done, len(plan), note)
            note = ""
    return batch, None


def _read(image: Image, tiles: list[Tile], dtype: np.dtype[Any]) -> list[NDArray[Any]]:
    return [image.read(tile.read, dtype) for tile in tiles]


def _in_wider_numbers(
    network: Predictor,
    tiles: list[Tile],
    inputs: list[NDArray[Any]],
    raw: NDArray[Any],
    so_far: Progress,
) -> Generator[Progress, None, NDArray[Any]]:
    """Predict in float32 what overflowed in 16 bits."""
    if network.mixed:
        raw = yield from network.steps(inputs, so_far, is_mixed=False)
    for tile, pixels, output in zip(tiles, inputs, raw, strict=True):
        if not _is_finite(output, tile):
            raise NotFiniteError(why_not_finite(network, tile, pixels))
    return raw


def _is_finite(raw: NDArray[Any], tile: Tile) -> bool:
    """Whether all that a tile keeps is finite."""
    return bool(np.isfinite(raw[(slice(None), *tile.crop)]).all())


def _write(
    out: Any, plan: TilePlan, tile: Tile, raw: NDArray[Any], config: ModelConfig
) -> None:
    at = tuple(
        slice(keep.start - start, keep.stop - start)
        for keep, start in zip(tile.keep, plan.offset, strict=True)
    )
    kept, channels = raw[(slice(None), *tile.crop)], config.embedding_channels
    corner = [keep.start for keep in tile.keep]
    out[(slice(channels), *at)] = embedded(kept[:channels], config.embedding, corner)
    out[(slice(channels, None), *at)] = kept[channels:]
