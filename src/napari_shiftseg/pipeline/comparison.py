"""Naive and cropped stitching of one image, side by side and measured."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from napari_shiftseg.device import resolve_device
from napari_shiftseg.inference.memory import memory_budget
from napari_shiftseg.inference.predict import embed_steps, embedding_of
from napari_shiftseg.metrics.chance import (
    object_differences,
    outcomes,
    place_size,
    seam_difference,
    steps_by_place,
)
from napari_shiftseg.metrics.label_image import LabelsOfPart, as_labels, with_axes_of
from napari_shiftseg.metrics.metric import Measured, Tiled, values_by_pixel
from napari_shiftseg.metrics.objects import object_scores
from napari_shiftseg.metrics.seams import seam_scores
from napari_shiftseg.metrics.splits import Seam, splitting_seams
from napari_shiftseg.pipeline.diameter import refuse_diameter
from napari_shiftseg.pipeline.frame import (
    frame_steps,
    opened_steps,
    plan_of,
    segment_as_planned,
)
from napari_shiftseg.pipeline.libraries import check_also, laid_as
from napari_shiftseg.pipeline.settings import OfOneWindow, Settings, spelled
from napari_shiftseg.pipeline.sides import Comparison as Comparison
from napari_shiftseg.pipeline.sides import Side as Side
from napari_shiftseg.progress import Progress, exhaust, named
from napari_shiftseg.stores.image import as_read

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.library_tiles import Way
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.metrics.chance import Difference
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.stores.image import Image


@spelled(OfOneWindow)
def compare(
    image: ArrayLike | Any,
    model: TiledNetwork,
    truth: ArrayLike | None = None,
    also: Iterable[str] = (),
    **settings: Unpack[OfOneWindow],
) -> Comparison:
    r"""Segment an image with naive and with cropped stitching, and score both.

    Parameters
    ----------
    image : array_like
        (\*spatial)
    model : TiledNetwork
    truth : array_like of int, optional
        (\*spatial) of the whole image, 0 is background.
    also : iterable of str
        Ways in which libraries of others tile a network, to be scored, too:

        ===================== ======================================================
        "blended"             tiles overlap by a half, and are averaged with Gaussian
                              weights, as MONAI and nnU-Net do
        "blended 0.25"        the same, by a quarter
        "declared halo"       tiles have the halo that the package declares, and the
                              last one is shifted back into the image, as
                              bioimageio.core does
        "normalised by tile"  tiles are cropped, but the grey values of each are
                              scaled by themselves
        ===================== ======================================================

        A tile holds the window; the image is mirrored as for all others.
    **settings
        Of `Settings`, but for the stitching: window, border, region, device, ...

    Raises
    ------
    ValueError
        If a setting is out of range, the image cannot be read, or the truth is not a
        label image of the image's shape, or the model has no such way to tile it.
    """
    chosen = Settings(**settings)
    return exhaust(compare_steps(image, model, chosen, truth, also=also))


def compare_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    settings: Settings,
    truth: ArrayLike | LabelsOfPart | None = None,
    scale: Scale | None = None,
    also: Iterable[str] = (),
) -> Generator[Progress, None, Comparison]:
    """Compare stitchings, yielding `Progress` after every tile.

    Parameters
    ----------
    image, model, settings, truth, also
        See `compare`; of the truth a part that holds the region will do.
    scale : Scale, optional
        See `segment_steps`.
    """
    refuse_diameter(settings.diameter, "compare")
    ways = check_also(also, model.config, settings)
    labels = checked_truth(image, model, truth)
    # opened once: its scale is found in all of its pixels
    opened = yield from opened_steps(image, model, settings, scale)
    as_asked = segment_as_planned(opened, model, replace(settings, stitching="naive"))
    naive = yield from named("naive", as_asked)
    chosen = replace(settings, stitching="cropped")
    cropped = yield from named("cropped", frame_steps(opened, model, chosen))
    others: dict[Way, Segmentation] = {}
    for way in ways:
        seen, plan = laid_as(way, opened, model.config, naive.plan, settings)
        steps = segment_as_planned(seen, model, settings, plan)
        others[way] = yield from named(way, steps)
    reference = yield from named("untiled", untiled_steps(opened, model, settings))
    inside = naive.plan.slices
    there = None if labels is None else labels[inside]
    whole = cropped.labels if there is None else there
    sides = (
        _side(naive, reference, there, whole, other=cropped),
        _side(cropped, reference, there, there, other=naive),
    )
    also_sides = {
        way: _side(other, reference, there, whole, other=cropped)
        for way, other in others.items()
    }
    return Comparison(
        *sides,
        reference=reference,
        device=str(resolve_device(settings.device)),
        differences=_differences(*sides, reference, there),
        also=also_sides,
        also_differences={
            way: _differences(side, sides[1], reference, there)
            for way, side in also_sides.items()
        },
    )


def _differences(
    naive: Side,
    cropped: Side,
    reference: NDArray[Any],
    truth: NDArray[Any] | None,
) -> dict[str, Difference]:
    """Return what chance makes of the differences of two sides, figure by figure."""
    one, other = naive.result.plan, cropped.result.plan
    size = place_size(one.output_shape, tuple(map(max, one.stride, other.stride)))

    def sums(side: Side, labels: NDArray[Any] | None) -> NDArray[Any]:
        both = side.result.embeddings, reference
        plan = side.result.plan
        return np.hstack([steps_by_place(e, plan, size, labels) for e in both])

    def of_seams(labels: NDArray[Any] | None) -> Difference | None:
        return seam_difference(sums(naive, labels), sums(cropped, labels))

    found = {
        "seam_ratio": of_seams(None),
        "seam_ratio_within": None if truth is None else of_seams(truth),
    }
    if naive.outcomes is not None and cropped.outcomes is not None:
        found |= object_differences(naive.outcomes, cropped.outcomes)
    return {key: known for key, known in found.items() if known is not None}


def checked_truth(
    image: ArrayLike | Any, model: TiledNetwork, truth: ArrayLike | LabelsOfPart | None
) -> NDArray[Any] | LabelsOfPart | None:
    r"""Return the truth of one image as labels, (\*spatial), or None.

    Parameters
    ----------
    image, model, truth
        See `compare`.

    Raises
    ------
    ValueError
        If there is not one image (but a time series, say), or the truth is not a label
        image of its shape.
    """
    config = model.config
    shape = tuple(as_read(image, config.ndim, config.in_channels).shape)
    if len(shape) != config.image_axes:
        raise ValueError(
            f"one image of {config.ndim} axes is compared at a time, got the shape "
            f"{shape}: take one plane or frame of it"
        )
    if truth is None:
        return None
    labels: NDArray[Any] | LabelsOfPart
    if isinstance(truth, LabelsOfPart):
        as_labels("truth", truth.labels)
        labels = truth
    else:
        labels = with_axes_of(as_labels("truth", truth), shape[-config.ndim :])
    if labels.shape != shape[-config.ndim :]:
        raise ValueError(
            f"truth and image must have one shape, got {labels.shape} and {shape}"
        )
    return labels


def untiled_steps(
    image: Image, model: TiledNetwork, settings: Settings
) -> Generator[Progress, None, NDArray[Any]]:
    """Predict in one pass, or with the cheapest exact tiles where that is too large.

    Parameters
    ----------
    image : Image
    model : TiledNetwork
    settings : Settings
    """
    plan, device = _untiled_plan(image, model, settings), settings.device
    predicted = yield from embed_steps(
        image, model, plan, device, settings.precision,
        views=settings.views, engine=settings.engine,
    )  # fmt: skip
    return embedding_of(predicted.raw, model.config)


def _untiled_plan(image: Image, model: TiledNetwork, settings: Settings) -> TilePlan:
    asked = replace(settings, window=None, stitching="whole")
    with suppress(ValueError):  # the network reads nothing as large
        plan = plan_of(image, model, asked)
        if plan.memory <= memory_budget(resolve_device(settings.device)):
            return plan
    return plan_of(image, model, replace(asked, stitching="cropped"))


def _side(
    result: Segmentation,
    reference: NDArray[Any],
    truth: NDArray[Any] | None,
    whole: NDArray[Any] | None,
    other: Segmentation,
) -> Side:
    """Measure one stitching; `whole` are the labels of objects that seams split."""
    e, plan, splitting = result.embeddings, result.plan, None
    if whole is not None and any(plan.boundaries):
        seams = splitting_seams(result.labels, whole, e, plan, other.labels)
        splitting = tuple(seams)
    known = vars(measured(result, reference, truth, splitting or ()))
    names = ("seams", "untiled", "outcomes", "by_pixel")
    return Side(
        result=result,
        objects=known["scores"],
        splitting=splitting,
        **{name: known[name] for name in names},
    )


def measured(
    result: Segmentation,
    reference: NDArray[Any],
    truth: NDArray[Any] | None,
    splitting: Iterable[Seam],
) -> Measured:
    r"""Measure the tiles of a segmentation: all that the metrics read.

    Parameters
    ----------
    result : Segmentation
    reference : ndarray
        (channels, \*predicted), the untiled prediction.
    truth : ndarray of int or None
        (\*predicted)
    splitting : iterable of Seam
        That split an object.
    """
    plan, e, labels = result.plan, result.embeddings, result.labels
    split = {number for seam in splitting for number in seam.split}
    return Measured(
        plan,
        seams=seam_scores(e, plan, truth),
        untiled=seam_scores(reference, plan, truth),
        objects=result.objects,
        scores=None if truth is None else object_scores(truth, labels),
        split=None if truth is None else len(split),
        seconds=result.seconds,
        outcomes=None if truth is None else outcomes(truth, labels, split),
        by_pixel=values_by_pixel(Tiled(e, labels, plan, reference, truth)),
    )
