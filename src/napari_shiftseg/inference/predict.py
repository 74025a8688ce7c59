"""Tiles through the network into one array."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_shiftseg.device import is_out_of_memory, resolve_device
from napari_shiftseg.embeddings.kinds import embedded
from napari_shiftseg.geometry.tiling import Region, Tile, TilePlan, plan_tiles
from napari_shiftseg.inference.finite import in_wider_numbers, is_finite
from napari_shiftseg.inference.memory import (
    batch_that_fits,
    memory_budget,
    smaller_tiles,
)
from napari_shiftseg.inference.network import dtype_of, on_device
from napari_shiftseg.inference.views import Views, check_views
from napari_shiftseg.progress import Progress, Returning, Shrunk, patiently
from napari_shiftseg.stores.image import (
    Image,
    as_read,
    open_image,
)
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.device import Engine, Precision
    from napari_shiftseg.geometry.window import Border, Stitching, Window
    from napari_shiftseg.inference.network import Predictor
    from napari_shiftseg.inference.rescaled import Rescaled
    from napari_shiftseg.inference.views import View
    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.networks.config import NetworkConfig


OVERFLOW = (
    "numbers overflow in 16 bits, so some tiles were predicted in float32: take the "
    "precision float32 or bfloat16"
)


class Embedded(NamedTuple):
    """What `embed_steps` returns."""

    raw: NDArray[Any]  # (`Views.channels`, *region of the plan)
    plan: TilePlan  # that was carried out in the end
    engine: str  # "torch" or "openvino", that predicted in the end


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
    views: int = 1,
    engine: Engine = "auto",
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
    views : {1, 2, 4, 8}
        In how many flips and turns the image is predicted; see `Views`. So many
        times as long it takes, and as large the embedding is.
    engine : {"auto", "torch", "openvino"}
        What computes on the CPU; "auto" is OpenVINO where it is installed, see
        `Predictor`.

    Returns
    -------
    ndarray
        (embedding channels, \*region); float64 if so asked, else float32. Several views
        have their channels one after the other; see `Views`.

    Raises
    ------
    ValueError
        If an argument is out of range or the image cannot be read.
    MemoryError
        If not even a tile of one period fits on the device.

    Warns
    -----
    UserWarning
        If memory did not suffice and the batch or the tiles were made smaller, or
        OpenVINO failed and torch predicted.
    """
    check_views(views, model.config, border)
    opened = open_for(image, model)
    plan = plan_for(opened, model, window, stitching, border, region, device)
    steps = Returning(
        embed_steps(
            opened, model, plan, device, precision, batch, views=views, engine=engine
        )
    )
    for progress in steps:
        if progress.note:
            warnings.warn(progress.note, stacklevel=2)
    return embedding_of(steps.value.raw, model.config)


def embedding_of(predicted: NDArray[Any], config: NetworkConfig) -> NDArray[Any]:
    r"""Return a prediction, (channels, \*region), without the logits.

    Parameters
    ----------
    predicted : ndarray
        Of any number of views.
    config : NetworkConfig
    """
    return predicted[: len(predicted) - config.foreground - len(config.classes)]


