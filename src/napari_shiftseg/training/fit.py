"""Fit a U-Net to labelled images with the discriminative loss."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from napari_shiftseg.geometry.advice import by
from napari_shiftseg.geometry.window import as_window
from napari_shiftseg.inference.device import resolve_device
from napari_shiftseg.inference.progress import exhaust
from napari_shiftseg.model.config import ModelConfig, Provenance
from napari_shiftseg.model.unet import UNet, build
from napari_shiftseg.training.losses import DiscriminativeLoss
from napari_shiftseg.training.windows import RandomWindows

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_shiftseg.samples.sample import Sample


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    window : int or sequence of int
        Output window the loss sees; it must be above the period, or functions of
        neighbouring phases never meet in the loss.
    steps : int
        Of the training.
    learning_rate : float
        Peak of its one-cycle schedule over all steps, for Adam.
    clip : float
        Largest norm of the gradient.
    seed : int
        Of the weights and the windows.
    loss : DiscriminativeLoss

    Raises
    ------
    ValueError
        If the steps are below 1 or the learning rate is not above 0.
    """

    window: int | Sequence[int]
    steps: int
    learning_rate: float = 1e-3
    clip: float = 1.0
    seed: int = 0
    loss: DiscriminativeLoss = field(default_factory=DiscriminativeLoss)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"training needs 1 step or more, got {self.steps}")
        if not self.learning_rate > 0:
            raise ValueError(
                f"the learning rate must be above 0, got {self.learning_rate}"
            )


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """Progress of a training: step `done` of `total` had this `loss`."""

    done: int
    total: int
    loss: float


def train(
    samples: Sequence[Sample],
    config: ModelConfig,
    recipe: Recipe,
    device: str = "auto",
) -> UNet:
    """Train a network; see `train_steps` for progress.

    Parameters
    ----------
    samples : sequence of Sample
        Images with true labels.
    config : ModelConfig
        Architecture.
    recipe : Recipe
        Window, steps, learning rate, loss, seed.
    device : str
        "auto", "cpu", "cuda", ...

    Returns
    -------
    UNet
        In eval mode, on the CPU, its background embedding and provenance filled in.

    Raises
    ------
    ValueError
        If an image cannot be read, or is smaller than the input the window needs.
    FloatingPointError
        If the loss is no longer finite.
    """
    return exhaust(train_steps(samples, config, recipe, device))


def train_steps(
    samples: Sequence[Sample],
    config: ModelConfig,
    recipe: Recipe,
    device: str = "auto",
    command: str = "napari_shiftseg.train",
) -> Generator[TrainingStep, None, UNet]:
    """Train a network, yielding a `TrainingStep` after each step; see `train`."""
    where = resolve_device(device)
    window = as_window(recipe.window, config.ndim)
    windows = RandomWindows(samples, config, window)
    model = build(config, recipe.seed).to(where).train()
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.steps
    )
    pairs = windows.draw(np.random.default_rng(recipe.seed))
    seen = (0, slice(None), *(slice(0, w) for w in window))
    for step in range(1, recipe.steps + 1):
        image, labels = next(pairs)
        loss = _loss(model(image.to(where))[seen], labels.to(where), config, recipe)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss.item()} at step {step}: lower the learning rate "
                f"(now {recipe.learning_rate})"
            )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
        schedule.step()
        yield TrainingStep(step, recipe.steps, loss.item())
    return _finished(model.cpu().eval(), windows, recipe, command)


def _loss(raw: Tensor, labels: Tensor, config: ModelConfig, recipe: Recipe) -> Tensor:
    """Return the discriminative loss, and cross-entropy of the foreground if any."""
    loss = recipe.loss(raw[: config.embedding_channels], labels)
    if config.foreground:
        logit = raw[config.embedding_channels]
        loss = loss + binary_cross_entropy_with_logits(logit, (labels > 0).to(logit))
    return loss


def _finished(
    model: UNet, windows: RandomWindows, recipe: Recipe, command: str
) -> UNet:
    """Fill in what only the trained network can tell, and how it came about."""
    config = model.config
    if recipe.loss.background:
        background = background_embedding(model, windows)
        clustering = config.clustering.model_copy(
            update={"background_embedding": background}
        )
        config = config.model_copy(update={"clustering": clustering})
    provenance = Provenance(
        command=command,
        window=windows.window,
        seed=recipe.seed,
        steps=recipe.steps,
        loss={"name": "discriminative", **asdict(recipe.loss)},
        optimizer={
            "name": "Adam",
            "schedule": "one-cycle",
            "learning_rate": recipe.learning_rate,
            "clip": recipe.clip,
        },
        data=_about(windows.samples),
        date=date.today().isoformat(),
        versions={
            "torch": str(torch.__version__),
            "napari-shiftseg": version("napari-shiftseg"),
        },
    )
    model.config = config.model_copy(update={"provenance": provenance})
    return model


def _about(samples: Sequence[Sample]) -> str:
    number, size = len(samples), by(samples[0].image.shape)
    return f"1 image of {size}" if number == 1 else f"{number} images, first of {size}"


def background_embedding(
    model: UNet, windows: RandomWindows
) -> tuple[float, ...] | None:
    """Return the mean embedding of the first image's background, one value a channel.

    None if no background shows where the image gives the context.
    """
    image, sample = windows.images[0], windows.samples[0]
    size = [
        axis.largest_legal(n) or n
        for axis, n in zip(model.shape.axes, image.shape, strict=True)
    ]
    pixels = image.read([(0, n) for n in size], np.dtype(np.float32))
    with torch.inference_mode():
        raw = model(torch.from_numpy(pixels)[None])[0]
    inside = tuple(
        slice(c // 2, c // 2 + n)
        for c, n in zip(model.shape.context, raw.shape[1:], strict=True)
    )
    background = torch.from_numpy(sample.labels[inside] == 0)
    if not background.any():
        return None
    embedding = raw[: model.config.embedding_channels, background]
    return tuple(round(float(v), 6) for v in embedding.mean(1))
