"""Labels that are known in parts: corrections by hand, and windows that show them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_shiftseg.geometry.tiling import chunks, widened
from napari_shiftseg.intensity.automatic import find_scale
from napari_shiftseg.intensity.scale import USUAL_READING
from napari_shiftseg.intensity.stack import frame_scales
from napari_shiftseg.metrics.label_image import UNKNOWN, as_labels
from napari_shiftseg.metrics.objects import is_labelled, is_partly, partial_labels
from napari_shiftseg.samples import Sample
from napari_shiftseg.stores.image import open_image
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks.unet_config import ModelConfig


REACH = 8  # pixels
TOUCHING = 2  # pixels from one object to the next; at most one lies between them


def corrections(
    labels: ArrayLike,
    marked: Iterable[int],
    reach: float | Sequence[float] = REACH,
    pixels: ArrayLike | None = None,
) -> NDArray[np.integer]:
    r"""Return the labels that are known after a few objects were mended.

    Whoever mends an object, or marks it as right, has looked at it and at what is next
    to it, and at nothing else. Known are

    - every pixel of a marked object;
    - the background within `reach` of a marked object;
    - of an object that touches a marked one (at most one pixel between them, corners
      count) the pixels within `reach` of the marked object: it is another object, and
      where it ends elsewhere nobody has looked;
    - the marked pixels, whatever they are: background where an object was deleted.

    All else is −1: other objects too, however near, and what lies beyond.

    Parameters
    ----------
    labels : array_like of int
        (\*spatial), mended, of one frame; 0 is background.
    marked : iterable of int
        Objects that were mended or marked as right, by their ids in `labels`.
    reach : float or sequence of float
        In pixels, per axis where they differ (the planes of a stack, say); Euclidean.
    pixels : array_like of bool, optional
        (\*spatial), single pixels that were mended or marked as right.

    Raises
    ------
    ValueError
        If nothing is marked, a marked object is not in the labels, the pixels are of
        another shape, or the reach is below 1.
    """
    true = as_labels("mended labels", labels)
    touched = _checked_pixels(pixels, true.shape)
    ids = _checked_ids(marked, true)
    if not len(ids) and not touched.any():
        raise ValueError(
            "nothing is marked, so there is nothing to learn: mend an object, or mark "
            "one as right"
        )
    radii = _checked_reach(reach, true.ndim)
    known = touched | np.isin(true, ids)
    if len(ids):
        (around,) = ndimage.find_objects(np.isin(true, ids).astype(np.uint8))
        margin = [ceil(radius) + TOUCHING for radius in radii]
        box = widened(around, margin, true.shape)
        known[box] |= _known_about(true[box], ids, radii)
    return np.where(known, true.astype(signed(true.dtype)), UNKNOWN)


@dataclass(frozen=True)
class TrainingPair:
    r"""An image to train on with its labels, or the region of one that is known."""

    # position of the image on the leading axes of its series; none: there are none
    frame: tuple[int, ...]
    # pixel of the image at which the region begins, per spatial axis
    corner: tuple[int, ...]
    whole: tuple[int, ...]  # pixels of the image, per spatial axis
    # image and labels of the region, read with the scale of the whole image
    sample: Sample


def training_pairs(
    image: Any,
    labels: ArrayLike,
    config: ModelConfig,
    window: Sequence[int],
    name: str = "true labels",
    reading: Reading = USUAL_READING,
) -> Iterator[TrainingPair]:
    r"""Yield what there is to learn from an image or a series, region by region.

    Frames without anything labelled are left out. A frame that is labelled as a whole
    is one pair. Of another one those regions are copied that hold what is known, grown
    by a window less one pixel and half the context: all that any window reads which
    shows a known pixel. Regions that meet are one.

    Parameters
    ----------
    image : array
        ([leading,] [channels,] \*spatial), as a layer or a file holds it; dask and
        zarr are read region by region.
    labels : array_like of int
        ([leading,] \*spatial), 0 is background, −1 is not known.
    config : ModelConfig
        How many axes are spatial, context and intensity.
    window : sequence of int
        Output window the loss sees, per spatial axis.
    name : str
        Of the labels, in errors.
    reading : Reading
        How grey values are read; usually all is automatic.

    Raises
    ------
    ValueError
        If labels are no label image, nothing of them is known, or a partly labelled
        image is of another shape than its labels.
    """
    true = partial_labels(name, labels)
    leading = true.shape[: max(true.ndim - config.ndim, 0)]
    if not leading or tuple(image.shape[: len(leading)]) != leading:
        scale = _own_scale(image, config, reading)
        yield from _regions((), image, true, config, window, scale)
        return
    scales = frame_scales(image, config, reading)
    for at in np.ndindex(leading):
        if is_labelled(true[at]):
            scale = scales.of(at) or _own_scale(image[at], config, reading)
            yield from _regions(at, image[at], true[at], config, window, scale)


def _own_scale(image: Any, config: ModelConfig, reading: Reading) -> Scale | None:
    """Return how one image is read, where that is not found when it is opened."""
    if reading == USUAL_READING:
        return None
    return find_scale(image, config.ndim, config.intensity, reading)


def _regions(
    frame: tuple[int, ...],
    image: Any,
    labels: NDArray[np.integer],
    config: ModelConfig,
    window: Sequence[int],
    scale: Scale | None,
) -> Iterator[TrainingPair]:
    if not is_partly(labels):
        corner, sample = (0,) * labels.ndim, Sample(image, labels, scale=scale)
        yield TrainingPair(frame, corner, labels.shape, sample)
        return
    if tuple(image.shape[-config.ndim :]) != labels.shape:
        raise ValueError(
            f"the image has {by(image.shape[-config.ndim :])} pixels, its labels must "
            f"have as many, got {by(labels.shape)}"
        )
    whole = open_image(
        image, config.ndim, config.in_channels, config.intensity, scale=scale
    )
    margin = [
        w - 1 + -(-context // 2)
        for w, context in zip(window, config.shape.context, strict=True)
    ]
    for box in _boxes(labels != UNKNOWN, margin):
        region = np.array(image[(..., *box)])
        yield TrainingPair(
            frame,
            tuple(part.start for part in box),
            labels.shape,
            Sample(region, labels[box].copy(), scale=whole.scale),
        )


def _boxes(known: NDArray[np.bool_], margin: Sequence[int]) -> list[Box]:
    """Return boxes that hold what is known and a margin; none meets another."""
    parts = ndimage.find_objects(ndimage.label(known)[0])
    boxes = [widened(part, margin, known.shape) for part in parts]
    while True:
        covered = np.zeros(known.shape, dtype=np.bool_)
        for box in boxes:
            covered[box] = True
        joined: list[Box] = ndimage.find_objects(ndimage.label(covered)[0])
        if len(joined) == len(boxes):
            return joined
        boxes = joined


def _known_about(
    true: NDArray[np.integer], ids: NDArray[np.integer], radii: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return the pixels near marked objects that are known; see `corrections`."""
    others = ~np.isin(true, ids)
    near = ndimage.distance_transform_edt(others, sampling=1 / radii) <= 1
    about = ndimage.minimum_filter(others, 2 * TOUCHING + 1, mode="nearest") == 0
    neighbours = np.unique(true[about & others])
    known: NDArray[np.bool_] = near & ((true == 0) | np.isin(true, neighbours))
    return known


