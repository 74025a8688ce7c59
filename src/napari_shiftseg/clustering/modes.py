"""The modes of some pixels, and whose mode is nearest."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.steps import patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering, Effort
    from napari_shiftseg.geometry.tiling import Box

    Finding = Generator[None, None, "Found"]
    Find = Callable[[Box, NDArray[np.bool_], Clustering], Finding]


Result = TypeVar("Result")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread, as this thread calls it.

    Small tensors gain nothing from a second one, which waits in a busy loop: where
    another program uses the processor, they take ten times as long.
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_one_thread(
    steps: Generator[None, None, Result],
) -> Generator[None, None, Result]:
    """Let every step compute in one thread; between them nothing is changed."""
    try:
        while True:
            with one_thread():
                try:
                    next(steps)
                except StopIteration as end:
                    result: Result = end.value
                    return result
            yield
    finally:
        steps.close()


NOT_YET = -1
SMALL = 2**18  # values of points, for which one thread is best


@dataclass(frozen=True)
class Found:
    """Modes of pixels, and each pixel's nearest, which is assigned part by part.

    Attributes
    ----------
    modes : ndarray
        (modes, channels), densest first.
    nearest : ndarray of int32
        (pixels,), index of the nearest mode, in the order of a scan; −1: not yet
        assigned.
    parts : tuple of slice
        Of the pixels, each assigned at once. They do not depend on the order in which
        they are assigned, nor does the result.
    """

    modes: NDArray[Any]
    nearest: NDArray[np.int32]
    parts: tuple[slice, ...]
    _shift: MeanShift = field(repr=False)

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return int(self.modes.nbytes + self.nearest.nbytes)

    def is_assigned(self, part: slice) -> bool:
        """Whether the pixels of one of the parts have their modes."""
        return bool(self.nearest[part][0] != NOT_YET)

    def assign(self, part: slice, points: NDArray[Any]) -> None:
        """Give the pixels of one of the parts their modes.

        Parameters
        ----------
        part : slice
            One of `parts`.
        points : ndarray
            (pixels of the part, channels)
        """
        self.nearest[part] = self._shift.nearest(points)


class Pixels:
    r"""The pixels of an embedding, as points to be clustered.

    Parameters
    ----------
    embedding : ndarray
        (channels, \*spatial)
    offset : sequence of int, optional
        Image pixel of the first pixel: subsamples are keyed by image position.
    device : str
        Where the mean shift computes.
    effort : Effort, optional
        What all searches may compute together; without it they go on to their ends.
    """

    def __init__(
        self,
        embedding: NDArray[Any],
        offset: Sequence[int] | None = None,
        device: str = "auto",
        effort: Effort | None = None,
    ) -> None:
        self.embedding: Any = embedding  # a memory map, perhaps
        self._effort = effort
        self._device = device
        self._offset = tuple(offset or (0,) * (embedding.ndim - 1))

    def points(
        self, box: Box, inside: NDArray[np.bool_], part: slice = slice(None)
    ) -> NDArray[Any]:
        """Return the pixels of a box that are inside, or a part of them.

        (pixels, channels), in the order of a scan.
        """
        if inside.all():
            flat = self.embedding[(slice(None), *box)].reshape(len(self.embedding), -1)
            return np.asarray(flat[:, part]).T
        at = (along[part] for along in np.nonzero(inside))
        begins = (side.indices(n)[0] for side, n in zip(box, self._shape, strict=True))
        there = (along + begin for along, begin in zip(at, begins, strict=True))
        return np.asarray(self.embedding[(slice(None), *there)]).T

    def find(
        self, box: Box, inside: NDArray[np.bool_], settings: Clustering
    ) -> Finding:
        """Find the modes of the pixels of a box that are inside; yields on the way.

        So few that they are one part are assigned at once.

        Parameters
        ----------
        box : tuple of slice
        inside : ndarray of bool
            The pixels of the box that are clustered.
        settings : Clustering
            Bandwidth and kernel; nothing else of it has a say.
        """
        points = yield from patiently(None, inside.size, self.points, box, inside)
        steps = self._find(points, box, inside, settings)
        if points.size <= SMALL:
            steps = in_one_thread(steps)
        return (yield from steps)

    def _find(
        self,
        points: NDArray[Any],
        box: Box,
        inside: NDArray[np.bool_],
        settings: Clustering,
    ) -> Finding:
        shift = MeanShift(
            settings.bandwidth, kernel=settings.kernel, device=self._device
        )
        if len(points) == 0:
            none = np.zeros((0, len(self.embedding)), dtype=self.embedding.dtype)
            return Found(none, np.zeros(0, dtype=np.int32), (), shift)
        positions = yield from patiently(
            None, inside.size, self._positions, box, inside
        )
        yield from shift.find_steps(points, positions, self._effort)
        nearest = np.full(len(points), NOT_YET, dtype=np.int32)
        parts = shift.parts(len(points))
        found = Found(shift.cluster_centers_, nearest, parts, shift)
        if len(parts) == 1:  # with the points at hand it is done at once
            found.assign(parts[0], points)
        return found

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(self.embedding.shape[1:])

    def _positions(self, box: Box, inside: NDArray[np.bool_]) -> NDArray[np.int64]:
        """One number per pixel that only its place in the image decides."""
        number = np.zeros((), dtype=np.int64)
        for index, side, begin in zip(
            np.nonzero(inside), box, self._offset, strict=True
        ):
            number = number * 2**21 + index + ((side.start or 0) + begin)
        return number
