"""Which image a run or labels belong to: by record, name, shape and place."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from napari_shiftseg.gui.parts.source import (
    GREY,
    LayerSource,
    first_channel,
    layer_shape,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari.layers import Image, Labels, Layer

    from napari_shiftseg.pipeline.result import Segmentation


SESSION = uuid4().hex  # layers of this one are known by what they are, not by name


@dataclass(frozen=True)
class MadeFrom:
    """The image that a run was made from, by the record of the run.

    A layer of this session is known by its identity. A record of another session has
    only a name and a shape: both must fit one image alone, see `doubt`.

    Attributes
    ----------
    record : dict
        See `run_record`.
    """

    record: dict[str, Any]

    def is_it(self, layer: Layer) -> bool:
        """Whether it is this very layer, whatever that is named."""
        return self.record.get("image_id") == str(layer.unique_id)

    def says_it_is(self, image: Image) -> bool | None:
        """Whether it is this image; None: the record is of another session."""
        if self.is_it(image):
            return True
        return False if self.record.get("session") == SESSION else None

    def among(self, images: Iterable[Image]) -> Image:
        """Return it, of the images that are open.

        Raises
        ------
        ValueError
            If it is not open, or cannot be told from others.
        """
        images, name = list(images), self.record["image"]
        for image in images:
            if self.is_it(image):
                return image
        alike = [image for image in images if image.name == name]
        if self.record.get("session") == SESSION:
            other = ", the open image of this name is another one" if alike else ""
            raise ValueError(
                f"the image {name!r} is no longer open{other}: choose an image in "
                f"Segment and run it"
            )
        fitting = [image for image in alike if self._has_shape_of(image)]
        if len(fitting) == 1:
            return fitting[0]
        raise ValueError(
            f"the image {name!r} is not open: open it, or give it this name again, "
            f"then try again"
        )

    def source(self, image: Image) -> LayerSource:
        """Return what the run took of it: the same frame, channel and colour."""
        channel, record = first_channel(image), self.record
        if channel is not None:
            channel = replace(channel, index=record.get("channel") or 0)
        colour = record.get("colour", GREY)
        return LayerSource.of(image, record["frame"], channel, colour)

    def doubt(self, image: Image) -> str:
        """Say that it is only likely to be this image; empty: it is."""
        if self.is_it(image):
            return ""
        same = "name and shape" if image.name == self.record["image"] else "shape"
        return (
            f"The layer is from an earlier session. The image {image.name!r} has the "
            f"same {same} as the one it was made from: that one is taken."
        )

    def _has_shape_of(self, image: Image) -> bool:
        known, shape = self.record.get("image_shape"), layer_shape(image)
        channel = first_channel(image)
        fitting = [shape]
        if channel is not None and channel.axis:  # stores have no axis of one channel
            fitting.append(shape[: channel.axis] + shape[channel.axis + 1 :])
        return known is None or tuple(known) in fitting


METADATA_OF = "shiftseg of"  # what labels and the image that they belong to both hold
SAYS_TRUTH = re.compile(
    r"(?<![a-z])(ground[ _-]?truth|truth|labels?|masks?|gt)(?![a-z])", re.IGNORECASE
)
BESIDE = re.compile(
    r"\[\d+\]|(?<![a-z])(annotat(ions?|ed)|correct(ions?|ed)|mended|true|manual|images?|"
    r"seg(mentation|mented)?|objects?|instances?)(?![a-z])",
    re.IGNORECASE,
)
LEAST = 3  # letters that two names have in common


def is_of_a_run(labels: Labels) -> bool:
    """Whether labels are what a model found, not corrections made of it."""
    return isinstance(labels.metadata.get(METADATA_KEY), dict)


def says_it_is_of(labels: Labels, image: Image) -> bool | None:
    """Whether labels say that they are of an image; None: they do not say whose.

    Parameters
    ----------
    labels : Labels
    image : Image
    """
    record = labels.metadata.get(METADATA_KEY)
    if isinstance(record, dict):
        return MadeFrom(record).says_it_is(image)
    known = labels.metadata.get(METADATA_OF)
    if known is None:
        return None
    return known in (str(image.unique_id), image.metadata.get(METADATA_OF))


def _likeness(name: str, image: str) -> int:
    """Return how alike the names of labels and of an image are.

    2: one holds the other, 1: the labels have no name of their own ("Labels",
    "mask [1]"), 0: they differ.
    """
    own, its = _own_part(name), _own_part(image)
    if not own:
        return 1
    shorter, longer = sorted((own, its), key=len)
    is_within = len(shorter) >= LEAST and shorter in longer
    return 2 * (is_within or f" {shorter} " in f" {longer} ")


def _own_part(name: str) -> str:
    """Return a name without the words that any labels have in theirs."""
    rest = BESIDE.sub("", SAYS_TRUTH.sub("", name.lower()))
    return re.sub(r"[\W_]+", " ", rest).strip()


def _lies_on(labels: Labels, image: Image) -> bool:
    """Whether labels are placed where the image is, in world coordinates."""
    one, two = (
        LayerSource.of(layer).placed((), min(labels.ndim, len(layer_shape(image))))
        for layer in (labels, image)
    )
    names = ("scale", "rotate", "shear", "translate", "affine")
    return all(
        np.shape(one[name]) == np.shape(two[name]) and np.allclose(one[name], two[name])
        for name in names
    )


def labels_of(
    image: Image, labels: Iterable[Labels], images: Sequence[Image]
) -> Labels | None:
    """Return the labels that belong to an image most likely, of those of its shape.

    Results of a run come after labels drawn by hand, and those that belong to another
    image last. None: there are none of its shape.

    Parameters
    ----------
    image : Image
    labels : iterable of Labels
        To choose from.
    images : sequence of Image
        All that are open.
    """
    fitting = [la for la in labels if layer_shape(la) == layer_shape(image)]
    return max(fitting, key=lambda la: _rank(la, image, images), default=None)


def image_of_labels(labels: Labels, images: Iterable[Image]) -> Image | None:
    """Return the image that labels belong to most likely, of those of their shape.

    Parameters
    ----------
    labels : Labels
    images : iterable of Image
        To choose from.
    """
    images = list(images)
    fitting = [im for im in images if layer_shape(im) == layer_shape(labels)]
    return max(fitting, key=lambda im: _rank(labels, im, images), default=None)


def _rank(labels: Labels, image: Image, images: Sequence[Image]) -> tuple[int, ...]:
    said = says_it_is_of(labels, image)
    is_others = said is False or _other_image(labels, image, images) is not None
    alike, drawn = _likeness(labels.name, image.name), not is_of_a_run(labels)
    return (not is_others, drawn, said is True, alike, _lies_on(labels, image))


def _other_image(labels: Labels, image: Image, images: Sequence[Image]) -> Image | None:
    """Return another image that labels belong to by what they say, or by name."""
    others = [other for other in images if other is not image]
    for other in others:
        if says_it_is_of(labels, other):
            return other
    if says_it_is_of(labels, image):
        return None
    own = _likeness(labels.name, image.name)
    named = [
        other
        for other in others
        if _likeness(labels.name, other.name) == 2
        and (own < 2 or len(other.name) > len(image.name))
    ]
    return max(named, key=lambda other: len(other.name), default=None)


def doubts(labels: Labels, image: Image, images: Sequence[Image]) -> list[str]:
    """Say why labels may not be those of an image, in sentences; empty: they are.

    Parameters
    ----------
    labels : Labels
    image : Image
    images : sequence of Image
        All that are open.
    """
    found, other = [], _other_image(labels, image, images)
    said = says_it_is_of(labels, image)
    if other is not None:
        found.append(
            f"The labels {labels.name!r} seem to belong to {other.name!r}, not to "
            f"{image.name!r}."
        )
    elif said is False:
        found.append(f"The labels {labels.name!r} belong to another image.")
    elif said is None and not _likeness(labels.name, image.name):
        found.append(
            f"Check that the labels {labels.name!r} belong to {image.name!r}: the "
            f"names differ."
        )
    if is_of_a_run(labels):
        found.append(
            f"A model made the labels {labels.name!r}: unless you corrected them, the "
            f"network learns the mistakes of that model."
        )
    if not _lies_on(labels, image):
        found.append(
            f"The labels {labels.name!r} do not lie on {image.name!r}: scale or "
            f"position differ."
        )
    return found


METADATA_KEY = "shiftseg"


def run_record(result: Segmentation, source: LayerSource, model: str) -> dict[str, Any]:
    """Return what is needed to understand and repeat a run.

    Parameters
    ----------
    result, source, model
        See `result_layers`.
    """
    plan = result.plan
    return {
        "image": source.name,
        "image_id": source.identity,
        "image_shape": source.shape,
        "session": SESSION,
        "run": uuid4().hex,
        "frame": source.first,
        "channel": None if source.channel is None else source.channel.index,
        "colour": source.colour,
        "model": model,
        "settings": asdict(result.settings),
        "period": plan.shape.period,
        "window": plan.window,
        "stride": plan.stride,
        "tiles": len(plan),
        "offset": result.offset,
        "exact": plan.is_exact,
        "objects": result.objects,
        "engine": result.engine,
        "seconds": result.seconds,
        "notes": result.notes,
        "reads": result.intensity.figures(),
        **result.rescaled,
    }


def hide_earlier_runs(layers: Iterable[Layer], latest: dict[str, Any]) -> None:
    """Hide what earlier runs made of the image of the latest one; nothing is lost.

    Parameters
    ----------
    layers : iterable of Layer
    latest : dict
        Record of the run, see `run_record`.
    """
    for layer in layers:
        record = layer.metadata.get(METADATA_KEY)
        if not isinstance(record, dict) or record.get("run") == latest["run"]:
            continue
        if record.get("image_id") == latest["image_id"]:
            layer.visible = False
