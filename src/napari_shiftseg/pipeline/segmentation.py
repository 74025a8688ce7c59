"""One image, or a time series, to objects."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.geometry.advice import advise
from napari_shiftseg.geometry.rescaling import Rescaling, widths_of
from napari_shiftseg.inference.predict import (
    embed_steps,
    embedding_of,
    logits_of,
    open_for,
    plan_for,
)
from napari_shiftseg.inference.rescaled import Rescaled
from napari_shiftseg.intensity.no_data import is_without_data
from napari_shiftseg.intensity.stack import FrameScales, planes_are
from napari_shiftseg.metrics.seams import gradient_magnitude, seam_scores
from napari_shiftseg.pipeline.diameter import AUTO, UNKNOWN_SIZE, Fit, fit_from, fit_to
from napari_shiftseg.pipeline.reduced import with_effect
from napari_shiftseg.pipeline.result import Prediction, Segmentation, doubts_about
from napari_shiftseg.pipeline.scales import READING, scales_steps
from napari_shiftseg.pipeline.series import (
    frames_of,
    numbered_steps,
    stacked,
    with_empty,
)
from napari_shiftseg.pipeline.settings import OfSegment, Settings, spelled
from napari_shiftseg.progress import (
    Progress,
    Returning,
    exhaust,
    named,
    numbered,
    patiently,
)
from napari_shiftseg.stores.image import as_read

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import ArrayLike

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.clustering.settings import Clustering, Effort
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.stores.image import Image


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


@spelled(OfSegment)
def segment(
    image: ArrayLike | Any,
    model: TiledNetwork,
    pixel_size: Sequence[float] = (),
    axes: Sequence[str] = (),
    **settings: Unpack[OfSegment],
) -> Segmentation:
    r"""Segment an image.

    Parameters
    ----------
    image : array_like
        (\*spatial); axes before these (time, planes) are gone through one by one,
        whatever their length. Channels at the end are refused, a single one is taken;
        see `single_channel`.
    model : TiledNetwork
    pixel_size : sequence of float
        µm from one pixel to the next, per spatial axis, for a diameter in µm.
    axes : sequence of str
        Names of the axes before the spatial ones, "t" or "z"; without, planes are
        meant, which are linked. See `linked_axis`.
    **settings
        Of `Settings`: window, stitching, border, region, device, ...

    Raises
    ------
    ValueError
        If a setting is out of range or the image cannot be read.
    MemoryError
        If not even a tile of one period fits on the device.
    """
    chosen = Settings(**settings)
    steps = segment_steps(image, model, chosen, pixel_size=pixel_size, axes=axes)
    return exhaust(steps)


def segment_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    settings: Settings,
    effort: Effort | None = None,
    scale: Scale | None = None,
    plan: TilePlan | None = None,
    pixel_size: Sequence[float] = (),
    axes: Sequence[str] = (),
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
        That was made of these settings, without a diameter; else one is made.
    pixel_size, axes
        See `segment`.
    """
    config = model.config
    pixels = as_read(image, config.ndim, config.in_channels)
    frames = frames_of(pixels, model)
    if frames:
        series = yield from _series_steps(
            pixels, frames, model, settings, effort, scale, plan, pixel_size
        )
        result = yield from numbered_steps(series, settings, axes)
    else:
        opened = yield from opened_steps(pixels, model, settings, scale)
        fit, first = yield from _fit_steps(opened, model, settings, effort, pixel_size)
        plan = plan if fit.zoom == 1 else None
        again = partial(frame_steps, _fitted(opened, fit), model)
        result = _told(first or (yield from again(settings, plan, effort)), fit)
        result = yield from with_effect(result, again)
    doubts = doubts_about(result, config)
    return replace(result, doubts=doubts, notes=(*doubts, *result.notes))


def _fitted(image: Image, fit: Fit) -> Image | Rescaled:
    if fit.zoom == 1:
        return image
    return Rescaled(image, Rescaling.by(image.shape, fit.zoom))


def _told(result: Segmentation, fit: Fit) -> Segmentation:
    notes = tuple(filter(None, (fit.note, *result.notes)))
    return replace(result, diameter=fit.diameter, notes=notes)


def _fit_steps(
    image: Image,
    model: TiledNetwork,
    settings: Settings,
    effort: Effort | None,
    pixel_size: Sequence[float],
) -> Generator[Progress, None, tuple[Fit, Segmentation | None]]:
    """Find by how much an image is rescaled, in a first pass if that is asked for.

    Returns that, and what the first pass gave where it stands.
    """
    asked, config = settings.diameter, model.config
    if asked is None:
        return Fit(), None
    if asked != AUTO:
        return fit_to(asked, config, image.shape, pixel_size), None
    if config.diameter is None:
        return Fit(note=UNKNOWN_SIZE), None
    alone = replace(settings, diameter=None)
    steps = frame_steps(image, model, alone, effort=effort)
    first = yield from named("first pass", steps)
    fit = fit_from(first.labels, config.diameter)
    return fit, replace(first, settings=settings) if fit.zoom == 1 else None


