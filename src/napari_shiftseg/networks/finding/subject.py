"""A network as probing sees it: a box that is run, in double precision if it can be."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.networks.finding.found import Probed

# what a foreign network raises at a size that it cannot read
CANNOT_READ = (ValueError, RuntimeError, IndexError, TypeError, AssertionError,
               ZeroDivisionError, AttributeError, NotImplementedError)  # fmt: skip
VALUES_A_PIXEL = 1024  # held at once by a network of which nothing is known
GOOD_SIZES = (16, 32, 48, 64, 96, 128)  # that most networks read; tried first
LARGEST_TRIED = 512  # where no good size is legal, every size up to this


@dataclass
class Subject:
    """A network that is probed.

    Attributes
    ----------
    run : callable
        (batch, channels, *size) to the prediction; raises as the network does.
    precision : float
        The unit in the last place of its numbers: 2.2e-16 or 1.2e-7.
    kaiming : bool
        Whether its weights were drawn anew.
    most_pixels : int
        Of one input; a bound on memory.
    notes : list of str
        What was done to it.
    """

    run: Callable[[NDArray[Any]], NDArray[Any]]
    ndim: int
    channels: int
    precision: float
    kaiming: bool
    most_pixels: int
    fixed_size: tuple[int, ...] | None
    notes: list[str]

    def answer(self, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the prediction in double; None if an input of this size is refused."""
        if prod(x.shape[2:]) * x.shape[0] > self.most_pixels:
            return None
        try:
            y = np.asarray(self.run(x), dtype=np.float64)
        except CANNOT_READ:
            return None
        return y if y.ndim == x.ndim and y.size and np.isfinite(y).all() else None

    def noise(self, size: Sequence[int], seed: int = 0) -> NDArray[np.float64]:
        """Return an image of normal noise of mean ½."""
        generator = np.random.default_rng(seed)
        return generator.normal(0.5, 1, (1, self.channels, *size))


def subject_of(
    network: Probed, seed: int, memory: int, values_a_pixel: int | None
) -> Subject:
    """Return a network ready to be probed: re-initialised where that can be done.

    Parameters
    ----------
    network : Probed
    seed : int
        Of the weights.
    memory : int
        Bytes that one pass may take.
    values_a_pixel : int, optional
        Numbers held at once for a pixel of the input, if the graph says it.
    """
    other = network.reinitialised(seed)
    probed = other or network
    module = probed.graph()
    notes = [] if other else ["probed with its weights as they are"]
    if other is not None and isinstance(module, nn.Module):
        run, precision = _torch_run(copy.deepcopy(module), notes)
    else:
        run, precision = _predict_run(probed), float(np.finfo(np.float32).eps)
    size = 8 if precision < 1e-10 else 4
    most = memory // (size * (values_a_pixel or VALUES_A_PIXEL))
    return Subject(
        run, network.ndim, network.in_channels, precision, other is not None,
        max(most, 1), network.fixed_size, notes,
    )  # fmt: skip


def _torch_run(
    module: nn.Module, notes: list[str]
) -> tuple[Callable[[NDArray[Any]], NDArray[Any]], float]:
    module = module.double()
    dropouts = [m for m in module.modules() if type(m).__name__.find("Dropout") >= 0]
    if any(m.training and getattr(m, "p", 1) for m in dropouts):
        notes.append("probed with its dropout off")
    for dropout in dropouts:
        dropout.eval()

    def run(x: NDArray[Any]) -> NDArray[Any]:
        with torch.no_grad():
            y = module(torch.from_numpy(x))
        return (y if isinstance(y, torch.Tensor) else y[0]).numpy()  # type: ignore[no-any-return]

    return run, float(np.finfo(np.float64).eps)


def _predict_run(network: Probed) -> Callable[[NDArray[Any]], NDArray[Any]]:
    return lambda x: network.predict(x.astype(np.float32))


def readable_size(subject: Subject, hint: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return a small input size that a network can read.

    Raises
    ------
    ValueError
        If it reads none of those tried.
    """
    if subject.fixed_size:
        if subject.answer(subject.noise(subject.fixed_size)) is None:
            raise ValueError(
                f"the network must read its own input size {list(subject.fixed_size)}; "
                f"it refuses it, or it takes more memory than probing may"
            )
        return subject.fixed_size
    squares = [*GOOD_SIZES, *range(1, LARGEST_TRIED + 1)]
    sizes = [(n,) * subject.ndim for n in squares]
    for size in ([hint] if hint else []) + sizes:
        if subject.answer(subject.noise(size)) is not None:
            return size
    raise ValueError(
        f"the network must read an image of (batch, {subject.channels}, *size) with "
        f"{subject.ndim} axes; it refuses every size up to {LARGEST_TRIED}"
    )
