"""Blocks: the tiles of a plan in groups, each of them one piece of work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.geometry.tiling import Box, chunks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.geometry.window import AxisPlan


PIXELS = 2**21  # of a block, about; one tile where that is larger
SHARE = 1 / 8  # of all pixels, that a block or a tile takes at most: so much is lost
FEW = 2**20  # pixels that are predicted in seconds; no block need be smaller


def most_at_once(pixels: int) -> int:
    """Return how many pixels may be lost when a run is stopped.

    Blocks, and tiles of a window that nobody chose, are no larger: one block for all
    would leave nothing to go on with, and other workers nothing to do.

    Parameters
    ----------
    pixels : int
        Of the image, all its frames.
    """
    return max(FEW, int(pixels * SHARE))


@dataclass(frozen=True)
class Block:
    """Neighbouring tiles that are predicted and kept together."""

    number: int
    at: tuple[int, ...]  # place among the blocks, per axis
    plan: TilePlan  # of its tiles alone
    box: Box  # pixels of the result that it keeps


@dataclass(frozen=True)
class Blocks:
    """The blocks of a plan, numbered in the order of a scan.

    They partition the result as tiles do. What a tile reads and keeps is not changed:
    whatever the blocks, each pixel is predicted by the same tile.

    Parameters
    ----------
    plan : TilePlan
    tiles : tuple of int
        Of a block, per axis.
    """

    plan: TilePlan
    tiles: tuple[int, ...]

    @classmethod
    def of(cls, plan: TilePlan, pixels: int = PIXELS) -> Blocks:
        """Group tiles into blocks of about so many pixels.

        Parameters
        ----------
        plan : TilePlan
        pixels : int
        """
        side = round(pixels ** (1 / len(plan.axes)))
        return cls(plan, tuple(max(1, side // stride) for stride in plan.stride))

    def __len__(self) -> int:
        return prod(self.counts)

    def __iter__(self) -> Iterator[Block]:
        return map(self.block, range(len(self)))

    @property
    def counts(self) -> tuple[int, ...]:
        """Blocks along each axis."""
        return tuple(len(groups) for groups in self._groups)

    def block(self, number: int) -> Block:
        """Return a block by its number."""
        at = self._place(number)
        axes = tuple(g[i] for g, i in zip(self._groups, at, strict=True))
        box = tuple(
            slice(axis.start - start, axis.stop - start)
            for axis, start in zip(axes, self.plan.offset, strict=True)
        )
        return Block(number, at, replace(self.plan, axes=axes), box)

    def number(self, at: Sequence[int]) -> int:
        """Return the number of the block at a place among the blocks."""
        return int(np.ravel_multi_index(tuple(at), self.counts))

    def _place(self, number: int) -> tuple[int, ...]:
        return tuple(int(i) for i in np.unravel_index(number, self.counts))

    def holding(self, pixel: Sequence[int]) -> int:
        """Return the number of the block that keeps a pixel of the result."""
        return self.number(
            [
                int(np.searchsorted(along, x, "right")) - 1
                for along, x in zip(self._starts, pixel, strict=True)
            ]
        )

    def overlapping(self, box: Box) -> Iterator[Block]:
        """Yield the blocks that keep pixels of a box of the result."""
        ranges = [
            range(
                int(np.searchsorted(along, side.start, "right")) - 1,
                int(np.searchsorted(along, side.stop, "left")),
            )
            for along, side in zip(self._starts, box, strict=True)
        ]
        yield from (self.block(self.number(at)) for at in product(*ranges))

    def neighbours(self) -> Iterator[tuple[int, int, int]]:
        """Yield (axis, number, next number) of blocks that share a face."""
        for number in range(len(self)):
            at = self._place(number)
            for axis, count in enumerate(self.counts):
                if at[axis] + 1 < count:
                    after = [i + (a == axis) for a, i in enumerate(at)]
                    yield axis, number, self.number(after)

    @cached_property
    def _groups(self) -> list[list[AxisPlan]]:
        """The axis plans of the blocks along each axis."""
        return [
            [
                replace(
                    axis, tiles=axis.tiles[part], start=axis.tiles[part][0].start,
                    stop=axis.tiles[part][-1].stop,
                )
                for part in chunks(len(axis.tiles), tiles)
            ]
            for axis, tiles in zip(self.plan.axes, self.tiles, strict=True)
        ]  # fmt: skip

    @cached_property
    def _starts(self) -> list[list[int]]:
        """First pixel of each block, per axis, in the result."""
        return [
            [each.start - start for each in along]
            for along, start in zip(self._groups, self.plan.offset, strict=True)
        ]
