"""Digits as objects, and a small network that learns to embed their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from napari_shiftseg.embeddings.recurrent import LossOnEveryLoop
from napari_shiftseg.embeddings.spherical import CosineMarginLoss, SeenPixels
from napari_shiftseg.progress import Progress
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from torch import Tensor

SHAPES = {  # 5 × 7
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
}
PLACES = {"1": (3, 4), "4": (22, 14), "7": (2, 28), "8": (24, 46)}  # row, column
SIZE = (48, 64)  # pixels
LARGER = 3  # pixels of the image a pixel of a digit
NOISE = 0.1  # beside digits of brightness 1
CHANNELS = 3
FEATURES = 48
FINE = 160  # steps, after which the learning rate is a fifth
LOSS = LossOnEveryLoop(most_pixels=300, steps=2)


def digits() -> Sample:
    """Make the image: four digits, each an object, on a noisy background."""
    labels = np.zeros(SIZE, np.int32)
    for number, (digit, (row, column)) in enumerate(PLACES.items(), start=1):
        lines = [[int(pixel) for pixel in line] for line in SHAPES[digit].split()]
        lit = np.kron(np.array(lines), np.ones((LARGER, LARGER), int))
        inside = labels[row : row + lit.shape[0], column : column + lit.shape[1]]
        inside[lit > 0] = number
    noise = np.random.default_rng(0).normal(0, NOISE, SIZE)
    return Sample(((labels > 0) + noise).astype(np.float32), labels)


def owners(sample: Sample) -> Tensor:
    """Return the object of each pixel, (pixels,)."""
    return torch.from_numpy(sample.labels.astype(np.int64)).flatten()


def all_pairs(points: Tensor, sample: Sample, margin: float) -> SeenPixels:
    """Return the pixels of an image, every one, as the loss sees them.

    Parameters
    ----------
    points : Tensor
        (pixels, channels), their embeddings.
    sample : Sample
    margin : float
        Of the loss.
    """
    loss = CosineMarginLoss(margin, most_pixels=len(points))
    return loss.pixels(points.T, owners(sample))


def embedding_steps(
    sample: Sample, after: Sequence[int]
) -> Generator[Progress, None, list[Tensor]]:
    """Train a network on an image; find its embedding, (pixels, channels), on the way.

    It is given the grey value and the place of each pixel by itself, so that it can
    tell all objects apart and takes seconds; it is not a U-Net. The loss sees two loops
    of grouping. Yields `Progress` after every step.

    Parameters
    ----------
    sample : Sample
    after : sequence of int
        Steps, in order, after which the embedding is found.
    """
    places = np.indices(SIZE) / np.reshape(SIZE, (2, 1, 1)) * 2 - 1
    seen = torch.from_numpy(np.stack([sample.image, *places], -1).astype(np.float32))
    labels = torch.from_numpy(sample.labels.astype(np.int64))
    network = _network(seed=0)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    falling = torch.optim.lr_scheduler.MultiStepLR(optimizer, [FINE], 0.2)
    found = []
    for step in range(1, after[-1] + 1):
        optimizer.zero_grad()
        loss = LOSS(network(seen).movedim(-1, 0), labels, step)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        falling.step()
        if step in after:
            found.append(network(seen).detach().flatten(0, 1))
        yield Progress(step, after[-1], stage="training on the digits")
    return found


def _network(seed: int) -> nn.Module:
    """Return a network for single pixels: grey value, row and column → channels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(3, FEATURES),
            nn.ReLU(),
            nn.Linear(FEATURES, FEATURES),
            nn.ReLU(),
            nn.Linear(FEATURES, CHANNELS),
        )
