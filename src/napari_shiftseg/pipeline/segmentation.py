"""One image, or a time series, to objects."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from napari_shiftseg.clustering.cluster import NO_BACKGROUND, cluster_steps
from napari_shiftseg.clustering.components import Objects
from napari_shiftseg.geometry.advice import advise
from napari_shiftseg.inference.predict import (
    embed_steps,
    embedding_of,
    logits_of,
    open_for,
    plan_for,
)
from napari_shiftseg.intensity.no_data import is_without_data
from napari_shiftseg.intensity.stack import FrameScales, frame_scales, planes_are
from napari_shiftseg.metrics.seams import gradient_magnitude
from napari_shiftseg.pipeline.result import Prediction, Segmentation, doubts_about
from napari_shiftseg.pipeline.settings import OfOneRun, Settings, spelled
from napari_shiftseg.progress import Progress, Returning, exhaust, numbered, patiently
from napari_shiftseg.stores.image import as_array, single_channel

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.clustering.settings import Clustering, Effort
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.networks.config import ModelConfig
    from napari_shiftseg.stores.image import Image


READING = Progress(0, 1, stage="reading grey values")


def plane_scale_steps(
    stack: Any, plane: tuple[int, ...], config: ModelConfig, reading: Reading
) -> Generator[Progress, None, Scale | None]:
    r"""Find how one plane of a stack is read: as when all of it is segmented.

    Gives None where the scale is found in the plane itself.

    Parameters
    ----------
    stack : array
        ([leading,] [channels,] \*spatial)
    plane : tuple of int
        Position on the leading axes; empty where there are none.
    config : ModelConfig
    reading : Reading
    """
    if not plane:
        return None
    scales = yield from _scales_steps(stack, config, reading)
    scale = scales.of(plane)
    return scale and replace(scale, notes=scale.notes or scales.notes)


def _scales_steps(
    stack: Any, config: ModelConfig, reading: Reading
) -> Generator[Progress, None, FrameScales]:
    size = prod(np.shape(stack))
    return (yield from patiently(READING, size, frame_scales, stack, config, reading))


def opened_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    settings: Settings,
    scale: Scale | None = None,
) -> Generator[Progress, None, Image]:
    """Open an image while others wait: its scale is found in many pixels.

    Parameters
    ----------
    image, model, settings, scale
        See `segment_steps`.
    """
    return (
        yield from patiently(
            READING, prod(np.shape(image)), open_for, image, model, settings.reading,
            scale,
        )
    )  # fmt: skip


SEAMS_OF_VIEWS = (
    "with several views, seams are measured where the tiles of the first one meet: "
    "those of the others lie elsewhere, and all are averaged; take one view to study "
    "seams"
)
NO_DATA = "all pixels are NaN or masked"


@spelled(OfOneRun)
def segment(
    image: ArrayLike | Any, model: TiledNetwork, **settings: Unpack[OfOneRun]
) -> Segmentation:
    r"""Segment an image.

    Parameters
    ----------
    image : array_like
        (\*spatial); axes before these (time, planes) are gone through one by one,
        whatever their length. Channels at the end are refused, a single one is taken;
        see `single_channel`.
    model : TiledNetwork
    **settings
        Of `Settings`: window, stitching, border, region, device, ...

    Raises
    ------
    ValueError
        If a setting is out of range or the image cannot be read.
    MemoryError
        If not even a tile of one period fits on the device.
    """
    return exhaust(segment_steps(image, model, Settings(**settings)))


def segment_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    settings: Settings,
    effort: Effort | None = None,
    scale: Scale | None = None,
    plan: TilePlan | None = None,
) -> Generator[Progress, None, Segmentation]:
    """Segment an image, yielding `Progress` after every tile.

    Parameters
    ----------
    image, model, settings
        See `segment`.
    effort : Effort, optional
        That bounds the clustering.
    scale : Scale, optional
        By which grey values are read: of a plane of a stack, that of the stack.
    plan : TilePlan, optional
        That was made of these settings; else one is made.
    """
    pixels = as_array(image)
    if model.config.in_channels == 1:
        pixels = single_channel(pixels, model.config.ndim)
    frames = frames_of(pixels, model)
    if frames:
        result = yield from _series_steps(
            pixels, frames, model, settings, effort, scale, plan
        )
    else:
        opened = yield from opened_steps(pixels, model, settings, scale)
        result = yield from frame_steps(opened, model, settings, plan, effort)
    doubts = doubts_about(result, model.config)
    return replace(result, doubts=doubts, notes=(*doubts, *result.notes))


def _series_steps(
    pixels: Any,
    frames: list[tuple[int, ...]],
    model: TiledNetwork,
    settings: Settings,
    effort: Effort | None,
    scale: Scale | None,
    plan: TilePlan | None,
) -> Generator[Progress, None, Segmentation]:
    """Segment a time series, or planes, one by one."""
    if scale is not None:
        scales = FrameScales(scale, scale.notes)
    else:
        scales = yield from _scales_steps(pixels, model.config, settings.reading)
    results: list[Segmentation] = []
    empty: list[int] = []
    for number, at in enumerate(frames):
        if is_without_data(pixels[at]):
            empty.append(number)
            continue
        own = scales.of(at)
        own = own and replace(own, notes=())  # said once for all
        opened = yield from opened_steps(pixels[at], model, settings, own)
        steps = frame_steps(opened, model, settings, plan, effort)
        results.append((yield from numbered(len(frames), number, steps)))
        plan = results[-1].plan  # where tiles were shrunk, larger ones are not tried
    leading = np.shape(pixels)[: len(frames[0])]
    without = planes_are([frames[n] for n in empty], leading, NO_DATA)
    planes = tuple(filter(None, (*scales.planes, without)))
    results = _with_empty(results, empty, len(frames))
    stacked = _stacked(results, leading)
    notes, common = (*scales.notes, *planes, *stacked.notes), scales.common
    read = replace(common, notes=scales.notes) if common else stacked.intensity
    ends = tuple((r.intensity.low, r.intensity.high) for r in results)
    if len(set(ends)) > 1:
        read = replace(read, frames=ends)
    return replace(stacked, notes=notes, planes=planes, intensity=read)


def frame_steps(
    image: Image,
    model: TiledNetwork,
    settings: Settings,
    plan: TilePlan | None = None,
    effort: Effort | None = None,
) -> Generator[Progress, None, Segmentation]:
    """Segment one image that has been opened.

    Parameters
    ----------
    image : Image
    model, settings, plan, effort
        See `segment_steps`.
    """
    began = perf_counter()
    clustering = settings.clustering(model.config)
    plan = plan or plan_of(image, model, settings)
    predicted = yield from predicted_steps(image, model, plan, settings)
    objects = yield from clustered_steps(
        predicted, model, clustering, settings.device, effort
    )
    total = len(predicted.plan)
    gradient = yield from patiently(
        Progress(total, total, stage="clustering"),
        predicted.embedding.size,
        gradient_magnitude,
        predicted.embedding,
    )
    return Segmentation(
        labels=objects.labels,
        embeddings=predicted.embedding,
        gradient=gradient,
        logit=predicted.logit,
        frames=(objects,),
        plan=predicted.plan,
        settings=settings,
        seconds=perf_counter() - began,
        notes=(*image.scale.notes, *predicted.notes),
        intensity=image.scale,
        class_names=model.config.classes,
        class_logits=predicted.class_logits,
    )


def plan_of(image: Image, model: TiledNetwork, settings: Settings) -> TilePlan:
    """Return the plan of an image that has been opened.

    Parameters
    ----------
    image, model, settings
        See `frame_steps`.
    """
    return plan_for(
        image, model, settings.window, settings.stitching, settings.border,
        settings.region, settings.device,
    )  # fmt: skip


def predicted_steps(
    image: Image, model: TiledNetwork, plan: TilePlan, settings: Settings
) -> Generator[Progress, None, Prediction]:
    """Predict one image that has been opened, yielding `Progress` after every tile.

    Parameters
    ----------
    image, model, plan, settings
        See `frame_steps`.
    """
    notes = [advise(plan).note]
    if settings.views > 1 and not plan.is_exact:
        notes.append(SEAMS_OF_VIEWS)
    how = settings.device, settings.precision, settings.batch
    steps = Returning(embed_steps(image, model, plan, *how, views=settings.views))
    for progress in steps:
        notes.append(progress.note)
        yield progress
    raw, plan = steps.value
    embedding = embedding_of(raw, model.config)
    logit, classes = logits_of(raw, model.config)
    return Prediction(embedding, logit, plan, tuple(filter(None, notes)), classes)


def clustered_steps(
    predicted: Prediction,
    model: TiledNetwork,
    clustering: Clustering,
    device: str,
    effort: Effort | None = None,
) -> Generator[Progress, None, Objects]:
    """Cluster what was predicted of one image, yielding `Progress` on the way.

    Parameters
    ----------
    predicted : Prediction
    model : TiledNetwork
        That predicted it.
    clustering : Clustering
    device : str
    effort : Effort, optional
        That bounds it.
    """
    provenance, plan = model.config.provenance, predicted.plan
    steps = Returning(
        cluster_steps(
            predicted.embedding,
            clustering,
            predicted.foreground(clustering.foreground_threshold),
            plan.offset,
            provenance.window if provenance else None,
            device,
            effort,
        )
    )
    for _ in steps:
        yield Progress(len(plan), len(plan), stage="clustering")
    return steps.value


def frames_of(image: Any, model: TiledNetwork) -> list[tuple[int, ...]]:
    r"""Return the indices of the images that leading axes (time, planes) run over.

    Parameters
    ----------
    image : array_like
        ([leading,] [channels,] \*spatial)
    model : TiledNetwork
    """
    shape = np.shape(image)
    own = model.config.image_axes
    if len(shape) <= own:
        return []
    if 0 in shape:
        raise ValueError(f"the image is empty, its shape is {shape}")
    return list(np.ndindex(shape[: len(shape) - own]))


def _with_empty(
    results: list[Segmentation], empty: list[int], frames: int
) -> list[Segmentation]:
    """Put results without objects where frames hold no data."""
    if not empty:
        return results
    if not results:
        raise ValueError("the image holds no data: all of its pixels are NaN or masked")
    known = results[0]
    labels = np.zeros_like(known.labels)
    none = Objects(labels, known.frames[0].modes[:0], np.full(1, NO_BACKGROUND))
    blank = replace(
        known,
        labels=labels,
        embeddings=np.zeros_like(known.embeddings),
        gradient=np.zeros_like(known.gradient),
        logit=None if known.logit is None else np.full_like(known.logit, -np.inf),
        class_logits=(
            None if known.class_logits is None else np.zeros_like(known.class_logits)
        ),
        frames=(none,),
        seconds=0.0,
        notes=(),
    )
    rest = iter(results)
    return [blank if n in empty else next(rest) for n in range(frames)]


def _stacked(results: list[Segmentation], leading: tuple[int, ...]) -> Segmentation:
    """Join the results of single images; a leading shape stands before the spatial."""

    def stack(arrays: list[NDArray[Any]], axis: int = 0) -> NDArray[Any]:
        joined = np.stack(arrays, axis)
        return joined.reshape(*joined.shape[:axis], *leading, *joined.shape[axis + 1 :])

    logits = [r.logit for r in results if r.logit is not None]
    of_classes = [r.class_logits for r in results if r.class_logits is not None]
    labels = stack([r.labels for r in results])
    frames = [objects for r in results for objects in r.frames]
    return replace(
        results[0],
        labels=labels,
        embeddings=stack([r.embeddings for r in results], axis=1),
        gradient=stack([r.gradient for r in results]),
        logit=stack(logits) if logits else None,
        class_logits=stack(of_classes, axis=1) if of_classes else None,
        frames=tuple(
            replace(objects, labels=labels[at])  # a view: they are held once
            for objects, at in zip(frames, np.ndindex(leading), strict=True)
        ),
        seconds=sum(r.seconds for r in results),
        notes=tuple(dict.fromkeys(note for r in results for note in r.notes)),
    )
