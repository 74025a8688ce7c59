"""Which labels belong to which image: by what they say, by name, shape and place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.gui.parts.result_layers import METADATA_KEY
from napari_shiftseg.gui.parts.source import LayerSource, layer_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari.layers import Image, Labels
from napari_shiftseg.gui.parts.identity import says_made_from

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
    """Whether labels say that they are of an image; None: they do not say whose."""
    record = labels.metadata.get(METADATA_KEY)
    if isinstance(record, dict):
        return says_made_from(record, image)
    known = labels.metadata.get(METADATA_OF)
    if known is None:
        return None
    return known in (str(image.unique_id), image.metadata.get(METADATA_OF))


def likeness(name: str, image: str) -> int:
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


def lies_on(labels: Labels, image: Image) -> bool:
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
    """
    fitting = [la for la in labels if layer_shape(la) == layer_shape(image)]
    return max(fitting, key=lambda la: _rank(la, image, images), default=None)


def image_of_labels(labels: Labels, images: Iterable[Image]) -> Image | None:
    """Return the image that labels belong to most likely, of those of their shape."""
    images = list(images)
    fitting = [im for im in images if layer_shape(im) == layer_shape(labels)]
    return max(fitting, key=lambda im: _rank(labels, im, images), default=None)


def _rank(labels: Labels, image: Image, images: Sequence[Image]) -> tuple[int, ...]:
    said = says_it_is_of(labels, image)
    is_others = said is False or _other_image(labels, image, images) is not None
    alike, drawn = likeness(labels.name, image.name), not is_of_a_run(labels)
    return (not is_others, drawn, said is True, alike, lies_on(labels, image))


def _other_image(labels: Labels, image: Image, images: Sequence[Image]) -> Image | None:
    """Return another image that labels belong to by what they say, or by name."""
    others = [other for other in images if other is not image]
    for other in others:
        if says_it_is_of(labels, other):
            return other
    if says_it_is_of(labels, image):
        return None
    own = likeness(labels.name, image.name)
    named = [
        other
        for other in others
        if likeness(labels.name, other.name) == 2
        and (own < 2 or len(other.name) > len(image.name))
    ]
    return max(named, key=lambda other: len(other.name), default=None)


def doubts(labels: Labels, image: Image, images: Sequence[Image]) -> list[str]:
    """Say why labels may not be those of an image, in sentences; empty: they are."""
    found, other = [], _other_image(labels, image, images)
    said = says_it_is_of(labels, image)
    if other is not None:
        found.append(
            f"The labels {labels.name!r} seem to be those of {other.name!r}, not of "
            f"{image.name!r}."
        )
    elif said is False:
        found.append(f"The labels {labels.name!r} are of another image.")
    elif said is None and not likeness(labels.name, image.name):
        found.append(
            f"Check that the labels {labels.name!r} are those of {image.name!r}: the "
            f"names differ."
        )
    if is_of_a_run(labels):
        found.append(
            f"The labels {labels.name!r} are what a model found: unless they were "
            f"corrected by hand, a network learns its own mistakes from them."
        )
    if not lies_on(labels, image):
        found.append(
            f"The labels {labels.name!r} do not lie on {image.name!r}: scale or "
            f"position differ."
        )
    return found