def logits_of(
    predicted: NDArray[Any], config: NetworkConfig
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    r"""Return foreground logit, (\*region), and those of classes, (classes, \*region).

    None where the model has none.

    Parameters
    ----------
    predicted : ndarray
        (channels, \*region), of any number of views.
    config : NetworkConfig
    """
    first = len(predicted) - len(config.classes)
    logit = predicted[first - 1] if config.foreground else None
    return logit, predicted[first:] if config.classes else None


def open_for(
    image: ArrayLike | Any,
    model: TiledNetwork,
    reading: Reading | None = None,
    scale: Scale | None = None,
) -> Image:
    """Open an image as this model reads it; see `open_image` and `as_read`.

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
    config = model.config
    ndim, channels = config.ndim, config.in_channels
    data = as_read(image, ndim, channels)
    return open_image(data, ndim, channels, config.intensity, reading, scale)


def plan_for(
    image: Image | Rescaled,
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
    image: Image | Rescaled,
    model: TiledNetwork,
    plan: TilePlan,
    device: str = "auto",
    precision: Precision = "float32",
    batch: int | None = None,
    out: Any = None,
    views: int = 1,
    engine: Engine = "auto",
) -> Generator[Progress, None, Embedded]:
    r"""Predict all tiles of a plan.

    That is the embedding (see `embedded`), then the foreground logit and those of
    classes, if there are any; of several views, their average (see `Views`).
    Yields `Progress` after each tile, of those of all views.
    While a tile takes long the latest progress is yielded again and again. When the
    memory of the device runs out, the batch is halved; a single tile that does not
    fit is shrunk to the cheapest smaller n·p. What overflows in 16 bits is predicted
    in float32; what OpenVINO fails at, by torch. Notes say so, of smaller tiles in a
    `Shrunk`. Closing the generator
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
        (`Views.channels`, \*plan.output_shape), NumPy or a store, written tile by
        tile, of several views view by view; a new array if not given.
    views : {1, 2, 4, 8}
        See `Views`; each is planned as the image is, in its own orientation.
    engine : {"auto", "torch", "openvino"}
        See `Predictor`.

    Raises
    ------
    MemoryError
        If not even a tile of one period fits, or the model alone does not.
    ValueError
        If the batch is below 1, the image has a pixel that is not finite, or the
        prediction is not; see `why_not_finite`. If the model has no such views; see
        `check_views`. If the engine does not fit; see `check_engine`.
    """
    if batch is not None and batch < 1:
        raise ValueError(f"the batch must be 1 tile or more, got {batch}")
    check_views(views, model.config, plan.border)
    seen = Views(image, views, model.config)
    if out is None:
        out = np.empty((seen.channels, *plan.output_shape), dtype=dtype_of(precision))
    where = resolve_device(device)
    with on_device(model, where, precision, engine) as network:
        at_once = batch or batch_that_fits(plan, network.device)
        for index in range(views):
            into = out if views == 1 else None
            steps = _predict_view(seen, index, network, plan, into, at_once)
            raw, plan, at_once = yield from steps
            if views > 1:
                so_far = _of_all(Progress(0, 0), seen.tiles(plan), index + 1)
                add = partial(seen.add, out, index, raw, plan)
                yield from patiently(so_far, raw.size, add)
    return Embedded(out, plan, network.engine)


def _predict_view(
    seen: Views,
    index: int,
    network: Predictor,
    plan: TilePlan,
    out: Any,
    batch: int,
) -> Generator[Progress, None, tuple[NDArray[Any], TilePlan, int]]:
    """Predict one of the views, with smaller tiles where these do not fit.

    Returns that, in a new array if none is given, the plan of the image that fitted,
    and the batch.
    """
    view = seen.each[index]
    while True:
        here, tiles = view.plan(plan), seen.tiles(plan)
        size = (network.model.config.out_channels, *here.output_shape)
        raw = np.empty(size, dtype=network.dtype) if out is None else out
        steps = Returning(_predict(view, network, here, raw, batch))
        for progress in steps:
            yield _of_all(progress, tiles, index)
        batch, failure = steps.value
        if failure is None:
            return raw, plan, batch
        plan = smaller_tiles(plan, failure)
        note = f"out of memory: tiles now keep {by(plan.stride)} pixels"
        yield _of_all(Shrunk(0, 0, note), seen.tiles(plan), index)


def _of_all(progress: Progress, tiles: list[int], index: int) -> Progress:
    """Return progress in one view as progress in the tiles of all."""
    done = sum(tiles[:index]) + progress.done
    return replace(progress, done=done, total=sum(tiles))


def _predict(
    image: View, network: Predictor, plan: TilePlan, out: Any, batch: int
) -> Generator[Progress, None, tuple[int, BaseException | None]]:
    """Predict a plan; returns the batch that fitted, and why it gave up if it did."""
    tiles, queue, done, note = iter(plan), list[Tile](), 0, ""
    overflow = OVERFLOW  # said once
    if plan.blends:
        out[...] = 0
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
            note = "; ".join(filter(None, (note, network.told())))
            if not all(map(is_finite, raw, present)):
                raw = yield from in_wider_numbers(network, present, inputs, raw, so_far)
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


def _read(image: View, tiles: list[Tile], dtype: np.dtype[Any]) -> list[NDArray[Any]]:
    return [image.read(tile.read, dtype) for tile in tiles]


def _write(
    out: Any, plan: TilePlan, tile: Tile, raw: NDArray[Any], config: NetworkConfig
) -> None:
    at = tuple(
        slice(keep.start - start, keep.stop - start)
        for keep, start in zip(tile.keep, plan.offset, strict=True)
    )
    kept, channels = raw[(slice(None), *tile.crop)], config.embedding_channels
    corner = [keep.start for keep in tile.keep]
    parts = embedded(kept[:channels], config.embedding, corner), kept[channels:]
    for some, values in zip(
        (slice(channels), slice(channels, None)), parts, strict=True
    ):
        if plan.blends:
            out[(some, *at)] += values * plan.share(tile)
        else:
            out[(some, *at)] = values
