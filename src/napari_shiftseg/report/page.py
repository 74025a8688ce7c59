"""The report as one page that needs nothing but itself."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from importlib.resources import files
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from skimage.measure import block_reduce
from skimage.segmentation import find_boundaries

from napari_shiftseg.metrics.label_image import LabelsOfPart, relabelled_like
from napari_shiftseg.metrics.seams import distance
from napari_shiftseg.report.figures_of_merit import cell, lines, ways_table
from napari_shiftseg.report.model_card import MEANINGS, in_words, name_in_words
from napari_shiftseg.report.plots import object_colours
from napari_shiftseg.stores.image import as_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import Box, Region, TilePlan
    from napari_shiftseg.metrics.splits import Seam
    from napari_shiftseg.pipeline.comparison import Comparison

    Picture = NDArray[np.uint8]


MOST_PIXELS = 1500  # along a side of a picture; larger images are reduced
LEAST_PIXELS = 24  # rows of the picture of a 1-D image
CLOSE_UP = 600  # pixels along a side of a close-up, about
SEAM_COLOUR, SEAM_WIDTH = (0, 255, 0), 3  # red, green, blue; pixels on each side
OUTLINE_WHITE, BORDER_GREY = 255, 128
CLOSE_UP_STRIDES = 3  # shown around the worst seam
MOST_CLOSE_UP = 200  # image pixels along a side of a close-up
CAPTIONS = {
    "image": "The image.",
    "gradient_naive": "Gradient magnitude of the embedding, naive: lines at tile "
    "borders are seams. Same grey scale as cropped.",
    "gradient_cropped": "Gradient magnitude of the embedding, cropped.",
    "labels_naive": "Objects, naive. An object has the colour, on both sides, of the "
    "whole object that it shares most pixels with (the true one or, without true "
    "labels, that of cropped tiles); a surplus piece has a colour of its own.",
    "labels_cropped": "Objects, cropped.",
    "difference": "Difference of the embeddings, naive − cropped; white is the "
    "largest.",
    "worst_seam_naive": "The seam that cuts most objects, naive: the cut is green, "
    "grey lines are tile borders; objects are outlined in white.",
    "worst_seam_cropped": "The same place, cropped: no object is cut there.",
}
WAYS_MEANING = {  # of tiles as other libraries lay them
    "blended": "Tiles overlap by a half and are averaged with Gaussian weights, as "
    "MONAI and nnU-Net do.",
    "blended 0.25": "The same with an overlap of a quarter.",
    "declared halo": "Tiles have the halo that the model's package declares, and the "
    "last one is shifted back into the image, as bioimageio.core does.",
    "normalised by tile": "Tiles lie on the grid, but the grey values of each are "
    "scaled by themselves.",
}
WORST_SEAM = ("worst_seam_naive", "worst_seam_cropped")


def pictures(
    comparison: Comparison,
    image: ArrayLike,
    truth: ArrayLike | LabelsOfPart | None = None,
) -> dict[str, Picture]:
    r"""Draw a comparison.

    A 3-D image shows its middle plane, and the close-ups the plane across the seam.
    What is larger than 1,500 pixels is reduced by a whole number; of the gradient and
    the difference the largest value of a block stays, so that no thin seam is lost.

    Parameters
    ----------
    comparison : Comparison
    image : array_like
        ([channels,] \*spatial), that was compared; of channels the first is shown.
    truth : array_like of int, optional
        (\*spatial), whose ids the objects take, and with them their colours; those of
        cropped stitching if not given.

    Returns
    -------
    dict of ndarray of uint8
        (rows, columns[, RGB]) by name: image, difference, gradient_naive,
        gradient_cropped, labels_naive, labels_cropped; worst_seam_naive and
        worst_seam_cropped where a seam cuts an object.
    """
    seen = _seen(comparison, image, truth)
    naive, cropped = comparison.naive.result, comparison.cropped.result
    difference = distance(naive.embeddings, cropped.embeddings)
    shown = _plane(difference)
    return {
        "image": _grey(_plane(seen.image)),
        "difference": _bright(_reduced(shown, largest=True), shown.max()),
        **_grey_pair(comparison),
        **{
            f"labels_{side}": object_colours(_reduced(_plane(labels)))
            for side, labels in seen.labels.items()
        },
        **_close_ups(comparison, seen),
    }


@dataclass(frozen=True)
class _Seen:
    """The region that was predicted: the image, and labels with one id an object."""

    image: NDArray[Any]
    labels: dict[str, NDArray[Any]]


def _seen(
    comparison: Comparison, image: ArrayLike, truth: ArrayLike | LabelsOfPart | None
) -> _Seen:
    cropped, inside = comparison.cropped.result, comparison.naive.result.plan.slices
    several = len(np.shape(image)) > len(inside)  # channels: the first is shown
    pixels = np.asarray(as_array(image)[(0, *inside) if several else inside])
    known: NDArray[Any] = cropped.labels
    if isinstance(truth, LabelsOfPart):
        known = truth[inside]
    elif truth is not None:
        known = np.asarray(truth)[inside]
    labels = {
        name: relabelled_like(side.result.labels, known)
        for name, side in comparison.sides.items()
    }
    return _Seen(pixels, labels)


def _grey_pair(comparison: Comparison) -> dict[str, Picture]:
    """Return the gradient magnitudes of both sides on one grey scale."""
    gradients = {
        name: _plane(side.result.gradient) for name, side in comparison.sides.items()
    }
    white = max(float(gradient.max()) for gradient in gradients.values())
    return {
        f"gradient_{name}": _bright(_reduced(gradient, largest=True), white)
        for name, gradient in gradients.items()
    }


def middle_plane(plan: TilePlan) -> int | None:
    """Return the plane of a 3-D image that the pictures show, counted in the image."""
    if plan.shape.ndim < 3:
        return None
    return plan.offset[0] + plan.output_shape[0] // 2


def _plane(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the middle plane of a volume; of a line, a band."""
    if pixels.ndim == 1:
        return np.broadcast_to(pixels, (LEAST_PIXELS, len(pixels)))
    return pixels[pixels.shape[0] // 2] if pixels.ndim == 3 else pixels


def _reduced(plane: NDArray[Any], largest: bool = False) -> NDArray[Any]:
    """Reduce a large plane: to every n-th pixel, or to the largest of n²."""
    factor = ceil(max(plane.shape) / MOST_PIXELS)
    if factor == 1:
        return plane
    if not largest:
        return plane[::factor, ::factor]
    reduced: NDArray[Any] = block_reduce(plane, factor, np.max, cval=0)
    return reduced


def _grey(plane: NDArray[Any]) -> Picture:
    """Return an image from black (its darkest pixel) to white (its brightest)."""
    shown = _reduced(plane).astype(np.float64)
    darkest = shown.min()
    return _bright(shown - darkest, shown.max() - darkest)


def _bright(plane: NDArray[Any], white: float) -> Picture:
    return (plane / max(float(white), 1e-12) * 255).clip(0, 255).astype(np.uint8)


def _close_ups(comparison: Comparison, seen: _Seen) -> dict[str, Picture]:
    """Return both sides around the seam that cuts most objects, if one does."""
    if not comparison.naive.cutting:
        return {}
    seam = comparison.naive.cutting[0]
    box, across = _around(seam, comparison.naive.result.plan), _plane_axis(seam)
    close_ups = {}
    for name, side in comparison.sides.items():
        labels = _flat(seen.labels[name][box], across)
        painted = _painted(seen.image, labels, box, across)
        lined = _with_lines(painted, labels, side.result.plan, box, seam)
        close_ups[f"worst_seam_{name}"] = lined
    return close_ups


def _plane_axis(seam: Seam) -> int | None:
    """Return the axis that a plane across a seam is taken from; None below 3-D."""
    if len(seam.pairs) < 3:
        return None
    return 1 if seam.axis == 0 else 0


def _around(seam: Seam, plan: TilePlan) -> Box:
    """Return a box around the middle of a seam's longest cut; flat in 3-D."""
    spans = []
    for axis, (at, size) in enumerate(zip(seam.at, plan.output_shape, strict=True)):
        length = min(CLOSE_UP_STRIDES * plan.stride[axis], MOST_CLOSE_UP)
        length = 1 if axis == _plane_axis(seam) else length
        start = max(0, min(at - length // 2, size - length))
        spans.append(slice(start, min(start + length, size)))
    return tuple(spans)


def _painted(
    image: NDArray[Any], labels: NDArray[Any], box: Box, across: int | None
) -> Picture:
    """Return the objects in their colours over the image, dim where there is none."""
    low, high = float(image.min()), float(image.max())
    grey = (_flat(image[box], across) - low) / max(high - low, 1e-12) * 255
    colours = object_colours(labels)
    is_object = colours.any(axis=-1, keepdims=True)
    dim = grey[..., None]
    painted = np.where(is_object, 0.75 * colours + 0.25 * dim, 0.5 * dim)
    return painted.astype(np.uint8)


def _with_lines(
    picture: Picture, labels: NDArray[Any], plan: TilePlan, box: Box, seam: Seam
) -> Picture:
    """Return a picture enlarged: borders grey, outlines white, cuts green."""
    factor = max(1, CLOSE_UP // max(picture.shape[:2]))
    large, objects = (
        pixels.repeat(factor, 0).repeat(factor, 1) for pixels in (picture, labels)
    )
    axes = [axis for axis in range(len(box)) if axis != _plane_axis(seam)]
    shown = dict(zip(axes, (0, 1)[-len(axes) :], strict=True))
    for axis, along in shown.items():
        span = box[axis]
        inside = [b for b in plan.boundaries[axis] if span.start < b < span.stop]
        lines = [(border - span.start) * factor for border in inside]
        large[(slice(None),) * along + (lines,)] = BORDER_GREY
    large[find_boundaries(objects, connectivity=1, mode="thick")] = OUTLINE_WHITE
    for cut in seam.cuts:
        large[_cut_pixels(cut.pairs, box, seam, shown, factor)] = SEAM_COLOUR
    return large


def _cut_pixels(
    pairs: Region, box: Box, seam: Seam, shown: dict[int, int], factor: int
) -> tuple[slice, slice]:
    """Return rows and columns of the picture on which a cut lies."""
    pixels = [slice(None), slice(None)]
    for axis, along in shown.items():
        start, stop = (max(0, at - box[axis].start) * factor for at in pairs[axis])
        if axis == seam.axis:  # between its two pixels
            start, stop = start + factor - SEAM_WIDTH, start + factor + SEAM_WIDTH
        pixels[along] = slice(start, stop)
    return pixels[0], pixels[1]


def _flat(pixels: NDArray[Any], across: int | None) -> NDArray[Any]:
    return _plane(pixels if across is None else pixels.squeeze(across))


TEMPLATE = "report.html.jinja"
SMALL = 400  # pixels
UNTILED = (
    "The prediction without tiles, over the pixel pairs of the naive / of the cropped "
    "tiles: what the figure would be without any seam."
)


@dataclass(frozen=True)
class Illustration:
    """A picture or plot of the page."""

    caption: str
    png: bytes

    @property
    def is_small(self) -> bool:
        """Whether its pixels are to be seen as squares when it is enlarged."""
        width = int.from_bytes(self.png[16:20])  # the first field of the header
        return width < SMALL

    @property
    def uri(self) -> str:
        """The picture itself as an address."""
        return f"data:image/png;base64,{b64encode(self.png).decode()}"


def page(
    report: Mapping[str, Any],
    card: Mapping[str, Any],
    pictures: Mapping[str, Illustration],
    plots: Mapping[str, Illustration],
) -> str:
    """Return the page as HTML, without scripts and without anything from elsewhere.

    Parameters
    ----------
    report : mapping
        See `report_of`.
    card : mapping
        Of the model; see `describe`.
    pictures, plots : mapping of Illustration
        By name.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"words": in_words, "name": name_in_words, "cell": cell}
    template = files("napari_shiftseg.report").joinpath(TEMPLATE)
    spread = {key: value for key, value in card.items() if key != "provenance"}
    provenance = card.get("provenance") or {}
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        report=report,
        card=spread | {f"trained: {key}": v for key, v in provenance.items()},
        meanings=MEANINGS,
        untiled=UNTILED,
        lines=lines(report),
        ways=ways_table(report) if report["also"] else None,
        ways_meaning=WAYS_MEANING,
        worst_seam={name: pictures[name] for name in WORST_SEAM if name in pictures},
        pictures={n: p for n, p in pictures.items() if n not in WORST_SEAM},
        plots=plots,
    )
