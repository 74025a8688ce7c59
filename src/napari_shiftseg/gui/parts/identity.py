"""Which layer a run was made from: names change, are swapped and are given anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from napari_shiftseg.gui.parts.channel_axes import first_channel
from napari_shiftseg.gui.parts.source import GREY, LayerSource, layer_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Image, Layer


SESSION = uuid4().hex  # layers of this one are known by what they are, not by name


def identified(source: LayerSource) -> dict[str, Any]:
    """Return what a record says of an image, to find it again; see `image_behind`."""
    return {
        "image": source.name,
        "image_id": source.identity,
        "image_shape": source.shape,
        "session": SESSION,
    }


def is_made_from(record: dict[str, Any], layer: Layer) -> bool:
    """Whether a record is of a run on this very layer, whatever it is named."""
    return record.get("image_id") == str(layer.unique_id)


def says_made_from(record: dict[str, Any], image: Image) -> bool | None:
    """Whether a record is of a run on this image; None: one of another session."""
    if is_made_from(record, image):
        return True
    return False if record.get("session") == SESSION else None


def image_behind(record: dict[str, Any], images: Iterable[Image]) -> Image:
    """Return the image that a run was made from.

    A layer of this session is known by its identity. A record of another session has
    only a name and a shape: both must fit one image alone, see `doubt_about`.

    Parameters
    ----------
    record : dict
        Of the run, see `run_record`.
    images : iterable of Image
        That are open.

    Raises
    ------
    ValueError
        If it is not open, or cannot be told from others.
    """
    images, name = list(images), record["image"]
    for image in images:
        if is_made_from(record, image):
            return image
    alike = [image for image in images if image.name == name]
    if record.get("session") == SESSION:
        other = ", and the one of this name is another" if alike else ""
        raise ValueError(
            f"the image {name!r} is no longer open{other}: choose an image in Segment "
            f"and run it"
        )
    fitting = [image for image in alike if _has_shape(record, image)]
    if len(fitting) == 1:
        return fitting[0]
    raise ValueError(
        f"the image {name!r} is not open: open it, or give it this name again, then "
        f"try again"
    )


def recorded_source(record: dict[str, Any], image: Image) -> LayerSource:
    """Return what a run took of an image: the same frame, channel and colour."""
    channel = first_channel(image)
    if channel is not None:
        channel = replace(channel, index=record.get("channel") or 0)
    return LayerSource.of(image, record["frame"], channel, record.get("colour", GREY))


def doubt_about(record: dict[str, Any], image: Image) -> str:
    """Say that an image is taken for that of a record by its name; empty: it is it."""
    if is_made_from(record, image):
        return ""
    return (
        f"The image {image.name!r} is taken for the one that this was made from in an "
        f"earlier session: its name and shape are the same."
    )


def _has_shape(record: dict[str, Any], image: Image) -> bool:
    known = record.get("image_shape")
    return known is None or tuple(known) == layer_shape(image)