def _checked_ids(
    marked: Iterable[int], labels: NDArray[np.integer]
) -> NDArray[np.integer]:
    ids = np.unique(np.array([*marked], dtype=np.int64))
    absent = ids[~np.isin(ids, labels[labels > 0])]
    if len(absent):
        names = ", ".join(map(str, absent.tolist()))
        raise ValueError(
            f"the labels have no object {names}: mark objects by the ids they have "
            f"after mending, and deleted objects by their pixels"
        )
    return ids


def _checked_pixels(
    pixels: ArrayLike | None, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    if pixels is None:
        return np.zeros(shape, dtype=np.bool_)
    touched = np.array(pixels, dtype=np.bool_)
    if touched.shape != shape:
        raise ValueError(
            f"the marked pixels must have the shape of the labels, {by(shape)}, got "
            f"{by(touched.shape)}"
        )
    return touched


def _checked_reach(reach: float | Sequence[float], ndim: int) -> NDArray[np.float64]:
    radii = np.ravel(np.asarray(reach, dtype=np.float64))
    if len(radii) not in (1, ndim) or not (radii >= 1).all():
        raise ValueError(
            f"the reach must be 1 pixel or more, one value or {ndim}, got {reach}"
        )
    return np.broadcast_to(radii, ndim)


def signed(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype that holds −1 and all ids of this one."""
    return np.promote_types(dtype, np.int32) if dtype.itemsize < 8 else np.dtype("i8")


MOST_AT_ONCE = 2**24  # pixels


@dataclass(frozen=True)
class Starts:
    """Where windows may begin along one axis, and which pixels they show."""

    # multiples of the grid
    first: int
    last: int
    grid: int  # in pixels
    margin: int  # from the first pixel that is read to the first one that is shown
    window: int  # pixels that are shown
    size: int  # of the image

    def showing(self, pixel: int) -> tuple[int, int]:
        """Return the first and the last multiple of the grid that shows a pixel."""
        begin = pixel - self.margin
        return (
            max(self.first, -((self.window - 1 - begin) // self.grid)),
            min(self.last, begin // self.grid),
        )

    def shown(self) -> NDArray[np.bool_]:
        """Return which pixels a window shows, one value a pixel of the axis."""
        first, last = np.array([self.showing(x) for x in range(self.size)]).T
        shown: NDArray[np.bool_] = first <= last
        return shown


class KnownPixels:
    r"""Draws windows that show a known pixel, each known pixel about as often.

    What is known may be a hundredth of an image: a known pixel is drawn first, then
    one of the windows that show it. The labels are counted line by line once, and only
    the lines drawn are looked at again.

    Parameters
    ----------
    labels : ndarray of int
        (\*spatial), −1 is not known.
    axes : sequence of Starts
        Windows that may be drawn, one an axis.
    """

    def __init__(self, labels: NDArray[np.integer], axes: Sequence[Starts]) -> None:
        self._axes, self._shape = tuple(axes), labels.shape
        self._lines = labels.reshape(-1, labels.shape[-1])
        *across, self._along = (axis.shown() for axis in axes)
        number = [self._known(line).sum(axis=-1) for line in self._slabs()]
        shown = _product(across).ravel()
        self._up_to = np.cumsum(np.concatenate(number) * shown)

    @property
    def number(self) -> int:
        """Known pixels that a window shows."""
        return int(self._up_to[-1])

    def draw(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Return where a window begins, in multiples of the grid, per axis."""
        pixel = self.pixel(int(rng.integers(self.number)))
        ranges = map(Starts.showing, self._axes, pixel)
        return tuple(int(rng.integers(first, last + 1)) for first, last in ranges)

    def pixel(self, number: int) -> tuple[int, ...]:
        """Return one of the known pixels, numbered from 0 to `number` − 1."""
        line = int(np.searchsorted(self._up_to, number, side="right"))
        before = self._up_to[line - 1] if line else 0
        along = np.flatnonzero(self._known(self._lines[line]))[number - before]
        flat = line * self._shape[-1] + along
        return tuple(int(i) for i in np.unravel_index(flat, self._shape))

    def _slabs(self) -> Iterator[NDArray[np.integer]]:
        """Yield the lines, so many at a time that the memory is bounded."""
        step = max(1, MOST_AT_ONCE // self._shape[-1])
        for part in chunks(len(self._lines), step):
            yield self._lines[part]

    def _known(self, lines: NDArray[np.integer]) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = (lines != UNKNOWN) & self._along
        return known


def _product(axes: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Return where all of these are true, one axis each."""
    return np.asarray(reduce(np.logical_and.outer, axes, np.ones((), dtype=np.bool_)))
