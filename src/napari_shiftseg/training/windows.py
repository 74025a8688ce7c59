"""Random training windows of labelled images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_shiftseg.geometry.unet_shape import UNetShape
    from napari_shiftseg.samples.sample import Sample


@dataclass(frozen=True)
class RandomWindows:
    """Draw random inputs and the labels of the output window the loss sees.

    The window is the beginning of the raw output (offset 0), the part that a cropped
    tile keeps.

    Parameters
    ----------
    samples : sequence of Sample
        Images with truth, each at least as large as the input.
    shape : UNetShape
        Sizes of the network.
    window : tuple of int
        Output window, per axis.

    Raises
    ------
    ValueError
        If an image is smaller than the input the window needs.
    """

    samples: Sequence[Sample]
    shape: UNetShape
    window: tuple[int, ...]

    def __post_init__(self) -> None:
        for sample in self.samples:
            if any(n < r for n, r in zip(sample.image.shape, self.reads, strict=True)):
                raise ValueError(
                    f"an output window of {self.window} reads {self.reads} pixels, the "
                    f"image has {sample.image.shape}: take a larger image, a smaller "
                    f"window or less depth"
                )

    @property
    def reads(self) -> tuple[int, ...]:
        """Legal input of the window, per axis."""
        return tuple(
            axis.input_for(w)
            for axis, w in zip(self.shape.axes, self.window, strict=True)
        )

    def draw(self, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        r"""Yield (input (1, 1, \\*reads), labels (\\*window)) without end."""
        while True:
            sample = self.samples[int(rng.integers(len(self.samples)))]
            starts = [
                int(rng.integers(n - r + 1))
                for n, r in zip(sample.image.shape, self.reads, strict=True)
            ]
            yield self._input(sample, starts), self._labels(sample, starts)

    def _input(self, sample: Sample, starts: list[int]) -> Tensor:
        at = tuple(slice(s, s + r) for s, r in zip(starts, self.reads, strict=True))
        return torch.from_numpy(sample.image[at].copy())[None, None]

    def _labels(self, sample: Sample, starts: list[int]) -> Tensor:
        at = tuple(
            slice(s + c // 2, s + c // 2 + w)
            for s, c, w in zip(starts, self.shape.context, self.window, strict=True)
        )
        return torch.from_numpy(sample.labels[at].astype(np.int64))
