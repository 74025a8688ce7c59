"""One image that has been opened: predicted, clustered, both."""

from __future__ import annotations

from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.geometry.advice import advise
from napari_shiftseg.geometry.rescaling import widths_of
from napari_shiftseg.inference.predict import (
    embed_steps,
    embedding_of,
    logits_of,
    open_for,
    plan_for,
)
from napari_shiftseg.inference.rescaled import Rescaled
from napari_shiftseg.metrics.seams import gradient_magnitude, seam_scores
from napari_shiftseg.pipeline.result import Prediction, Segmentation
from napari_shiftseg.pipeline.scales import READING
from napari_shiftseg.progress import (
    Progress,
    Returning,
    Shrunk,
    patiently,
    told,
)
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.clustering.settings import Clustering, Effort
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.settings import Settings
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
    size, known = prod(np.shape(image)), (settings.reading, scale)
    yield READING
    return (yield from told(READING, size, open_for, image, model, *known))


SEAMS_OF_VIEWS = (
    "with several views, seams are measured where the tiles of the first one meet: "
    "those of the others lie elsewhere, and all are averaged; take one view to study "
    "seams"
)


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
        gives=model.config.gives,
        engine=predicted.engine,
    )


class TilesTooLarge(MemoryError):
    """The tiles asked for do not fit on the device; smaller ones may."""


def segment_as_planned(
    image: Image, model: TiledNetwork, settings: Settings, plan: TilePlan | None = None
) -> Generator[Progress, None, Segmentation]:
    """Segment one opened image with the very tiles asked for.

    Smaller tiles answer another question: they could be without seams.

    Parameters
    ----------
    image, model, settings, plan
        See `frame_steps`.

    Raises
    ------
    TilesTooLarge
        If they do not fit on the device: at once, before smaller ones are predicted.
    """
    plan = plan or plan_of(image, model, settings)
    steps = frame_steps(image, model, settings, plan)
    running = Returning(steps)
    for progress in running:
        if isinstance(progress, Shrunk):
            steps.close()
            raise TilesTooLarge(
                f"{plan.stitching} tiles of {by(plan.stride)} do not fit on the "
                f"device: choose a smaller window"
            )
        yield progress
    return running.value


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
