"""The store that a run writes: labels with a pyramid, gradient and embedding."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_shiftseg.distributed.arrays import write_durably
from napari_shiftseg.distributed.drawing import labels_in
from napari_shiftseg.distributed.passes import unless_left
from napari_shiftseg.geometry.tiling import Box, Region, chunks
from napari_shiftseg.metrics.seams import gradient_magnitude
from napari_shiftseg.pipeline.reduced import PART, fullest
from napari_shiftseg.stores.ome_zarr import (
    LABELS,
    Pyramid,
    bring_to_disk,
    make_image,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.distributed.job import Job
    from napari_shiftseg.stores.axes import Calibration


PIXELS = 2**21  # drawn at once, about


@dataclass(frozen=True)
class Output:
    """Where results go, and in which chunks.

    The store is the label image; gradient and embedding are images in it.

    Attributes
    ----------
    folder : Path
        Of the zarr store.
    axes : str
        Of the result, the leading ones too.
    shape : tuple of int
        Of the result.
    ndim : int
        How many of the axes, the last ones, one job is of.
    chunk : int
        Pixels along each of these.
    calibration : dict
    kinds : tuple of str
        Of labels, embedding, gradient.
    origin : dict
        Where the first pixel is, by the letter of the axis; see `make_image`.
    """

    folder: Path
    axes: str
    shape: tuple[int, ...]
    ndim: int
    chunk: int
    calibration: Calibration
    kinds: tuple[str, ...] = ("labels",)
    origin: dict[str, float] = field(default_factory=dict)

    @property
    def pyramid(self) -> Pyramid:
        """Of the labels."""
        leading = (1,) * (len(self.axes) - self.ndim)
        return Pyramid(
            self.shape, self.axes, (*leading, *(self.chunk,) * self.ndim), self.ndim
        )

    @property
    def channels_at(self) -> int:
        """Which axis of the embedding its channels are: after time, before space."""
        return int(self.axes.startswith("T"))

    @property
    def labels(self) -> list[Path]:
        """Levels of the labels."""
        levels = len(self.pyramid.steps)
        return [self.folder / str(n) for n in range(levels)]

    def make(self, channels: int, half: bool) -> None:
        """Make the store, its arrays empty.

        Parameters
        ----------
        channels : int
            Of the embedding.
        half : bool
            Whether the embedding is kept in float16.
        """
        make_image(
            self.folder, self.pyramid, "int32", self.calibration, LABELS,
            origin=self.origin,
        )  # fmt: skip
        if "gradient" in self.kinds:
            make_image(
                self.folder / "gradient", self.pyramid, "float32", self.calibration,
                name="gradient", levels=1, origin=self.origin,
            )  # fmt: skip
        if "embedding" in self.kinds:
            at, axes, each = self.channels_at, self.axes, self.pyramid.chunks
            wide = Pyramid(
                (*self.shape[:at], channels, *self.shape[at:]),
                f"{axes[:at]}C{axes[at:]}",
                (*each[:at], channels, *each[at:]),
                self.ndim,
            )
            make_image(
                self.folder / "embedding", wide, "float16" if half else "float32",
                self.calibration, name="embedding", levels=1, origin=self.origin,
            )  # fmt: skip

    def make_planes(self, path: Path) -> None:
        """Make an array for labels whose numbers are those of each frame."""
        shutil.rmtree(path, ignore_errors=True)
        zarr.create_array(
            str(path), shape=self.shape, dtype="int32", chunks=self.pyramid.chunks,
            fill_value=0,
        )  # fmt: skip

    def boxes(self, shape: tuple[int, ...]) -> list[Box]:
        """Cut a frame of this shape into boxes of whole chunks.

        Parameters
        ----------
        shape : tuple of int
            Of one level of a frame.
        """
        side = round(PIXELS ** (1 / self.ndim))
        size = self.chunk * max(1, side // self.chunk)
        return [tuple(box) for box in product(*(chunks(n, size) for n in shape))]


def draw(
    job: Job,
    number: int,
    *,
    output: Output,
    at: tuple[int, ...],
    labels: Path,
    watch: Callable[[int, int], bool] | None = None,
) -> None:
    """Write labels, gradient and embedding of one box of a frame.

    The objects are numbered as those of the frame.

    Parameters
    ----------
    job : Job
        Of the frame, all passes done.
    number : int
        Of the box.
    output : Output
    at : tuple of int
        Position of the frame on the leading axes.
    labels : Path
        Of the array that these go to.
    watch : callable, optional
        Is told the number, between what is written; says whether to leave the box.
    """
    box = output.boxes(job.shape)[number]
    unless_left(_drawing(job, box, output, at, labels), number, watch)
    write_durably(job.drawn(number), lambda _: None)


def _drawing(
    job: Job, box: Box, output: Output, at: tuple[int, ...], labels: Path
) -> Generator[None]:
    yield
    drawn = labels_in(job, box)
    yield
    _put(labels, (*at, *box), drawn)
    if "gradient" in output.kinds:
        yield
        wider = tuple(
            slice(side.start, min(side.stop + 1, n))
            for side, n in zip(box, job.shape, strict=True)
        )
        inside = tuple(slice(0, side.stop - side.start) for side in box)
        gradient = gradient_magnitude(job.embedding(wider))[inside]
        _put(output.folder / "gradient" / "0", (*at, *box), gradient)
    if "embedding" in output.kinds:
        yield
        first = output.channels_at
        where = (*at[:first], slice(None), *at[first:], *box)
        _put(output.folder / "embedding" / "0", where, job.embedding(box))


def renumber(
    output: Output,
    number: int,
    *,
    at: tuple[int, ...],
    labels: Path,
    numbers: NDArray[np.int32],
) -> None:
    """Write one box of the labels of a frame, with the numbers of the stack.

    Parameters
    ----------
    output : Output
    number : int
        Of the box.
    at : tuple of int
        Position of the frame on the leading axes.
    labels : Path
        Of the array with the numbers of the frame.
    numbers : ndarray of int32
        What its objects are called in the stack.
    """
    box = output.boxes(output.shape[-output.ndim :])[number]
    own = zarr.open_array(str(labels), mode="r")[(*at, *box)]
    _put(output.labels[0], (*at, *box), numbers[own])


def shrink(output: Output, number: int, *, level: int, at: tuple[int, ...]) -> None:
    """Write one box of a level of the labels: every second pixel of the one before.

    Parameters
    ----------
    output : Output
    number : int
        Of the box.
    level : int
        From 1.
    at : tuple of int
        Position of the frame on the leading axes.
    """
    before, after = output.pyramid.steps[level - 1 : level + 1]
    steps = [b // a for a, b in zip(before, after, strict=True)][-output.ndim :]
    shape = output.pyramid.shape_of(after)[-output.ndim :]
    box = output.boxes(shape)[number]
    finer = tuple(
        slice(side.start * step, side.stop * step, step)
        for side, step in zip(box, steps, strict=True)
    )
    source = zarr.open_array(str(output.labels[level - 1]), mode="r")
    _put(output.labels[level], (*at, *box), np.asarray(source[(*at, *finer)]))


def _put(path: Path, where: tuple[Any, ...], pixels: NDArray[Any]) -> None:
    array = zarr.open_array(str(path), mode="r+")
    array[where] = pixels
    box = tuple(
        slice(k, k + 1) if isinstance(k, int) else slice(*k.indices(n)[:2])
        for k, n in zip(where, array.shape, strict=True)
    )
    bring_to_disk(array, box)


def fullest_part(output: Output, at: tuple[int, ...]) -> Region:
    """Return the part of a frame in which most pixels are objects; see `fullest`.

    Parameters
    ----------
    output : Output
        Its labels written.
    at : tuple of int
        Position of the frame on the leading axes.
    """
    labels = zarr.open_array(str(output.labels[0]), mode="r")
    best, wide = -1, round(PART ** (1 / output.ndim))
    region: Region = ()
    for box in output.boxes(output.shape[-output.ndim :]):
        there = np.asarray(labels[(*at, *box)])
        part = fullest(there, wide)
        full = int((there[tuple(slice(*ends) for ends in part)] > 0).sum())
        if full > best:
            best = full
            region = tuple(
                (a + side.start, b + side.start)
                for (a, b), side in zip(part, box, strict=True)
            )
    return region
