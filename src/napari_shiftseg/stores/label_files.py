"""Labels of any program, and the channels of an image, opened to be measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.label_blocks import boxes
from napari_shiftseg.metrics.label_image import as_whole, is_image
from napari_shiftseg.metrics.measuring import FRAME, PLANE, SPATIAL, axes_of
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.stores.axes import CHANNELS, SAMPLES, ordered
from napari_shiftseg.stores.label_axes import axes_of_labels, one_number_a_pixel
from napari_shiftseg.stores.lazy import in_memory
from napari_shiftseg.stores.reading import (
    Source,
    is_sample,
    name_of_file,
    numbered_anew,
    read_image,
    stored_in,
)
from napari_shiftseg.stores.stored_image import COLOUR_NAMES, one_channel

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.stores.stored_image import Stored


@dataclass(frozen=True)
class LabelFile:
    """Labels in a file, or a store.

    Attributes
    ----------
    source : Source
        Its pixels may stay on disk.
    axes : str
        As `measure` takes them: T and P, then those of an object.
    """

    source: Source
    axes: str

    @property
    def spatial(self) -> int:
        """Axes of an object."""
        return len(self.axes.lstrip(FRAME + PLANE))


def open_labels(path: Path, axes: str | None = None) -> LabelFile:
    """Open labels; those of zarr stores and plain TIFFs stay on disk.

    Axes of length 1 before y and x are left out.

    Parameters
    ----------
    path : Path
        TIFF, PNG, JPEG, BMP, .npy or zarr; or the name of a sample.
    axes : str, optional
        Of the labels, if not as the file says.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, or holds an image or colours.
    """
    if is_sample(path):
        labels = make_sample(str(path)).labels
        source = Source(path.name, labels, SPATIAL[-labels.ndim :], path=str(path))
        return LabelFile(source, axes_of(labels.ndim, axes))
    stored = stored_in(path, lazily=True)
    data, letters = ordered(stored.data, axes_of_labels(stored))
    if {CHANNELS, SAMPLES} & set(letters):
        name = f"labels {path.name}"
        data = one_number_a_pixel(name, in_memory(data), letters, stored.kind)
        letters = letters.replace(CHANNELS, "").replace(SAMPLES, "")
    own = numbered_anew(path)
    source = Source(
        name_of_file(path), data, letters, stored.calibration, stored.notes,
        str(path.resolve()), origin=stored.origin,
    )  # fmt: skip
    _refuse_image(source, path)
    known = "".join(_letter(axis, at < own) for at, axis in enumerate(letters))
    kept = [at for at, n in enumerate(data.shape) if n > 1 or at >= len(letters) - 2]
    source, known = _plain(source), "".join(known[at] for at in kept)
    spatial = len(known.lstrip(FRAME + PLANE))
    if axes is None and spatial <= len(SPATIAL):
        axes = known[: len(known) - spatial] + SPATIAL[-spatial:]
    if axes is None:
        raise ValueError(
            f"{path.name} has the axes {letters}: say with axes (--axes) which of them "
            f"are of objects, TZYX for example"
        )
    return LabelFile(source, axes_of(len(source.data.shape), axes))


def open_channels(
    path: Path, channel: int | str | None = None, series: int | None = None
) -> tuple[Source, tuple[str, ...]]:
    """Open an image with all its channels, or one of them, and return their names.

    Parameters
    ----------
    path, channel, series
        See `read_image`; without a channel all are kept, along C.

    Raises
    ------
    FileNotFoundError
        If there is neither a file nor a sample of this name.
    ValueError
        If it cannot be read, or has no such channel.
    """
    if is_sample(path):
        return read_image(path, channel, series), ()
    stored = stored_in(path, series, lazily=True)
    number, names = _channels(stored)
    try:
        one = one_channel(stored, channel, number if channel is None else 1)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    data, letters = ordered(one.data, one.axes)
    source = Source(
        name_of_file(path), data, letters, one.calibration, one.notes,
        str(path.resolve()), origin=one.origin,
    )  # fmt: skip
    return _plain(source), names if CHANNELS in letters else ()


def _channels(stored: Stored) -> tuple[int, tuple[str, ...]]:
    """Return how many channels an image has, and what they are called."""
    if CHANNELS in stored.axes:
        return stored.data.shape[stored.axes.index(CHANNELS)], stored.channels
    is_colour = SAMPLES in stored.axes and stored.kind == "rgb"
    return (len(COLOUR_NAMES), COLOUR_NAMES) if is_colour else (1, ())


def _letter(axis: str, is_apart: bool) -> str:
    """Return an axis as `measure` calls it."""
    if axis == "T":
        return FRAME
    return PLANE if is_apart else axis


def _plain(source: Source) -> Source:
    """Leave out axes of length 1 before y and x."""
    data, letters = source.data, source.axes
    for at in reversed(range(max(0, len(letters) - 2))):
        if data.shape[at] == 1:
            data = data[(*(slice(None),) * at, 0)]
            letters = letters[:at] + letters[at + 1 :]
    return replace(source, data=data, axes=letters)


def _refuse_image(source: Source, path: Path) -> None:
    """Refuse grey values, by a part in the middle of the first frame."""
    data: Any = source.data
    flat = min(2, len(data.shape))
    middle = [n // 2 for n in data.shape[:-flat]]
    box = next(iter(boxes(data.shape[-flat:])), ())
    if box and is_image(as_whole(np.asarray(data[(*middle, *box)]))):
        raise ValueError(
            f"{path.name} is an image, not labels: neighbouring pixels hardly ever "
            f"have one number; give the labels of its objects"
        )