def _series_fit_steps(
    pixels: Any,
    frames: list[tuple[int, ...]],
    model: TiledNetwork,
    settings: Settings,
    scales: FrameScales,
    pixel_size: Sequence[float],
) -> Generator[Progress, None, Fit]:
    """Find by how much all frames are rescaled: by the first one that has objects."""
    fit = Fit()
    for at in frames if settings.diameter is not None else ():
        if not is_without_data(pixels[at]):
            own = scales.of(at)
            opened = yield from opened_steps(pixels[at], model, settings, own)
            fit, _ = yield from _fit_steps(opened, model, settings, None, pixel_size)
            if fit.diameter is not None or model.config.diameter is None:
                break
    return fit


def _series_steps(
    pixels: Any,
    frames: list[tuple[int, ...]],
    model: TiledNetwork,
    settings: Settings,
    effort: Effort | None,
    scale: Scale | None,
    plan: TilePlan | None,
    pixel_size: Sequence[float],
) -> Generator[Progress, None, Segmentation]:
    """Segment a time series, or planes, one by one."""
    if scale is not None:
        scales = FrameScales(scale, scale.notes)
    else:
        scales = yield from scales_steps(pixels, model.config, settings.reading)
    chosen = settings, scales, pixel_size
    fit = yield from _series_fit_steps(pixels, frames, model, *chosen)
    plan = plan if fit.zoom == 1 else None
    results: list[Segmentation] = []
    empty: list[int] = []
    for number, at in enumerate(frames):
        if is_without_data(pixels[at]):
            empty.append(number)
            continue
        own = scales.of(at)
        own = own and replace(own, notes=())  # said once for all
        opened = yield from opened_steps(pixels[at], model, settings, own)
        steps = frame_steps(_fitted(opened, fit), model, settings, plan, effort)
        results.append((yield from numbered(len(frames), number, steps)))
        plan = results[-1].plan  # where tiles were shrunk, larger ones are not tried
    leading = np.shape(pixels)[: len(frames[0])]
    without = planes_are([frames[n] for n in empty], leading, NO_DATA)
    planes = tuple(filter(None, (*scales.planes, without)))
    results = with_empty(results, empty, len(frames))
    joined = stacked(results, leading)
    notes, common = (*scales.notes, *planes, *joined.notes), scales.common
    read = replace(common, notes=scales.notes) if common else joined.intensity
    ends = tuple((r.intensity.low, r.intensity.high) for r in results)
    if len(set(ends)) > 1:
        read = replace(read, frames=ends)
    told = _told(replace(joined, notes=notes, planes=planes, intensity=read), fit)
    again = partial(frame_steps, _fitted(opened, fit), model)  # of the last one
    return (yield from with_effect(told, again))


def frame_steps(
    image: Image | Rescaled,
    model: TiledNetwork,
    settings: Settings,
    plan: TilePlan | None = None,
    effort: Effort | None = None,
) -> Generator[Progress, None, Segmentation]:
    """Segment one image that has been opened.

    Parameters
    ----------
    image : Image or Rescaled
        Of a rescaled one the result is that of the image itself.
    model, settings, plan, effort
        See `segment_steps`.
    """
    began = perf_counter()
    rescaling = image.rescaling if isinstance(image, Rescaled) else None
    clustering = settings.clustering(model.config, rescaling)
    plan = plan or plan_of(image, model, settings)
    predicted = yield from predicted_steps(image, model, plan, settings)
    seams = None
    if isinstance(image, Rescaled):
        seams = seam_scores(predicted.embedding, predicted.plan)
        predicted = predicted.brought_back(image, model.config, settings.views)
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
        rescaling=predicted.rescaling,
        seams=seams,
        kernel=clustering.kernel,
        engine=predicted.engine,
    )


def plan_of(
    image: Image | Rescaled, model: TiledNetwork, settings: Settings
) -> TilePlan:
    """Return the plan of an image that has been opened.

    Parameters
    ----------
    image, model, settings
        See `frame_steps`.
    """
    region = settings.region
    if isinstance(image, Rescaled):
        region = image.rescaling.region(region)
    return plan_for(
        image, model, settings.window, settings.stitching, settings.border, region,
        settings.device,
    )  # fmt: skip


def predicted_steps(
    image: Image | Rescaled, model: TiledNetwork, plan: TilePlan, settings: Settings
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
    steps = Returning(
        embed_steps(
            image, model, plan, settings.device, settings.precision, settings.batch,
            views=settings.views, engine=settings.engine,
        )
    )  # fmt: skip
    for progress in steps:
        notes.append(progress.note)
        yield progress
    raw, plan, engine = steps.value
    embedding = embedding_of(raw, model.config)
    logit, classes = logits_of(raw, model.config)
    said = tuple(filter(None, notes))
    return Prediction(embedding, logit, plan, said, class_logits=classes, engine=engine)


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
    window = provenance.window if provenance else None
    steps = Returning(
        cluster_steps(
            predicted.embedding,
            clustering,
            predicted.foreground(clustering.foreground_threshold),
            predicted.offset,
            widths_of(window, predicted.rescaling),
            device,
            effort,
        )
    )
    for _ in steps:
        yield Progress(len(plan), len(plan), stage="clustering")
    return steps.value
