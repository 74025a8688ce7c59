"""The common form of a network's graph, whatever it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "pointwise",  # pixel by pixel; operands are broadcast
    "window",  # convolution, pooling: `windows`, one a dimension of `dims`
    "spread",  # transposed convolution: the same
    "resize",  # interpolation of `dims` to the sizes of `writes`; mode
    "pad",  # `windows`: before and after, below 0 a crop; mode
    "every",  # `windows`: from `before` on, every `stride`-th pixel
    "shuffle",  # depth to space (width) or space to depth (stride)
    "mix",  # mixes all positions of `dims`, keeps the shape: norm, softmax
    "reduce",  # the same, and `dims` are reduced
    "contract",  # a product over shared dimensions: `labels` of operands and result
    "attention",  # scaled dot product attention
    "reshape",
    "permute",  # `dims`: the new order
    "join",  # concatenation along `dims`
    "unknown",
]


class Unreadable(ValueError):
    """A graph, or one step of it, that cannot be read."""


@dataclass(frozen=True)
class Window:
    """What a step does along one dimension, in pixels of what it reads."""

    width: int = 1
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    ceil: bool = False  # a last window may begin in the image and end outside

    @property
    def span(self) -> int:
        """Pixels from its first to its last, both included."""
        return (self.width - 1) * self.dilation + 1


@dataclass(frozen=True)
class Step:
    """One node of a graph."""

    layer: str  # its name in the network
    op: str  # as its library calls it
    kind: Kind
    reads: tuple[str, ...]  # values, constants too
    writes: str
    dims: tuple[int, ...] = ()  # of the tensor read; never negative
    windows: tuple[Window, ...] = ()
    mode: str = ""  # of a padding or an interpolation
    half_pixel: bool = True  # of an interpolation
    cause: str = ""  # what it is called where it mixes positions, or is a trap
    labels: tuple[str, ...] = ()  # of a contraction: "bij", "bjk", "bik"


@dataclass(frozen=True)
class Graph:
    """A network as steps, read at one input size.

    Attributes
    ----------
    steps : tuple of Step
        In the order of computation; only those that the output depends on.
    shapes : dict of str to tuple of int
        Of every value and constant.
    reads, writes : str
        The values of image and prediction.
    """

    steps: tuple[Step, ...]
    shapes: dict[str, tuple[int, ...]]
    reads: str
    writes: str
    widest: int = 1  # numbers of the largest value
    notes: tuple[str, ...] = field(default=())


def needed(steps: list[Step], writes: str) -> list[Step]:
    """Return the steps that a value depends on, in their order."""
    wanted, kept = {writes}, []
    for step in reversed(steps):
        if step.writes in wanted:
            wanted.update(step.reads)
            kept.append(step)
    return kept[::-1]
