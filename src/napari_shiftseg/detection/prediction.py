"""What a network says of one image, for all that is found in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_shiftseg.pipeline.diameter import refuse_diameter
from napari_shiftseg.pipeline.doubts import doubts_about_foreground
from napari_shiftseg.pipeline.frame import opened_steps, plan_of, predicted_steps
from napari_shiftseg.stores.image import as_read

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike

    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Prediction
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.progress import Progress


def prediction_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    settings: Settings,
    scale: Scale | None = None,
) -> Generator[Progress, None, Prediction]:
    r"""Predict one image, yielding `Progress` after every tile.

    Parameters
    ----------
    image : array_like
        ([channels,] \*spatial); as `segment` takes it.
    model : TiledNetwork
    settings : Settings
    scale : Scale, optional
        How grey values are read; found in the image if not given.

    Raises
    ------
    ValueError
        If it is a series, or a diameter is asked for.
    """
    refuse_diameter(settings.diameter, "what finds boundaries or proposals")
    config = model.config
    pixels = as_read(image, config.ndim, config.in_channels)
    if len(pixels.shape) > config.image_axes:
        raise ValueError(
            f"the model reads one image of {config.image_axes} axes at a time, "
            f"but this one has the shape {pixels.shape}: give one plane of it"
        )
    opened = yield from opened_steps(pixels, model, settings, scale)
    plan = plan_of(opened, model, settings)
    predicted = yield from predicted_steps(opened, model, plan, settings)
    predicted = replace(predicted, notes=(*opened.scale.notes, *predicted.notes))
    clustering = settings.clustering(config)
    doubts = doubts_about_foreground(predicted, config, clustering)
    return replace(predicted, notes=(*doubts, *predicted.notes))
