"""Arrays on disk, cut into blocks: each a file that is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from napari_shiftseg.distributed.blocks import Blocks
    from napari_shiftseg.geometry.tiling import Box


def write_durably(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that is on the disk, whole, before it has its name.

    Who is killed meanwhile leaves a file of another name. Two that write the same file
    do not meet: one of them is last.

    Parameters
    ----------
    path : Path
    write : callable
        Takes the open file.
    """
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.unfinished")
    try:
        with unfinished.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Plain:
    """A file that NumPy writes to as to any other, so that errors say what is wrong."""

    file: BinaryIO

    def write(self, part: bytes) -> int:
        return self.file.write(part)


def save(path: Path, array: NDArray[Any]) -> None:
    """Save an array as .npy, durably."""
    write_durably(path, lambda file: np.save(_Plain(file), array, allow_pickle=False))


def save_all(path: Path, **arrays: Any) -> None:
    """Save arrays by name as .npz, durably."""
    write_durably(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


@dataclass(frozen=True)
class BlockArray:
    r"""An array of the result's pixels, ([channels,] \*spatial), a file a block."""

    folder: Path
    blocks: Blocks

    def path(self, number: int) -> Path:
        """Return the file of a block."""
        return self.folder / f"{number}.npy"

    def write(self, number: int, pixels: NDArray[Any]) -> None:
        """Write a block, durably."""
        save(self.path(number), pixels)

    def read(
        self,
        box: Box,
        changed: Change | None = None,
        channels: int | slice = slice(None),
    ) -> NDArray[Any]:
        r"""Read a box of the result, ([channels,] \*box), from all blocks it touches.

        Parameters
        ----------
        box : tuple of slice
        changed : callable, optional
            Takes the number of a block and what is read of it; gives what takes its
            place.
        channels : int or slice
            Which of them, where there are any.
        """
        found: NDArray[Any] | None = None
        for block in self.blocks.overlapping(box):
            inside = tuple(
                slice(max(a.start, b.start), min(a.stop, b.stop))
                for a, b in zip(box, block.box, strict=True)
            )
            stored = np.load(self.path(block.number), mmap_mode="r")
            there: Any = _within(inside, block.box)
            if stored.ndim > len(box):
                there = (channels, *there)
            pixels = np.array(stored[there])
            if changed is not None:
                pixels = changed(block.number, pixels)
            if found is None:
                leading = pixels.shape[: pixels.ndim - len(box)]
                sizes = (side.stop - side.start for side in box)
                found = np.empty((*leading, *sizes), pixels.dtype)
            here: Any = (..., *_within(inside, box))
            found[here] = pixels
        if found is None:
            raise ValueError(f"the box {box} holds no pixel of the result")
        return found


def _within(box: Box, other: Box) -> Box:
    """Return a box as seen from the corner of another one."""
    return tuple(
        slice(a.start - b.start, a.stop - b.start)
        for a, b in zip(box, other, strict=True)
    )


if TYPE_CHECKING:
    Change = Callable[[int, NDArray[Any]], NDArray[Any]]
