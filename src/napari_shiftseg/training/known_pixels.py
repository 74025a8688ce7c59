"""Windows about what is known of a partly labelled image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.metrics.contingency import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MOST_AT_ONCE = 2**24  # pixels


@dataclass(frozen=True)
class Starts:
    """Where windows may begin along one axis, and which pixels they show.

    Parameters
    ----------
    first, last : int
        Multiples of the grid.
    grid : int
        In pixels.
    margin : int
        From the first pixel that is read to the first one that is shown.
    window : int
        Pixels that are shown.
    size : int
        Of the image.
    """

    first: int
    last: int
    grid: int
    margin: int
    window: int
    size: int

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
        (\\*spatial), −1 is not known.
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
        for start in range(0, len(self._lines), step):
            yield self._lines[start : start + step]

    def _known(self, lines: NDArray[np.integer]) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = (lines != UNKNOWN) & self._along
        return known


def _product(axes: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Return where all of these are true, one axis each."""
    shown = np.ones((), dtype=np.bool_)
    for along in axes:
        shown = shown[..., None] & along
    return shown
