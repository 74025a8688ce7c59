"""The part in view of labels on disk: labels of its own, which can be mended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari.layers import Labels, Layer

from napari_shiftseg.gui.parts.belonging import METADATA_KEY, MadeFrom, image_of_labels
from napari_shiftseg.gui.parts.choices import is_image
from napari_shiftseg.gui.parts.large import part_in_view, part_words
from napari_shiftseg.gui.parts.records import KEPT, LayerRecord, LayerSession
from napari_shiftseg.gui.parts.segmentation_run import SegmentationRun
from napari_shiftseg.gui.parts.source import (
    LayerSource,
    first_channel,
    frame_in_view,
    layer_shape,
)
from napari_shiftseg.gui.parts.stored_labels import axis_of_one, is_stored, without_axis
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    import napari
    from napari.layers import Image

    from napari_shiftseg.gui.parts.segmentation_run import SegmentationOutcome


RUN_FIRST = "Segment an image first: Mend works on the labels that come out."
NOT_KEPT = (
    "The embeddings of this result are not kept: predict them again, the labels stay."
)
ON_DISK = (
    "Labels on disk stay as they are: the objects in view become labels of their own, "
    "to be mended."
)
AGAIN, IN_VIEW = "Predict again", "Mend what is in view"
NOT_OPEN = (
    "open the image that these labels were made from, {!r}, too: the part in view is "
    "predicted again"
)


def why_not_mended(labels: Labels | None) -> tuple[str, str]:
    """Return why labels cannot be mended as they are, and what the button does then.

    Parameters
    ----------
    labels : Labels or None
    """
    if labels is None:
        return RUN_FIRST, AGAIN
    return (ON_DISK, IN_VIEW) if is_stored(labels) else (NOT_KEPT, AGAIN)


def part_run(viewer: napari.Viewer, labels: Labels) -> SegmentationRun:
    """Return the run that gives the objects in view again, as that of the whole did.

    Parameters
    ----------
    viewer : napari.Viewer
    labels : Labels
        That a run left on disk.

    Raises
    ------
    ValueError
        If their image is not open, or not in view.
    """
    from napari_shiftseg.distributed.scales import from_json

    record, image = labels.metadata[METADATA_KEY], image_of_stored(viewer, labels)
    ndim = len(record["window"])
    channel, leading = first_channel(image), labels.ndim - ndim
    if channel is not None:
        channel = replace(channel, index=record["channel"] or 0)
        leading = len(layer_shape(image)) - ndim
    frame = frame_in_view(image, viewer.dims, leading)
    source = LayerSource.of(image, frame, channel, record["colour"])
    region = part_in_view(image, viewer, ndim)
    settings = replace(Settings(**record["settings"]), region=region)
    known = record["scales"]
    at = without_axis(frame, axis_of_one(source))
    scale = None if known is None else from_json(known).of(at)
    return SegmentationRun(record["model"], source, settings, is_part=True, scale=scale)


def shown_part_of(viewer: napari.Viewer, found: SegmentationOutcome) -> Labels | None:
    """Show the objects of a part, and keep what they were made from.

    Parameters
    ----------
    viewer : napari.Viewer
    found : SegmentationOutcome
    """
    shown = None
    for layer in [Layer.create(*layer) for layer in found.layers]:
        viewer.add_layer(layer)
        if isinstance(layer, Labels):
            LayerSession.of(layer).measuring = found.measuring
            KEPT.keep(layer, found.kept)
            shown = layer
    return shown


def doubt_of(labels: Labels, part: Labels, viewer: napari.Viewer) -> str:
    """Say that it is only likely that a part was taken of the right image.

    Parameters
    ----------
    labels : Labels
        That a run left on disk.
    part : Labels
        What was made of them.
    viewer : napari.Viewer
    """
    made_from = MadeFrom(part.metadata[METADATA_KEY])
    whole = MadeFrom(labels.metadata[METADATA_KEY])
    images = [image for image in viewer.layers if made_from.is_it(image)]
    return "".join(whole.doubt(image) for image in images)


def part_of(labels: Labels) -> str:
    """Say which part of their image labels are of; empty: of all of it."""
    run = LayerRecord(labels).run
    if run["settings"].get("region") is None:
        return ""
    begins, sizes = run["offset"], labels.data.shape[-len(run["offset"]) :]
    sides = zip(begins, sizes, strict=True)
    return part_words(tuple((begin, begin + size) for begin, size in sides))


def image_of_stored(viewer: napari.Viewer, labels: Labels) -> Image:
    """Return the image that labels on disk were made from, or one that fits alone.

    Parameters
    ----------
    viewer : napari.Viewer
    labels : Labels

    Raises
    ------
    ValueError
        If it is not open.
    """
    images = [layer for layer in viewer.layers if is_image(layer)]
    record = labels.metadata[METADATA_KEY]
    try:
        return MadeFrom(record).among(images)
    except ValueError:
        found = image_of_labels(labels, images)
    if found is None:
        raise ValueError(NOT_OPEN.format(record["image"]))
    return found
