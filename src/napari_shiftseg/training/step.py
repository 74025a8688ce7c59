"""A step of a training: windows in tiles, the terms of their loss, what came out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from napari_shiftseg.networks.config import ModelConfig
    from napari_shiftseg.training.recipes import Recipe
    from napari_shiftseg.training.validation import Validated


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """Progress of a training.

    Attributes
    ----------
    done, total : int
        Steps.
    loss : float
        Of this step; the sum of its weighted terms.
    terms : dict of str to float
        ``pull``, ``push``, ``reg``, and ``foreground`` where the network has a logit.
    validated : Validated or None
        Where this step ended with a validation.
    note : str
        What the user should know: that a validation took too long, for example.
    """

    done: int
    total: int
    loss: float
    terms: dict[str, float]
    validated: Validated | None = None
    note: str = ""


class Stopped(Exception):
    """Somebody asked the training to stop."""


@contextmanager
def asking(model: nn.Module, is_stopped: Callable[[], bool]) -> Iterator[None]:
    """Ask before each layer, and where each weight has its gradient, whether to stop.

    Raises
    ------
    Stopped
        From within the pass, where the answer is yes.
    """

    def ask(*_: Any) -> None:
        if is_stopped():
            raise Stopped

    hooks = [layer.register_forward_pre_hook(ask) for layer in model.modules()]
    for weight in model.parameters():
        hooks.append(weight.register_hook(ask))  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def refuse_tiles(config: ModelConfig, window: Sequence[int], tiles: int) -> None:
    """Refuse a window that a network cannot predict as so many tiles.

    Parameters
    ----------
    config : ModelConfig
    window : sequence of int
        Output window the loss sees, per axis.
    tiles : int
        Along each axis.

    Raises
    ------
    ValueError
        If there are several tiles, and the network is not same-padded, or a tile of
        the window is no legal input.
    """
    if tiles == 1:
        return
    if config.padding != "same":
        raise ValueError(
            f"a window is predicted as {tiles} tiles an axis by same-padded networks "
            f"only, this one has padding {config.padding!r}: take 1, valid tiles "
            f"have no seams to train away"
        )
    multiple = tuple(tiles * p for p in config.shape.period)
    if any(w % m for w, m in zip(window, multiple, strict=True)):
        raise ValueError(
            f"{tiles} tiles an axis need a training window that is a multiple of "
            f"{by(multiple)}, got {by(tuple(window))}"
        )


def in_tiles(network: Callable[[Tensor], Tensor], images: Tensor, tiles: int) -> Tensor:
    r"""Predict images as equal tiles side by side, and stitch what comes out.

    No tile sees another: each is read by itself, all in one batch.

    Parameters
    ----------
    network : callable
        (batch, in_channels, \*size) → (batch, channels, \*size), any size that
        divides the images' by `tiles`.
    images : Tensor
        (batch, in_channels, \*spatial)
    tiles : int
        Along each axis.

    Returns
    -------
    Tensor
        (batch, channels, \*spatial)
    """
    axes = range(2, images.ndim)
    for axis in axes:
        images = torch.cat(images.chunk(tiles, axis))
    stitched = network(images)
    for axis in reversed(axes):
        stitched = torch.cat(stitched.chunk(tiles), axis)
    return stitched


def loss_terms(
    raw: Tensor, labels: Tensor, config: ModelConfig, recipe: Recipe
) -> dict[str, Tensor]:
    r"""Return the terms of the loss, each the mean over the images of the batch.

    Parameters
    ----------
    raw : Tensor
        (batch, channels, \*window), what the network gives: embedding, then the logit.
    labels : Tensor
        (batch, \*window), ids of true objects.
    config : ModelConfig
    recipe : Recipe
        Its loss, and that of the logit.
    """
    sums: dict[str, Tensor] = {}
    for image, truth in zip(raw, labels, strict=True):
        embedding = image[: config.embedding_channels]
        pull, push, reg = recipe.loss.terms(embedding, truth)
        terms = {"pull": pull, "push": push, "reg": reg}
        terms["loss"] = recipe.loss.total(pull, push, reg)
        if config.foreground:
            logit = image[config.embedding_channels]
            terms["foreground"] = recipe.foreground(logit, truth)
            terms["loss"] = terms["loss"] + terms["foreground"]
        for name, term in terms.items():
            sums[name] = sums[name] + term if name in sums else term
    return {name: total / len(raw) for name, total in sums.items()}


def rising_share(recipe: Recipe) -> float:
    """Return the share of the steps in which the rate rises: a step and a half or more.

    The schedule divides by the rising steps less one.
    """
    return max(recipe.warm_up, min(1.5 / recipe.steps, 0.75))
