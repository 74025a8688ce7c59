"""What is known of the labels while a run is under way, to be looked at meanwhile."""

from __future__ import annotations

import shutil
from collections import deque
from functools import cached_property
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from scipy import ndimage

from napari_shiftseg.stores.ome_zarr import LABELS, make_image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.distributed.job import Job
    from napari_shiftseg.distributed.output import Output
    from napari_shiftseg.geometry.tiling import Box


AHEAD = 64  # parts that are looked for: they come in about this order


class Growing:
    """A label image with a pyramid on disk, painted part by part as blocks end.

    Of a block that is predicted the connected parts of its foreground are seen; in
    their place come the objects, once they are written. No more than a block is in
    memory. It is a picture of the run beside it: nothing is taken from it.

    Parameters
    ----------
    output : Output
        The store that is being made.
    folder : Path
        Of the label image; what is there is replaced.

    Attributes
    ----------
    levels : list of Path
        Arrays, the full resolution first; they are there once a frame has begun.
    """

    def __init__(self, output: Output, folder: Path) -> None:
        self._output, self._folder = output, folder
        self.levels: list[Path] = []
        self._at: tuple[int, ...] = ()
        self._job: Job | None = None
        self._predicted: list[int] = []  # blocks of it that are not painted yet
        # boxes that are not: of which frame, in which array, which, by which job
        self._drawn: deque[tuple[tuple[int, ...], Path, int, Job | None]] = deque()

    def begin(self, at: tuple[int, ...], labels: Path, job: Job | None) -> None:
        """Follow a frame; see `Run.follow`.

        Parameters
        ----------
        at : tuple of int
            Position of the frame on the leading axes.
        labels : Path
            Of the array that its labels go to.
        job : Job or None
            None: it is done.
        """
        if not self.levels:
            shutil.rmtree(self._folder, ignore_errors=True)
            pyramid = self._output.pyramid
            self.levels = make_image(self._folder, pyramid, "int32", {}, LABELS)
        self._at, self._job = at, job
        is_seen = job is not None and job.model.config.foreground
        self._predicted = list(range(len(job.blocks))) if job and is_seen else []
        self._drawn += [(at, labels, n, job) for n in range(len(self._boxes))]

    def grow(self) -> bool:
        """Paint one part that is new; returns whether there was one."""
        ahead = enumerate(islice(self._drawn, AHEAD))
        for place, (at, labels, number, job) in ahead:
            is_drawn = job is not self._job or _is_drawn(job, number)
            if is_drawn and labels.exists():  # until the run has ended
                del self._drawn[place]
                box = self._boxes[number]
                self._put(at, box, zarr.open_array(str(labels), mode="r")[(*at, *box)])
                return True
        for number in self._predicted[:AHEAD]:
            if self._job is not None and self._job.raw.path(number).exists():
                self._predicted.remove(number)
                box = self._job.blocks.block(number).box
                self._put(self._at, box, ndimage.label(self._job.foreground(box))[0])
                return True
        return False

    @cached_property
    def _boxes(self) -> list[Box]:
        return self._output.boxes(self._output.shape[-self._output.ndim :])

    def _put(self, at: tuple[int, ...], box: Box, labels: Any) -> None:
        """Write a box of a frame to all levels."""
        steps, ndim = self._output.pyramid.steps, self._output.ndim
        pixels: NDArray[np.int32] = np.asarray(labels, np.int32)
        for path, step in zip(self.levels, steps, strict=True):
            there, inside = [], []
            for side, every in zip(box, step[-ndim:], strict=True):
                first = ceil(side.start / every)
                there.append(slice(first, ceil(side.stop / every)))
                inside.append(slice(first * every - side.start, None, every))
            zarr.open_array(str(path), mode="r+")[(*at, *there)] = pixels[(*inside,)]


def _is_drawn(job: Job | None, number: int) -> bool:
    """Whether a box of a frame is written; the folder of one that is done is gone."""
    return job is None or job.drawn(number).exists() or not job.folder.exists()
