"""A network as probing sees it: a box that is run, in double precision if it can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.networks.finding.found import Probed

# what a foreign network raises at a size that it cannot read
CANNOT_READ = (
    ValueError, RuntimeError, LookupError, TypeError, AssertionError, ArithmeticError,
    AttributeError, MemoryError,
)  # fmt: skip
SINGLE, DOUBLE = (float(np.finfo(kind).eps) for kind in (np.float32, np.float64))
VALUES_A_PIXEL = 256  # held at once by a network of which nothing is known
# that most networks read; tried first, of volumes the smaller ones
GOOD_SIZES = (16, 32, 48, 64, 96, 128)
GOOD_SIZES_3D = (8, 12, *range(16, 48, 4), *GOOD_SIZES)
LARGEST_TRIED = 512  # where no good size is legal, every size up to this


class AnswersDiffer(ValueError):
    """A network answers the same image differently each time."""


class OutOfTime(Exception):
    """Probing took longer than it may."""


@dataclass
class Subject:
    """A network that is probed.

    Attributes
    ----------
    run : callable
        (batch, channels, *size) to the prediction; raises as the network does.
    kaiming : bool
        Whether its weights were drawn anew.
    memory : int
        Bytes that one pass may take.
    deadline : float
        When to stop, on the clock of `time.monotonic`.
    values_a_pixel : int
        Numbers held at once for a pixel of the input.
    notes : list of str
        What was done to it.
    precision : float
        The unit in the last place of its answers: 2.2e-16 or 1.2e-7.
    made : dict
        Output sizes by input sizes, of what it has answered.
    """

    run: Callable[[NDArray[Any]], NDArray[Any]]
    ndim: int
    channels: int
    fixed_size: tuple[int, ...] | None
    kaiming: bool
    memory: int
    deadline: float
    values_a_pixel: int
    notes: list[str]
    precision: float = SINGLE
    made: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)

    @property
    def is_double(self) -> bool:
        """Whether it answers in double precision."""
        return self.precision < SINGLE

    @property
    def most_pixels(self) -> int:
        """Pixels of the largest input that the memory allows."""
        return self.memory // ((8 if self.is_double else 4) * self.values_a_pixel)

    def answer(self, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the prediction in double; None if an input of this size is refused.

        Raises
        ------
        OutOfTime
            After the deadline.
        """
        if monotonic() > self.deadline:
            raise OutOfTime
        if prod(x.shape[2:]) > self.most_pixels and x.shape[2:] != self.fixed_size:
            return None
        try:
            y = self.run(x)
        except CANNOT_READ:
            return None
        if y.ndim != x.ndim or not y.size or not np.isfinite(y).all():
            return None
        self.precision = DOUBLE if y.dtype == np.float64 else SINGLE
        self.made[x.shape[2:]] = y.shape[2:]
        return y.astype(np.float64)

    def output_size(self, size: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the size of the prediction; None if an input is refused."""
        if size not in self.made and self.answer(self.noise(size)) is None:
            return None
        return self.made[size]

    def noise(self, size: Sequence[int], seed: int = 0) -> NDArray[np.float64]:
        """Return an image of normal noise of mean ½."""
        generator = np.random.default_rng(seed)
        return generator.normal(0.5, 1, (1, self.channels, *size))


def subject_of(
    network: Probed, seed: int, memory: int, seconds: float = float("inf")
) -> Subject:
    """Return a network ready to be probed: re-initialised where that can be done.

    Parameters
    ----------
    network : Probed
    seed : int
        Of the weights.
    memory : int
        Bytes that one pass may take.
    seconds : float
        That probing may take.
    """
    other = network.reinitialised(seed)
    notes = [] if other else ["probed with its weights as they are"]
    if other is not None:
        _dropout_off(other.graph(), notes)
    probed, dtype = (other, np.float64) if other else (network, np.float32)

    def run(x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(probed.predict(x.astype(dtype)))

    subject = Subject(
        run, network.ndim, network.in_channels, network.fixed_size, other is not None,
        memory, monotonic() + seconds, VALUES_A_PIXEL, notes,
    )  # fmt: skip
    return subject


def _dropout_off(module: Any, notes: list[str]) -> None:
    """Turn dropout off in a copy, and say it; at random no shift can be told."""
    if not isinstance(module, nn.Module):
        return
    dropouts = [m for m in module.modules() if "Dropout" in type(m).__name__]
    if any(m.training and getattr(m, "p", 1) for m in dropouts):
        notes.append("probed with its dropout off")
    for dropout in dropouts:
        dropout.eval()


def readable_size(
    subject: Subject, known: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """Return a small input size that a network can read.

    Parameters
    ----------
    subject : Subject
    known : tuple of int, optional
        A size that it is said to read; others are tried where it does not.

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
    good = GOOD_SIZES_3D if subject.ndim > 2 else GOOD_SIZES
    squares = [*good, *range(1, LARGEST_TRIED + 1)]
    sizes = [(known or ())[: subject.ndim], *((n,) * subject.ndim for n in squares)]
    for size in sizes:
        if size and subject.output_size(size):
            return size
    raise ValueError(
        f"the network must read an image of (batch, {subject.channels}, *size) with "
        f"{subject.ndim} axes and answer by finite numbers; it refuses every size up "
        f"to {LARGEST_TRIED}"
    )
