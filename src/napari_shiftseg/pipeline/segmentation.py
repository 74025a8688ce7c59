"""One image, or a time series, to objects."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from napari_shiftseg.geometry.rescaling import Rescaling
from napari_shiftseg.inference.rescaled import Rescaled
from napari_shiftseg.intensity.no_data import is_without_data
from napari_shiftseg.intensity.stack import FrameScales, planes_are
from napari_shiftseg.pipeline.diameter import AUTO, UNKNOWN_SIZE, Fit, fit_from, fit_to
from napari_shiftseg.pipeline.doubts import doubts_about
from napari_shiftseg.pipeline.frame import frame_steps, opened_steps
from napari_shiftseg.pipeline.reduced import with_effect
from napari_shiftseg.pipeline.scales import scales_steps
from napari_shiftseg.pipeline.series import (
    frames_of,
    numbered_steps,
    stacked,
    with_empty,
)
from napari_shiftseg.pipeline.settings import OfSegment, Settings, spelled
from napari_shiftseg.progress import (
    Progress,
    exhaust,
    named,
    numbered,
)
from napari_shiftseg.stores.image import as_read

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import ArrayLike

    from napari_shiftseg.clustering.settings import Effort
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.stores.image import Image
    from napari_shiftseg.stores.reading import Source


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
    doubts, idle = doubts_about(result, config), settings.without_effect(config)
    notes = tuple(filter(None, (*doubts, idle, *result.notes)))
    return replace(result, doubts=doubts, notes=notes)


def source_steps(
    source: Source, model: TiledNetwork, settings: Settings
) -> Generator[Progress, None, Segmentation]:
    """Segment what was read from a file by what that says of its axes and pixels.

    Parameters
    ----------
    source : Source
    model : TiledNetwork
    settings : Settings
    """
    config = model.config
    leading = max(source.data.ndim - config.image_axes, 0)
    pixel_size = source.pixel_size(config.ndim)
    return segment_steps(
        source.data,
        model,
        settings,
        pixel_size=pixel_size,
        axes=source.axes[:leading],
    )


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
