"""Random training windows of labelled images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from napari_shiftseg.inference.image import Image, open_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_shiftseg.model.config import ModelConfig
    from napari_shiftseg.samples.sample import Sample


@dataclass(frozen=True)
class RandomWindows:
    """Draw random inputs and the labels of the output window the loss sees.

    Images are read and scaled as they will be when they are predicted. The window is
    the beginning of the raw output (offset 0), the part that a cropped tile keeps.

    Parameters
    ----------
    samples : sequence of Sample
        Images with truth, each at least as large as the input.
    config : ModelConfig
        Sizes of the network, and how it reads an image.
    window : tuple of int
        Output window, per axis.

    Raises
    ------
    ValueError
        If there is no sample, an image is not what the network reads or has labels of
        another shape, or it is smaller than the input the window needs.
    """

    samples: Sequence[Sample]
    config: ModelConfig
    window: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError("training needs at least one image with its labels")
        for image, sample in zip(self.images, self.samples, strict=True):
            if image.shape != sample.labels.shape:
                raise ValueError(
                    f"an image of {image.shape} pixels needs as many labels, "
                    f"got {sample.labels.shape}"
                )
            if any(n < r for n, r in zip(image.shape, self.reads, strict=True)):
                raise ValueError(
                    f"an output window of {self.window} reads {self.reads} pixels, the "
                    f"image has {image.shape}: take a larger image, a smaller "
                    f"window or less depth"
                )

    @cached_property
    def images(self) -> list[Image]:
        """The images of the samples, opened as the network reads them."""
        config = self.config
        return [
            open_image(s.image, config.ndim, config.in_channels, config.intensity)
            for s in self.samples
        ]

    @cached_property
    def reads(self) -> tuple[int, ...]:
        """Legal input of the window, per axis."""
        return tuple(
            axis.input_for(w)
            for axis, w in zip(self.config.shape.axes, self.window, strict=True)
        )

    def draw(self, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        r"""Yield (input (1, channels, \\*reads), labels (\\*window)) without end."""
        while True:
            number = int(rng.integers(len(self.samples)))
            starts = [
                int(rng.integers(n - r + 1))
                for n, r in zip(self.images[number].shape, self.reads, strict=True)
            ]
            yield self._input(number, starts), self._labels(number, starts)

    def _input(self, number: int, starts: list[int]) -> Tensor:
        at = [(s, s + r) for s, r in zip(starts, self.reads, strict=True)]
        return torch.from_numpy(self.images[number].read(at, np.dtype(np.float32)))[
            None
        ]

    def _labels(self, number: int, starts: list[int]) -> Tensor:
        context = self.config.shape.context
        at = tuple(
            slice(s + c // 2, s + c // 2 + w)
            for s, c, w in zip(starts, context, self.window, strict=True)
        )
        return torch.from_numpy(self.samples[number].labels[at].astype(np.int64))
